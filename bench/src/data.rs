//! The private PostgreSQL and the data sets in it, one database each.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use private_postgres::PrivatePostgres;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use task_status::store::schema;
use tokio::task::{JoinSet, spawn_blocking};

use crate::Error;
use crate::machine;
use crate::progress::Progress;

/// The program of the rows.
const FILL: &str = include_str!("../sql/fill.sql");
/// The rows of an insert: enough to make its fixed cost negligible, and few enough to keep the transition tables in
/// memory.
const BATCH: i64 = 20_000;
/// The most memory for PostgreSQL's own cache, in MiB.
const MAX_BUFFERS: u64 = 4096;

/// Whether another session has a statement in flight.
const BUSY: &str = "select exists (select from pg_stat_activity
    where state = 'active' and backend_type = 'client backend' and pid <> pg_backend_pid())";
/// The pause between two checks, and the number of consecutive idle checks.
const LOOK: Duration = Duration::from_millis(20);
const QUIET_LOOKS: u8 = 5;
/// The time limit for abandoned work on a server.
const SETTLED: Duration = Duration::from_mins(2);

/// The size of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSize {
    pub pending: i64,
    /// All tasks, including the pending ones.
    pub all: i64,
}

impl FromStr for DataSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split_once('/')
            .and_then(|(pending, all)| Some((pending.parse().ok()?, all.parse().ok()?)));
        match numbers {
            Some((pending, all)) if (1000..=all).contains(&pending) => Ok(Self { pending, all }),
            _ => Err("expected PENDING/ALL, such as 100000/1000000; at least 1000 are pending".to_owned()),
        }
    }
}

impl fmt::Display for DataSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.pending, self.all)
    }
}

/// A loaded data set.
#[derive(Debug, Clone)]
pub struct DataSet {
    pub size: DataSize,
    pub database: String,
    pub url: String,
    pub options: PgConnectOptions,
}

/// Starts PostgreSQL with the settings of a small dedicated server: a quarter of the memory as cache, and durable commits.
pub async fn start(bin_dir: Option<PathBuf>, keep: Option<PathBuf>) -> Result<PrivatePostgres, Error> {
    let settings = private_postgres::Settings {
        bin_dir,
        data_dir: keep,
        durable: true,
        max_connections: 300,
        tcp_port: None,
        options: server_options(),
    };
    Ok(spawn_blocking(move || private_postgres::start(&settings)).await??)
}

/// Further settings of PostgreSQL. The report lists them.
pub fn server_options() -> Vec<String> {
    let buffers = (machine::memory_mib() / 4).clamp(128, MAX_BUFFERS);
    vec![
        format!("shared_buffers={buffers}MB"),
        "max_wal_size=8GB".to_owned(),
        "checkpoint_timeout=15min".to_owned(),
        "maintenance_work_mem=512MB".to_owned(),
    ]
}

impl DataSet {
    /// A data set in a database of this name, which may not exist yet.
    pub fn named(postgres: &PrivatePostgres, size: DataSize, database: String) -> Self {
        Self {
            size,
            url: postgres.url(&database),
            options: postgres.connect_options().database(&database),
            database,
        }
    }

    /// The data set of this size, reused from a kept folder or loaded.
    pub async fn load(
        postgres: &PrivatePostgres,
        size: DataSize,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        let set = Self::named(postgres, size, format!("tasks_{}_{}", size.pending, size.all));
        let mut admin = PgConnection::connect_with(&postgres.connect_options()).await?;
        if set.is_loaded(&mut admin).await? {
            progress.say(&format!("{size}: kept from an earlier run"));
        } else {
            set.fill(postgres, &mut admin, progress).await?;
        }
        // Removes dead rows of earlier runs and completes the visibility map.
        let mut connection = PgConnection::connect_with(&set.options).await?;
        sqlx::raw_sql("vacuum analyze").execute(&mut connection).await?;
        sqlx::raw_sql("checkpoint").execute(&mut connection).await?;
        Ok(set)
    }

    /// Whether the database is complete: the mark of the program is written last.
    async fn is_loaded(&self, admin: &mut PgConnection) -> Result<bool, Error> {
        let comment = "select shobj_description(oid, 'pg_database') from pg_database where datname = $1";
        let found: Option<Option<String>> = sqlx::query_scalar(comment)
            .bind(&self.database)
            .fetch_optional(admin)
            .await?;
        Ok(found.flatten().as_deref() == Some(&mark()))
    }

    async fn fill(
        &self,
        postgres: &PrivatePostgres,
        admin: &mut PgConnection,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let Self { size, database, .. } = self;
        execute(admin, format!("drop database if exists {database} with (force)")).await?;
        execute(admin, format!("create database {database}")).await?;
        schema::migrate(&self.options).await?;
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let indexes = Index::drop_all(&mut connection).await?;
        progress.say(&format!(
            "{size}: adding rows, with the triggers of the tally at work"
        ));
        self.add_rows(progress).await?;
        progress.say(&format!("{size}: making the indexes"));
        self.make_indexes(indexes).await?;
        execute(&mut connection, "vacuum (freeze, analyze)".to_owned()).await?;
        execute(admin, format!("comment on database {database} is '{}'", mark())).await?;
        let bytes: i64 = sqlx::query_scalar("select pg_database_size(current_database())")
            .fetch_one(&mut connection)
            .await?;
        progress.say(&format!(
            "{size}: loaded, {} MiB with indexes (PostgreSQL {})",
            bytes >> 20,
            postgres.version()
        ));
        Ok(())
    }

