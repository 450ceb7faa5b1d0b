//! The README: what it says that the program knows better, and the commands that it shows, with sh and curl.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use reqwest::Method;
use serde_json::Value;
use task_status::auth::caller::WRITE;

use crate::support::database::{Role, TestDatabase};
use crate::support::identity::{FAST, IssuerServer, access, claims, shared_rsa};
use crate::support::program::{Program, command};
use crate::support::service::{Service, Setup};

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_has_the_table_of_fields_and_operators() {
    let table = task_status::listing::filter::field::markdown();
    assert!(README.contains(table.trim()), "the README lacks:\n{table}");
}

#[test]
fn the_readme_names_every_setting_of_serve() {
    use clap::CommandFactory;
    let cli = task_status::cli::args::Cli::command();
    let serve = cli.find_subcommand("serve").unwrap();
    for argument in serve
        .get_arguments()
        .filter(|argument| argument.get_id() != "help")
    {
        let flag = format!("`--{}`", argument.get_long().unwrap());
        let variable = format!("`{}`", argument.get_env().unwrap().to_str().unwrap());
        assert!(
            README.contains(&flag) && README.contains(&variable),
            "the README lacks {flag} or {variable}"
        );
    }
}

/// A service that takes such tokens.
async fn service(database: &TestDatabase) -> Service {
    let issuer = IssuerServer::start(&[shared_rsa().jwk("key")]);
    let service = Service::with(database, Setup::with_access(access(issuer.source(FAST)))).await;
    issuer.is_read_by(&service).await;
    service
}

/// The first block in a language under a heading's text.
fn block(language: &str, after: &str) -> &'static str {
    let text = README.split(after).nth(1).unwrap();
    let block = text.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap()
}

/// The shell script under a heading's text, on the address of a service.
fn script(after: &str, service: &Service) -> String {
    block("sh", after).replace("127.0.0.1:8080", &service.address.to_string())
}

/// Runs a script, with a token to write with in `$token`.
fn sh(script: &str) -> Output {
    let output = Command::new("sh")
        .args(["-euc", script])
        .env("token", shared_rsa().token("key", &claims(&[WRITE])))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

/// What a caller who may write reads.
async fn read(service: &Service, target: &str) -> Value {
    let authorization = format!("Bearer {}", shared_rsa().token("key", &claims(&[WRITE])));
    let headers = [("Authorization", authorization.as_str())];
    service.request(Method::GET, target, &headers).await.json()
}

const LOOK: &str = r#"curl -fsS "$task" -H "Authorization: Bearer $token""#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_executor_in_ten_lines_reports_its_task_from_the_beginning_to_the_end() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let script = script("An executor in ten lines:", &service);
    assert_eq!(script.lines().count(), 10);
    // Looked at from the outside each time it has reported.
    let looking = script.replace("sleep 1;", &format!("{LOOK}; echo;"));
    let output = sh(&(looking + LOOK));
    let seen: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let percents: Vec<&Value> = seen.iter().map(|task| &task["percentComplete"]).collect();
    assert_eq!(percents, [0, 25, 50, 100]);
    assert_eq!(seen[0]["progress"], "Started");
    assert_eq!(seen[3]["completionStatus"], "SUCCESS");
    assert_eq!(seen[0]["created"], seen[3]["created"]);
}

#[tokio::test]
async fn a_token_of_ones_own_opens_the_service_as_shown() {
    let database = TestDatabase::new().await;
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let folder = tempfile::tempdir().unwrap();
    let shown = block("sh", "`task-status token` signs with it").replace("127.0.0.1:8080", &address);
    // A person is slower than a script.
    let wait = format!("&\nuntil curl -s http://{address}/openapi.json >openapi.json; do sleep 0.05; done\n");
    let script = shown.replace("&\n", &wait) + "kill $!; wait $! || true";
    let binary = Path::new(env!("CARGO_BIN_EXE_task-status")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-euc", &script])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", binary.display()))
        .env("DATABASE_URL", database.url())
        .env("TASK_STATUS_LISTEN", &address)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // The database may be up by then or not yet; who calls was known either way.
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(
        answer.is_empty() || answer.contains("503 Service unavailable"),
        "{answer}"
    );
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains("task_status::audit"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_commands_work_as_they_stand() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher)
             values ('ID', 'QUARTZ', 'Identity Refresh', 'sweep'), ('other', 'QUARTZ', 'Other', 'sweep')",
        )
        .await;
    let service = service(&database).await;
    let listed: Value = serde_json::from_slice(&sh(&script("### Lists", &service)).stdout).unwrap();
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["id"]),
        (1, &"ID".into())
    );
    let cleared: Value = serde_json::from_slice(&sh(&script("### Clear tasks", &service)).stdout).unwrap();
    assert_eq!(cleared["completionStatus"], "ERROR");
    database.execute(block("sql", "## Write tasks with SQL")).await;
    let written = read(&service, "/task-status/nightly-42").await;
    assert_eq!(
        (&written["completionStatus"], &written["percentComplete"]),
        (&"SUCCESS".into(), &100.into())
    );
}

#[tokio::test]
async fn the_service_runs_as_a_role_of_its_own_as_shown() {
    const HEADING: &str = "## Least privilege in the database";
    const NAME: &str = "task_status_service";
    let (role, database) = (Role::to_be_made(), TestDatabase::new().await);
    let statement = block("sql", HEADING).replace(NAME, role.name());
    database.execute(&statement).await;
    role.may_be_assumed().await;
    let [migrate, serve] = block("sh", HEADING).lines().collect::<Vec<_>>()[..] else {
        panic!("not two commands")
    };
    for (line, shown, url) in [
        (migrate, "owner:password", database.url()),
        (serve, "task_status_service:secret", role.url(&database.url())),
    ] {
        let arguments = line
            .strip_prefix(&format!("DATABASE_URL=postgres://{shown}@host/name task-status "))
            .unwrap();
        let arguments = arguments.replace(NAME, role.name());
        let mut command = command(&arguments.split(' ').collect::<Vec<_>>());
        command
            .env("DATABASE_URL", url)
            .env("TASK_STATUS_LISTEN", "127.0.0.1:0");
        let mut program = Program::start(command);
        if line == serve {
            program.logged("the database is up").await;
            program.signal("TERM");
        }
        assert!(program.wait().success(), "{}", program.log());
    }
}
