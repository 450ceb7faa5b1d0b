//! The audit log of the program: its events, and the secrets that are not in it.

use std::process::Command;

use serde_json::{Value, json};
use sqlx::Connection;
use task_status::auth::caller::{READ, WRITE};

use super::*;
use crate::support::identity::IssuerServer;
use crate::support::program::{self, Program, command};
use crate::support::tasks;

const SECRET: &str = "hunter2 hunter2 hunter2 hunter2 hunter2";
const ID: &str = "0123456789abcdef0123456789abcdef";

/// The output of `task-status token`.
fn token_of_the_program(arguments: &[&str]) -> String {
    let output = command(&[&["token"], arguments].concat())
        .env("TASK_STATUS_JWT_SECRET", SECRET)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn serve(database: &TestDatabase, arguments: &[&str]) -> Command {
    let general = ["--log", "trace"];
    program::serve(&database.url(), &[&general, arguments].concat())
}

/// The running program and its URL.
async fn started(command: Command) -> (Program, String) {
    let mut program = Program::start(command);
    let url = program.url().await;
    program.logged("the database is up").await;
    (program, url)
}

/// Stops the program. Returns its log, and the audit events in it without members that differ from run to run.
fn log_of(mut program: Program) -> (String, Vec<Value>) {
    program.stop();
    let log = program.log();
    let events = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["target"] == "task_status::audit")
        .map(|mut event| {
            let event = event.as_object_mut().unwrap();
            assert_eq!(event["span"]["trackingId"].as_str().unwrap().len(), 32);
            assert_eq!(event["address"], "127.0.0.1");
            for always in ["timestamp", "target", "span", "address"] {
                event.remove(always).unwrap();
            }
            event.remove("duration_ms");
            Value::Object(event.clone())
        })
        .collect();
    (log, events)
}

/// The events of the requests below.
fn expected() -> Vec<Value> {
    let event = |message: &str, method: &str, path: &str, more: Value| {
        let mut event = json!({
            "level": "INFO", "message": message, "client": "executor-7", "subject": "executor-7", "method": method,
            "path": path,
        });
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        event
    };
    let tasks = |status: u16, ids: &[&str]| json!({ "status": status, "tasks": json!(ids).to_string() });
    let filter = "id eq \"b\"";
    vec![
        event("wrote", "PUT", "/task-status/a", tasks(201, &["a"])),
        event("wrote", "PUT", "/task-status/a", tasks(200, &[])),
        event("wrote", "POST", "/v2025/task-status", tasks(201, &["b"])),
        event("wrote", "POST", "/task-status", tasks(200, &["c \n", "d"])),
        event("did not write", "POST", "/task-status", json!({ "status": 400 })),
        event("wrote", "PATCH", "/task-status/a", tasks(200, &["a"])),
        event(
            "did not write",
            "PATCH",
            "/task-status/none",
            tasks(404, &["none"]),
        ),
        event(
            "counted",
            "PATCH",
            "/task-status",
            json!({ "status": 200, "filter": filter, "number": 1 }),
        ),
        event(
            "wrote a part",
            "PATCH",
            "/task-status",
            json!({ "tasks": "[\"b\"]" }),
        ),
        event(
            "wrote",
            "PATCH",
            "/task-status",
            json!({ "status": 200, "filter": filter, "number": 1 }),
        ),
        event(
            "wrote a part",
            "POST",
            "/task-status",
            json!({ "tasks": "[\"e\"]" }),
        ),
        event(
            "wrote a stream",
            "POST",
            "/task-status",
            json!({
                "created": 1, "replaced": 0, "superseded": 0, "refused": 1, "gone": false,
            }),
        ),
        json!({
            "level": "WARN", "message": "refused", "client": "dashboard", "subject": "dashboard", "method": "PATCH",
            "path": "/task-status/a", "status": 403,
            "reason": "the caller lacks a scope, idn:task-management:write at least",
        }),
        json!({
            "level": "WARN", "message": "refused", "method": "GET", "path": "/task-status/a", "status": 401,
            "reason": "the caller is not authenticated: no trusted key has signed the token",
        }),
    ]
}

