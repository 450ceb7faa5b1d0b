//! The migrations, embedded in the program: a database is migrated, or expected to be up to date.

use std::sync::LazyLock;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, PgConnection};
use tokio::time::{Instant, sleep};

use super::error::is_for_lack_of_privilege;
use super::session::{self, Pooling, START_TIMEOUT, Settings, within};
use super::{StoreError, locks, privileges};

/// The statement timeout of migrations, and how long they wait for locks and for another process that migrates.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(15);

static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!();
    // This version also runs on the schema of the next one: beside it during an upgrade, and after going back.
    migrations.set_ignore_missing(true);
    migrations
});

/// The number of the newest migration.
pub fn newest() -> i64 {
    let versions = MIGRATIONS.iter().map(|migration| migration.version);
    versions.max().unwrap_or_default()
}

/// What happens to the schema before the database is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Missing migrations are run.
    Migrate,
    /// A database that lacks migrations is refused.
    Expect,
}

impl Schema {
    /// Migrates, or refuses a database that lacks migrations.
    pub async fn ensure(self, options: &PgConnectOptions, pooling: Pooling) -> Result<(), StoreError> {
        match (self, pooling) {
            (Self::Migrate, Pooling::None) => migrate_in_session(options).await,
            // Migrations take a lock of their session, which a transaction pooler would leave to another client.
            (Self::Migrate, Pooling::Transaction) | (Self::Expect, _) => {
                within(START_TIMEOUT, expect(options)).await
            }
        }
    }
}

/// Runs the missing migrations. Several processes may do so at once: with an advisory lock they take turns. A role that may
/// not run migrations succeeds if none is missing. Migrations that this version does not know are ignored.
pub async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    match Pooling::detect(options).await? {
        Pooling::None => migrate_in_session(options).await,
        Pooling::Transaction => Err(StoreError::TransactionPooler),
    }
}

async fn migrate_in_session(options: &PgConnectOptions) -> Result<(), StoreError> {
    match run(&MIGRATIONS, options, MIGRATION_TIMEOUT).await {
        // Running migrations needs the privilege to create the table that records them, even if the table exists.
        Err(StoreError::Schema(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)))
            if is_for_lack_of_privilege(&error) =>
        {
            match expect(options).await {
                Err(StoreError::SchemaBehind { version }) => Err(StoreError::MigrationRefused {
                    version,
                    source: MigrateError::Execute(error),
                }),
                outcome => outcome,
            }
        }
        outcome => outcome,
    }
}

/// Runs those of these migrations that are missing. Waits for locks in short tries, as long as `limit`.
pub async fn run(
    migrations: &Migrator,
    options: &PgConnectOptions,
    limit: Duration,
) -> Result<(), StoreError> {
    let settings = Settings {
        statement_timeout: MIGRATION_TIMEOUT,
    };
    // A try that waits would be logged as slow, with the whole migration.
    let quiet = options.clone().disable_statement_logging();
    let mut connection = settings.connect(&quiet).await?;
    let limit_waits = format!("set lock_timeout = '{}'", locks::TIMEOUT);
    sqlx::raw_sql(AssertSqlSafe(limit_waits))
        .execute(&mut connection)
        .await?;
    let own = sqlx::query_scalar!(r#"select pg_backend_pid() as "pid!""#)
        .fetch_one(&mut connection)
        .await?;
    let begun = Instant::now();
    loop {
        let migrated = tokio::select! {
            // `Migrator::run` does the same after it has connected, but its future is not `Send`.
            migrated = migrations.run_direct(None, &mut connection, false) => migrated,
            never = locks::log_holders(options, own) => never,
        };
        match migrated {
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
                if locks::is_in_the_way(&error) =>
            {
                if begun.elapsed() + locks::PAUSE > limit {
                    return Err(StoreError::Locked(error));
                }
                sleep(locks::PAUSE).await;
            }
            migrated => {
                // Closing also releases the lock.
                connection.close().await?;
                return Ok(migrated?);
            }
        }
    }
}

async fn expect(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = session::open(options).await?;
    let recorded =
        sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "recorded!""#)
            .fetch_one(&mut connection)
            .await?;
    let applied = if recorded {
        applied(&mut connection).await?
    } else {
        Vec::new()
    };
    connection.close().await?;
    match MIGRATIONS
        .iter()
        .find(|migration| !applied.contains(&migration.version))
    {
        Some(missing) => Err(StoreError::SchemaBehind {
            version: missing.version,
        }),
        None => Ok(()),
    }
}

/// The versions of the applied migrations.
async fn applied(connection: &mut PgConnection) -> Result<Vec<i64>, StoreError> {
    let applied = sqlx::query_scalar("select version from _sqlx_migrations where success")
        .fetch_all(&mut *connection)
        .await;
    match applied {
        // Its error lists all missing privileges.
        Err(error) if is_for_lack_of_privilege(&error) => {
            privileges::check(connection).await?;
            Err(error.into())
        }
        outcome => Ok(outcome?),
    }
}
