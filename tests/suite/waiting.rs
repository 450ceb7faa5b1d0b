//! `Prefer: wait`: a long poll is answered when its page or task changes.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use sqlx::{Connection, Executor};
use task_status::pending::PendingConfig;
use tokio::task::JoinHandle;

use crate::support::database::TestDatabase;
use crate::support::program::{Program, serve};
use crate::support::service::{Answer, PENDING_TASKS, Service, Setup};
use crate::support::{eventually, until};

/// A request to a service.
struct Asked {
    service: Arc<Service>,
    target: String,
    etag: String,
}

impl Asked {
    /// A request whose response the client has.
    async fn known(service: &Arc<Service>, query: &str) -> Self {
        Self::of(service, &format!("{PENDING_TASKS}{query}")).await
    }

    /// The same for any target.
    async fn of(service: &Arc<Service>, target: &str) -> Self {
        let target = target.to_owned();
        let answer = service.get(&target).await;
        Self {
            service: Arc::clone(service),
            target,
            etag: answer.etag(),
        }
    }

    /// Repeats the request as a long poll.
    fn wait(&self, seconds: u32) -> JoinHandle<Answer> {
        let (service, target, etag) = (Arc::clone(&self.service), self.target.clone(), self.etag.clone());
        tokio::spawn(async move {
            let prefer = format!("wait={seconds}");
            let headers = [("If-None-Match", etag.as_str()), ("Prefer", &prefer)];
            service.request(Method::GET, &target, &headers).await
        })
    }
}

/// Returns once a long poll is held: then the service reads the tally again and again.
pub async fn polled(database: &TestDatabase) {
    let looked = "select max(state_change)::text from pg_stat_activity
                  where datname = current_database() and query like '%sum(revision)%' and pid <> pg_backend_pid()";
    let mut seen = Vec::new();
    eventually("looks at the tally", async || {
        seen.push(database.value::<Option<String>>(looked).await);
        seen.dedup();
        (seen.len() > 3).then_some(())
    })
    .await;
}

/// Returns once so many long polls of a service are held.
async fn held(service: &Service, number: usize) {
    let pending = service.pending.as_ref().unwrap();
    until("all are held", async || pending.long_polls().0 == number).await;
}

#[tokio::test]
async fn a_long_poll_is_answered_when_the_page_changes_through_any_replica() {
    let database = TestDatabase::new().await;
    // The first wait is on an empty list.
    for id in ["a", "b", "c"] {
        let mut waiting = Vec::new();
        for _ in 0..2 {
            let service = Arc::new(Service::start(&database).await);
            let asked = Asked::known(&service, "").await;
            waiting.extend([asked.wait(50), asked.wait(50)]);
            held(&service, 2).await;
        }
        polled(&database).await;
        database.insert(&[id]).await;
        for answer in waiting {
            let answer = answer.await.unwrap();
            assert_eq!(answer.ids().last().map(String::as_str), Some(id));
            assert_eq!(answer.header("preference-applied"), Some("wait=50"));
        }
    }
}

#[tokio::test]
async fn a_long_poll_of_any_list_or_task_is_answered_when_it_changes() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "done", "other"]).await;
    let complete = "update task_status set completion_status = 'ERROR' where id = 'done'";
    database.execute(complete).await;
    let service = Arc::new(Service::start(&database).await);
    let history = "/task-status?filters=pr+completionStatus";
    let of_done = [history, "/task-status?sorters=type", "/task-status/done"];
    let of_pending = "/task-status?filters=id+eq+%22a%22+and+completionStatus+isnull";
    for progress in ["first", "second"] {
        let mut waiting = Vec::new();
        for target in of_done {
            waiting.push(Asked::of(&service, target).await.wait(50));
        }
        let pending = Asked::of(&service, of_pending).await.wait(50);
        let counts = Asked::of(&service, &format!("{history}&limit=0&count=true")).await;
        let counts = counts.wait(50);
        held(&service, 5).await;
        polled(&database).await;
        // Not a change that any of them sees.
        database
            .execute(&format!(
                "update task_status set progress = '{progress}' where id = 'other'"
            ))
            .await;
        database
            .execute(&format!(
                "update task_status set progress = '{progress}' where id = 'done'"
            ))
            .await;
        for answer in waiting {
            let answer = answer.await.unwrap();
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(answer.header("preference-applied"), Some("wait=50"));
            assert!(answer.body.contains(progress), "{}", answer.body);
        }
        assert!(!pending.is_finished());
        database
            .execute(&format!(
                "update task_status set progress = '{progress} too' where id = 'a'"
            ))
            .await;
        assert!(pending.await.unwrap().body.contains("too"));
        assert!(!counts.is_finished());
        database
            .execute(
                "insert into task_status (id, type, unique_name, launcher, completion_status)
                      values (gen_random_uuid()::text, 'QPOC', 'n', 'l', 'ERROR')",
            )
            .await;
        let counts = counts.await.unwrap();
        assert_eq!(counts.header("preference-applied"), Some("wait=50"));
        assert_eq!(counts.status, StatusCode::NOT_MODIFIED);
    }
    let waiting = Asked::of(&service, "/task-status/a").await.wait(50);
    polled(&database).await;
    database.execute("delete from task_status where id = 'a'").await;
    assert_eq!(waiting.await.unwrap().status, StatusCode::NOT_FOUND);
    let missing = [("If-None-Match", "\"x\""), ("Prefer", "wait=50")];
    let missing = service.request(Method::GET, "/task-status/a", &missing).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_polls_of_one_list_share_its_reads() {
    const WAITERS: usize = 40;
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let service = Arc::new(Service::start(&database).await);
    let asked = Asked::of(&service, "/task-status?filters=id+eq+%22a%22").await;
    let waiting: Vec<_> = (0..WAITERS).map(|_| asked.wait(50)).collect();
    polled(&database).await;
    let reads = || service.pending.as_ref().unwrap().cache_stats().misses.get();
    let before = reads();
    database.insert(&["b"]).await;
    until("the list is read again", async || reads() > before).await;
    database
        .execute("update task_status set progress = 'p' where id = 'a'")
        .await;
    for answer in waiting {
        assert!(answer.await.unwrap().body.contains("\"p\""));
    }
    // As many as permits for each of the two changes, at most, of which one reads.
    assert!(reads() - before < WAITERS as u64, "{}", reads() - before);
}

