//! The room that the tally takes: a long snapshot makes the table grow, and a fold gives the room back.

use sqlx::{Executor, PgConnection};
use task_status::store::tally;

use super::observe;
use crate::support::database::TestDatabase;
use crate::support::service::Service;
use crate::support::until;

const TALLY: &str = "task_status_tally";
const DELTAS: &str = "task_status_pending_delta";
/// More than this is given back.
const BOUND: i64 = 256 * 1024;

/// The size of a table's file.
async fn size(database: &TestDatabase, table: &str) -> i64 {
    database
        .value(&format!("select pg_relation_size('{table}')"))
        .await
}

/// A transaction with a snapshot, which has locked nothing.
async fn snapshot(database: &TestDatabase) -> PgConnection {
    let mut reader = database.connect().await;
    reader
        .execute("begin isolation level repeatable read; select 1")
        .await
        .unwrap();
    reader
}

async fn expect_count(reader: &mut PgConnection, count: i64) {
    let seen = observe(reader).await;
    assert_eq!((seen.counted, seen.tallied), (count, count));
}

#[tokio::test]
async fn a_fold_gives_back_the_room_that_a_long_snapshot_took() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    database.insert(&["a", "b"]).await;
    let mut long = snapshot(&database).await;
    database
        .execute(
            "do $$ begin
                 for n in 1..6000 loop
                     insert into task_status (id, type, unique_name, launcher) values (n, 'QPOC', 'n', 'l');
                 end loop;
             end $$",
        )
        .await;
    let grown = size(&database, TALLY).await;
    assert!(grown > BOUND, "{grown}");
    // Nothing can be given back yet.
    tally::fold(&service.database).await.unwrap();
    assert!(size(&database, TALLY).await >= grown);
    assert!(size(&database, DELTAS).await > 0);
    expect_count(&mut long, 2).await;
    long.execute("commit").await.unwrap();

    until("vacuum has shortened the deltas", async || {
        database.execute("vacuum task_status_pending_delta").await;
        size(&database, DELTAS).await == 0
    })
    .await;
    database.execute("vacuum task_status_tally").await;
    assert!(size(&database, TALLY).await >= grown, "vacuum gives nothing back");
    let mut short = snapshot(&database).await;
    database.execute("delete from task_status where id = 'b'").await;
    // A fold does not wait for others who use the table.
    let mut writer = database.connect().await;
    writer
        .execute("begin; lock table task_status_tally in row exclusive mode")
        .await
        .unwrap();
    tally::fold(&service.database).await.unwrap();
    assert!(size(&database, TALLY).await >= grown);
    writer.execute("commit").await.unwrap();

    until("the room is given back", async || {
        tally::fold(&service.database).await.unwrap();
        size(&database, TALLY).await <= BOUND
    })
    .await;
    expect_count(&mut short, 6002).await;
    expect_count(&mut writer, 6001).await;
    assert!(tally::check(&mut writer).await.unwrap().is_clean());
}

#[tokio::test]
async fn a_writer_finds_its_slot_by_the_index() {
    let database = TestDatabase::new().await;
    let plan = "explain (costs off) update task_status_tally set pending = 0 where slot = 1";
    let plan: Vec<String> = sqlx::query_scalar(plan)
        .fetch_all(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(
        plan,
        [
            "Update on task_status_tally",
            "  ->  Index Scan using task_status_tally_slot_key on task_status_tally",
            "        Index Cond: (slot = 1)"
        ]
    );
}
