//! One client does not keep others out: shares of requests in flight, of streams and of connections to the database.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use sqlx::{Connection, PgConnection};
use task_status::auth::Authenticator;
use task_status::auth::proxies::Proxies;
use task_status::http::middleware::authorize::Authorizer;
use task_status::http::shares::Bounds;
use task_status::store::database::Limits;
use task_status::store::schema::Schema;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use crate::support::database::TestDatabase;
use crate::support::service::{Answer, LIMITS, PENDING_TASKS, Service, Setup, watched};
use crate::support::tasks;
use crate::support::until;
use crate::waiting::polled;

/// A service with ten connections, whose clients are told apart by the address that a proxy names.
struct Shared {
    database: TestDatabase,
    service: Arc<Service>,
}

impl Shared {
    async fn start(requests: u32, streams: u32) -> Self {
        let database = TestDatabase::new().await;
        database.insert(&["a", "b"]).await;
        let limits = Limits {
            max_connections: 10,
            ..LIMITS
        };
        let proxies = Proxies::new(vec!["127.0.0.1".parse().unwrap()]);
        let mut setup = Setup::with_authorizer(Authorizer::new(Authenticator::Open, proxies, None));
        setup.api.bounds = Bounds {
            requests: requests.try_into().unwrap(),
            streams: streams.try_into().unwrap(),
        };
        let store = watched(database.service_options(), limits, Schema::Expect);
        store.wait_until_up().await;
        let service = Arc::new(Service::on(store, setup));
        Self { database, service }
    }

    /// Locks the task `a`.
    async fn lock(&self) -> PgConnection {
        let mut holder = self.database.connect().await;
        let lock = "begin; select from task_status where id = 'a' for update";
        sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
        holder
    }

    async fn get(&self, client: u8, target: &str) -> Answer {
        let client = format!("192.0.2.{client}");
        let headers = [("X-Forwarded-For", client.as_str())];
        self.service.request(Method::GET, target, &headers).await
    }

    async fn put(&self, client: u8, id: &str) -> Answer {
        put(&self.service, client, id).await
    }

    /// Reports of a client about `a`, as many as this.
    fn puts(&self, client: u8, number: usize) -> Vec<JoinHandle<Answer>> {
        (0..number)
            .map(|_| {
                let service = Arc::clone(&self.service);
                tokio::spawn(async move { put(&service, client, "a").await })
            })
            .collect()
    }

    /// Returns when this many statements wait for the lock.
    async fn until_blocked(&self, number: i64) {
        self.database.until_blocked(number, "task_status").await;
    }

    /// Begins a stream of a client. It ends when the sender is dropped.
    async fn stream(&self, client: u8) -> (mpsc::Sender<std::io::Result<String>>, reqwest::Response) {
        let (sender, receiver) = mpsc::channel(1);
        let line = r#"{"id":"s","type":"QPOC","uniqueName":"n","launcher":"l"}"#;
        sender.send(Ok(format!("{line}\n"))).await.unwrap();
        // The response begins with the first line.
        let response = reqwest::Client::new()
            .post(format!("http://{}/task-status", self.service.address))
            .header("Content-Type", "application/x-ndjson")
            .header("X-Forwarded-For", format!("192.0.2.{client}"))
            .body(reqwest::Body::wrap_stream(ReceiverStream::new(receiver)));
        (sender, response.send().await.unwrap())
    }
}

async fn put(service: &Service, client: u8, id: &str) -> Answer {
    let client = format!("192.0.2.{client}");
    let headers = [
        ("X-Forwarded-For", client.as_str()),
        ("Content-Type", "application/json"),
    ];
    let target = format!("/task-status/{id}");
    service
        .send_with(Method::PUT, &target, &headers, tasks::REPORT)
        .await
}

