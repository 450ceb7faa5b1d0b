//! Clocks that are wrong: those of the service, of an executor, and of the database.

use std::process::Command;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection;
use task_status::store::retention::Run;
use task_status::store::schema::Schema;
use task_status::task::written;

use crate::support::database::TestDatabase;
use crate::support::program::{self, Program, as_text, command, output_of, with_clock};
use crate::support::service::{Answer, LIMITS, PENDING_TASKS, Service, watched};
use crate::support::tasks;
use crate::support::until;

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const PATCH: &str = "application/json-patch+json";

fn report(id: &str) -> Value {
    let mut report: Value = serde_json::from_str(tasks::REPORT).unwrap();
    report["id"] = id.into();
    report
}

fn with(mut report: Value, key: &str, value: &str) -> Value {
    report[key] = value.into();
    report
}

/// Requests that each complete the task of their name, without a time.
fn completions() -> Vec<(Method, &'static str, &'static str, String)> {
    let ended = |id| with(report(id), "completionStatus", "SUCCESS");
    let patch = json!([{ "op": "replace", "path": "/completionStatus", "value": "SUCCESS" }]).to_string();
    vec![
        (Method::PUT, "/put", JSON, ended("put").to_string()),
        (Method::POST, "", JSON, ended("post").to_string()),
        (Method::POST, "", JSON, json!([ended("batch")]).to_string()),
        (Method::POST, "", NDJSON, ended("stream").to_string()),
        (Method::PATCH, "/patch", PATCH, patch.clone()),
        (Method::PATCH, "?filters=id+eq+%22clear%22", PATCH, patch),
    ]
}

const COMPLETED: [&str; 6] = ["put", "post", "batch", "stream", "patch", "clear"];

async fn send(url: &str, (method, target, media_type, content): (Method, &str, &str, String)) -> Answer {
    let request = reqwest::Client::new()
        .request(method, format!("{url}/task-status{target}"))
        .header("Content-Type", media_type)
        .body(content);
    Answer::read(request.send().await.unwrap()).await
}

fn on(database: &TestDatabase, mut command: Command) -> Command {
    command.env("DATABASE_URL", database.service_url());
    command
}

/// SQL that inserts tasks whose last sign of life is this many days ago; `id` is an expression of `n`.
fn aged(id: &str, days: i32, numbers: &str) -> String {
    format!(
        "insert into task_status (id, type, unique_name, launcher, modified)
         select {id}, 'QPOC', 'n', 'l', now() - interval '{days} days' from generate_series({numbers}) n"
    )
}

/// The time of the database.
async fn now(database: &TestDatabase) -> String {
    database.value("select now()::timestamptz(3)::text").await
}

/// How many times of tasks are not between this one and now.
async fn wrong_times(database: &TestDatabase, begun: &str) -> i64 {
    database
        .value(&format!(
            "select count(*) from task_status, unnest(array[created, modified, completed]) as time
             where time not between '{begun}' and now()"
        ))
        .await
}

