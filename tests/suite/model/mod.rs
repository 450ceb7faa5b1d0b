//! The whole against a model: writers change tasks in every way, through the API and around it, and readers compare each
//! response of two replicas with the writes.
//!
//! Each response must be the query in some snapshot since the request began (see [`history`]), with the count of that
//! snapshot, and one tag must always stand for the same bytes. A step is a write or a checked response;
//! `TASK_STATUS_MODEL_STEPS` sets their number.

mod history;
mod writes;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use task_status::http::state::EmptyStatus;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use self::history::{History, Part, Said};
use self::writes::Way;
use crate::support::database::{TestDatabase, rewritten};
use crate::support::decoded;
use crate::support::service::{PENDING_TASKS, Service, Setup};

const WRITERS: usize = 6;
const READERS: usize = 2;
const STEPS: usize = 5000;
const JSON_PATCH: &str = "application/json-patch+json";

/// The shared state.
struct World {
    services: [Service; 2],
    history: Mutex<History>,
    stamp: AtomicI64,
    /// TRUNCATE runs without other writes.
    truncating: RwLock<()>,
    /// By tag, the digest of its bytes.
    tags: Mutex<HashMap<String, [u8; 32]>>,
    steps: usize,
    made: AtomicUsize,
    counts: Counts,
}

/// How often each case occurred.
#[derive(Debug, Default)]
struct Counts {
    writes: AtomicUsize,
    pages: AtomicUsize,
    not_modified: AtomicUsize,
    coded: AtomicUsize,
    from_links: AtomicUsize,
}

impl World {
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap()
    }

    /// Takes a step, if one is left.
    fn step(&self) -> bool {
        self.made.fetch_add(1, Ordering::Relaxed) < self.steps
    }

    /// Checks that equal tags mean equal bytes.
    fn tag(&self, tag: &str, bytes: &[u8]) -> Result<(), String> {
        let digest = Sha256::digest(bytes).into();
        let mut tags = self.tags.lock().unwrap();
        if *tags.entry(tag.to_owned()).or_insert(digest) == digest {
            Ok(())
        } else {
            Err(format!("one tag for two bodies: {tag}"))
        }
    }
}

/// A writer or reader, or both.
struct Actor {
    world: Arc<World>,
    random: fastrand::Rng,
    /// The last response to each request.
    known: HashMap<Ask, (String, Said)>,
    /// The last request, and the next page by its link.
    last: Option<Ask>,
    next: Option<Ask>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Ask {
    target: String,
    part: Part,
    coding: &'static str,
}

impl Ask {
    /// The request of the link in a response.
    fn next(&self, link: &str, said: &Said) -> Option<Self> {
        let (id, task) = said.tasks.last()?;
        let query = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
        let query = query.replace("&count=true", "").replace("&count=false", "");
        Some(Self {
            target: format!("{}{query}", self.target.split('?').next()?),
            part: Part {
                after: Some((task.created, id.clone())),
                offset: 0,
                ..self.part.clone()
            },
            coding: self.coding,
        })
    }
}

#[derive(Deserialize)]
struct Row {
    id: String,
    created: String,
    modified: String,
    progress: String,
}

impl Actor {
    fn service(&mut self) -> &Service {
        &self.world.services[self.random.usize(..2)]
    }

    /// Writes, and returns once the write is acknowledged.
    async fn write(&mut self, writer: usize, connection: &mut PgConnection) -> Result<(), String> {
        let world = Arc::clone(&self.world);
        world.counts.writes.fetch_add(1, Ordering::Relaxed);
        if self.random.usize(..400) == 0 {
            let _alone = world.truncating.write().await;
            world.history().begin_truncating();
            sql(connection, "truncate task_status".to_owned()).await?;
            world.history().acknowledge(0..WRITERS);
            return Ok(());
        }
        let _not_alone = world.truncating.read().await;
        let before = world.history().tasks(writer);
        let stamp = world.stamp.fetch_add(10, Ordering::Relaxed);
        let way = Way::any(&mut self.random, writer, &before, stamp);
        let mut after = (*before).clone();
        way.apply(&mut after);
        let changes = after != *before;
        if changes {
            world.history().begin(writer, after);
        }
        let done = self.carry_out(&way, writer, connection).await;
        done.map_err(|error| format!("a write failed: {error}: {way:?}"))?;
        if changes {
            world.history().acknowledge([writer]);
        }
        Ok(())
    }

