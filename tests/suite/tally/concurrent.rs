//! Concurrent writers at every isolation level, and concurrent observers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::{AssertSqlSafe, Executor, PgConnection};
use task_status::store::tally;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::{Revisions, observe};
use crate::support::database::TestDatabase;
use crate::support::service::Service;

const WRITERS: usize = 8;
const TRANSACTIONS: usize = 60;

/// Changes its own tasks in transactions of any kind. Only the errors of TRUNCATE and SERIALIZABLE are allowed.
async fn write(mut connection: PgConnection, writer: usize) {
    let mut random = fastrand::Rng::with_seed(writer as u64);
    let mine = format!("id like 'w{writer}-%'");
    for transaction in 0..TRANSACTIONS {
        let level = [
            "read committed",
            "read committed",
            "repeatable read",
            "serializable",
        ][random.usize(..4)];
        let mut statements = vec![format!("begin isolation level {level}")];
        for statement in 0..random.usize(1..4) {
            let many = random.usize(1..30);
            statements.push(match random.usize(..5) {
                0 | 1 => format!(
                    "insert into task_status (id, type, unique_name, launcher)
                     select 'w{writer}-{transaction}-{statement}-' || n, 'QPOC', 'n', 'l' from generate_series(1, {many}) n"
                ),
                2 => format!(
                    "update task_status set completion_status = 'SUCCESS'
                     where id in (select id from task_status where {mine} and completion_status is null limit {many})"
                ),
                3 => format!(
                    "savepoint s; delete from task_status where {mine}; rollback to savepoint s;
                     update task_status set completion_status = null, completed = null, progress = 'again'
                     where id in (select id from task_status where {mine} limit {many})"
                ),
                _ => format!(
                    "delete from task_status where id in (select id from task_status where {mine} limit {many})"
                ),
            });
        }
        statements.push(if random.f32() < 0.8 { "commit" } else { "rollback" }.to_owned());
        if let Err(error) = connection.execute(AssertSqlSafe(statements.join(";"))).await {
            let code = error.as_database_error().unwrap().code().unwrap().into_owned();
            assert!(level == "serializable" && code == "40001", "{level}: {error}");
            connection.execute("rollback").await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_snapshot_has_the_count_and_its_own_revision() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let stop = Arc::new(AtomicBool::new(false));
    let revisions = Arc::new(Mutex::new(Revisions::default()));

    let mut observers = JoinSet::new();
    for level in ["read committed", "repeatable read"] {
        let (stop, revisions) = (Arc::clone(&stop), Arc::clone(&revisions));
        let mut connection = database.connect().await;
        observers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                // At the higher level the second read has the same snapshot.
                connection
                    .execute(AssertSqlSafe(format!("begin isolation level {level}")))
                    .await
                    .unwrap();
                for _ in 0..2 {
                    let observation = observe(&mut connection).await;
                    revisions.lock().await.check(&observation);
                }
                connection.execute("commit").await.unwrap();
            }
        });
    }
    // Other changes to the tally.
    let (upkeep_stop, upkeep_database) = (Arc::clone(&stop), service.database.clone());
    let mut repairer = database.connect().await;
    observers.spawn(async move {
        while !upkeep_stop.load(Ordering::Relaxed) {
            let folding = upkeep_database.connection().await.map(|mut lease| async move {
                let folded = sqlx::query("select task_status_fold_tally()")
                    .execute(&mut *lease)
                    .await;
                lease.release(folded).await
            });
            folding.unwrap().await.unwrap();
            let check = tally::repair(&mut repairer).await.unwrap();
            assert!(check.is_clean(), "{check:?}");
            tokio::task::yield_now().await;
        }
    });

    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(database.connect().await, writer));
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(observer) = observers.join_next().await {
        observer.unwrap();
    }
    assert!(revisions.lock().await.0[0].len() > 50, "hardly anything was seen");
}
