//! Changes to the schema under load, by others: an operator, or a newer version of the service in a rolling upgrade.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use task_status::store::schema::Schema;
use task_status::store::{retention, tally};
use tokio::task::JoinHandle;

use crate::support::database::TestDatabase;
use crate::support::service::{Answer, LIMITS, PENDING_TASKS, Service, Setup, watched};
use crate::support::{tasks, until};

const CLIENTS: usize = 4;
/// Tasks that no client changes.
const FIXED: [&str; 3] = ["fixed-1", "fixed-2", "fixed-3"];

/// Changes that leave every column with its name and its meaning: no request fails.
const COMPATIBLE: &[&str] = &[
    "alter table task_status add column extra text",
    "alter table task_status alter column progress type varchar(8192)",
    "alter table task_status alter column progress type text collate \"POSIX\"",
    "alter table task_status alter column progress type text",
    "alter table task_status alter column created type timestamptz(6), alter column launched type timestamptz",
    "alter table task_status alter column created type timestamptz(3), alter column launched type timestamptz(3)",
    "alter table task_status drop constraint task_status_attributes_shape_check, \
     drop constraint task_status_attributes_bounds_check, alter column attributes type json, \
     alter column percent_complete type bigint",
    "alter table task_status alter column attributes type jsonb, alter column percent_complete type integer",
    "alter table task_status alter column id type varchar(300) collate \"C\"",
    "alter table task_status alter column id type text collate \"C\"",
    "alter table task_status drop column extra",
    "drop index task_status_created_idx",
    "create index task_status_created_idx on task_status (created desc, id)",
    "vacuum full task_status",
    "cluster task_status using task_status_pkey",
    "create or replace function task_status_touch() returns trigger language plpgsql as $$ begin return new; end $$",
    "alter table task_status_tally alter column pending type numeric; \
     alter table task_status_tally alter column pending type bigint",
];

/// Changes that take something away, and what brings it back.
const AWAY: &[(&str, &str)] = &[
    (
        "alter table task_status rename column progress to moved",
        "alter table task_status rename column moved to progress",
    ),
    (
        "alter table task_status drop column progress",
        "alter table task_status add column progress text",
    ),
    (
        "alter table task_status rename to moved",
        "alter table moved rename to task_status",
    ),
    (
        "create schema moved; alter table task_status set schema moved",
        "alter table moved.task_status set schema public",
    ),
    (
        "alter table task_status_tally rename column revision to moved",
        "alter table task_status_tally rename column moved to revision",
    ),
    (
        "alter function task_status_kind rename to moved",
        "alter function moved rename to task_status_kind",
    ),
    (
        "alter table task_status drop constraint task_status_pkey",
        "alter table task_status add constraint task_status_pkey primary key (id)",
    ),
];

/// Requests of all kinds, again and again.
struct Load {
    service: Service,
    /// Whether the schema fits.
    fits: AtomicBool,
    /// Moves with each change of `fits`.
    moves: AtomicU64,
    rounds: [AtomicU64; CLIENTS],
    /// Answers of 503.
    refused: AtomicU64,
    ended: AtomicBool,
}

