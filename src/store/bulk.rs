//! A connection for work on many rows at once: opened plainly, on its own, without the bounds that suit requests.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::schema::Schema;
use super::{StoreError, session};

/// How long one statement on many rows may take before the server cancels it.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_mins(15);
/// How long the database may take to let somebody in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects at once or not at all, and refuses a database that lacks migrations. None is no bound on statements.
///
/// # Errors
/// The database cannot be reached, or its schema is behind.
pub async fn connect(
    options: &PgConnectOptions,
    statement_timeout: Option<Duration>,
) -> Result<PgConnection, StoreError> {
    let options = session::with_settings(options, statement_timeout.unwrap_or_default())
        // What a chunk of an import is staged in stays in memory.
        .options([("temp_buffers", "64MB")])
        // Long statements are what it is for, and no news.
        .disable_statement_logging();
    let connecting = async {
        Schema::Expect.ensure(&options).await?;
        Ok(PgConnection::connect_with(&options).await?)
    };
    timeout(CONNECT_TIMEOUT, connecting)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into()))
}