#[tokio::test]
async fn each_write_and_each_refusal_is_one_event_without_secrets() {
    let database = TestDatabase::new().await;
    let mut command = serve(&database, &["--auth", "jwt"]);
    command.env("TASK_STATUS_JWT_SECRET", SECRET);
    let (program, url) = started(command).await;
    let writer = token_of_the_program(&["--scope", WRITE, "--client", "executor-7"]);
    let reader = token_of_the_program(&["--scope", READ, "--client", "dashboard"]);
    let client = reqwest::Client::new();
    let send = async |method: Method, target: &str, token: &str, media_type: &str, content: &str| {
        let answer = client
            .request(method, format!("{url}{target}"))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", media_type)
            .header("Cookie", "session=hunter2")
            .body(content.to_owned())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        // A stream is processed only as far as it is read.
        answer.bytes().await.unwrap();
        status
    };
    let task = |id: &str| tasks::REPORT.replacen('{', &format!(r#"{{"id":"{id}","#), 1);
    // An id with a space and a line break must not look like two ids or two events.
    let two = format!("[{},{}]", task("c \\n"), task("d"));
    let late = task("a").replace("\"type\"", "\"modified\":\"2020-01-01T00:00:00Z\",\"type\"");
    let lines = format!("{}\nx\n", task("e"));
    let clear = r#"[{"op":"replace","path":"/completionStatus","value":"Error"}]"#;
    let forged = format!("{reader}x");
    for (method, target, token, content, status) in [
        (Method::PUT, "/task-status/a", &writer, task("a").as_str(), 201),
        (Method::PUT, "/task-status/a", &writer, &late, 200),
        (Method::POST, "/v2025/task-status", &writer, &task("b"), 201),
        (Method::POST, "/task-status", &writer, &two, 200),
        (Method::POST, "/task-status", &writer, "[1]", 400),
        (Method::PATCH, "/task-status/a", &writer, clear, 200),
        (Method::PATCH, "/task-status/none", &writer, clear, 404),
        (
            Method::PATCH,
            "/task-status?filters=id+eq+%22b%22&dryRun=true",
            &writer,
            clear,
            200,
        ),
        (
            Method::PATCH,
            "/task-status?filters=id+eq+%22b%22",
            &writer,
            clear,
            200,
        ),
        (Method::GET, "/task-status/a", &reader, "", 200),
        (Method::PATCH, "/task-status/a", &reader, clear, 403),
        (Method::GET, "/task-status/a", &forged, "", 401),
    ] {
        let answered = send(method, target, token, "application/json", content).await;
        assert_eq!(answered, status, "{target}");
    }
    let streamed = send(
        Method::POST,
        "/task-status",
        &writer,
        "application/x-ndjson",
        &lines,
    )
    .await;
    assert_eq!(streamed, 200);

    let (log, mut events) = log_of(program);
    for secret in [SECRET, &writer, &reader, "hunter2"] {
        assert!(!log.contains(secret), "{log}");
    }
    for part in writer
        .split('.')
        .chain(reader.split('.'))
        .filter(|part| part.len() > 40)
    {
        assert!(!log.contains(part), "{log}");
    }
    let mut expected = expected();
    // The events of a stream are logged at no fixed time.
    let key =
        |event: &Value| ["method", "path", "message", "status", "tasks"].map(|name| event[name].to_string());
    expected.sort_by_key(key);
    events.sort_by_key(key);
    for (event, expected) in events.iter().zip(&expected) {
        assert_eq!(event, expected);
    }
    assert_eq!(events.len(), expected.len());
}

#[tokio::test]
async fn a_refusal_has_the_tracking_id_of_the_response() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let arguments = [
        "--auth",
        "gateway",
        "--gateway-secret-file",
        secret.to_str().unwrap(),
    ];
    let (program, url) = started(serve(&database, &arguments)).await;
    let ask = async |secret: &str| {
        reqwest::Client::new()
            .get(format!("{url}/task-status"))
            .header("SLPT-Request-ID", ID)
            .header("X-Auth-Scopes", WRITE)
            .header("X-Gateway-Secret", secret)
            .send()
            .await
            .unwrap()
    };
    let answer = ask("hunter2").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["slpt-request-id"]),
        (401, &ID.parse().unwrap())
    );
    assert_eq!(ask(SECRET).await.status(), 200);
    let (log, events) = log_of(program);
    assert!(
        log.lines()
            .any(|line| line.contains(ID) && line.contains("task_status::audit")),
        "{log}"
    );
    assert!(!log.contains("hunter2"), "{log}");
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn the_help_and_printed_settings_contain_no_secret() {
    use clap::Parser;
    for arguments in [
        &["serve", "--help"][..],
        &["serve", "-h"],
        &["token", "--help"],
        &["--help"],
    ] {
        let output = command(arguments)
            .env("TASK_STATUS_JWT_SECRET", SECRET)
            .env("TASK_STATUS_GATEWAY_SECRET", SECRET)
            .env(
                "TASK_STATUS_JWT_JWKS_URL",
                "https://issuer.example/jwks?key=hunter2",
            )
            .env("DATABASE_URL", format!("postgres://u:{SECRET}@h/d"))
            .output()
            .unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("hunter2"), "{said}");
    }
    let cli = task_status::cli::args::Cli::try_parse_from([
        "task-status",
        "serve",
        "--database-url",
        "postgres://u:hunter2@h/d",
        "--jwt-secret",
        SECRET,
        "--gateway-secret",
        SECRET,
        "--jwt-jwks-url",
        "https://issuer.example/jwks?key=hunter2",
    ])
    .unwrap();
    assert!(!format!("{cli:?}").contains("hunter2"), "{cli:?}");
    let cli = task_status::cli::args::Cli::try_parse_from(["task-status", "token", "--jwt-secret", SECRET])
        .unwrap();
    assert!(!format!("{cli:?}").contains("hunter2"), "{cli:?}");
}

#[tokio::test]
async fn a_write_by_a_disconnected_client_is_audited() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let (mut program, url) = started(serve(&database, &["--auth", "none"])).await;
    let holder = database.lock().await;
    let request = tokio::spawn(
        reqwest::Client::new()
            .put(format!("{url}/task-status/t"))
            .header("Content-Type", "application/json")
            .body(tasks::REPORT)
            .send(),
    );
    database.until_blocked(1, "insert into task_status").await;
    request.abort();
    program.logged("cut off while writing").await;
    holder.close().await.unwrap();
    let (_, events) = log_of(program);
    let cut_off = json!({
        "level": "WARN", "message": "cut off while writing", "method": "PUT", "path": "/task-status/t", "tasks": "[\"t\"]",
    });
    assert_eq!(events, [cut_off]);
}

#[tokio::test]
async fn a_key_in_the_url_of_an_issuer_is_redacted() {
    let database = TestDatabase::new().await;
    let issuer = IssuerServer::start(&[]);
    for url in [&issuer.url, "http://127.0.0.1:1/jwks"] {
        let url = format!("{url}?key=hunter2");
        let (mut program, _) = started(serve(&database, &["--auth", "jwt", "--jwt-jwks-url", &url])).await;
        program.logged("cannot refresh the token keys").await;
        let (log, _) = log_of(program);
        assert!(!log.contains("hunter2"), "{log}");
    }
}
