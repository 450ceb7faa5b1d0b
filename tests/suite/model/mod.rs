//! The whole against a model: writers who do whatever can be done to tasks, through the API and past it, and readers who
//! hold each answer of two instances to what was written.
//!
//! Whatever is answered must be the query in some snapshot since the request began ([`history`] says which those are),
//! with the count of that snapshot, and one tag must stand for the same bytes for ever. A step is a write or an answer that
//! was checked; `TASK_STATUS_MODEL_STEPS` says how many there shall be.

mod history;
mod writes;

use std::collections::HashMap;
use std::io::Read;
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
use crate::support::service::{PENDING_TASKS, Service, Setup};

const WRITERS: usize = 6;
const READERS: usize = 2;
const STEPS: usize = 5000;
const JSON_PATCH: &str = "application/json-patch+json";

/// What all share.
struct World {
    services: [Service; 2],
    history: Mutex<History>,
    stamp: AtomicI64,
    /// Who truncates is alone.
    truncating: RwLock<()>,
    /// The digest of the bytes that a tag has stood for.
    tags: Mutex<HashMap<String, [u8; 32]>>,
    steps: usize,
    made: AtomicUsize,
    counts: Counts,
}

/// What there was.
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

    /// Whether there is another step to make.
    fn step(&self) -> bool {
        self.made.fetch_add(1, Ordering::Relaxed) < self.steps
    }

    /// The same tag means the same bytes.
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

/// Somebody who writes, or asks, or both.
struct Actor {
    world: Arc<World>,
    random: fastrand::Rng,
    /// What it has been answered, by what it asked for.
    known: HashMap<Ask, (String, Said)>,
    /// What it asked last, and where the answer says that there is more.
    last: Option<Ask>,
    next: Option<Ask>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Ask {
    target: String,
    part: Part,
    coding: &'static str,
}

impl Ask {
    /// What a link asks for that came with this answer.
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

    /// Changes something, and returns once that is acknowledged.
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

    /// Asks for something, and compares the answer with what was written.
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
            return Err(format!("a count that nobody wants, or none: {target}"));
        }
        let tasks = match (status, known) {
            (StatusCode::NOT_MODIFIED, Some((known, said))) if known == tag && body.is_empty() => {
                world.counts.not_modified.fetch_add(1, Ordering::Relaxed);
                said.tasks
            }
            (StatusCode::OK | StatusCode::NO_CONTENT, known) => {
                if known.is_some_and(|(known, _)| known == tag) {
                    return Err(format!("what the client has is sent again: {target}"));
                }
                if status == StatusCode::NO_CONTENT {
                    Vec::new()
                } else {
                    world.tag(&tag, &body)?;
                    tasks(&decoded(header("content-encoding").as_deref(), &body)?)?
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

    /// Anything that can be asked for from memory.
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

fn decoded(coding: Option<&str>, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::new();
    match coding {
        None => return Ok(bytes.to_vec()),
        Some("gzip") => flate2::read::GzDecoder::new(bytes)
            .read_to_end(&mut decoded)
            .map(drop),
        Some("br") => brotli::BrotliDecompress(&mut &*bytes, &mut decoded),
        Some(_) => zstd::stream::copy_decode(bytes, &mut decoded),
    }
    .map_err(|error| error.to_string())?;
    Ok(decoded)
}

fn tasks(body: &[u8]) -> Result<Vec<(String, history::Task)>, String> {
    let rows: Vec<Row> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let said = |row: Row| writes::said(row.id, &row.created, &row.modified, &row.progress);
    rows.into_iter().map(said).collect()
}

/// Writers and readers until so many steps are made, or one finds what ought not to be.
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
        // Whoever is left ends with the set.
        done.unwrap()?;
    }
    drop(actors);
    Ok(Arc::into_inner(world).unwrap().counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_of_a_snapshot_since_it_was_asked_for() {
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
        assert!(what.into_inner() >= steps / share, "hardly anything was tried");
    }
}

/// What is found in a database that was broken like this.
async fn found(broken: &str) -> String {
    let database = TestDatabase::new().await;
    database.execute(broken).await;
    run(&database, 50 * STEPS).await.map(drop).expect_err(broken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_is_missing_is_found_out() {
    for operation in ["insert", "update", "delete", "truncate"] {
        let found = found(&format!(
            "drop trigger task_status_count_{operation} on task_status"
        ))
        .await;
        assert!(
            found.starts_with("an answer of no snapshot") || found.starts_with("a count that is not"),
            "{found}"
        );
    }
}

/// The function that counts, with something else in the place of this.
fn counting(this: &str, other: &str) -> String {
    rewritten("task_status_count", this, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_drifts_is_found_out() {
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
async fn slots_that_are_updated_in_an_old_snapshot_are_found_out() {
    let always = counting(
        "current_setting('transaction_isolation') in ('read committed', 'read uncommitted')",
        "true",
    );
    // Everybody begins at the same slot, so that one soon meets another.
    let found = found(&format!("{always}; {}", counting("pg_backend_pid() & 31", "0"))).await;
    assert!(
        found.starts_with("a write failed: ") && found.contains("could not serialize access"),
        "{found}"
    );
}
