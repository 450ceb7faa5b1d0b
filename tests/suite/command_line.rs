//! The interface of the program for users and orchestrators: settings, logs, health, signals.

use std::process::Command;

use serde_json::Value;
use sqlx::Connection;

use crate::support::database::TestDatabase;
use crate::support::program::{self, Program, command, refused};
use crate::support::service::PENDING_TASKS;
use crate::support::{database, until};

const ID: &str = "0123456789abcdef0123456789abcdef";

/// `serve` with health on a free port.
fn serve(url: &str, arguments: &[&str]) -> Command {
    program::serve(url, &[&["--admin-listen", "127.0.0.1:0"], arguments].concat())
}

/// The URLs of the API and of the health routes.
async fn addresses(program: &mut Program) -> (String, String) {
    (program.url().await, program.url_of("health").await)
}

async fn ready(health: &str) {
    until("the service is ready", async || {
        let response = reqwest::get(format!("{health}/readyz")).await;
        response.is_ok_and(|response| response.status() == 200)
    })
    .await;
}

#[tokio::test]
async fn serve_without_a_mode_lists_the_modes() {
    let url = "postgres://user:secret@127.0.0.1:1/name";
    insta::assert_snapshot!("serve_without_mode", refused(serve(url, &[])));
    let mut public = command(&["serve", "--auth", "none", "--listen", "0.0.0.0:0"]);
    public.env("DATABASE_URL", url);
    insta::assert_snapshot!("serve_on_a_public_address", refused(public));
    insta::assert_snapshot!(
        "serve_on_another_database",
        refused(serve("mysql://user:secret@host/name", &["--auth", "none"]))
    );
    insta::assert_snapshot!(
        "serve_without_database",
        refused(command(&["serve", "--auth", "none"]))
    );
}

#[tokio::test]
async fn every_setting_has_help() {
    for (arguments, words) in [
        (
            &["--help"][..],
            &[
                "serve",
                "demo",
                "migrate",
                "healthcheck",
                "token",
                "TASK_STATUS_LOG",
            ][..],
        ),
        (
            &["serve", "--help"],
            &[
                "DATABASE_URL",
                "TASK_STATUS_LISTEN",
                "[default: 127.0.0.1:8080]",
                "TASK_STATUS_AUTH",
                "TASK_STATUS_JWT_JWKS_URL",
                "TASK_STATUS_TRUSTED_PROXIES",
                "TASK_STATUS_RATE_LIMIT",
                "TASK_STATUS_BASE_PATHS",
            ],
        ),
        (
            &["migrate", "--help"],
            &["--grant-to <ROLE>", "TASK_STATUS_GRANT_TO"],
        ),
        (&["demo", "--help"], &["--data-dir", "PG_BIN_DIR"]),
        (&["healthcheck", "--help"], &["TASK_STATUS_ADMIN_LISTEN"]),
    ] {
        let output = command(arguments)
            .env("DATABASE_URL", "postgres://user:hunter2@host/name")
            .output()
            .unwrap();
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).unwrap();
        for word in words {
            assert!(help.contains(word), "{word} in {help}");
        }
        assert!(!help.contains("hunter2"), "{help}");
    }
}