#[tokio::test]
async fn the_clock_of_the_service_orders_nothing_and_deletes_nothing() {
    for off_by in ["-1s", "-1h", "+100d"] {
        let database = TestDatabase::new().await;
        let begun = now(&database).await;
        database.insert(&COMPLETED).await;
        database.insert(&["import"]).await;
        let serve = program::serve(&database.service_url(), &["--auth", "none"]);
        let Some(serve) = with_clock(serve, off_by) else {
            return;
        };
        let mut program = Program::start(serve);
        let url = program.url().await;
        until("the service is up", async || {
            reqwest::get(format!("{url}{PENDING_TASKS}"))
                .await
                .unwrap()
                .status()
                == StatusCode::OK
        })
        .await;

        for completion in completions() {
            let answer = send(&url, completion).await;
            assert_eq!(answer.status, StatusCode::OK, "{off_by}: {answer:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tasks.ndjson");
        std::fs::write(
            &file,
            with(report("import"), "completionStatus", "SUCCESS").to_string(),
        )
        .unwrap();
        let import = on(&database, command(&["import", file.to_str().unwrap()]));
        let import = with_clock(import, off_by).unwrap().output().unwrap();
        assert!(output_of(&import).contains("replaced 1"), "{off_by}: {import:?}");
        let new = (
            Method::PUT,
            "/new",
            JSON,
            with(report("new"), "completionStatus", "ERROR").to_string(),
        );
        assert_eq!(send(&url, new).await.status, StatusCode::CREATED);

        let pending = reqwest::get(format!("{url}{PENDING_TASKS}")).await.unwrap();
        assert_eq!(pending.status(), StatusCode::NO_CONTENT, "{off_by}");
        assert_eq!(wrong_times(&database, &begun).await, 0, "{off_by}");

        database.execute(&aged("'old'", 91, "1, 1")).await;
        let prune = on(&database, command(&["prune", "--older-than", "90d"]));
        let prune = with_clock(prune, off_by).unwrap().output().unwrap();
        assert!(
            output_of(&prune).contains("1 tasks were deleted"),
            "{off_by}: {prune:?}"
        );
        assert_eq!(database.value::<i64>("select count(*) from task_status").await, 8);
    }
}

#[tokio::test]
async fn retention_goes_by_the_clock_of_the_database() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "b"]).await;
    database.execute(&aged("'old'", 91, "1, 1")).await;
    let serve = program::serve(&database.service_url(), &["--auth", "none", "--retention", "90d"]);
    let Some(serve) = with_clock(serve, "+100d") else {
        return;
    };
    let _program = Program::start(serve);
    let ids = "select coalesce(string_agg(id, ' ' order by id), '') from task_status";
    until("a run", async || database.value::<String>(ids).await != "a b old").await;
    assert_eq!(database.value::<String>(ids).await, "a b");
}

#[tokio::test]
async fn a_report_without_a_time_is_the_newest_of_its_batch() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let later = written(&(Utc::now() + TimeDelta::minutes(9)));
    let dated = with(with(report("a"), "modified", &later), "progress", "dated");
    let (first, last) = (
        with(report("a"), "progress", "first"),
        with(report("a"), "progress", "last"),
    );
    let batch = json!([first, last, dated]).to_string();
    let answer = service.send(Method::POST, "/task-status", JSON, batch).await;
    assert_eq!(
        answer.json(),
        json!([
            { "id": "a", "outcome": "SUPERSEDED" }, { "id": "a", "outcome": "CREATED" },
            { "id": "a", "outcome": "SUPERSEDED" }
        ])
    );
    // As time goes by it never turns back.
    let put = async |report: &Value| {
        let answer = service
            .send(Method::PUT, "/task-status/a", JSON, report.to_string())
            .await;
        (
            answer.json()["progress"].clone(),
            answer.json()["modified"].clone(),
        )
    };
    assert_eq!(put(&dated).await, (json!("dated"), json!(later)));
    assert_eq!(put(&first).await, (json!("first"), json!(later)));
}

#[track_caller]
fn assert_ahead(cause: &str, pointer: &str, given: &str) {
    let beginning =
        format!("“{pointer}” is {given}, more than 10 minutes ahead of the database’s clock, which says 20");
    assert!(cause.starts_with(&beginning), "{cause}");
    assert!(cause.ends_with("Z. Leave it out to use that clock."), "{cause}");
}

