//! `GET /metrics`: the metrics, their format and their address.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::Utc;
use prometheus_client::metrics::gauge::Gauge;
use serde_json::Value;
use sqlx::{Connection, Executor};
use task_status::http::router;
use task_status::http::routes::metrics::CountChecks;
use task_status::pending::PendingConfig;
use task_status::store::{StoreError, tally};

use crate::support::database::TestDatabase;
use crate::support::packages::Packages;
use crate::support::program::{Program, serve};
use crate::support::service::{Answer, PENDING_TASKS, Service, Setup};
use crate::support::{eventually, until};
use crate::tally::verify::drifted;

/// Samples by series, each with the type of its family.
#[derive(Debug, PartialEq)]
struct Figures(BTreeMap<String, (String, f64)>);

impl Figures {
    /// Parses a response, and checks the format and its conventions.
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.body.ends_with('\n'));
        let mut figures = BTreeMap::new();
        let mut families = Vec::new();
        let mut lines = answer.body.lines().peekable();
        while let Some(line) = lines.next() {
            let (name, help) = line.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
            assert!(help.ends_with('.'), "{line}");
            let kind = lines
                .next()
                .unwrap()
                .strip_prefix(&format!("# TYPE {name} "))
                .unwrap();
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(
                name.starts_with("task_status_") && name.bytes().all(plain),
                "{name}"
            );
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            assert!(!families.contains(&name), "twice: {name}");
            families.push(name);
            while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
                let (series, value) = sample.rsplit_once(' ').unwrap();
                let labels = series.strip_prefix(name).unwrap();
                assert!(
                    labels.is_empty() || (labels.starts_with('{') && labels.ends_with("\"}")),
                    "{sample}"
                );
                let before = figures.insert(series.to_owned(), (kind.to_owned(), value.parse().unwrap()));
                assert_eq!(before, None, "twice: {series}");
            }
        }
        Self(figures)
    }

    fn value(&self, series: &str) -> Option<f64> {
        self.0
            .get(&format!("task_status_{series}"))
            .map(|(_, value)| *value)
    }

    /// An integer value.
    fn number(&self, series: &str) -> Option<i64> {
        Some(self.value(series)?.to_string().parse().unwrap())
    }

    /// Count checks with this result.
    fn checks(&self, outcome: &str) -> Option<i64> {
        self.number(&format!("count_checks_total{{result=\"{outcome}\"}}"))
    }

    /// Page cache lookups with this result.
    fn pages(&self, result: &str) -> Option<i64> {
        self.number(&format!("page_cache_lookups_total{{result=\"{result}\"}}"))
    }

    /// Freshness checks with this result.
    fn reads(&self, outcome: &str) -> Option<i64> {
        self.number(&format!("freshness_checks_total{{result=\"{outcome}\"}}"))
    }
}

/// A service and its metrics.
struct Stage {
    database: TestDatabase,
    service: Service,
    checks: CountChecks,
    metrics: Service,
}

impl Stage {
    async fn new(settings: PendingConfig) -> Self {
        let database = TestDatabase::new().await;
        let setup = Setup {
            pending: settings,
            ..Setup::default()
        };
        let service = Service::with(&database, setup).await;
        let checks = CountChecks::default();
        let routes = router::metrics(service.pending.clone().unwrap(), checks.clone(), Gauge::default());
        Self {
            metrics: Service::serve(routes, service.database.clone()),
            database,
            service,
            checks,
        }
    }

    async fn figures(&self) -> Figures {
        Figures::of(&self.metrics.get("/metrics").await)
    }

    async fn insert(&self, id: &str) {
        self.database.insert(&[id]).await;
    }

    /// As `serve` does from time to time.
    async fn check(&self) {
        self.checks
            .count(&tally::check_in_turn(&self.service.database).await);
    }
}

#[tokio::test]
async fn drift_is_reported_from_the_first_check_on() {
    let stage = Stage::new(PendingConfig::default()).await;
    stage.insert("counted").await;
    let figures = stage.figures().await;
    for absent in [
        "count_drift",
        "count_wrong_buckets",
        "disabled_triggers",
        "count_check_timestamp_seconds",
    ] {
        assert_eq!(figures.value(absent), None, "{absent}");
    }
    for outcome in ["ok", "mismatch", "skipped", "error"] {
        assert_eq!(figures.checks(outcome), Some(0), "{outcome}");
    }

    let begun = Utc::now().timestamp();
    stage.check().await;
    let figures = stage.figures().await;
    assert_eq!(figures.number("count_drift"), Some(0));
    assert_eq!(figures.number("count_wrong_buckets"), Some(0));
    assert_eq!(figures.number("disabled_triggers"), Some(0));
    assert_eq!(figures.checks("ok"), Some(1));
    let at = figures.number("count_check_timestamp_seconds").unwrap();
    assert!((begun..=Utc::now().timestamp()).contains(&at), "{at}");

    stage
        .database
        .execute("alter table task_status disable trigger task_status_count_insert")
        .await;
    stage.insert("unnoticed").await;
    stage.check().await;
    let figures = stage.figures().await;
    assert_eq!(figures.number("count_drift"), Some(-1));
    assert_eq!(figures.number("count_wrong_buckets"), Some(1));
    assert_eq!(figures.number("disabled_triggers"), Some(1));
    assert_eq!(figures.checks("mismatch"), Some(1));

    // The last result stays while another replica checks, and when a check fails.
    let mut other = stage.database.connect().await;
    let lock = "select pg_advisory_lock(x'7461736b74616c6c'::bigint)";
    other.execute(lock).await.unwrap();
    stage.check().await;
    other.close().await.unwrap();
    stage.checks.count(&Err(StoreError::KnownDown));
    let figures = stage.figures().await;
    assert_eq!(figures.number("count_drift"), Some(-1));
    assert_eq!(figures.checks("skipped"), Some(1));
    assert_eq!(figures.checks("error"), Some(1));
    assert_eq!(figures.checks("mismatch"), Some(1));
}

