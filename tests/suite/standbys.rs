//! Reads on standbys: no response is stale, whatever the standby shows, and no fault of a standby reaches a client.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use task_status::store::Database;
use task_status::store::hosts::Hosts;
use task_status::store::schema::Schema;
use task_status::store::standby::StandbyReads;
use tokio::task::JoinSet;

use crate::support::node::Node;
use crate::support::pgbouncer::{self, PgBouncer};
use crate::support::program::{Program, serve};
use crate::support::proxy::{Proxy, Route};
use crate::support::service::{LIMITS, PENDING_TASKS, Service, Setup};
use crate::support::{TIMEOUT, left_out, until};

/// The reads of [`Stage::read_all`].
const READS: u64 = 5;

/// A service with one standby, and the number of tasks.
struct Stage {
    service: Service,
    tasks: usize,
}

impl Stage {
    async fn new(primary: PgConnectOptions, standby: PgConnectOptions) -> Self {
        let database = Database::new(primary, LIMITS).with_standbys(&Hosts::from(standby));
        let watched = database.clone();
        tokio::spawn(async move { watched.watch(Schema::Migrate).await.unwrap() });
        database.wait_until_up().await;
        Self {
            service: Service::on(database, Setup::default()),
            tasks: 0,
        }
    }

    fn up(&self) -> usize {
        self.service.database.standby_reads().unwrap().0
    }

    fn reads(&self) -> &StandbyReads {
        self.service.database.standby_reads().unwrap().1
    }

    /// Writes a task, which makes every page in memory out of date.
    async fn write(&mut self) {
        let task = r#"{"type":"QPOC","uniqueName":"n","launcher":"l"}"#;
        let target = format!("/task-status/t{}", self.tasks);
        let stored = self
            .service
            .send(Method::PUT, &target, "application/json", task)
            .await;
        assert_eq!(stored.status, StatusCode::CREATED, "{stored:?}");
        self.tasks += 1;
    }

    /// Reads in every way that may use a standby. Each response has all tasks.
    async fn read_all(&self) {
        let (service, tasks) = (&self.service, self.tasks);
        let total = i64::try_from(tasks).ok();
        let page = service.get(&format!("{PENDING_TASKS}?count=true")).await;
        let shown = tasks.min(250);
        assert_eq!((page.ids().len(), page.total_count()), (shown, total), "{page:?}");
        let list = service
            .get("/task-status?filters=launcher+eq+%22l%22&count=true")
            .await;
        assert_eq!((list.ids().len(), list.total_count()), (shown, total), "{list:?}");
        let last = format!("t{}", tasks - 1);
        let suggested = service
            .get(&format!("/task-status/suggestions?field=id&prefix={last}"))
            .await;
        assert_eq!(suggested.json()[0], last.as_str(), "{suggested:?}");
        // Another filter each time: a summary of before may be sent for a second.
        let summary = service
            .get(&format!("/task-status/summary?filters=id+ne+%22x{tasks}%22"))
            .await;
        assert_eq!(summary.json()["pending"]["count"], tasks, "{summary:?}");
        let accept = [("Accept", "application/x-ndjson")];
        let export = service.request(Method::GET, "/task-status", &accept).await;
        assert_eq!(export.body.lines().count(), tasks, "{export:?}");
    }

