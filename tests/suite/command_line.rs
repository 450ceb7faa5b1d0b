//! The interface of the program for users and orchestrators: settings, logs, health, signals.

use std::fs;
use std::process::Command;

use clap::CommandFactory;
use serde_json::{Value, json};
use sqlx::Connection;
use task_status::cli::args::Cli;
use tempfile::TempDir;

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

/// A file with this content.
fn file(folder: &TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_empty_variable_counts_as_missing() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").unwrap();
    let settings = cli.get_arguments().chain(serve.get_arguments());
    let names = settings.filter_map(|setting| setting.get_env());
    // As compose writes `${NAME:-}`.
    let mut command = command(&["serve", "--auth", "none", "--listen", "127.0.0.1:0"]);
    command.envs(names.map(|name| (name, "")));
    for name in [
        "HOST",
        "PORT",
        "DATABASE",
        "SSLMODE",
        "SSLROOTCERT",
        "SSLCERT",
        "APPNAME",
    ] {
        command.env(format!("PG{name}"), "");
    }
    command.env("SSL_CERT_FILE", "");
    command.env("DATABASE_URL_FILE", file(&folder, "url", &database.url()));
    let mut program = Program::start(command);
    program.logged("the database is up").await;
    program.stop();
}

#[tokio::test]
async fn a_file_or_the_variables_of_libpq_name_the_database() {
    let database = TestDatabase::new().await;
    let options = database.options();
    let host = options.get_socket().map(|path| path.display().to_string());
    let host = host.unwrap_or_else(|| options.get_host().to_owned());
    let (name, port) = (options.get_database().unwrap(), options.get_port().to_string());
    let external: reqwest::Url = database.url().parse().unwrap();
    let mut libpq = vec![
        ("PGHOST", host.as_str()),
        ("PGPORT", &port),
        ("PGUSER", options.get_username()),
    ];
    libpq.extend(external.password().map(|password| ("PGPASSWORD", password)));
    let folder = tempfile::tempdir().unwrap();
    let by_file = file(&folder, "url", &format!("{}\n", database.url()));
    let elsewhere = format!("postgres:///{name}");
    let verify = |variables: &[(&str, &str)]| {
        let mut verify = command(&["verify"]);
        verify.envs(variables.iter().copied());
        verify
    };
    for variables in [
        vec![("DATABASE_URL_FILE", by_file.as_str())],
        [&libpq[..], &[("PGDATABASE", name)]].concat(),
        // A host that is down comes first.
        [
            &libpq[1..],
            &[
                ("PGDATABASE", name),
                ("PGHOST", &format!("127.0.0.1,{host}")),
                ("PGPORT", &format!("1,{port}")),
            ],
        ]
        .concat(),
        [&libpq[..], &[("DATABASE_URL", elsewhere.as_str())]].concat(),
    ] {
        let output = verify(&variables).output().unwrap();
        assert!(output.status.success(), "{variables:?}: {output:?}");
    }
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    for (variables, said) in [
        (
            &[("DATABASE_URL_FILE", missing.as_str())][..],
            "the file with the URL of the database\n  because: No such file",
        ),
        (
            &[("DATABASE_URL_FILE", "/dev/zero")],
            "because: larger than 1048576 bytes",
        ),
        (
            &[("DATABASE_URL_FILE", &by_file), ("DATABASE_URL", "postgres://h")],
            "set one of DATABASE_URL",
        ),
        (
            &[("PGHOST", &host), ("PGSSLMODE", "on")],
            "PGSSLMODE must be disable, allow, prefer",
        ),
        (&[("PGPORT", &port), ("PGUSER", "u")], "no database is set."),
        (
            &[("DATABASE_URL", "postgres://u:hunter#2@h/d")],
            r##"has a raw "#" where it cannot be: write "#" in a password as %23"##,
        ),
    ] {
        let error = refused(verify(variables));
        assert!(error.contains(said) && !error.contains("hunter"), "{error}");
    }
}

#[test]
fn an_error_at_the_start_is_a_line_of_the_log() {
    let start = |arguments: &[&str], variables: &[(&str, &str)], status: i32| {
        let mut command = command(&[&["serve"], arguments].concat());
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let line = |stderr: &str| {
        let mut line: Value = serde_json::from_str(stderr).unwrap();
        assert_eq!(line.to_string(), stderr.trim_end(), "a key is there twice");
        line.as_object_mut().unwrap().remove("timestamp");
        line
    };
    let neither = "set one of DATABASE_URL (or --database-url) and DATABASE_URL_FILE (or --database-url-file), not both";
    let both = [("DATABASE_URL", "postgres://h"), ("DATABASE_URL_FILE", "f")];
    let open = ["--auth", "none"];
    let ends =
        json!({ "level": "ERROR", "error": neither, "message": "the program ends", "target": "task_status" });
    assert_eq!(line(&start(&open, &both, 1)), ends);
    let mut with_severity = ends.clone();
    with_severity["severity"] = "ERROR".into();
    let format = [("TASK_STATUS_LOG_FORMAT", "json-severity"), both[0], both[1]];
    assert_eq!(line(&start(&open, &format, 1)), with_severity);
    // The filter of the log hides no error, and people read text.
    let text = format!("error: {neither}\n");
    assert_eq!(start(&["--auth", "none", "--log", "off"], &both, 1), text);
    assert_eq!(
        start(&["--auth", "none", "--log-format", "human"], &both, 1),
        text
    );

    let wrong = [("TASK_STATUS_LISTEN", "everywhere")];
    let usage = line(&start(&open, &wrong, 2));
    let said = usage["error"].as_str().unwrap();
    assert!(
        said.starts_with("invalid value 'everywhere' for '--listen <ADDRESS>'"),
        "{said}"
    );
    let human = [("TASK_STATUS_LOG_FORMAT", "human"), wrong[0]];
    assert!(start(&open, &human, 2).starts_with(&format!("error: {said}")));
    let unknown = line(&start(&["--log-format", "json-severity", "--lisen", "1"], &[], 2));
    assert_eq!(unknown["severity"], "ERROR", "{unknown}");
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
    let mut program = Program::start(serve(&database.service_url(), &["--auth", "none"]));
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
    let _program = Program::start(serve(
        &database.service_url(),
        &["--auth", "none", "--retention", "90d"],
    ));
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
