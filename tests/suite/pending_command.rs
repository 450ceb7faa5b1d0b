//! `task-status pending`: the list in a terminal and for scripts.

use std::process::{Command, Output};

use serde_json::Value;
use task_status::auth::caller::READ;
use task_status::auth::issuer::{Grant, Issuer};
use task_status::auth::key_source::KeySource;
use task_status::auth::keys::KeySet;

use crate::support::TIMEOUT;
use crate::support::database::TestDatabase;
use crate::support::identity::{AUDIENCE, ISSUER};
use crate::support::program::{Program, command, output_of, refused, serve};
use crate::support::service::{PENDING_TASKS, Service};
use crate::support::tasks::insert_many;

/// `pending` of a service.
fn pending(url: &str, arguments: &[&str]) -> Command {
    command(&[&["pending", "--url", url], arguments].concat())
}

/// The output of a command, while a service runs on this thread.
async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

async fn lines(command: Command) -> Vec<String> {
    let output = output(command).await;
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(ToOwned::to_owned)
        .collect()
}

/// A command in a shell on a terminal of 60 columns and 8 rows.
fn on_a_terminal(command: &Command) -> Command {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .collect();
    let words: Vec<_> = words
        .iter()
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut terminal = Command::new("script");
    terminal.args([
        "-qefc",
        &format!("stty cols 60 rows 8; exec {}", words.join(" ")),
        "/dev/null",
    ]);
    terminal.stdin(std::process::Stdio::null());
    terminal
}

#[tokio::test]
async fn all_tasks_are_listed_and_the_exit_status_says_whether_there_are_any() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let url = format!("http://{}/v2025/", service.address);
    let exit = |arguments: &[&str]| pending(&url, &[arguments, &["--exit-code"]].concat());
    assert_eq!(output(exit(&[])).await.status.code(), Some(0));
    database
        .execute(&insert_many(
            600,
            "lpad(n::text, 3, '0')",
            "n * interval '1 second'",
        ))
        .await;
    database.execute("update task_status set launcher = 'sweep', attributes = '{\"big\": 12345678901234567890}' where id > '400'").await;

    let json: Vec<Value> = lines(pending(&url, &["--json"]))
        .await
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<_> = json
        .iter()
        .map(|task| task["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, (1..=600).map(|n| format!("{n:03}")).collect::<Vec<_>>());
    assert_eq!(json[599], service.get("/task-status/600").await.json());
    let table = lines(pending(&url, &[])).await;
    assert_eq!(table.len(), 601);
    assert!(
        table[0].starts_with("AGE ") && table[600].ends_with("  600"),
        "{table:?}"
    );

    let filters = "launcher eq \"sweep\" or id eq \"001\"";
    let filtered = |more: &[&str]| pending(&url, &[&["--filters", filters][..], more].concat());
    assert_eq!(lines(filtered(&[])).await.len(), 202);
    let few = lines(filtered(&["--limit", "2"])).await;
    assert!(
        few.len() == 3 && few[1].ends_with("  001") && few[2].ends_with("  401"),
        "{few:?}"
    );
    assert_eq!(output(exit(&[])).await.status.code(), Some(3));
    assert_eq!(
        output(exit(&["--filters", "launcher eq \"none\""]))
            .await
            .status
            .code(),
        Some(0)
    );

    let head = format!(
        "set -o pipefail; {} pending --url {url} | head -1",
        env!("CARGO_BIN_EXE_task-status")
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &head]);
    assert_eq!(lines(bash).await, [table[0].as_str()]);
}

#[tokio::test]
async fn what_cannot_be_listed_is_said_with_its_reason() {
    let database = TestDatabase::new().await;
    let secret = b"a secret of thirty-two bytes or more";
    let keys = KeySource::fixed(KeySet::from_secret(secret).unwrap());
    let service = Service::with_keys(&database, keys).await;
    let url = format!("http://{}", service.address);
    let without = output(pending(&url, &[])).await;
    assert_eq!(without.status.code(), Some(1));
    // Not a terminal: a line of the log, which is JSON.
    let line: Value = serde_json::from_str(&output_of(&without)).unwrap();
    assert_eq!(
        line["error"],
        format!(
            "{url}{PENDING_TASKS} responds 401 Unauthorized: The header Authorization with a bearer token is missing."
        )
    );
    let grant = Grant {
        client: "terminal".to_owned(),
        scopes: vec![READ.to_owned()],
        authorities: Vec::new(),
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        lifetime: TIMEOUT,
    };
    let token = Issuer::from_secret(secret).token(&grant).unwrap();
    let mut with_token = pending(&url, &[]);
    with_token.env("TASK_STATUS_TOKEN", &token);
    assert_eq!(lines(with_token).await.len(), 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{token}\n")).unwrap();
    assert_eq!(
        lines(pending(&url, &["--token-file", file.path().to_str().unwrap()]))
            .await
            .len(),
        1
    );

    for (arguments, reason) in [
        (
            &["--url", "http://127.0.0.1:1"][..],
            "error: cannot reach http://127.0.0.1:1/task-status/pending-tasks\n  because: ",
        ),
        (&["--url", "ftp://h"], "must be an http or https URL"),
        (&["--filters", "launcher = \"x\""], "Position 10 of the filter"),
        (&["--watch", "--exit-code"], "cannot be used with"),
    ] {
        let said = refused(command(&[&["pending"], arguments].concat()));
        assert!(said.contains(reason), "{said}");
    }
}

#[tokio::test]
async fn a_watched_list_follows_changes_and_outlives_the_service() {
    let database = TestDatabase::new().await;
    database.insert(&["one"]).await;
    let mut service = Program::start(serve(&database.url(), &["--auth", "none"]));
    let url = service.url().await;
    service.logged("the database is up").await;
    let mut json = Program::start(pending(&url, &["--watch", "--json"]));
    let mut table = Program::start(on_a_terminal(&pending(
        &url,
        &["--watch", "--filters", "launcher eq \"l\""],
    )));
    json.printed("\"one\"").await;
    table.printed("1 pending, as of ").await;
    table.printed("QPOC  n ").await;

    // Hostile values act on neither.
    database.execute("insert into task_status (id, type, unique_name, launcher) values ('two', 'QPOC', E'\\x1b[2J\\u009b', 'l')").await;
    json.printed("\\u001b[2J\\u009b").await;
    table.printed("\\u001b").await;
    assert!(!json.output().contains(['\u{1b}', '\u{9b}']), "{}", json.output());

    let listen = url.strip_prefix("http://").unwrap();
    service.stop();
    table.printed("cannot reach ").await;
    let mut restarted = command(&["serve", "--auth", "none", "--listen", listen]);
    restarted.env("DATABASE_URL", database.url());
    let mut restarted = Program::start(restarted);
    restarted.logged("the database is up").await;
    database.insert(&["three"]).await;
    json.printed("\"three\"").await;
    table.printed("3 pending, as of ").await;

    for program in [&mut json, &mut table] {
        program.signal("INT");
    }
    assert!(json.wait().success(), "{}", json.log());
    // Each line is a whole list.
    let last: Value = serde_json::from_str(json.output().lines().last().unwrap()).unwrap();
    assert_eq!(last.as_array().unwrap().len(), 3);
    for line in table.output().split('\n').filter(|line| line.contains("QPOC")) {
        assert!(line.trim_end().chars().count() <= 60, "{line:?}");
    }
}