    /// Adds all rows over one connection per core.
    async fn add_rows(&self, progress: &mut Progress) -> Result<(), Error> {
        // The last tasks end 61 minutes after they began, and the database refuses times ahead of its clock.
        let now = Utc::now() - TimeDelta::hours(2);
        let next = Arc::new(Mutex::new(1));
        let mut workers = JoinSet::new();
        for _ in 0..machine::cores() {
            let (next, set) = (Arc::clone(&next), self.clone());
            workers.spawn(async move { set.add_batches(&next, now).await });
        }
        let tenth = (self.size.all / 10).max(1);
        let mut told = 0;
        while !workers.is_empty() {
            tokio::select! {
                Some(worker) = workers.join_next() => worker??,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            let tenths = ((*lock(&next)).min(self.size.all + 1) - 1) / tenth;
            if tenths > told {
                told = tenths;
                progress.say(&format!("{}: {told}/10 of the rows", self.size));
            }
        }
        Ok(())
    }

    async fn add_batches(&self, next: &Mutex<i64>, now: DateTime<Utc>) -> Result<(), Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        sqlx::raw_sql("set synchronous_commit = off; set work_mem = '128MB'")
            .execute(&mut connection)
            .await?;
        loop {
            let first = {
                let mut next = lock(next);
                let first = *next;
                *next = (first + BATCH).min(self.size.all + 1);
                first
            };
            if first > self.size.all {
                return Ok(());
            }
            sqlx::query(FILL)
                .bind(first)
                .bind((first + BATCH - 1).min(self.size.all))
                .bind(self.size.pending)
                .bind(self.size.all)
                .bind(now)
                .execute(&mut connection)
                .await?;
        }
    }

    /// Creates the indexes concurrently, one per connection.
    async fn make_indexes(&self, indexes: Vec<Index>) -> Result<(), Error> {
        let left = Arc::new(Mutex::new(indexes));
        let mut workers = JoinSet::new();
        for _ in 0..machine::cores() {
            let (left, options) = (Arc::clone(&left), self.options.clone());
            workers.spawn(async move {
                let mut connection = PgConnection::connect_with(&options).await?;
                loop {
                    let Some(index) = lock(&left).pop() else {
                        return Ok::<_, Error>(());
                    };
                    index.make(&mut connection).await?;
                }
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Ok(())
    }

    /// Waits until PostgreSQL is idle. Abandoned requests would slow the next measurement.
    pub async fn settle(&self) -> Result<(), Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let deadline = Instant::now() + SETTLED;
        let mut quiet = 0;
        while quiet < QUIET_LOOKS && Instant::now() < deadline {
            let busy: bool = sqlx::query_scalar(BUSY).fetch_one(&mut connection).await?;
            quiet = if busy { 0 } else { quiet + 1 };
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// How many tasks are pending now.
    pub async fn pending(&self) -> Result<i64, Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let count = "select count(*) from task_status where completion_status is null";
        Ok(sqlx::query_scalar(count).fetch_one(&mut connection).await?)
    }
}

/// An index that is created again after the rows.
#[derive(Debug)]
struct Index {
    name: String,
    definition: String,
    comment: Option<String>,
}

impl Index {
    /// Drops all but the primary key.
    async fn drop_all(connection: &mut PgConnection) -> Result<Vec<Self>, Error> {
        let rows = sqlx::query(
            "select indexrelid::regclass::text, pg_get_indexdef(indexrelid), obj_description(indexrelid, 'pg_class')
             from pg_index where indrelid = 'task_status'::regclass and not indisprimary",
        )
        .fetch_all(&mut *connection)
        .await?;
        let mut indexes = Vec::with_capacity(rows.len());
        for row in rows {
            let index = Self {
                name: row.try_get(0)?,
                definition: row.try_get(1)?,
                comment: row.try_get(2)?,
            };
            execute(connection, format!("drop index {}", index.name)).await?;
            indexes.push(index);
        }
        Ok(indexes)
    }

    async fn make(self, connection: &mut PgConnection) -> Result<(), Error> {
        execute(connection, self.definition).await?;
        if let Some(comment) = self.comment {
            let comment = comment.replace('\'', "''");
            execute(
                connection,
                format!("comment on index {} is '{comment}'", self.name),
            )
            .await?;
        }
        Ok(())
    }
}

/// Runs statements of this program or from the catalog.
pub async fn execute(connection: &mut PgConnection, statements: String) -> Result<(), Error> {
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await?;
    Ok(())
}

/// The mark of a database filled by this version of the program.
fn mark() -> String {
    let sum = FILL.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("filled by {sum:x}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
