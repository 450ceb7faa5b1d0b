//! Changes that the triggers do not see: pages in memory have them as soon as memory is forgotten, and a repair makes the
//! counts right.

use reqwest::{Method, StatusCode};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use task_status::store::schema::{self, Schema};
use task_status::store::tally;

use crate::support::database::TestDatabase;
use crate::support::node::Node;
use crate::support::service::{Answer, LIMITS, PENDING_TASKS, Service, Setup, watched};
use crate::support::{tasks, until};

/// The pending tasks, read for the request.
const STRAIGHT: &str = "/task-status?filters=completionStatus+isnull+and+pr+id&sorters=created";

/// A page that is current and not the one that the client knows.
async fn another(service: &Service, known: &Answer) -> Answer {
    let page = conditional(service, known).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.body, service.get(STRAIGHT).await.body);
    page
}

/// The same after memory is forgotten, and not before.
async fn another_once_forgotten(service: &Service, known: &Answer) -> Answer {
    assert_eq!(conditional(service, known).await.status, StatusCode::NOT_MODIFIED);
    service.pending.as_ref().unwrap().forget();
    another(service, known).await
}

async fn conditional(service: &Service, known: &Answer) -> Answer {
    service
        .request(Method::GET, PENDING_TASKS, &[("If-None-Match", &known.etag())])
        .await
}

#[tokio::test]
async fn a_page_has_changes_past_the_triggers_after_memory_is_forgotten() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "b"]).await;
    let service = Service::start(&database).await;
    let mut page = service.get(PENDING_TASKS).await;
    for change in [
        "alter table task_status disable trigger user;
         update task_status set progress = 'unseen' where id = 'a';
         alter table task_status enable trigger user",
        "alter table task_status alter column progress type text using progress || '!'",
        "create table child () inherits (task_status);
         insert into child (id, type, unique_name, launcher) values ('child', 'QPOC', 'n', 'l')",
        "update child set progress = 'more'",
        "drop table child;
         create table whole (like task_status) partition by list (type);
         alter table whole attach partition task_status default;
         update whole set progress = 'through the whole' where id = 'b'",
    ] {
        database.execute(change).await;
        page = another_once_forgotten(&service, &page).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_being_read_when_memory_is_forgotten_is_not_kept() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "b"]).await;
    // A page at an offset waits in the middle of its snapshot.
    let waiting = "create or replace function task_status_hour(moment timestamptz) returns timestamptz
         language plpgsql immutable as $$ begin
             perform pg_advisory_xact_lock_shared(1);
             return date_trunc('hour', moment, 'UTC');
         end $$;
         create table child () inherits (task_status)";
    database.execute(waiting).await;
    let service = Service::start(&database).await;
    let second = format!("{PENDING_TASKS}?offset=1");
    let mut holder = database.connect().await;
    holder.execute("select pg_advisory_lock(1)").await.unwrap();
    let (before, ()) = tokio::join!(service.get(&second), async {
        database.until_blocked(1, "task_status_tally").await;
        database
            .execute(&tasks::insert(&["child"]).replace("into task_status", "into child"))
            .await;
        service.pending.as_ref().unwrap().forget();
        holder.close().await.unwrap();
    });
    assert_eq!(before.ids(), ["b"]);
    assert_eq!(service.get(&second).await.ids(), ["b", "child"]);
}

/// A server with logical replication, and two databases with tables.
pub(super) async fn two_databases() -> (Node, [PgConnection; 2]) {
    let node = Node::primary();
    let mut admin = PgConnection::connect_with(&node.options()).await.unwrap();
    admin
        .execute("alter system set wal_level = logical")
        .await
        .unwrap();
    admin.execute("create database theirs").await.unwrap();
    admin.execute("create database ours").await.unwrap();
    node.stop();
    node.start();
    let mut connections = Vec::new();
    for name in ["theirs", "ours"] {
        let options = node.options().database(name);
        schema::migrate(&options).await.unwrap();
        connections.push(PgConnection::connect_with(&options).await.unwrap());
    }
    (node, connections.try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_has_replicated_changes_after_memory_is_forgotten() {
    let (node, [mut theirs, mut ours]) = two_databases().await;
    let database = watched(node.options().database("ours"), LIMITS, Schema::Expect);
    database.wait_until_up().await;
    let service = Service::on(database, Setup::default());
    ours.execute(AssertSqlSafe(tasks::insert(&["ours"])))
        .await
        .unwrap();
    let page = service.get(PENDING_TASKS).await;
    for sql in [
        "create publication tasks for table task_status",
        // Nobody subscribes. Writes and folds must go on.
        "create publication everything for all tables",
        "select pg_create_logical_replication_slot('tasks', 'pgoutput')",
    ] {
        theirs.execute(sql).await.unwrap();
    }
    let subscription = format!(
        "create subscription tasks connection 'host={} user=postgres dbname=theirs' publication tasks
         with (create_slot = false, slot_name = tasks, copy_data = false)",
        node.path("")
    );
    ours.execute(AssertSqlSafe(subscription)).await.unwrap();
    for sql in [
        &tasks::insert(&["replicated"]),
        "update task_status set progress = 'changed'",
        "begin isolation level repeatable read; update task_status set progress = 'added'; commit",
        "select task_status_fold_tally(), task_status_fold_pending()",
    ] {
        theirs.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }
    until("the task is replicated", async || {
        let found: i64 = sqlx::query_scalar("select count(*) from task_status where progress = 'added'")
            .fetch_one(&mut ours)
            .await
            .unwrap();
        found == 1
    })
    .await;
    another_once_forgotten(&service, &page).await;
}

#[tokio::test]
async fn a_repair_of_right_counts_moves_the_revision() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let service = Service::start(&database).await;
    let page = service.get(PENDING_TASKS).await;
    database
        .execute(
            "alter table task_status disable trigger user;
             update task_status set progress = 'unseen';
             alter table task_status enable trigger user",
        )
        .await;
    let mut connection = database.connect().await;
    assert!(tally::repair(&mut connection).await.unwrap().is_right());
    another(&service, &page).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_and_a_fold_lock_in_the_same_order() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    database
        .execute("insert into task_status_tally (pending, revision, table_revision) select 0, 0, 0 from generate_series(1, 100)")
        .await;
    let mut repairer = database.connect().await;
    repairer
        .execute("begin; lock table task_status_tally in share row exclusive mode")
        .await
        .unwrap();
    let folding = tokio::spawn({
        let database = service.database.clone();
        async move { tally::fold(&database).await }
    });
    database.until_blocked(1, "task_status_fold_tally").await;
    repairer
        .execute("lock table task_status_pending_delta in share row exclusive mode nowait; commit")
        .await
        .unwrap();
    assert_eq!(folding.await.unwrap().unwrap(), 100);
}
