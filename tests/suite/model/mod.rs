//! The whole against a model: writers change tasks in every way, through the API and around it, and readers compare each
//! response of two replicas with the writes.
//!
//! Each response must be the query in some snapshot since the request began (see [`history`]), with the count of that
//! snapshot, and one tag must always stand for the same bytes. A step is a write or a checked response;
//! `TASK_STATUS_MODEL_STEPS` sets their number.
//!
//! With a standby for reads, that one lags at random ([`lag`]). If [`faults`] are injected, requests may fail with 503. A write without a response is looked up in the database.

mod faults;
mod history;
mod lag;
mod writes;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, IF_NONE_MATCH};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use self::faults::{Cluster, Failure, Session};
use self::history::{History, List, Part, Said, Tasks};
use self::lag::Lagging;
use self::writes::Way;
use crate::support::database::{TestDatabase, rewritten};
use crate::support::pgbouncer::{self, PgBouncer};
use crate::support::program::{Program, serve};
use crate::support::service::PENDING_TASKS;
use crate::support::{TIMEOUT, decoded, left_out};

const WRITERS: usize = 6;
const READERS: usize = 2;
const STEPS: usize = 5000;
/// After a request without a response.
const PAUSE: Duration = Duration::from_millis(20);
const JSON_PATCH: &str = "application/json-patch+json";

/// The shared state.
struct World {
    replicas: [Replica; 2],
    client: Client,
    history: Mutex<History>,
    stamp: AtomicI64,
    /// TRUNCATE runs without other writes.
    alone: RwLock<()>,
    /// By tag, the digest of its bytes.
    tags: Mutex<HashMap<String, [u8; 32]>>,
    steps: usize,
    made: AtomicUsize,
    counts: Counts,
    /// Whether requests and writes may fail for want of the database or a replica.
    has_faults: bool,
}

/// A replica of the service: the program.
struct Replica {
    database_url: String,
    standby_url: Option<String>,
    empty_status: &'static str,
    running: Mutex<(Program, String)>,
}

impl Replica {
    async fn start(database_url: &str, standby_url: Option<String>, empty_status: &'static str) -> Self {
        Self {
            running: Mutex::new(started(database_url, standby_url.as_deref(), empty_status).await),
            database_url: database_url.to_owned(),
            standby_url,
            empty_status,
        }
    }

    fn url(&self) -> String {
        self.running.lock().unwrap().1.clone()
    }

    /// Kills the program in the middle of its requests, and starts another.
    async fn restart(&self) {
        self.running.lock().unwrap().0.signal("KILL");
        let started = started(&self.database_url, self.standby_url.as_deref(), self.empty_status).await;
        *self.running.lock().unwrap() = started;
    }
}

/// The program, with its database up, and its URL.
async fn started(database_url: &str, standby_url: Option<&str>, empty_status: &str) -> (Program, String) {
    let arguments = ["--auth", "none", "--empty-status", empty_status];
    let mut command = serve(
        database_url,
        &[&arguments[..], &["--metrics-listen", "127.0.0.1:0"]].concat(),
    );
    if let Some(url) = standby_url {
        command.env("READ_DATABASE_URL", url);
    }
    let mut program = Program::start(command);
    let url = program.url().await;
    program.logged("the database is up").await;
    (program, url)
}