async fn all_answered(requests: Vec<JoinHandle<Answer>>) {
    for request in requests {
        let answer = request.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_half_of_the_requests_in_flight() {
    let shared = Shared::start(4, 1).await;
    let holder = shared.lock().await;
    let inside = shared.puts(1, 2);
    shared.until_blocked(2).await;
    for target in ["/docs", PENDING_TASKS] {
        let refused = shared.get(1, target).await;
        assert_eq!(refused.status, 503, "{target}");
        assert_eq!(refused.causes(), ["Too many requests are in flight."]);
        assert_eq!(shared.get(2, target).await.status, 200, "{target}");
    }
    holder.close().await.unwrap();
    all_answered(inside).await;
    until("the client has places again", async || {
        shared.get(1, PENDING_TASKS).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_half_of_the_connections() {
    let shared = Shared::start(1000, 100).await;
    let holder = shared.lock().await;
    let inside = shared.puts(1, 30);
    // One of its five is for pages.
    shared.until_blocked(4).await;
    shared.database.insert(&["c"]).await;
    for client in [2, 1] {
        assert_eq!(shared.get(client, PENDING_TASKS).await.ids(), ["a", "b", "c"]);
    }
    assert_eq!(
        shared.get(2, "/task-status?sorters=created").await.ids(),
        ["a", "b", "c"]
    );
    assert_eq!(shared.get(2, "/task-status/b").await.status, 200);
    assert_eq!(shared.put(2, "b").await.status, 200);
    shared.until_blocked(4).await;
    holder.close().await.unwrap();
    all_answered(inside).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_pending_tasks_have_connections_of_their_own() {
    let shared = Shared::start(1000, 100).await;
    let holder = shared.lock().await;
    let mut inside = Vec::new();
    for client in 1..=5 {
        inside.extend(shared.puts(client, 6));
    }
    shared.until_blocked(8).await;
    shared.database.insert(&["c"]).await;
    assert_eq!(shared.get(9, PENDING_TASKS).await.ids(), ["a", "b", "c"]);
    shared.until_blocked(8).await;
    holder.close().await.unwrap();
    all_answered(inside).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_reads_pages_on_half_of_the_connections() {
    let shared = Shared::start(1000, 100).await;
    let holder = shared.database.lock().await;
    let page = |client: u8, limit: usize| {
        let service = Arc::clone(&shared.service);
        tokio::spawn(async move {
            let client = format!("192.0.2.{client}");
            let headers = [("X-Forwarded-For", client.as_str())];
            let target = format!("{PENDING_TASKS}?limit={limit}");
            service.request(Method::GET, &target, &headers).await
        })
    };
    let mut inside: Vec<_> = (1..=30).map(|limit| page(1, limit)).collect();
    shared.until_blocked(5).await;
    // Of these the other client reads at least one that the first one waits to read.
    inside.extend((25..=30).map(|limit| page(2, limit)));
    until("the other client reads", async || {
        let blocked = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        shared.database.value::<i64>(blocked).await > 5
    })
    .await;
    holder.close().await.unwrap();
    all_answered(inside).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_a_quarter_of_the_streams_and_they_are_no_requests() {
    let shared = Shared::start(1, 8).await;
    let mut streams = Vec::new();
    for client in [1, 1, 2] {
        let (sender, response) = shared.stream(client).await;
        assert_eq!(response.status(), 200);
        streams.push((sender, response));
    }
    let (_, refused) = shared.stream(1).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(shared.get(1, PENDING_TASKS).await.status, 200);
    for (sender, response) in streams {
        drop(sender);
        let lines = response.text().await.unwrap();
        assert!(lines.contains(r#""refused":0"#), "{lines}");
    }
    until("there is a place for a stream", async || {
        shared.stream(1).await.1.status() == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_polls_of_slow_lists_do_not_delay_those_of_other_clients() {
    let shared = Shared::start(1000, 100).await;
    // The lists of one client can be made to wait for a lock.
    shared
        .database
        .execute(
            "create or replace function task_status_kind(task_definition_summary jsonb, unique_name text) returns text
                 language plpgsql immutable as $$
             begin
                 if current_setting('application_name') = 'task-status' then
                     perform pg_advisory_xact_lock_shared(77);
                 end if;
                 return unique_name;
             end
             $$",
        )
        .await;
    let held = |client: u8, target: String, etag: String| {
        let service = Arc::clone(&shared.service);
        tokio::spawn(async move {
            let client = format!("192.0.2.{client}");
            let headers = [
                ("X-Forwarded-For", client.as_str()),
                ("If-None-Match", &etag),
                ("Prefer", "wait=50"),
            ];
            service.request(Method::GET, &target, &headers).await
        })
    };
    let mut slow = Vec::new();
    for number in 0..20 {
        let target = format!("/task-status?filters=type+ne+%22K{number}%22");
        let etag = shared.get(1, &target).await.etag();
        slow.push(held(1, target, etag));
    }
    let target = "/task-status?filters=id+eq+%22a%22".to_owned();
    let etag = shared.get(2, &target).await.etag();
    let quick = held(2, target, etag);
    polled(&shared.database).await;
    let mut holder = shared.database.connect().await;
    sqlx::raw_sql("select pg_advisory_lock(77)")
        .execute(&mut holder)
        .await
        .unwrap();
    shared.database.insert(&["c"]).await;
    until("the slow lists are read again", async || {
        let waiting =
            "select count(*) from pg_locks where locktype = 'advisory' and objid = 77 and not granted";
        shared.database.value::<i64>(waiting).await == 4
    })
    .await;
    shared
        .database
        .execute("update task_status set progress = 'p' where id = 'a'")
        .await;
    assert_eq!(quick.await.unwrap().ids(), ["a"]);
    holder.close().await.unwrap();
    all_answered(slow).await;
}
