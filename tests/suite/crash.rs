//! A crash of one backend, after which the server recovers in place: commits that were not on disk are lost, and their
//! transaction ids are given out again.

use reqwest::{Method, StatusCode};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use task_status::store::schema::Schema;

use crate::support::eventually;
use crate::support::node::Node;
use crate::support::service::{LIMITS, PENDING_TASKS, Service, Setup, watched};

/// Writes the task in a transaction of its own, and returns the id of the transaction.
async fn write(node: &Node, durable: bool, progress: &str) -> i64 {
    let mut connection = PgConnection::connect_with(&node.options()).await.unwrap();
    let commit = if durable { "on" } else { "off" };
    sqlx::raw_sql(AssertSqlSafe(format!("set synchronous_commit = {commit}")))
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query_scalar(
        "insert into task_status (id, type, unique_name, launcher, progress) values ('a', 'QPOC', 'n', 'l', $1)
         on conflict (id) do update set progress = excluded.progress
         returning xmin::text::bigint",
    )
    .bind(progress)
    .fetch_one(&mut connection)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_does_not_keep_a_task_whose_transaction_id_is_given_out_again() {
    let node = Node::primary();
    let mut admin = PgConnection::connect_with(&node.options()).await.unwrap();
    for sql in [
        "alter system set wal_writer_delay = '10s'",
        "select pg_reload_conf()",
    ] {
        sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
    }
    let database = watched(node.options(), LIMITS, Schema::Migrate);
    database.wait_until_up().await;
    let service = Service::on(database, Setup::default());

    // Nothing is lost if the log has reached the disk by chance.
    let lost_page = eventually("a transaction id is given out again", async || {
        let lost = write(&node, false, "lost").await;
        let page = eventually("a page", async || {
            let page = service.get(PENDING_TASKS).await;
            (page.status != StatusCode::SERVICE_UNAVAILABLE).then_some(page)
        })
        .await;
        assert_eq!(page.json()[0]["progress"], "lost");
        node.crash().await;
        (write(&node, true, "again").await == lost).then_some(page)
    })
    .await;

    let page = eventually("a page", async || {
        let known = [("If-None-Match", &*lost_page.etag())];
        let page = service.request(Method::GET, PENDING_TASKS, &known).await;
        (page.status != StatusCode::SERVICE_UNAVAILABLE).then_some(page)
    })
    .await;
    assert_eq!(page.status, StatusCode::OK, "a task that was lost is confirmed");
    assert_eq!(page.json()[0]["progress"], "again", "a task that was lost");
}
