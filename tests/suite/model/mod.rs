//! The whole against a model: writers change tasks in every way, through the API and around it, and readers compare each
//! response of two replicas with the writes.
//!
//! Each response must be the query in some snapshot since the request began (see [`history`]), with the count of that
//! snapshot, and one tag must always stand for the same bytes. A step is a write or a checked response;
//! `TASK_STATUS_MODEL_STEPS` sets their number.
//!
//! With a standby for reads, that one lags at random ([`lag`]). If [`faults`] are injected, requests may fail with 503. A
//! write without a response is looked up in the database.

mod actor;
mod faults;
mod history;
mod lag;
mod writes;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use reqwest::Client;
use sha2::{Digest, Sha256};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use self::actor::Actor;
use self::faults::{Cluster, Session};
use self::history::History;
use self::lag::Lagging;
use crate::support::database::{TestDatabase, rewritten};
use crate::support::pgbouncer::{self, PgBouncer};
use crate::support::program::{Program, serve};
use crate::support::{TIMEOUT, left_out};

const WRITERS: usize = 6;
const READERS: usize = 2;
const STEPS: usize = 5000;
/// After a request without a response.
const PAUSE: Duration = Duration::from_millis(20);

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
