//! Migrations while others use the tables, and a version beside its successor.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::{Connection, Executor};
use task_status::store::schema;
use tokio::task::JoinHandle;

use crate::support::database::TestDatabase;
use crate::support::program::{Program, command, output_of, serve};
use crate::support::service::PENDING_TASKS;
use crate::support::{tasks, until};

const LONG: Duration = Duration::from_mins(1);
const COLUMN: &str = "alter table task_status add column owner text";

/// The migrations of this version and a later one.
async fn with_successor(sql: &str) -> Migrator {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    fs::write(folder.path().join("9999_successor.sql"), sql).unwrap();
    Migrator::new(folder.path()).await.unwrap()
}

/// A migration that runs beside the test.
async fn migration(database: &TestDatabase, sql: &str, limit: Duration) -> JoinHandle<Result<(), String>> {
    let (migrations, options) = (with_successor(sql).await, database.options());
    tokio::spawn(async move {
        let migrated = schema::run(&migrations, &options, limit).await;
        migrated.map_err(|error| task_status::telemetry::error_chain(&error))
    })
}

#[tokio::test]
async fn a_migration_that_waits_for_a_long_transaction_lets_writers_pass() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let mut holder = database.connect().await;
    holder.execute("begin; select from task_status").await.unwrap();
    let migration = migration(&database, COLUMN, LONG).await;
    let mut writer = database.connect().await;
    // Longer than a try, shorter than the statement timeout of the service.
    writer.execute("set statement_timeout = '3s'").await.unwrap();
    for _ in 0..2 {
        database.until_blocked(1, COLUMN).await;
        writer
            .execute("update task_status set percent_complete = percent_complete + 1")
            .await
            .unwrap();
    }
    holder.close().await.unwrap();
    migration.await.unwrap().unwrap();
    assert_eq!(
        database
            .value::<i32>("select percent_complete from task_status where owner is null")
            .await,
        2
    );
}

#[tokio::test]
async fn a_migration_and_a_repair_that_cannot_lock_the_tables_say_so() {
    let database = TestDatabase::new().await;
    let mut holder = database.connect().await;
    holder
        .execute("begin; lock table task_status in row exclusive mode")
        .await
        .unwrap();
    let refused =
        "the tables could not be locked: another transaction is in the way; end it, or try again later";
    let said = migration(&database, COLUMN, Duration::ZERO).await.await.unwrap();
    let said = said.unwrap_err();
    assert!(said.starts_with(refused), "{said}");
    let repair = command(&["verify", "--repair"])
        .env("DATABASE_URL", database.url())
        .output()
        .unwrap();
    assert!(
        !repair.status.success() && output_of(&repair).contains(refused),
        "{repair:?}"
    );
    holder.close().await.unwrap();
    migration(&database, COLUMN, Duration::ZERO)
        .await
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_migration_says_what_it_waits_for() {
    let database = TestDatabase::empty().await;
    let mut holder = database.connect().await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut holder)
        .await
        .unwrap();
    // Names of the program: the migration wants to make one of them too.
    holder
        .execute("begin; create table task_status (id text)")
        .await
        .unwrap();
    let mut migrate = command(&["migrate"]);
    migrate.env("DATABASE_URL", database.url());
    let mut program = Program::start(migrate);
    let line = program.logged("a migration waits for a lock").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (line["pid"].as_i64(), &line["state"]),
        (Some(pid.into()), &"idle in transaction".into()),
        "{line}"
    );
    holder.execute("rollback").await.unwrap();
    assert!(program.wait().success(), "{}", program.log());
    // Nor is the migration logged whole, as a statement that took long.
    assert!(!program.log().contains("slow statement"), "{}", program.log());
}

#[tokio::test]
async fn a_migration_goes_on_where_one_was_killed() {
    let database = TestDatabase::new().await;
    let killed = migration(&database, &format!("{COLUMN}; select pg_sleep(600)"), LONG).await;
    until("the migration has begun", async || {
        database
            .value("select exists (select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep')")
            .await
    })
    .await;
    killed.abort();
    migration(&database, COLUMN, LONG).await.await.unwrap().unwrap();
}

/// `TASK_STATUS_PREDECESSOR` names the program of the last release. Without it this version is its own predecessor.
fn predecessor(command: &Command) -> Command {
    let program = std::env::var_os("TASK_STATUS_PREDECESSOR");
    let mut predecessor = Command::new(program.as_deref().unwrap_or(command.get_program()));
    predecessor.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => predecessor.env(name, value),
            None => predecessor.env_remove(name),
        };
    }
    predecessor
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_starts_and_serves_beside_its_successor() {
    let database = TestDatabase::new().await;
    migration(&database, COLUMN, LONG).await.await.unwrap().unwrap();
    let migrate = || {
        let mut migrate = command(&["migrate"]);
        migrate.env("DATABASE_URL", database.url());
        migrate
    };
    for mut migrate in [migrate(), predecessor(&migrate())] {
        let migrated = migrate.output().unwrap();
        assert!(migrated.status.success(), "{migrated:?}");
    }
    let serve = serve(&database.url(), &["--auth", "none"]);
    let mut programs = [predecessor(&serve), serve].map(Program::start);
    let mut urls = Vec::new();
    for program in &mut programs {
        program.logged("the database is up").await;
        urls.push(program.url().await);
    }
    let client = reqwest::Client::new();
    let time = r#""2026-01-01T00:00:00.001Z""#;
    let mut pending = Vec::new();
    for (id, writer, reader) in [("a", 0, 1), ("b", 1, 0)] {
        let task = tasks::body(&[
            ("id", &format!("\"{id}\"")),
            ("created", time),
            ("modified", time),
        ]);
        let target = format!("/task-status/{id}");
        let stored = client
            .put(urls[writer].clone() + &target)
            .header("Content-Type", "application/json")
            .body(task.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(stored.status(), 201);
        pending.push(task.clone());
        for (target, expected) in [
            (&*target, task),
            (PENDING_TASKS, format!("[{}]", pending.join(","))),
        ] {
            let read = client.get(urls[reader].clone() + target).send().await.unwrap();
            assert_eq!(read.text().await.unwrap(), expected);
        }
    }
    programs.iter_mut().for_each(Program::stop);
}
