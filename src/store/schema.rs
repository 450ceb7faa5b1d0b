//! The migrations, embedded in the program, and the two ways to meet a database: bring it up to date, or insist on it.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::{StoreError, session};

/// How long one statement of a migration may take, the wait for another replica's migrations included.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(15);

static MIGRATIONS: Migrator = sqlx::migrate!();

/// What to do about the schema before the database is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Run the migrations that are missing.
    Migrate,
    /// Run none; refuse a database that lacks any.
    Expect,
}

impl Schema {
    /// Sees to the schema.
    ///
    /// # Errors
    /// The database cannot be reached, a migration failed, or the schema is not what this version needs.
    pub async fn ensure(self, options: &PgConnectOptions) -> Result<(), StoreError> {
        match self {
            Self::Migrate => migrate(options).await,
            Self::Expect => expect(options).await,
        }
    }
}

/// Runs the migrations that are missing. Safe to call from several processes at once: an advisory lock puts them in
/// a row, and those that come later find nothing to do.
///
/// # Errors
/// The database cannot be reached, a migration failed, or the database has migrations that this version does not know.
pub async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let options = session::with_settings(options, MIGRATION_TIMEOUT);
    let mut connection = PgConnection::connect_with(&options).await?;
    // What `run` does after it has a connection; its signature makes futures that cannot be sent between threads.
    MIGRATIONS.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}

async fn expect(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect_with(options).await?;
    let recorded =
        sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "recorded!""#)
            .fetch_one(&mut connection)
            .await?;
    let applied = if recorded {
        sqlx::query_scalar("select version from _sqlx_migrations where success")
            .fetch_all(&mut connection)
            .await?
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