    async fn carry_out(
        &mut self,
        way: &Way,
        writer: usize,
        connection: &mut PgConnection,
    ) -> Result<(), String> {
        let complete = json!([{ "op": "replace", "path": "/completionStatus", "value": "Success" }]);
        let (method, target, media_type, body) = match way {
            Way::Sql(transaction) => return sql(connection, transaction.sql()).await,
            Way::Fold => {
                let fold = "select task_status_fold_tally(); select task_status_fold_pending()";
                return sql(connection, fold.to_owned()).await;
            }
            Way::Copy(rows) => {
                let (statement, rows) = writes::copy(rows);
                return copy(connection, &statement, rows)
                    .await
                    .map_err(|error| error.to_string());
            }
            Way::Put(id, task) => {
                let task = writes::report(None, id, task);
                (
                    Method::PUT,
                    format!("/task-status/{id}"),
                    "application/json",
                    task,
                )
            }
            Way::Batch(rows) => {
                let rows: Vec<_> = rows
                    .iter()
                    .map(|(id, task)| writes::report(Some(id), id, task))
                    .collect();
                (
                    Method::POST,
                    "/task-status".into(),
                    "application/json",
                    rows.into(),
                )
            }
            Way::Patch(id) => (Method::PATCH, format!("/task-status/{id}"), JSON_PATCH, complete),
            Way::Clear => {
                let target = format!("/task-status?filters=launcher+eq+%22w{writer}%22");
                (Method::PATCH, target, JSON_PATCH, complete)
            }
        };
        let answer = self
            .service()
            .send(method, &target, media_type, body.to_string())
            .await;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    }

    /// Sends a request, and compares the response with the writes.
    async fn ask(&mut self) -> Result<(), String> {
        let world = Arc::clone(&self.world);
        let ask = match (self.random.usize(..3), self.next.take(), self.last.take()) {
            (0, Some(next), _) => next,
            (1, _, Some(last)) => last,
            _ => self.any(),
        };
        self.last = Some(ask.clone());
        let counts = self.random.bool();
        let known = self
            .known
            .get(&ask)
            .filter(|_| self.random.usize(..4) > 0)
            .cloned();
        let target = format!("{}&count={counts}", ask.target);
        let mut headers = vec![("Accept-Encoding", ask.coding)];
        if let Some((tag, _)) = &known {
            headers.push(("If-None-Match", tag));
        }
        let asked = world.history().tick();
        let response = self.service().response(Method::GET, &target, &headers).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(|error| error.to_string())?;
        let window = world.history().since(asked);

        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let tag = header("etag").ok_or_else(|| format!("no tag: {status} {target}"))?;
        let count = header("x-total-count").map(|count| count.parse().unwrap());
        if counts != count.is_some() {
            return Err(format!("a count although none was requested, or none: {target}"));
        }
        let tasks = match (status, known) {
            (StatusCode::NOT_MODIFIED, Some((known, said))) if known == tag && body.is_empty() => {
                world.counts.not_modified.fetch_add(1, Ordering::Relaxed);
                said.tasks
            }
            (StatusCode::OK | StatusCode::NO_CONTENT, known) => {
                if known.is_some_and(|(known, _)| known == tag) {
                    return Err(format!("not a 304 for a current tag: {target}"));
                }
                if status == StatusCode::NO_CONTENT {
                    Vec::new()
                } else {
                    world.tag(&tag, &body)?;
                    tasks(&decoded(header("content-encoding").as_deref(), &body))?
                }
            }
            (status, _) => return Err(format!("{status} {headers:?} for {target}")),
        };
        let said = Said { tasks, count };
        window
            .explains(&ask.part, &said)
            .map_err(|error| format!("{error}, {target}"))?;
        if header("content-encoding").is_some() {
            world.counts.coded.fetch_add(1, Ordering::Relaxed);
        }
        if ask.part.after.is_some() {
            world.counts.from_links.fetch_add(1, Ordering::Relaxed);
        }
        world.counts.pages.fetch_add(1, Ordering::Relaxed);
        self.next = header("link").and_then(|link| ask.next(&link, &said));
        if self.known.len() > 50 {
            self.known.clear();
        }
        self.known.insert(ask, (tag, said));
        Ok(())
    }

