//! README.md and docs/: generated parts are current, links are valid, and the examples run as printed.

use std::fmt::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use clap::CommandFactory;
use reqwest::Method;
use serde_json::Value;
use task_status::auth::caller::WRITE;
use task_status::cli::args::Cli;

use crate::support::database::{Role, TestDatabase};
use crate::support::identity::{FAST, IssuerServer, claims, shared_rsa};
use crate::support::program::{Program, command};
use crate::support::service::Service;

const README: &str = include_str!("../../README.md");
const API: &str = include_str!("../../docs/api.md");
const OPERATIONS: &str = include_str!("../../docs/operations.md");
const SQL: &str = include_str!("../../docs/sql.md");
pub const AUTHENTICATION: &str = include_str!("../../docs/authentication.md");

#[test]
fn the_table_of_filter_fields_is_current() {
    let table = task_status::listing::filter::field::markdown();
    assert!(API.contains(table.trim()), "docs/api.md lacks:\n{table}");
}

#[test]
fn the_configuration_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let reference = configuration();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &reference).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == reference,
        "docs/configuration.md is out of date; renew it: \
         UPDATE=1 cargo test --test suite docs::the_configuration_reference_is_current"
    );
}

/// docs/configuration.md, from the definition of the command line.
fn configuration() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut text = "# Configuration\n\n\
        <!-- Generated: UPDATE=1 cargo test --test suite docs::the_configuration_reference_is_current -->\n\n\
        Every setting is a flag; most are an environment variable too. The flag wins over the variable.\n\
        An empty variable counts as missing.\n\n\
        ## Every subcommand\n"
        .to_owned();
    settings(
        &mut text,
        cli.get_arguments().filter(|setting| setting.is_global_set()),
    );
    // `serve` is declared first.
    for subcommand in cli
        .get_subcommands()
        .filter(|subcommand| subcommand.get_name() != "help")
    {
        let about = subcommand.get_long_about().or(subcommand.get_about()).unwrap();
        write!(text, "\n## `task-status {}`\n\n{about}\n", subcommand.get_name()).unwrap();
        settings(
            &mut text,
            subcommand
                .get_arguments()
                .filter(|setting| !setting.is_global_set()),
        );
        if let Some(more) = subcommand.get_after_help() {
            write!(text, "\n```text\n{more}\n```\n").unwrap();
        }
    }
    text
}

/// A table for each heading of the help.
fn settings<'a>(text: &mut String, settings: impl Iterator<Item = &'a clap::Arg>) {
    let mut tables: Vec<(Option<&str>, Vec<&clap::Arg>)> = Vec::new();
    for setting in settings.filter(|setting| !["help", "version"].contains(&setting.get_id().as_str())) {
        let heading = setting.get_help_heading();
        match tables.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, table)) => table.push(setting),
            None => tables.push((heading, vec![setting])),
        }
    }
    let several = tables.len() > 1;
    for (heading, settings) in tables {
        if let Some(heading) = heading.filter(|_| several) {
            write!(text, "\n**{heading}**\n").unwrap();
        }
        text.push_str("\n| setting | variable | default | meaning |\n| --- | --- | --- | --- |\n");
        for setting in settings {
            row(text, setting);
        }
    }
}

fn row(text: &mut String, setting: &clap::Arg) {
    let name = match setting.get_long() {
        Some(long) => format!("--{long}"),
        None => setting.get_value_names().unwrap().join(" "),
    };
    let variable = setting
        .get_env()
        .map_or_else(String::new, |variable| format!("`{}`", variable.display()));
    let default: Vec<_> = setting
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    let default = match &default[..] {
        [] if setting.is_required_set() => "required".to_owned(),
        [] => String::new(),
        values => format!("`{}`", values.join(",")),
    };
    let mut meaning = setting
        .get_long_help()
        .or(setting.get_help())
        .unwrap()
        .to_string();
    for value in setting.get_possible_values() {
        if let Some(help) = value.get_help() {
            write!(meaning, "; `{}`: {help}", value.get_name()).unwrap();
        }
    }
    let meaning = meaning.replace('\n', " ").replace('|', "\\|");
    writeln!(text, "| `{name}` | {variable} | {default} | {meaning} |").unwrap();
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap();
    let mut files: Vec<_> = docs.map(|file| file.unwrap().path()).collect();
    files.extend(
        [
            "README.md",
            "CHANGELOG.md",
            "bench/README.md",
            "bench/NOTES.md",
            "bench/RESULTS.md",
        ]
        .map(|file| root.join(file)),
    );
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                file.clone()
            } else {
                file.parent().unwrap().join(path)
            };
            assert!(target.exists(), "{}: {link}", file.display());
            let target = if heading.is_empty() {
                String::new()
            } else {
                std::fs::read_to_string(target).unwrap()
            };
            assert!(
                heading.is_empty()
                    || target
                        .lines()
                        .any(|line| line.starts_with('#') && anchor(line) == heading),
                "{}: {link}",
                file.display()
            );
        }
    }
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.collect::<String>().replace(' ', "-")
}