#[tokio::test]
async fn a_time_far_ahead_is_refused_by_the_api() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let given = written(&(Utc::now() + TimeDelta::minutes(11)));
    let ahead = |id: &str| with(report(id), "modified", &given);

    let put = service
        .send(Method::PUT, "/task-status/a", JSON, ahead("a").to_string())
        .await;
    assert_eq!(put.status, StatusCode::BAD_REQUEST);
    assert_eq!(put.json()["detailCode"], "400.1 Bad Request Content");
    assert_ahead(&put.causes()[0], "/modified", &given);
    let farther = "9999-12-31T23:59:59.999Z";
    let other = with(report("d"), "modified", farther);
    for (content, expected) in [
        (ahead("a"), &[("/modified", &*given)][..]),
        (
            json!([report("a"), ahead("b"), report("c"), other]),
            &[("/1/modified", &given), ("/3/modified", farther)],
        ),
    ] {
        let post = service
            .send(Method::POST, "/task-status", JSON, content.to_string())
            .await;
        assert_eq!(
            (post.status, post.causes().len()),
            (StatusCode::BAD_REQUEST, expected.len())
        );
        for (cause, (pointer, given)) in post.causes().iter().zip(expected) {
            assert_ahead(cause, pointer, given);
        }
    }
    assert_eq!(database.value::<i64>("select count(*) from task_status").await, 0);

    let lines = [report("a"), ahead("b"), report("c")]
        .map(|line| line.to_string())
        .join("\n");
    let stream = service
        .send(Method::POST, "/task-status", NDJSON, lines.clone())
        .await;
    let results: Vec<Value> = stream
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(results[0], json!({ "line": 1, "id": "a", "outcome": "CREATED" }));
    assert_eq!(results[1]["line"], 2);
    assert_ahead(
        results[1]["error"]["causes"][0]["text"].as_str().unwrap(),
        "/modified",
        &given,
    );
    assert_eq!(results[2], json!({ "line": 3, "id": "c", "outcome": "CREATED" }));

    // Less is stored as it was given.
    let given = written(&(Utc::now() + TimeDelta::minutes(9)));
    let content = with(report("a"), "modified", &given).to_string();
    let put = service.send(Method::PUT, "/task-status/a", JSON, content).await;
    assert_eq!(
        (put.status, &put.json()["modified"]),
        (StatusCode::OK, &json!(given))
    );
}

