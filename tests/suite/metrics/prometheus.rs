//! The metrics, alert rules and dashboard in a real Prometheus and Alertmanager, those of the distribution.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::Value;
use task_status::pending::PendingConfig;
use tempfile::TempDir;

use super::Stage;
use crate::support::program::Program;
use crate::support::service::PENDING_TASKS;
use crate::support::{eventually, left_out};

const RULES: &str = "deploy/prometheus/task-status.rules.yml";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs Prometheus's own tool; `None` if it is not installed.
fn promtool(arguments: &[&str], input: Stdio) -> Option<Output> {
    let output = Command::new("promtool").args(arguments).stdin(input).output();
    if output.is_err() {
        left_out("not tested with Prometheus: promtool is not installed");
    }
    output.ok()
}

#[tokio::test]
async fn promtool_accepts_the_metrics() {
    let stage = Stage::new(PendingConfig::default()).await;
    stage.insert("a").await;
    stage.check().await;
    stage.service.get(PENDING_TASKS).await.ids();
    let folder = TempDir::new().unwrap();
    let body = folder.path().join("metrics");
    fs::write(&body, stage.metrics.get("/metrics").await.body).unwrap();
    let input = fs::File::open(&body).unwrap();
    let Some(output) = promtool(&["check", "metrics", "--extended"], input.into()) else {
        return;
    };
    // What it finds is on stderr; the table of cardinalities is not.
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[tokio::test]
async fn openmetrics_are_sent_to_those_that_ask_for_them() {
    let stage = Stage::new(PendingConfig::default()).await;
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    let answer = stage
        .metrics
        .request(Method::GET, "/metrics", &[("accept", accept)])
        .await;
    assert!(
        answer
            .body
            .contains("\n# TYPE task_status_freshness_checks counter\n")
    );
    assert!(answer.body.ends_with("\n# EOF\n"));
}

#[test]
fn each_fault_raises_its_alert() {
    let tests = repository("deploy/prometheus/task-status.rules.test.yml");
    let Some(output) = promtool(&["test", "rules", tests.to_str().unwrap()], Stdio::null()) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
}

/// A free port. Another process may take it before it is used, but hardly does.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Prometheus, which scrapes a stage every second.
struct Prometheus {
    url: String,
    alertmanager: String,
    _programs: [Program; 2],
    _folder: TempDir,
}

impl Prometheus {
    /// None if one of the programs is not installed.
    fn start(stage: &Stage) -> Option<Self> {
        promtool(&["--version"], Stdio::null())?;
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let [port, manager] = [free_port(), free_port()];
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [{rules}]
scrape_configs:
  - {{ job_name: task-status, static_configs: [{{ targets: ['{target}'] }}] }}
alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{manager}'] }}] }}] }}
",
            rules = repository(RULES).display(),
            target = stage.metrics.address,
        );
        fs::write(path("prometheus.yml"), config).unwrap();
        fs::write(
            path("alertmanager.yml"),
            "{ route: { receiver: none }, receivers: [{ name: none }] }",
        )
        .unwrap();
        let mut prometheus = Command::new("prometheus");
        prometheus.args([
            format!("--config.file={}", path("prometheus.yml")),
            format!("--storage.tsdb.path={}", path("data")),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ]);
        let mut alertmanager = Command::new("prometheus-alertmanager");
        alertmanager.args([
            format!("--config.file={}", path("alertmanager.yml")),
            format!("--storage.path={}", path("alerts")),
            format!("--web.listen-address=127.0.0.1:{manager}"),
            "--cluster.listen-address=".to_owned(),
        ]);
        Some(Self {
            url: format!("http://127.0.0.1:{port}/api/v1"),
            alertmanager: format!("http://127.0.0.1:{manager}/api/v2"),
            _programs: [Program::start(prometheus), Program::start(alertmanager)],
            _folder: folder,
        })
    }

    /// The series of a query, once there are any.
    async fn series(&self, query: &str) -> Vec<Value> {
        eventually(query, async || {
            let url = format!("{}/query", self.url);
            let url = reqwest::Url::parse_with_params(&url, [("query", query)]).unwrap();
            let body: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
            assert_eq!(body["status"], "success", "{query}: {body}");
            let series = body["data"]["result"].as_array()?.clone();
            // A quotient without a request yet is no number.
            let is_number = |series: &Value| series["value"][1] != "NaN";
            (!series.is_empty() && series.iter().any(is_number)).then_some(series)
        })
        .await
    }
}

#[tokio::test]
async fn every_panel_of_the_dashboard_has_data_and_an_alert_arrives() {
    let stage = Stage::new(PendingConfig::default()).await;
    let Some(prometheus) = Prometheus::start(&stage) else {
        return;
    };
    stage.insert("a").await;
    stage.check().await;
    let dashboard = fs::read_to_string(repository("deploy/grafana/task-status.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let queries: Vec<&str> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.len() > 20, "{queries:?}");
    let requests = async {
        loop {
            stage.service.get(PENDING_TASKS).await;
            // A client has one place here, so some are refused: failures for their panel.
            join_all((0..10).map(|_| stage.service.get("/task-status/a"))).await;
        }
    };
    let panels = async {
        for query in queries {
            let query = query
                .replace("$__rate_interval", "5s")
                .replace("$instance", ".*")
                .replace("$job", "task-status");
            prometheus.series(&query).await;
        }
    };
    tokio::select! {
        () = requests => (),
        () = panels => (),
    }

    stage
        .database
        .execute("alter table task_status disable trigger task_status_count_insert")
        .await;
    stage.check().await;
    let alert = eventually("an alert at the Alertmanager", async || {
        let url = format!("{}/alerts", prometheus.alertmanager);
        let alerts: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
        alerts.as_array()?.first().cloned()
    })
    .await;
    assert_eq!(alert["labels"]["alertname"], "TaskStatusCountIsWrong");
}