    /// A random request that memory can serve.
    fn any(&mut self) -> Ask {
        let random = &mut self.random;
        let newest_first = random.bool();
        let list = match (newest_first, random.bool()) {
            (true, _) => "/task-status?filters=completionStatus+isnull".to_owned(),
            (false, true) => "/v2025/task-status?filters=completionStatus+isnull&sorters=created".to_owned(),
            (false, false) => format!("{PENDING_TASKS}?"),
        };
        let part = Part {
            newest_first,
            after: None,
            offset: [0, 0, 0, random.usize(..6) * 5, random.usize(..80)][random.usize(..5)],
            limit: [250, 250, 20, 10, 10, 1, random.usize(..30)][random.usize(..7)],
        };
        Ask {
            target: format!("{list}&offset={}&limit={}", part.offset, part.limit),
            part,
            coding: ["identity", "identity", "gzip", "br", "zstd"][random.usize(..5)],
        }
    }
}

async fn sql(connection: &mut PgConnection, sql: String) -> Result<(), String> {
    let done = connection.execute(AssertSqlSafe(sql)).await;
    done.map(drop).map_err(|error| error.to_string())
}

async fn copy(connection: &mut PgConnection, statement: &str, rows: String) -> Result<(), sqlx::Error> {
    let mut copy = connection.copy_in_raw(statement).await?;
    copy.send(rows.into_bytes()).await?;
    copy.finish().await.map(drop)
}

fn tasks(body: &[u8]) -> Result<Vec<(String, history::Task)>, String> {
    let rows: Vec<Row> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let said = |row: Row| writes::said(row.id, &row.created, &row.modified, &row.progress);
    rows.into_iter().map(said).collect()
}

/// Runs writers and readers for this number of steps, or until one finds a fault.
async fn run(database: &TestDatabase, steps: usize) -> Result<Counts, String> {
    let other = Setup::with_empty_status(EmptyStatus::Ok);
    let world = Arc::new(World {
        services: [
            Service::start(database).await,
            Service::with(database, other).await,
        ],
        history: Mutex::new(History::of(WRITERS)),
        stamp: AtomicI64::new(0),
        truncating: RwLock::new(()),
        tags: Mutex::default(),
        steps,
        made: AtomicUsize::new(0),
        counts: Counts::default(),
    });
    let mut actors = JoinSet::<Result<(), String>>::new();
    for number in 0..WRITERS + READERS {
        let mut actor = Actor {
            world: Arc::clone(&world),
            random: fastrand::Rng::with_seed(number as u64),
            known: HashMap::new(),
            last: None,
            next: None,
        };
        let mut connection = database.connect().await;
        actors.spawn(async move {
            while actor.world.step() {
                if number < WRITERS && actor.random.bool() {
                    actor.write(number, &mut connection).await?;
                } else {
                    actor.ask().await?;
                }
            }
            Ok(())
        });
    }
    while let Some(done) = actors.join_next().await {
        // The others end with the set.
        done.unwrap()?;
    }
    drop(actors);
    Ok(Arc::into_inner(world).unwrap().counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_response_is_of_a_snapshot_since_its_request() {
    let steps = std::env::var("TASK_STATUS_MODEL_STEPS").map_or(STEPS, |steps| steps.parse().unwrap());
    let database = TestDatabase::new().await;
    let counts = run(&database, steps).await.unwrap();
    println!("{counts:?}");
    let Counts {
        writes,
        pages,
        not_modified,
        coded,
        from_links,
    } = counts;
    for (what, share) in [
        (writes, 4),
        (pages, 4),
        (not_modified, 400),
        (coded, 50),
        (from_links, 50),
    ] {
        assert!(what.into_inner() >= steps / share, "too few cases");
    }
}

/// The fault that is found in a database broken by this SQL.
async fn found(broken: &str) -> String {
    let database = TestDatabase::new().await;
    database.execute(broken).await;
    run(&database, 50 * STEPS).await.map(drop).expect_err(broken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_trigger_is_found() {
    for operation in ["insert", "update", "delete", "truncate"] {
        let found = found(&format!(
            "drop trigger task_status_count_{operation} on task_status"
        ))
        .await;
        assert!(
            found.starts_with("a response of no snapshot") || found.starts_with("a count that is not"),
            "{found}"
        );
    }
}

/// SQL that replaces `this` by `other` in the counting function.
fn counting(this: &str, other: &str) -> String {
    rewritten("task_status_count", this, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_drifts_is_found() {
    let found = found(&counting(
        "pending + entered_pending - left_pending",
        "pending + entered_pending",
    ))
    .await;
    assert!(
        found.starts_with("a count that is not of the page's snapshot"),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_updated_in_an_old_snapshot_are_found() {
    let always = counting(
        "current_setting('transaction_isolation') in ('read committed', 'read uncommitted')",
        "true",
    );
    // All writers begin at the same slot, so that they soon collide.
    let found = found(&format!("{always}; {}", counting("pg_backend_pid() & 31", "0"))).await;
    assert!(
        found.starts_with("a write failed: ") && found.contains("could not serialize access"),
        "{found}"
    );
}
