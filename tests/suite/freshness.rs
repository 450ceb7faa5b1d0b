//! Freshness: a response reflects every write that was acknowledged before its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::{AssertSqlSafe, Executor};
use task_status::pending::barrier::Barrier;
use task_status::store::{Database, tally};
use tokio::task::JoinSet;

use crate::support::TIMEOUT;
use crate::support::database::TestDatabase;
use crate::support::service::Service;
use crate::support::tasks;

fn barrier(database: &Database) -> Barrier<tally::Tally> {
    let database = database.clone();
    Barrier::new(TIMEOUT, move || {
        let database = database.clone();
        async move { tally::read(&database).await }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_barrier_sees_every_acknowledged_write() {
    const WRITERS: usize = 8;
    const WRITES: usize = 60;
    let database = TestDatabase::new().await;
    let services = [Service::start(&database).await, Service::start(&database).await];
    let barriers = Arc::new(services.each_ref().map(|service| barrier(&service.database)));
    let acknowledged = Arc::new(AtomicI64::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let mut connection = database.connect().await;
        let (barriers, acknowledged) = (Arc::clone(&barriers), Arc::clone(&acknowledged));
        writers.spawn(async move {
            for write in 0..WRITES {
                let sql = tasks::insert(&[&format!("{writer}-{write}")]);
                connection.execute(AssertSqlSafe(sql)).await.unwrap();
                acknowledged.fetch_add(1, Ordering::SeqCst);
                let before = acknowledged.load(Ordering::SeqCst);
                let tally = barriers[(writer + write) % 2].pass().await.unwrap();
                assert!(tally.pending >= before, "{} of {before}", tally.pending);
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    for barrier in &*barriers {
        assert_eq!(
            barrier.pass().await.unwrap().pending,
            i64::try_from(WRITERS * WRITES).unwrap()
        );
    }
}