#[tokio::test]
async fn a_time_far_ahead_is_refused_around_the_api() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let given = written(&(Utc::now() + TimeDelta::minutes(11)));
    let lines = [
        report("c").to_string(),
        with(report("b"), "modified", &given).to_string(),
    ]
    .join("\n");
    let folder = tempfile::tempdir().unwrap();
    let (file, rejects) = (
        folder.path().join("tasks.ndjson"),
        folder.path().join("rejects.ndjson"),
    );
    std::fs::write(&file, lines).unwrap();
    let (file, rejects_path) = (file.to_str().unwrap(), rejects.to_str().unwrap());
    let import = on(&database, command(&["import", file, "--rejects", rejects_path]))
        .output()
        .unwrap();
    assert_eq!(import.status.code(), Some(3), "{import:?}");
    let reject: Value = serde_json::from_str(&std::fs::read_to_string(rejects).unwrap()).unwrap();
    assert_eq!(reject["line"], 2);
    assert_ahead(reject["reasons"][0].as_str().unwrap(), "/modified", &given);

    let row = format!("b\tQPOC\tn\tl\t{given}\n");
    let mut connection = database.connect().await;
    let mut copy = connection
        .copy_in_raw("copy task_status (id, type, unique_name, launcher, modified) from stdin")
        .await
        .unwrap();
    copy.send(row.as_bytes()).await.unwrap();
    let copied = copy.finish().await.map(drop);
    connection.close().await.unwrap();
    let mut outcomes = vec![copied];
    for sql in [
        format!(
            "insert into task_status (id, type, unique_name, launcher, modified) values ('b', 'QPOC', 'n', 'l', '{given}')"
        ),
        format!("update task_status set modified = '{given}'"),
        "update task_status set modified = 'infinity'".to_owned(),
    ] {
        outcomes.push(database.try_execute(&sql).await);
    }
    for outcome in outcomes {
        let error = outcome.unwrap_err().into_database_error().unwrap();
        assert_eq!(
            (error.code().as_deref(), error.constraint()),
            (Some("23514"), Some("task_status_modified_check"))
        );
        assert!(
            error
                .message()
                .contains("is more than ten minutes ahead of the database's clock"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_task_of_the_far_future_comes_back_with_any_change() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let begun = now(&database).await;
    database.insert(&COMPLETED).await;
    database.insert(&["dated", "sql"]).await;
    // As after a clock that was set back.
    database
        .execute(
            "alter table task_status disable trigger task_status_z_refuse_ahead;
             update task_status set modified = '9999-01-01Z';
             alter table task_status enable trigger task_status_z_refuse_ahead",
        )
        .await;
    let url = format!("http://{}", service.address);
    for completion in completions() {
        let answer = send(&url, completion).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    let dated = with(
        with(report("dated"), "completionStatus", "SUCCESS"),
        "modified",
        &written(&Utc::now()),
    );
    let dated = service
        .send(Method::PUT, "/task-status/dated", JSON, dated.to_string())
        .await;
    assert_eq!(dated.status, StatusCode::OK);
    database
        .execute("update task_status set completion_status = 'SUCCESS' where id = 'sql'")
        .await;
    assert_eq!(service.get(PENDING_TASKS).await.status, StatusCode::NO_CONTENT);
    assert_eq!(wrong_times(&database, &begun).await, 0);
}

#[tokio::test]
async fn a_run_that_would_delete_most_tasks_waits_for_a_confirmation() {
    let database = TestDatabase::new().await;
    let insert = async |days: i32, numbers: &str| database.execute(&aged("n::text", days, numbers)).await;
    let prune = |arguments: &[&str]| {
        let command = command(&[&["prune", "--older-than", "90d"], arguments].concat());
        let output = as_text(&mut on(&database, command)).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            stderr,
        )
    };
    let said = |arguments: &[&str], said: &str| {
        let (status, stdout, stderr) = prune(arguments);
        assert_eq!((status, &*stdout), (Some(0), said), "{stderr}");
    };
    let stored = async || database.value::<i64>("select count(*) from task_status").await;
    insert(91, "1, 11").await;
    insert(89, "12, 21").await;

    let (metrics, retention) = (["--metrics-listen", "127.0.0.1:0"], ["--retention", "90d"]);
    let arguments = [&["--auth", "none"], &metrics[..], &retention].concat();
    let mut program = Program::start(program::serve(&database.service_url(), &arguments));
    let told: Value = serde_json::from_str(&program.logged("retention deletes nothing").await).unwrap();
    assert_eq!(
        (&told["level"], &told["expiredAtLeast"], &told["kept"]),
        (&json!("ERROR"), &json!(11), &json!(10))
    );
    let message = told["message"].as_str().unwrap();
    assert!(
        message.ends_with("run `task-status prune --older-than 7776000s --confirm`"),
        "{message}"
    );
    let metrics = program.url_of("metrics").await + "/metrics";
    let metrics = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\ntask_status_retention_held 1\n"), "{metrics}");

    said(
        &["--dry-run"],
        "11 tasks would be deleted, which is more than half of all tasks and needs --confirm\n",
    );
    let (status, _, stderr) = prune(&[]);
    assert_eq!(status, Some(1));
    assert!(
        stderr.contains(
            "error: nothing was deleted: more than half of all tasks would be, and 10 would be left"
        ),
        "{stderr}"
    );
    assert_eq!(stored().await, 21);
    program.stop();

    said(&["--confirm"], "11 tasks were deleted\n");
    insert(91, "1, 10").await;
    // Half of them.
    said(&["--dry-run"], "10 tasks would be deleted\n");
    said(&[], "10 tasks were deleted\n");
    assert_eq!(stored().await, 10);
    // More than PostgreSQL's time reaches back.
    let ages = on(&database, command(&["prune", "--older-than", "1000000y"]))
        .output()
        .unwrap();
    assert!(output_of(&ages).contains("0 tasks were deleted\n"), "{ages:?}");
}

#[tokio::test]
async fn what_waits_for_a_confirmation_waits_even_if_newer_tasks_outnumber_it() {
    let database = TestDatabase::new().await;
    let insert = async |days: i32, numbers: &str| database.execute(&aged("n::text", days, numbers)).await;
    let service = watched(database.service_options(), LIMITS, Schema::Expect);
    service.wait_until_up().await;
    let run = async || Run::new(&service, Duration::from_hours(90 * 24)).await.unwrap();
    insert(91, "1, 20").await;
    let held = run().await.question(None, &service).await.unwrap();
    assert!(held.is_some());
    insert(89, "21, 99").await;
    let later = run().await;
    assert!(!later.is_implausible());
    let held = later.question(held, &service).await.unwrap();
    assert!(held.is_some());
    // A clock that is right again asks nothing, and neither does a run whose tasks somebody has deleted.
    let before = Run::new(&service, Duration::from_hours(92 * 24)).await.unwrap();
    assert!(before.question(held, &service).await.unwrap().is_none());
    database
        .execute("delete from task_status where id::integer <= 10")
        .await;
    assert!(run().await.question(held, &service).await.unwrap().is_none());
}