/// A server that accepts tokens of the shared key.
async fn service(database: &TestDatabase) -> Service {
    let issuer = IssuerServer::start(&[shared_rsa().jwk("key")]);
    let service = Service::with_keys(database, issuer.source(FAST)).await;
    issuer.is_read_by(&service).await;
    service
}

/// The first block in a language after some text of a document.
pub fn block(document: &'static str, language: &str, after: &str) -> &'static str {
    let text = document.split(after).nth(1).unwrap();
    let block = text.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap()
}

/// The shell script after some text of docs/api.md, on the address of a service.
fn script(after: &str, service: &Service) -> String {
    block(API, "sh", after).replace("127.0.0.1:8080", &service.address.to_string())
}

/// Runs a script with a token that may write in `$token`.
fn sh(script: &str) -> Output {
    let output = Command::new("sh")
        .args(["-euc", script])
        .env("token", shared_rsa().token("key", &claims(&[WRITE])))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

/// A response to a caller that may write.
async fn read(service: &Service, target: &str) -> Value {
    let authorization = format!("Bearer {}", shared_rsa().token("key", &claims(&[WRITE])));
    let headers = [("Authorization", authorization.as_str())];
    service.request(Method::GET, target, &headers).await.json()
}

const LOOK: &str = r#"curl -fsS "$task" -H "Authorization: Bearer $token""#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_executor_completes_its_task() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let script = script("An executor in ten lines:", &service);
    assert_eq!(script.lines().count(), 10);
    // Reads the task after each report.
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
async fn a_signed_token_is_accepted() {
    let database = TestDatabase::new().await;
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let folder = tempfile::tempdir().unwrap();
    let shown =
        block(AUTHENTICATION, "sh", "`task-status token` signs with it").replace("127.0.0.1:8080", &address);
    // The example leaves the server time to start; the script waits for it.
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
    // The token was accepted, whether the database is up by then (204) or not yet (503).
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(
        answer.is_empty() || answer.contains("503 Service unavailable"),
        "{answer}"
    );
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains("task_status::audit"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_error_in_the_readme_is_current() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let example = block(README, "console", "An error names every fault");
    let (shown, expected) = example.strip_prefix("$ ").unwrap().split_once('\n').unwrap();
    let shown = shown.replace("127.0.0.1:8080", &service.address.to_string());
    let sent = sh(&(shown + r#" -H "Authorization: Bearer $token""#)).stdout;
    let mut sent: Value = serde_json::from_slice(&sent).unwrap();
    let expected: Value = serde_json::from_str(expected).unwrap();
    sent["trackingId"] = expected["trackingId"].clone();
    assert_eq!(sent, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_examples_of_the_api_and_the_table_work() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher)
             values ('ID', 'QUARTZ', 'Identity Refresh', 'sweep'), ('other', 'QUARTZ', 'Other', 'sweep')",
        )
        .await;
    let service = service(&database).await;
    let listed: Value = serde_json::from_slice(&sh(&script("### Filters", &service)).stdout).unwrap();
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["id"]),
        (1, &"ID".into())
    );
    let cleared: Value = serde_json::from_slice(&sh(&script("## Clear tasks", &service)).stdout).unwrap();
    assert_eq!(cleared["completionStatus"], "ERROR");
    database.execute(block(SQL, "sql", "# The table")).await;
    let written = read(&service, "/task-status/nightly-42").await;
    assert_eq!(
        (&written["completionStatus"], &written["percentComplete"]),
        (&"SUCCESS".into(), &100.into())
    );
}

#[tokio::test]
async fn the_documented_role_can_run_the_server() {
    const HEADING: &str = "## Least privilege in the database";
    const NAME: &str = "task_status_service";
    let (role, database) = (Role::to_be_made(), TestDatabase::new().await);
    let statement = block(OPERATIONS, "sql", HEADING).replace(NAME, role.name());
    database.execute(&statement).await;
    role.may_be_assumed().await;
    let [migrate, serve] = block(OPERATIONS, "sh", HEADING).lines().collect::<Vec<_>>()[..] else {
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