    /// Waits until the standby answers each of the reads.
    async fn until_used(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < TIMEOUT {
            self.write().await;
            let before = self.reads().ok.get();
            self.read_all().await;
            if self.reads().ok.get() == before + READS {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the standby is not used: {:?}", self.reads());
    }

    /// Writes and reads. The primary answers all of it.
    async fn expect_unused(&mut self) {
        self.write().await;
        let before = self.reads().ok.get();
        for _ in 0..3 {
            self.read_all().await;
            self.write().await;
        }
        assert_eq!(self.reads().ok.get(), before, "{:?}", self.reads());
    }

    async fn outlives_a_crash(&mut self, standby: &Node) {
        standby.kill();
        self.expect_unused().await;
        standby.start();
        self.until_used().await;
    }

    /// It is not a standby any more then.
    async fn leaves_when_promoted(&mut self, standby: &Node) {
        standby.promote();
        self.expect_unused().await;
        until("the standby is known to be none", async || self.up() == 0).await;
    }
}

/// Lets a row of a table make summaries take long on a standby.
const SLOW_ON_A_STANDBY: &str = "
    create table slow (slow boolean);
    create or replace function task_status_kind(task_definition_summary jsonb, unique_name text) returns text
    language plpgsql immutable as $$
    begin
        if pg_is_in_recovery() and exists (select from slow) then
            perform pg_sleep(60);
        end if;
        return upper(unique_name);
    end $$";

/// A primary and its standby.
fn nodes() -> (Node, Node) {
    let primary = Node::primary();
    let standby = Node::standby_of(&primary);
    (primary, standby)
}

async fn count(observer: &mut PgConnection, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(observer).await.unwrap()
}

async fn keep_rows(standby: &Node) {
    for statement in [
        "alter system set hot_standby_feedback = on",
        "select pg_reload_conf()",
    ] {
        standby.execute(statement).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_answers_when_it_is_current() {
    let (primary, standby) = nodes();
    keep_rows(&standby).await;
    let mut stage = Stage::new(primary.options(), standby.options()).await;
    stage.until_used().await;
    standby.execute("select pg_wal_replay_pause()").await;
    until("the replay is paused", async || {
        let mut connection = PgConnection::connect_with(&standby.options()).await.unwrap();
        let state = sqlx::query_scalar::<_, String>("select pg_get_wal_replay_pause_state()");
        state.fetch_one(&mut connection).await.unwrap() == "paused"
    })
    .await;
    stage.expect_unused().await;
    assert!(stage.reads().behind.get() >= READS, "{:?}", stage.reads());
    standby.execute("select pg_wal_replay_resume()").await;
    stage.until_used().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_fails_fails_no_request() {
    let (primary, standby) = nodes();
    keep_rows(&standby).await;
    let proxy = Proxy::start(Route::To(standby.socket())).await;
    let mut stage = Stage::new(primary.options(), proxy.options(&standby.options())).await;
    stage.until_used().await;

    let mut observer = PgConnection::connect_with(&standby.options()).await.unwrap();
    // A read is on its way when the network dies.
    primary.execute(SLOW_ON_A_STANDBY).await;
    stage.until_used().await;
    primary.execute("insert into slow values (true)").await;
    until("the standby is slow", async || {
        count(&mut observer, "select count(*) from slow").await > 0
    })
    .await;
    let url = format!("http://{}/task-status/summary", stage.service.address);
    let mut reading = JoinSet::new();
    until("a read is on its way", async || {
        // Not each of them gets to the standby.
        reading.spawn(reqwest::get(format!("{url}?stuckAfter={}", 60 + reading.len())));
        let waiting = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
        count(&mut observer, waiting).await > 0
    })
    .await;
    let failed = stage.reads().failed.get();
    proxy.set(Route::Swallow);
    for summary in reading.join_all().await {
        assert_eq!(summary.unwrap().status(), StatusCode::OK);
    }
    assert!(stage.reads().failed.get() > failed, "{:?}", stage.reads());
    primary.execute("delete from slow").await;

    stage.expect_unused().await;
    proxy.set(Route::Close);
    stage.expect_unused().await;
    proxy.set(Route::To(standby.socket()));
    stage.until_used().await;
    stage.outlives_a_crash(&standby).await;
    stage.leaves_when_promoted(&standby).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_behind_a_pooler_answers_whatever_the_mode() {
    if pgbouncer::program().is_none() {
        left_out("not tested behind a pooler: PgBouncer is not installed");
        return;
    }
    let (primary, standby) = nodes();
    keep_rows(&standby).await;
    // Reads prepare nothing, so that no mode needs `max_prepared_statements`.
    let modes = ["session", "transaction"]
        .map(|mode| format!("pool_mode = {mode}\ndefault_pool_size = 10\nserver_login_retry = 1"));
    let mut bouncer = PgBouncer::start(standby.options(), &modes[0]).await;
    let mut stage = Stage::new(primary.options(), bouncer.options()).await;
    for mode in modes.iter().chain(&modes) {
        bouncer.restart(mode).await;
        stage.until_used().await;
        stage.outlives_a_crash(&standby).await;
    }
    stage.leaves_when_promoted(&standby).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_waits_for_a_lock_on_a_standby() {
    let (primary, standby) = nodes();
    keep_rows(&standby).await;
    let mut stage = Stage::new(primary.options(), standby.options()).await;
    let url = format!("http://{}{PENDING_TASKS}?limit=1", stage.service.address);
    let locked = "select count(*) from pg_locks where relation = 'task_status'::regclass";
    let mut admin = PgConnection::connect_with(&primary.options()).await.unwrap();
    let mut on_primary = PgConnection::connect_with(&primary.options()).await.unwrap();
    let mut on_standby = PgConnection::connect_with(&standby.options()).await.unwrap();
    loop {
        stage.until_used().await;
        let failed = stage.reads().failed.get();
        let mut lock = admin.begin().await.unwrap();
        sqlx::raw_sql("lock table task_status in access exclusive mode")
            .execute(&mut *lock)
            .await
            .unwrap();
        // The log is flushed, so that the standby takes the lock too.
        primary.execute("checkpoint").await;
        until("the standby is locked", async || {
            count(&mut on_standby, locked).await > 0
        })
        .await;
        let page = tokio::spawn(reqwest::get(url.clone()));
        until("the standby gives up, or the primary was asked", async || {
            stage.reads().failed.get() > failed || count(&mut on_primary, locked).await > 1
        })
        .await;
        lock.rollback().await.unwrap();
        assert_eq!(page.await.unwrap().unwrap().status(), StatusCode::OK);
        if stage.reads().failed.get() > failed {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_with_another_history_never_answers() {
    // The primary is another one than that of the standby, which follows the former one.
    let former = Node::primary();
    let (standby, next) = (Node::standby_of(&former), Node::standby_of(&former));
    let proxy = Proxy::start(Route::To(former.socket())).await;
    let mut stage = Stage::new(proxy.options(&former.options()), standby.options()).await;
    stage.write().await;
    until("writes reach the next primary", async || {
        let Ok(mut connection) = PgConnection::connect_with(&next.options()).await else {
            return false;
        };
        let count = sqlx::query_scalar::<_, i64>("select count(*) from task_status");
        count
            .fetch_one(&mut connection)
            .await
            .is_ok_and(|count| count == 1)
    })
    .await;
    next.promote();
    proxy.set(Route::To(next.socket()));
    until("the service is with the next primary", async || {
        let mut connection = PgConnection::connect_with(&former.options()).await.unwrap();
        let sessions = "select count(*) from pg_stat_activity where application_name = 'task-status'";
        sqlx::query_scalar::<_, i64>(sessions)
            .fetch_one(&mut connection)
            .await
            .unwrap()
            == 0
    })
    .await;
    // The former primary goes on, and its log is longer than the next one's.
    former
        .execute(
            "update task_status set progress = 'of the former primary'; select pg_switch_wal(); checkpoint",
        )
        .await;
    stage.service.database.wait_until_up().await;
    stage.expect_unused().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_is_refused_as_a_standby() {
    let primary = Node::primary();
    let url = Node::url(&[&primary]);
    let mut command = serve(&url, &["--auth", "none"]);
    let proxy = Proxy::start(Route::Close).await;
    let port = proxy.options(&primary.options()).get_port();
    command.env(
        "READ_DATABASE_URL",
        format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable&target_session_attrs=standby"),
    );
    let mut program = Program::start(command);
    let pending = program.url().await + PENDING_TASKS;
    program.logged("the database is up").await;
    program.logged("the standby is down").await;
    // The reason changes.
    proxy.set(Route::To(primary.socket()));
    let refused = program.logged("the server is not a standby").await;
    assert!(refused.contains("the standby is down"), "{refused}");
    assert_eq!(
        reqwest::get(&pending).await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    program.stop();
}