#[tokio::test]
async fn an_unusable_database_ends_the_program() {
    let database = TestDatabase::empty().await;
    let behind = refused(serve(&database.url(), &["--auth", "none", "--migrate", "false"]));
    assert!(
        behind.contains("error: the database lacks migration 1: run `task-status migrate`"),
        "{behind}"
    );

    let output = command(&["migrate"])
        .env("DATABASE_URL", database.url())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut program = Program::start(serve(&database.url(), &["--auth", "none", "--migrate", "false"]));
    let (_, health) = addresses(&mut program).await;
    ready(&health).await;
    program.stop();

    database
        .execute("update _sqlx_migrations set checksum = '\\x00'")
        .await;
    let changed = refused(serve(&database.url(), &["--auth", "none"]));
    assert!(
        changed.contains("error: the database's schema does not fit this version"),
        "{changed}"
    );
    let missing = database::missing_url();
    let missing = refused(serve(&missing, &["--auth", "none"]));
    assert!(missing.contains("does not exist"), "{missing}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let database = TestDatabase::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = command(&["serve", "--auth", "none", "--listen", &address]);
    command.env("DATABASE_URL", database.service_url());
    let said = refused(command);
    assert!(
        said.contains(&format!("error: cannot listen on {address}")),
        "{said}"
    );
}

#[tokio::test]
async fn a_request_is_one_log_line_without_secrets() {
    let database = TestDatabase::new().await;
    let mut program = Program::start(serve(
        &database.service_url(),
        &["--auth", "none", "--log", "trace"],
    ));
    let (api, health) = addresses(&mut program).await;
    ready(&health).await;
    let answer = reqwest::Client::new()
        .get(format!("{api}/v2025{PENDING_TASKS}?limit=x&password=hunter2"))
        .header("SLPT-Request-ID", ID)
        .header("Authorization", "Bearer hunter2")
        .header("Cookie", "hunter2")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    program.stop();

    let log = program.log();
    assert!(!log.contains("hunter2"), "{log}");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let answered: Vec<&Value> = lines
        .iter()
        .filter(|line| line["message"] == "answered")
        .collect();
    let [line] = answered[..] else {
        panic!("one line: {log}")
    };
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], format!("/v2025{PENDING_TASKS}"));
    assert_eq!(line["status"], 400);
    assert!(line["duration_ms"].is_f64());
    assert_eq!(line["span"]["trackingId"], ID);
    let refusal = lines
        .iter()
        .find(|line| line["message"] == "refused")
        .expect("the reason, at debug level");
    assert_eq!(refusal["span"]["trackingId"], ID);
}

#[tokio::test]
async fn health_has_its_own_address_and_check() {
    let database = TestDatabase::new().await;
    let mut program = Program::start(serve(&database.service_url(), &["--auth", "none"]));
    let (api, health) = addresses(&mut program).await;
    ready(&health).await;
    let address = health.trim_start_matches("http://");
    assert_eq!(
        reqwest::get(format!("{health}/livez"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "ok\n"
    );
    assert_eq!(reqwest::get(format!("{api}/livez")).await.unwrap().status(), 404);
    assert!(
        command(&["healthcheck", "--admin-listen", address])
            .status()
            .unwrap()
            .success()
    );

    program.signal("INT");
    assert!(program.wait().success());
    let gone = refused(command(&["healthcheck", "--admin-listen", address]));
    assert!(gone.contains("is not ready"), "{gone}");
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_program_ends() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let mut program = Program::start(serve(
        &database.service_url(),
        &["--auth", "none", "--retention", "off"],
    ));
    let (api, health) = addresses(&mut program).await;
    ready(&health).await;

    let holder = database.lock().await;
    let request = tokio::spawn(reqwest::get(format!("{api}{PENDING_TASKS}")));
    database.until_blocked(1, "with tally").await;
    program.signal("TERM");
    program.logged("stopping").await;
    let url = format!("{api}{PENDING_TASKS}");
    until("no new connections", async || reqwest::get(&url).await.is_err()).await;
    holder.close().await.unwrap();
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().starts_with(r#"[{"id":"a","#));
    assert!(program.wait().success());
    assert!(program.log().contains("stopped"));
}

#[tokio::test]
async fn only_tasks_without_recent_reports_expire() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher, created, modified, completion_status) values
             ('pending', 'QPOC', 'n', 'l', now() - interval '1 year', now() - interval '91 days', null),
             ('completed', 'QPOC', 'n', 'l', now() - interval '1 year', now() - interval '91 days', 'SUCCESS'),
             ('alive', 'QPOC', 'n', 'l', now() - interval '1 year', now() - interval '89 days', null)",
        )
        .await;
    let _program = Program::start(serve(&database.service_url(), &["--auth", "none"]));
    until("the old ones are gone", async || {
        database.value::<i64>("select count(*) from task_status").await == 1
    })
    .await;
    assert_eq!(
        database.value::<String>("select id from task_status").await,
        "alive"
    );
    let short = refused(serve(
        &database.service_url(),
        &["--auth", "none", "--retention", "1s"],
    ));
    assert!(
        short.contains("error: --retention must be at least a minute, or `off`"),
        "{short}"
    );
}