#[tokio::test]
async fn the_number_of_pending_tasks_is_current() {
    let stage = Stage::new(PendingConfig::default()).await;
    // There are no other requests.
    for number in 0..3 {
        let figures = stage.figures().await;
        assert_eq!(figures.number("pending_tasks"), Some(number));
        assert_eq!(figures.reads("ok"), Some(number + 1));
        stage.insert(&number.to_string()).await;
    }
}

#[tokio::test]
async fn hits_and_misses_of_the_page_cache_are_counted() {
    let stage = Stage::new(PendingConfig::default()).await;
    stage.insert("a").await;
    let found = async || {
        let figures = stage.figures().await;
        (figures.pages("hit"), figures.pages("miss"))
    };
    assert_eq!(found().await, (Some(0), Some(0)));
    for (memory, database) in [(0, 1), (1, 1), (2, 1)] {
        stage.service.get(PENDING_TASKS).await.ids();
        assert_eq!(found().await, (Some(memory), Some(database)));
    }
    stage.insert("b").await;
    let answer = stage.service.get(PENDING_TASKS).await;
    assert_eq!(found().await, (Some(2), Some(2)));
    let bytes = stage.figures().await.number("page_cache_bytes").unwrap();
    assert!(bytes > i64::try_from(answer.body.len()).unwrap(), "{bytes}");
}

#[tokio::test]
async fn a_slow_database_omits_the_number_and_is_counted() {
    let stage = Stage::new(PendingConfig {
        timeout: Duration::from_millis(50),
        ..PendingConfig::default()
    })
    .await;
    let mut holder = stage.database.connect().await;
    holder
        .execute("begin; lock table task_status_tally in access exclusive mode")
        .await
        .unwrap();
    let figures = stage.figures().await;
    assert_eq!(figures.value("pending_tasks"), None);
    assert_eq!(figures.checks("ok"), Some(0));
    // The read times out at about the same moment as its waiter.
    until("a late read", async || {
        stage.figures().await.reads("timeout") > Some(0)
    })
    .await;
    holder.close().await.unwrap();
    eventually("a number again", async || {
        stage.figures().await.number("pending_tasks")
    })
    .await;
}

#[tokio::test]
async fn prometheus_parses_the_same_metrics() {
    const FILES: [(&str, &str); 2] = [
        ("requirements.txt", include_str!("../prometheus/requirements.txt")),
        ("samples.py", include_str!("../prometheus/samples.py")),
    ];
    let requirements = ["python3", "-c", "import venv, ensurepip"];
    let install = [
        "sh",
        "-c",
        "python3 -m venv --clear environment && environment/bin/python -m pip install --quiet --no-input \
         --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r requirements.txt",
    ];
    let Some(packages) = Packages::installed("prometheus", &[&requirements], &FILES, &install) else {
        return;
    };
    let stage = Stage::new(PendingConfig::default()).await;
    stage.insert("a").await;
    stage.check().await;
    let answer = stage.metrics.get("/metrics").await;
    let mut reader = Command::new(packages.folder.join("environment/bin/python"))
        .arg("samples.py")
        .current_dir(&packages.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = reader.stdin.take().unwrap();
    input.write_all(answer.body.as_bytes()).unwrap();
    drop(input);
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let read = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let sample: Value = serde_json::from_str(line).unwrap();
            let text = |index: usize| sample[index].as_str().unwrap().to_owned();
            (text(0), (text(1), sample[2].as_f64().unwrap()))
        })
        .collect();
    assert_eq!(Figures(read), Figures::of(&answer));
}

#[tokio::test]
async fn serve_has_metrics_on_their_own_address_until_it_stops() {
    let database = drifted().await;
    let arguments = ["--auth", "none", "--metrics-listen", "127.0.0.1:0"];
    let mut program = Program::start(serve(&database.url(), &arguments));
    let (url, api) = (program.url_of("metrics").await, program.url().await);
    let metrics = format!("{url}/metrics");
    let others = [
        url + PENDING_TASKS,
        format!("{api}/metrics"),
        format!("{api}/v2025/metrics"),
    ];
    program.logged("the tally of the pending tasks is wrong").await;
    let client = reqwest::Client::new();
    let get = async |url: &str| Answer::read(client.get(url).send().await.unwrap()).await;
    let figures = Figures::of(&get(&metrics).await);
    assert_eq!(figures.number("count_drift"), Some(-1));
    assert_eq!(figures.checks("mismatch"), Some(1));
    assert_eq!(figures.number("pending_tasks"), Some(1));
    for other in others {
        assert_eq!(get(&other).await.status, 404, "{other}");
    }
    // The client keeps its connections open.
    program.stop();
    assert!(client.get(&metrics).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn without_the_flag_there_are_no_metrics() {
    let database = TestDatabase::new().await;
    let mut program = Program::start(serve(&database.url(), &["--auth", "none"]));
    program.logged("the database is up").await;
    program.stop();
    assert!(!program.log().contains("listening: metrics"), "{}", program.log());
}
