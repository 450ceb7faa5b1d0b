//! The commands of docs/clients.md, with an empty list and with one of two pages.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use crate::docs::block;
use crate::support::database::TestDatabase;
use crate::support::packages::{PIP, PYTHON, Packages};
use crate::support::program::Program;
use crate::support::service::Service;
use crate::support::tasks::insert_many;
use crate::support::{eventually, left_out};

const CLIENTS: &str = include_str!("../../docs/clients.md");
const CHECK_HTTP: &str = "/usr/lib/nagios/plugins/check_http";
const EXPORTER: &str = "/usr/bin/prometheus-blackbox-exporter";

/// A service with nothing pending, and one with tasks. The databases are to be kept.
async fn services() -> [(TestDatabase, Service); 2] {
    let (empty, full) = (TestDatabase::new().await, TestDatabase::new().await);
    full.execute(&insert_many(251, "n::text", "interval '0'")).await;
    let services = (Service::start(&empty).await, Service::start(&full).await);
    [(empty, services.0), (full, services.1)]
}

/// The block after a heading, for this service.
fn shown(language: &str, heading: &str, service: &Service) -> String {
    let shown = block(CLIENTS, language, heading);
    let port = service.address.port().to_string();
    shown.replace("8080", &port)
}

fn sh(script: &str) -> Output {
    Command::new("sh").args(["-euc", script]).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_and_jq_count() {
    if !Path::new("/usr/bin/jq").exists() {
        return left_out("not tested with jq: it is not installed");
    }
    let [empty, full] = services().await;
    for (service, expected) in [(&empty.1, "0\n0\n"), (&full.1, "250\n251\n")] {
        let output = sh(&shown("sh", "## curl and jq", service));
        assert_eq!(printed(&output), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_follows_the_links() {
    let files = [("requirements.txt", include_str!("../clients/requirements.txt"))];
    let Some(packages) = Packages::installed("clients", &PYTHON, &files, &PIP) else {
        return;
    };
    let [empty, full] = services().await;
    for (service, expected) in [(&empty.1, "0\n"), (&full.1, "251\n")] {
        let mut python = Command::new(packages.folder.join("environment/bin/python"));
        let output = python
            .args(["-c", &shown("python", "## Pages", service)])
            .output()
            .unwrap();
        assert_eq!(printed(&output), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_http_is_critical_while_something_is_pending() {
    if !Path::new(CHECK_HTTP).exists() {
        return left_out("not tested with check_http: it is not installed");
    }
    let [empty, full] = services().await;
    for (service, code, word) in [(&empty.1, 0, "HTTP OK"), (&full.1, 2, "HTTP CRITICAL")] {
        let output = sh(&shown("sh", "## Nagios", service));
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(output.stdout.starts_with(word.as_bytes()), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_blackbox_exporter_reads_the_count() {
    if !Path::new(EXPORTER).exists() {
        return left_out("not tested with the blackbox exporter: it is not installed");
    }
    let [empty, full] = services().await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("blackbox.yml");
    fs::write(&config, block(CLIENTS, "yaml", "## Blackbox exporter")).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(EXPORTER);
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--web.listen-address={address}"));
    let _exporter = Program::start(command);
    let probe = async |service: &Service| {
        let target = format!(
            "http://{}/task-status/pending-tasks?limit=0%26count=true",
            service.address
        );
        let url = format!("http://{address}/probe?module=pending_tasks&target={target}");
        eventually("a probe", async || {
            let text = reqwest::get(&url).await.ok()?.text().await.ok()?;
            let result = text.lines().find(|line| line.starts_with("probe_success "))?;
            Some(result.to_owned())
        })
        .await
    };
    assert_eq!(probe(&empty.1).await, "probe_success 1");
    assert_eq!(probe(&full.1).await, "probe_success 1");
    full.0
        .execute(&insert_many(1000, "'more-' || n", "interval '0'"))
        .await;
    assert_eq!(probe(&full.1).await, "probe_success 0");
}