#[tokio::test]
async fn long_polls_of_one_page_share_the_freshness_check_of_its_read() {
    const WAITERS: usize = 100;
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let setup = Setup {
        pending: PendingConfig {
            max_wakeups: 4,
            ..PendingConfig::default()
        },
        ..Setup::default()
    };
    let service = Arc::new(Service::with(&database, setup).await);
    let asked = Asked::known(&service, "").await;
    let waiting: Vec<_> = (0..WAITERS).map(|_| asked.wait(50)).collect();
    let pending = service.pending.as_ref().unwrap();
    held(&service, WAITERS).await;
    polled(&database).await;
    let checked = || pending.freshness_checks().waiters.get();
    let before = checked();
    database.insert(&["b"]).await;
    for answer in waiting {
        assert_eq!(answer.await.unwrap().ids(), ["a", "b"]);
    }
    assert!(checked() - before < WAITERS as u64, "{}", checked() - before);
}

#[tokio::test]
async fn a_long_poll_is_not_answered_with_a_page_that_was_read_before_it() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "b"]).await;
    // A page at an offset waits in the middle of its snapshot, if that has no progress.
    let waits = "create or replace function task_status_hour(moment timestamptz) returns timestamptz
         language plpgsql immutable as $$ begin
             if exists (select from task_status where id = 'b' and progress is null) then
                 perform pg_advisory_xact_lock_shared(1);
             end if;
             return date_trunc('hour', moment, 'UTC');
         end $$";
    database.execute(waits).await;
    let service = Arc::new(Service::start(&database).await);
    let second = format!("{PENDING_TASKS}?offset=1&limit=1");
    let mut holder = database.connect().await;
    holder.execute("select pg_advisory_lock(1)").await.unwrap();
    let slow = tokio::spawn({
        let (service, second) = (Arc::clone(&service), second.clone());
        async move { service.get(&second).await }
    });
    database.until_blocked(1, "task_status_tally").await;
    database
        .execute("update task_status set progress = 'new' where id = 'b'")
        .await;
    let waiting = Asked::of(&service, &second).await.wait(50);
    polled(&database).await;
    holder.close().await.unwrap();
    let slow = slow.await.unwrap().body;
    assert!(!slow.contains("new"), "{slow}");
    // In memory the page is older now than what the client has. Then a task beside it changes.
    database
        .execute("update task_status set progress = 'other' where id = 'a'")
        .await;
    assert_eq!(waiting.await.unwrap().status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn long_polls_of_single_tasks_are_looked_at_together() {
    let database = TestDatabase::new().await;
    let ids: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    database
        .insert(&ids.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let service = Arc::new(Service::start(&database).await);
    let mut waiting = Vec::new();
    for id in &ids {
        waiting.push(Asked::of(&service, &format!("/task-status/{id}")).await.wait(50));
    }
    held(&service, ids.len()).await;
    polled(&database).await;
    // The tasks cannot be read, and may have changed.
    let mut holder = database.connect().await;
    sqlx::raw_sql("begin; lock table task_status in access exclusive mode")
        .execute(&mut holder)
        .await
        .unwrap();
    database
        .execute("update task_status_tally set revision = revision + 1, table_revision = table_revision + 1 where slot = (select min(slot) from task_status_tally)")
        .await;
    let readers = "select count(*) from pg_locks where relation = 'task_status'::regclass and not granted";
    let readers = async || database.value::<i64>(readers).await;
    until("the tasks are being read", async || readers().await > 0).await;
    for _ in 0..50 {
        assert_eq!(readers().await, 1);
    }
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    database
        .execute("update task_status set progress = 'seen' where id = '7'")
        .await;
    let answer = waiting.remove(7).await.unwrap();
    assert!(answer.body.contains("seen"), "{}", answer.body);
    polled(&database).await;
    assert!(!waiting.iter().any(JoinHandle::is_finished));
}

#[tokio::test]
async fn a_long_poll_times_out_if_its_page_does_not_change() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "b"]).await;
    let service = Arc::new(Service::start(&database).await);
    let known = Asked::known(&service, "?limit=1").await.wait(2);
    // A change elsewhere in the list does not change the page.
    polled(&database).await;
    database.insert(&["c"]).await;
    let answer = known.await.unwrap();
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (StatusCode::NOT_MODIFIED, Some("wait=2"))
    );
    // But it changes the count.
    let known = Asked::known(&service, "?limit=1&count=true").await.wait(50);
    polled(&database).await;
    database.insert(&["d"]).await;
    let answer = known.await.unwrap();
    assert_eq!(
        (answer.status, answer.total_count()),
        (StatusCode::NOT_MODIFIED, Some(4))
    );
}

