//! The migrations, embedded in the program: a database is migrated, or expected to be up to date.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::error::is_for_lack_of_privilege;
use super::session::{self, Pooling, START_TIMEOUT, Settings, within};
use super::{StoreError, privileges};

/// The statement timeout of a migration, which includes the wait for another replica that migrates.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(15);

static MIGRATIONS: Migrator = sqlx::migrate!();

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
            (Self::Migrate, Pooling::None) => migrate(options).await,
            // Migrations take a lock of their session, which a transaction pooler would leave to another client.
            (Self::Migrate, Pooling::Transaction) | (Self::Expect, _) => {
                within(START_TIMEOUT, expect(options)).await
            }
        }
    }
}

/// Runs the missing migrations. Several processes may do so at once: with an advisory lock they take turns. A role that may
/// not run migrations succeeds if none is missing. A database with migrations that this version does not know is refused.
pub async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let settings = Settings {
        statement_timeout: MIGRATION_TIMEOUT,
    };
    let mut connection = settings.connect(options).await?;
    // `run` does the same after it has connected, but its future is not `Send`.
    let migrated = MIGRATIONS.run_direct(None, &mut connection, false).await;
    // Closing also releases the lock.
    connection.close().await?;
    match migrated {
        // Running migrations needs the privilege to create the table that records them, even if the table exists.
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
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
        outcome => Ok(outcome?),
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
