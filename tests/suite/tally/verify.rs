//! `task-status verify`, and the log of `serve` about a wrong tally.

use crate::support::database::TestDatabase;
use crate::support::program::{Program, command, serve};
use crate::support::service::{PENDING_TASKS, Service};

/// The last line of a repair.
const MOVED: &str = "\nthe revision was moved: every page is read anew";

/// Runs the command, and returns its exit status and output.
fn verify(database: &TestDatabase, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(&[&["verify"], arguments].concat());
    command.env("DATABASE_URL", database.url());
    let mut program = Program::start(command);
    let status = program.wait();
    (status.code(), program.output())
}

/// A database with two tasks, one of them inserted without triggers.
pub async fn drifted() -> TestDatabase {
    let database = TestDatabase::new().await;
    database.insert(&["counted"]).await;
    database
        .execute(
            "alter table task_status disable trigger user;
             insert into task_status (id, type, unique_name, launcher) values ('unnoticed', 'QPOC', 'n', 'l');
             alter table task_status enable always trigger task_status_count_insert;
             alter table task_status enable always trigger task_status_count_update;
             alter table task_status enable always trigger task_status_count_delete;
             alter table task_status enable always trigger task_status_count_truncate",
        )
        .await;
    database
}

#[tokio::test]
async fn the_exit_status_reports_drift() {
    let database = drifted().await;
    let revision = "select sum(revision)::bigint from task_status_tally";
    let before: i64 = database.value(revision).await;
    let found = "2 tasks are pending; the tally says 1\nthe tally is wrong for 1 of the hours in which tasks were created".to_owned();
    assert_eq!(verify(&database, &[]), (Some(3), found.clone()));
    assert_eq!(database.value::<i64>(revision).await, before);
    assert_eq!(
        verify(&database, &["--repair"]),
        (Some(3), found + "\nthe tally was repaired" + MOVED)
    );
    assert_ne!(database.value::<i64>(revision).await, before);
    let permission = "2 tasks are pending; the tally says 2".to_owned();
    assert_eq!(verify(&database, &[]), (Some(0), permission.clone()));
    assert_eq!(verify(&database, &["--repair"]), (Some(0), permission + MOVED));
    let service = Service::start(&database).await;
    let answer = service.get(&format!("{PENDING_TASKS}?count=true")).await;
    assert_eq!((answer.ids().len(), answer.total_count()), (2, Some(2)));
}

#[tokio::test]
async fn a_tally_without_rows_is_rebuilt() {
    let database = drifted().await;
    database.execute("truncate task_status_tally").await;
    assert_eq!(verify(&database, &["--repair"]).0, Some(3));
    assert_eq!(verify(&database, &[]).0, Some(0));
    let slots = "select count(*) from task_status_tally where slot < 64";
    assert_eq!(database.value::<i64>(slots).await, 64);
}

#[tokio::test]
async fn a_disabled_trigger_is_named_with_its_remedy() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "alter table task_status enable trigger task_status_count_delete;
             alter table task_status disable trigger task_status_count_update",
        )
        .await;
    let advice = |trigger| {
        format!(
            "\nthe trigger {trigger} is missing or does not always fire; its owner can repair it with: \
             alter table task_status enable always trigger {trigger}"
        )
    };
    let found = "0 tasks are pending; the tally says 0".to_owned()
        + &advice("task_status_count_delete")
        + &advice("task_status_count_update");
    assert_eq!(verify(&database, &[]), (Some(3), found.clone()));
    for trigger in ["task_status_count_delete", "task_status_count_update"] {
        let cure = found.lines().find_map(|line| {
            line.split_once("with: ")
                .filter(|(_, cure)| cure.ends_with(trigger))
        });
        database.execute(cure.unwrap().1).await;
    }
    assert_eq!(verify(&database, &[]).0, Some(0));
}

#[tokio::test]
async fn a_database_without_a_tally_is_refused() {
    let database = TestDatabase::empty().await;
    assert_eq!(verify(&database, &[]), (Some(1), String::new()));
}

#[tokio::test]
async fn serve_reports_drift() {
    let database = drifted().await;
    let mut program = Program::start(serve(&database.url(), &["--auth", "none"]));
    let line = program.logged("the tally of the pending tasks is wrong").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(
        [
            &line["counted"],
            &line["tallied"],
            &line["drift"],
            &line["disabledTriggers"]
        ],
        [&2.into(), &1.into(), &(-1).into(), &serde_json::Value::from("[]")]
    );
    program.stop();
}
