//! `Prefer: wait`: a long poll is answered when its page changes.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use task_status::pending::PendingConfig;
use tokio::task::JoinHandle;

use crate::support::database::TestDatabase;
use crate::support::eventually;
use crate::support::program::{Program, serve};
use crate::support::service::{Answer, PENDING_TASKS, Service, Setup};

/// A request to a service.
struct Asked {
    service: Arc<Service>,
    target: String,
    etag: String,
}

impl Asked {
    /// A request whose response the client has.
    async fn known(service: &Arc<Service>, query: &str) -> Self {
        let target = format!("{PENDING_TASKS}{query}");
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