impl Load {
    fn start(service: Service) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let load = Arc::new(Self {
            service,
            fits: true.into(),
            moves: AtomicU64::default(),
            rounds: Default::default(),
            refused: AtomicU64::default(),
            ended: false.into(),
        });
        let clients = (0..CLIENTS).map(|client| tokio::spawn(Arc::clone(&load).run(client)));
        let clients = clients.collect();
        (load, clients)
    }

    async fn run(self: Arc<Self>, client: usize) {
        while !self.ended.load(Ordering::SeqCst) {
            self.read().await;
            self.write(client).await;
            Box::pin(self.maintain()).await;
            self.rounds[client].fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn read(&self) {
        for target in [
            format!("{PENDING_TASKS}?limit=250&count=true"),
            format!("{PENDING_TASKS}?limit=250&offset=1"),
            "/task-status?limit=250&filters=completionStatus+isnull".to_owned(),
        ] {
            if let Some(page) = self.ask(Method::GET, &target, "", String::new()).await {
                let fixed = page
                    .ids()
                    .iter()
                    .filter(|id| FIXED.contains(&id.as_str()))
                    .count();
                assert!(
                    fixed + usize::from(target.contains("offset")) >= FIXED.len(),
                    "{page:?}"
                );
            }
        }
        let target = "/task-status?filters=launcher+eq+%22FIXED%22+and+type+eq+%22N%22&sorters=uniqueName,created&count=true";
        if let Some(list) = self.ask(Method::GET, target, "", String::new()).await {
            assert_eq!(list.ids(), FIXED);
            assert_eq!(list.total_count(), Some(3));
        }
        if let Some(task) = self
            .ask(Method::GET, "/task-status/fixed-1", "", String::new())
            .await
        {
            let time = r#""2026-01-01T00:00:00.001Z""#;
            let expected = tasks::body(&[
                ("id", r#""fixed-1""#),
                ("launcher", r#""fixed""#),
                ("created", time),
                ("modified", time),
            ]);
            assert_eq!(task.body, expected);
        }
    }

    async fn write(&self, client: usize) {
        let (id, other) = (format!("client-{client}"), format!("other-{client}"));
        let target = format!("/task-status/{id}");
        let percent = self.rounds[client].load(Ordering::SeqCst) % 100;
        let task = |id: &str| json!({ "id": id, "type": "QPOC", "uniqueName": "n", "launcher": "l", "percentComplete": percent });
        if self
            .ask(Method::PUT, &target, "application/json", task(&id).to_string())
            .await
            .is_some()
            && let Some(read) = self.ask(Method::GET, &target, "", String::new()).await
        {
            assert_eq!(read.json()["percentComplete"], percent);
        }
        let patch = json!([{ "op": "replace", "path": "/percentComplete", "value": 100 }]).to_string();
        if let Some(patched) = self
            .ask(Method::PATCH, &target, "application/json-patch+json", patch)
            .await
        {
            assert_eq!(patched.json()["percentComplete"], 100);
        }
        let batch = json!([task(&id), task(&other)]).to_string();
        self.ask(Method::POST, "/task-status", "application/json", batch)
            .await;
        let clear = json!([{ "op": "replace", "path": "/completionStatus", "value": "ERROR" }]).to_string();
        let matching = format!("/task-status?filters=id+eq+%22{other}%22");
        self.ask(Method::PATCH, &matching, "application/json-patch+json", clear)
            .await;
        self.ask(
            Method::POST,
            "/task-status",
            "application/x-ndjson",
            task(&id).to_string(),
        )
        .await;
    }

    /// The work of the service in the background.
    async fn maintain(&self) {
        let moves = self.moves.load(Ordering::SeqCst);
        let database = &self.service.database;
        let pruning = async {
            let run = retention::Run::new(database, Duration::from_hours(100_000)).await?;
            retention::prune(database, run, drop).await.map(drop)
        };
        for outcome in [
            tally::check_in_turn(database).await.map(drop),
            tally::fold(database).await.map(drop),
            pruning.await,
        ] {
            if let Err(error) = outcome {
                assert!(error.is_outage(), "{error:?}");
                self.may_fail(moves, &error);
            }
        }
    }

    /// The answer, if it is not 503. That is wrong while the schema fits.
    async fn ask(&self, method: Method, target: &str, media_type: &str, content: String) -> Option<Answer> {
        let moves = self.moves.load(Ordering::SeqCst);
        let answer = self.service.send(method, target, media_type, content).await;
        if answer.status != 503 && !answer.body.contains("\"503 Service unavailable\"") {
            assert!(answer.status.is_success(), "{target}: {answer:?}");
            return Some(answer);
        }
        self.may_fail(moves, &answer);
        self.refused.fetch_add(1, Ordering::SeqCst);
        None
    }

    fn may_fail(&self, moves: u64, why: &impl std::fmt::Debug) {
        let fitted = self.fits.load(Ordering::SeqCst) && self.moves.load(Ordering::SeqCst) == moves;
        assert!(!fitted, "{why:?}");
    }

    fn fits(&self, fits: bool) {
        self.fits.store(fits, Ordering::SeqCst);
        self.moves.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until every client has made all its requests.
    async fn passes(&self, clients: &[JoinHandle<()>]) {
        let begun: Vec<u64> = self
            .rounds
            .iter()
            .map(|rounds| rounds.load(Ordering::SeqCst))
            .collect();
        until("every client has made its requests", async || {
            // Its message is printed.
            assert!(
                !clients.iter().any(JoinHandle::is_finished),
                "a client has failed"
            );
            let rounds = self.rounds.iter().zip(&begun);
            rounds
                .into_iter()
                .all(|(rounds, begun)| rounds.load(Ordering::SeqCst) >= begun + 2)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_schema_costs_no_request_and_what_it_takes_away_is_503_until_it_is_back() {
    let database = TestDatabase::new().await;
    let fixed = "insert into task_status (id, type, unique_name, launcher, created, modified)
        select 'fixed-' || n, 'QPOC', 'n', 'fixed', timestamptz '2026-01-01Z' + n * interval '1 ms', timestamptz '2026-01-01Z' + n * interval '1 ms'
        from generate_series(1, 3) n";
    database.execute(fixed).await;
    let on = watched(database.service_options(), LIMITS, Schema::Expect);
    on.wait_until_up().await;
    let (load, clients) = Load::start(Service::on(on, Setup::default()));
    load.passes(&clients).await;
    for change in COMPATIBLE {
        database.execute(change).await;
        load.passes(&clients).await;
    }
    for (change, back) in AWAY {
        load.fits(false);
        let refused = load.refused.load(Ordering::SeqCst);
        database.execute(change).await;
        load.passes(&clients).await;
        assert!(load.refused.load(Ordering::SeqCst) > refused, "{change}");
        database.execute(back).await;
        load.fits(true);
        load.passes(&clients).await;
    }
    load.ended.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
}