#[tokio::test]
async fn without_a_current_page_or_a_permit_the_response_comes_at_once() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let mut setup = Setup {
        pending: PendingConfig {
            max_long_polls: 1,
            ..PendingConfig::default()
        },
        ..Setup::default()
    };
    setup.api.bounds.requests = 1.try_into().unwrap();
    let service = Arc::new(Service::with(&database, setup).await);
    let asked = Asked::known(&service, "").await;
    let held = asked.wait(50);
    polled(&database).await;
    // There is one waiter permit, and waiting takes no request permit.
    let answer = asked.wait(50).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (StatusCode::NOT_MODIFIED, None)
    );
    for headers in [
        &[("Prefer", "wait=50")][..],
        &[("Prefer", "wait=50"), ("If-None-Match", "\"x\"")],
    ] {
        let answer = service.request(Method::GET, PENDING_TASKS, headers).await;
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (StatusCode::OK, None)
        );
    }
    held.abort();
    eventually("the permit is free", async || {
        let answer = asked.wait(1).await.unwrap();
        answer.header("preference-applied").map(drop)
    })
    .await;
    let off = Setup {
        pending: PendingConfig {
            long_poll_timeout: std::time::Duration::ZERO,
            ..PendingConfig::default()
        },
        ..Setup::default()
    };
    let service = Arc::new(Service::with(&database, off).await);
    let answer = Asked::known(&service, "").await.wait(50).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (StatusCode::NOT_MODIFIED, None)
    );
}

#[tokio::test]
async fn one_change_answers_more_long_polls_than_there_may_be_requests() {
    const WAITERS: usize = 40;
    let database = TestDatabase::new().await;
    let bounds = [
        "--max-concurrent-requests",
        "8",
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    let mut program = Program::start(serve(
        &database.url(),
        &[&["--auth", "none"], &bounds[..]].concat(),
    ));
    let metrics = program.url_of("metrics").await + "/metrics";
    let url = program.url().await + PENDING_TASKS;
    let client = reqwest::Client::new();
    let get = async |url: &str| Answer::read(client.get(url).send().await.unwrap()).await;
    let etag = get(&url).await.etag();
    let mut waiting = Vec::new();
    for number in 1..=WAITERS {
        let request = client.get(&url).header("If-None-Match", &etag);
        waiting.push(tokio::spawn(request.header("Prefer", "wait=50").send()));
        let held = format!("task_status_long_polls {number}");
        until("it is held", async || get(&metrics).await.body.contains(&held)).await;
    }
    database.insert(&["a"]).await;
    for answer in waiting {
        let answer = Answer::read(answer.await.unwrap().unwrap()).await;
        assert_eq!(
            (answer.status, answer.ids()),
            (StatusCode::OK, vec!["a".to_owned()])
        );
    }
}

#[tokio::test]
async fn a_long_poll_ends_when_the_service_stops() {
    let database = TestDatabase::new().await;
    let mut program = Program::start(serve(&database.url(), &["--auth", "none"]));
    let url = program.url().await + PENDING_TASKS;
    program.logged("the database is up").await;

    let client = reqwest::Client::new();
    let answer = Answer::read(client.get(&url).send().await.unwrap()).await;
    let request = client
        .get(&url)
        .header("If-None-Match", answer.header("etag").unwrap())
        .header("Prefer", "wait=50");
    let waiting = tokio::spawn(request.send());
    polled(&database).await;
    program.signal("TERM");
    let answer = Answer::read(waiting.await.unwrap().unwrap()).await;
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
    assert!(program.wait().success());
}