/// The servers under the model.
enum Servers<'a> {
    One,
    /// One takes writes, with faults.
    Cluster(&'a mut Cluster),
    /// One takes writes, and another one answers reads.
    Lagging(&'a Lagging),
}

/// How often each case occurred.
#[derive(Debug, Default)]
struct Counts {
    writes: AtomicUsize,
    pages: AtomicUsize,
    not_modified: AtomicUsize,
    coded: AtomicUsize,
    from_links: AtomicUsize,
    held: AtomicUsize,
    /// Requests and writes without a response.
    failed: AtomicUsize,
    /// Reads that a standby has answered, of the replicas that are up at the end.
    of_standbys: AtomicUsize,
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
    /// The request for one task.
    fn of_task(id: String, writer: usize) -> Self {
        Self {
            target: format!("/task-status/{id}?"),
            part: Part {
                list: List {
                    writer: Some(writer),
                    id: Some(id),
                    ..List::default()
                },
                newest_first: false,
                after: None,
                offset: 0,
                limit: 1,
            },
            coding: "identity",
        }
    }

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
    #[serde(rename = "completionStatus")]
    completion_status: Option<String>,
}

impl Actor {
    /// A request to one of the replicas.
    fn request(&mut self, method: Method, target: &str) -> reqwest::RequestBuilder {
        let replica = &self.world.replicas[self.random.usize(..2)];
        self.world.client.request(method, replica.url() + target)
    }

    /// Writes, and returns once the write is acknowledged, or is known not to have happened.
    async fn write(&mut self, writer: usize, session: &mut Session) -> Result<(), String> {
        let world = Arc::clone(&self.world);
        world.counts.writes.fetch_add(1, Ordering::Relaxed);
        if self.random.usize(..400) == 0 {
            let _alone = world.alone.write().await;
            // A writer without a response may be waiting to look.
            if !world.history().is_at_rest() {
                return Ok(());
            }
            let before = world.history().all();
            world.history().begin_truncating();
            let done = session.execute("truncate task_status".to_owned()).await;
            let happened = happened(&world, done, session, "", (&before, &Tasks::new())).await?;
            world.history().end(0..WRITERS, happened);
            return Ok(());
        }
        let together = world.alone.read().await;
        let before = world.history().tasks(writer);
        let now = |last| Some(writes::stamp(last) + 10);
        let stamp = world
            .stamp
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, now)
            .unwrap();
        let way = Way::any(&mut self.random, writer, &before, stamp);
        let mut after = (*before).clone();
        way.apply(&mut after);
        let changes = after != *before;
        if changes {
            world.history().begin(writer, after.clone());
        }
        let done = self.carry_out(&way, writer, session).await;
        drop(together);
        let _alone = match done {
            Ok(()) => None,
            Err(_) => Some(world.alone.write().await),
        };
        let owned = format!("w{writer}-");
        let happened = happened(&world, done, session, &owned, (&before, &after)).await;
        let happened = happened.map_err(|error| format!("{error}: {way:?}"))?;
        if changes {
            world.history().end([writer], happened);
        }
        Ok(())
    }

    async fn carry_out(&mut self, way: &Way, writer: usize, session: &mut Session) -> Result<(), Failure> {
        let complete = json!([{ "op": "replace", "path": "/completionStatus", "value": "Success" }]);
        let (method, target, media_type, body) = match way {
            Way::Sql(transaction) => return session.execute(transaction.sql()).await,
            Way::Fold => {
                let fold = "select task_status_fold_tally(); select task_status_fold_pending()";
                return session.execute(fold.to_owned()).await;
            }
            Way::Copy(rows) => {
                let (statement, rows) = writes::copy(rows);
                return session.copy(&statement, rows).await;
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
        let request = self
            .request(method, &target)
            .header(CONTENT_TYPE, media_type)
            .body(body.to_string());
        let response = request
            .send()
            .await
            .map_err(|error| Failure::Lost(error.to_string()))?;
        match response.error_for_status() {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(StatusCode::SERVICE_UNAVAILABLE) => {
                Err(Failure::Lost(error.to_string()))
            }
            Err(error) => Err(Failure::Wrong(error.to_string())),
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
        let mut request = self
            .request(Method::GET, &target)
            .header(ACCEPT_ENCODING, ask.coding);
        if let Some((tag, _)) = &known {
            request = request.header(IF_NONE_MATCH, tag);
            // What one writer changes soon has another state, and its snapshots in a second can be tried.
            if ask.part.list.writer.is_some() && self.random.usize(..4) == 0 {
                request = request.header("Prefer", "wait=1");
            }
        }
        let asked = world.history().tick();
        let response = received(request).await;
        let window = world.history().since(asked);
        let (status, headers, body) = match response {
            Ok((StatusCode::SERVICE_UNAVAILABLE, ..)) | Err(_) if world.has_faults => {
                world.counts.failed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            }
            response => response.map_err(|error| error.to_string())?,
        };

        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let is_list = ask.part.list.id.is_none();
        let is_missing = status == StatusCode::NOT_FOUND && !is_list;
        let tag = header("etag").or(is_missing.then(String::new));
        let tag = tag.ok_or_else(|| format!("no tag: {status} {target}"))?;
        let count = header("x-total-count").map(|count| count.parse().unwrap());
        if (counts && is_list) != count.is_some() {
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
            (StatusCode::NOT_FOUND, _) if is_missing => Vec::new(),
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
        if header("preference-applied").is_some() {
            world.counts.held.fetch_add(1, Ordering::Relaxed);
        }
        world.counts.pages.fetch_add(1, Ordering::Relaxed);
        if is_missing {
            return Ok(());
        }
        self.next = header("link").and_then(|link| ask.next(&link, &said));
        if self.known.len() > 50 {
            self.known.clear();
        }
        self.known.insert(ask, (tag, said));
        Ok(())
    }

    /// A random request.
    fn any(&mut self) -> Ask {
        let random = &mut self.random;
        let newest_first = random.bool();
        let writer = random.usize(..WRITERS);
        let list = List {
            is_pending: [Some(true), Some(true), Some(false), None][random.usize(..4)],
            writer: random.bool().then_some(writer),
            id: None,
        };
        if random.usize(..12) == 0 {
            return Ask::of_task(writes::id(random, writer), writer);
        }
        let target = match (newest_first, list.filter(), random.bool()) {
            (false, _, true) if list == List::pending() => format!("{PENDING_TASKS}?"),
            (true, filter, _) => format!("/task-status?filters={filter}"),
            (false, filter, _) => format!("/v2025/task-status?filters={filter}&sorters=created"),
        };
        let part = Part {
            list,
            newest_first,
            after: None,
            offset: [0, 0, 0, random.usize(..6) * 5, random.usize(..80)][random.usize(..5)],
            limit: [250, 250, 20, 10, 10, 1, random.usize(..30)][random.usize(..7)],
        };
        Ask {
            target: format!("{target}&offset={}&limit={}", part.offset, part.limit),
            part,
            coding: ["identity", "identity", "gzip", "br", "zstd"][random.usize(..5)],
        }
    }
}

async fn received(request: reqwest::RequestBuilder) -> reqwest::Result<(StatusCode, HeaderMap, Bytes)> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok((status, headers, response.bytes().await?))
}

/// Whether a write happened that left the tasks with this prefix as they were or made them what it should.
async fn happened(
    world: &World,
    done: Result<(), Failure>,
    session: &mut Session,
    prefix: &str,
    (before, after): (&Tasks, &Tasks),
) -> Result<bool, String> {
    match done {
        Ok(()) => Ok(true),
        Err(Failure::Lost(_)) if world.has_faults => {
            world.counts.failed.fetch_add(1, Ordering::Relaxed);
            let mut stored = session.stored().await;
            stored.retain(|id, _| id.starts_with(prefix));
            if stored != *after && stored != *before {
                return Err(format!("half a write: {stored:?}"));
            }
            Ok(stored == *after)
        }
        Err(Failure::Lost(error) | Failure::Wrong(error)) => Err(format!("a write failed: {error}")),
    }
}

fn tasks(body: &[u8]) -> Result<Vec<(String, history::Task)>, String> {
    let rows: Vec<Row> = match body.first() {
        Some(b'[') => serde_json::from_slice(body),
        _ => serde_json::from_slice(body).map(|task| vec![task]),
    }
    .map_err(|error| error.to_string())?;
    let said = |row: Row| {
        let is_pending = row.completion_status.is_none();
        writes::said(row.id, &row.created, &row.modified, &row.progress, is_pending)
    };
    rows.into_iter().map(said).collect()
}

/// The number of steps.
fn steps() -> usize {
    std::env::var("TASK_STATUS_MODEL_STEPS").map_or(STEPS, |steps| steps.parse().unwrap())
}

/// Runs writers and readers for this number of steps, or until one finds a fault. Two replicas use the database of the
/// URL, and writers that of the options. Both lead to the servers.
async fn run(
    replicas: &str,
    writers: &PgConnectOptions,
    servers: Servers<'_>,
    steps: usize,
) -> Result<Counts, String> {
    let standby_url = match &servers {
        Servers::Lagging(lagging) => Some(lagging.standby_url()),
        _ => None,
    };
    let world = Arc::new(World {
        replicas: [
            Replica::start(replicas, standby_url.clone(), "204").await,
            Replica::start(replicas, standby_url, "200").await,
        ],
        client: Client::builder().timeout(TIMEOUT).build().unwrap(),
        history: Mutex::new(History::of(WRITERS)),
        stamp: AtomicI64::new(0),
        alone: RwLock::new(()),
        tags: Mutex::default(),
        steps,
        made: AtomicUsize::new(0),
        counts: Counts::default(),
        has_faults: matches!(servers, Servers::Cluster(_)),
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
        let mut session = Session::new(writers, number);
        actors.spawn(async move {
            while actor.world.step() {
                if number < WRITERS && actor.random.bool() {
                    actor.write(number, &mut session).await?;
                } else {
                    actor.ask().await?;
                }
            }
            Ok(())
        });
    }
    let acting = async {
        while let Some(done) = actors.join_next().await {
            // The others end with the set.
            done.unwrap()?;
        }
        Ok::<_, String>(())
    };
    match servers {
        Servers::One => acting.await?,
        Servers::Lagging(lagging) => {
            tokio::select! {
                acted = acting => acted?,
                never = lagging.disturb() => match never {},
            }
            for replica in &world.replicas {
                let reads = lag::reads_of_standbys(&replica.running).await;
                world.counts.of_standbys.fetch_add(reads, Ordering::Relaxed);
            }
        }
        Servers::Cluster(cluster) => {
            let disturbing = async { Ok(cluster.disturb(Arc::clone(&world)).await) };
            let ((), injected) = tokio::try_join!(acting, disturbing)?;
            println!("{injected:?}");
            assert_eq!(injected.len(), 3, "every fault was injected");
        }
    }
    drop(actors);
    Ok(Arc::into_inner(world).unwrap().counts)
}

/// Runs the model, and checks that it met every case.
async fn expect_right(replicas: &str, writers: &PgConnectOptions, servers: Servers<'_>) {
    let is_lagging = matches!(servers, Servers::Lagging(_));
    // Each change of the lag takes its time.
    let steps = if is_lagging { steps() / 2 } else { steps() };
    let counts = run(replicas, writers, servers, steps).await.unwrap();
    println!("{counts:?}");
    let Counts {
        writes,
        pages,
        not_modified,
        coded,
        from_links,
        held,
        failed,
        of_standbys,
    } = counts;
    for (what, share) in [
        (writes, 8),
        (pages, 4),
        (not_modified, 400),
        (coded, 50),
        (from_links, 50),
        (held, 400),
    ] {
        assert!(what.into_inner() >= steps / share, "too few cases");
    }
    assert!(failed.into_inner() <= steps / 4, "too many failures");
    assert!(
        !is_lagging || of_standbys.into_inner() >= steps / 50,
        "too few reads of standbys"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_response_is_of_a_snapshot_since_its_request() {
    let database = TestDatabase::new().await;
    expect_right(&database.service_url(), &database.options(), Servers::One).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_behind_a_pooler() {
    let database = TestDatabase::new().await;
    let settings = match pgbouncer::program() {
        Some((_, true)) => "pool_mode = transaction\nmax_prepared_statements = 100",
        Some(_) => "pool_mode = session\ndefault_pool_size = 30",
        None => return left_out("PgBouncer is not installed"),
    };
    let bouncer = PgBouncer::start(database.service_options(), settings).await;
    expect_right(&bouncer.url(), &database.options(), Servers::One).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_crashes_restarts_and_switchovers() {
    let mut cluster = Cluster::start().await;
    let options = cluster.options();
    let url = options.to_url_lossy();
    expect_right(url.as_str(), &options, Servers::Cluster(&mut cluster)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_reads_on_a_standby_that_lags() {
    let lagging = Lagging::start();
    expect_right(&lagging.url(), &lagging.options(), Servers::Lagging(&lagging)).await;
}

/// The fault that is found in a database broken by this SQL.
async fn found(broken: &str) -> String {
    let database = TestDatabase::new().await;
    database.execute(broken).await;
    let ran = run(
        &database.service_url(),
        &database.options(),
        Servers::One,
        50 * STEPS,
    )
    .await;
    ran.map(drop).expect_err(broken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_trigger_and_a_revision_that_stands_still_are_found() {
    let triggers = ["insert", "update", "delete", "truncate"]
        .map(|operation| format!("drop trigger task_status_count_{operation} on task_status"));
    let standstill = counting("table_revision operator(pg_catalog.+) step", "table_revision");
    for broken in triggers.iter().chain([&standstill]) {
        let found = found(broken).await;
        assert!(
            found.starts_with("a response of no snapshot") || found.starts_with("a count that is not"),
            "{found}"
        );
    }
}

/// SQL that replaces `this` by `other` in the counting functions.
fn counting(this: &str, other: &str) -> String {
    ["insert", "update", "delete"]
        .map(|operation| rewritten(&format!("task_status_count_{operation}"), this, other))
        .join("; ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_drifts_is_found() {
    let found = found(&counting(
        "pending operator(pg_catalog.+) pending_change",
        "pending operator(pg_catalog.+) greatest(pending_change, 0)",
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
        "pg_catalog.starts_with(pg_catalog.current_setting('transaction_isolation'), 'read ')",
        "true",
    );
    // All writers begin at the same slot, so that they soon collide.
    let found = found(&format!(
        "{always}; {}",
        counting("pg_catalog.pg_backend_pid() operator(pg_catalog.&) 31", "0")
    ))
    .await;
    assert!(
        found.starts_with("a write failed: ") && found.contains("could not serialize access"),
        "{found}"
    );
}
