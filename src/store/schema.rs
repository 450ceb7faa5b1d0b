//! The migrations, embedded in the program, and the two ways to meet a database: bring it up to date, or insist on it.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::error::is_for_lack_of_privilege;
use super::{StoreError, privileges, session};

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
/// a row, and those that come later find nothing to do. A role that may not run any is content where none is missing.
///
/// # Errors
/// The database cannot be reached, a migration failed or may not be run by this role, or the database has migrations that
/// this version does not know.
pub async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let options = session::with_settings(options, MIGRATION_TIMEOUT);
    let mut connection = PgConnection::connect_with(&options).await?;
    // What `run` does after it has a connection; its signature makes futures that cannot be sent between threads.
    let migrated = MIGRATIONS.run_direct(None, &mut connection, false).await;
    // Closed in any case, and the lock with it.
    connection.close().await?;
    match migrated {
        // Whoever runs migrations has to be allowed to make the table in which they are recorded, even where it is there.
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
            if is_for_lack_of_privilege(&error) =>
        {
            match expect(&options).await {
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
    let mut connection = PgConnection::connect_with(options).await?;
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

/// The migrations that the database has.
async fn applied(connection: &mut PgConnection) -> Result<Vec<i64>, StoreError> {
    let applied = sqlx::query_scalar("select version from _sqlx_migrations where success")
        .fetch_all(&mut *connection)
        .await;
    match applied {
        // Says what else there is that the role may not do.
        Err(error) if is_for_lack_of_privilege(&error) => {
            privileges::check(connection).await?;
            Err(error.into())
        }
        outcome => Ok(outcome?),
    }
}
