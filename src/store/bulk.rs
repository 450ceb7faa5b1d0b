//! A connection for work on many rows at once: not from a pool, and without the bounds of requests.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::schema::Schema;
use super::{StoreError, session};

/// How long one statement on many rows may take before the server cancels it.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_mins(15);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects without retrying, and refuses a database that lacks migrations. `None` means no bound on statements.
pub async fn connect(
    options: &PgConnectOptions,
    statement_timeout: Option<Duration>,
) -> Result<PgConnection, StoreError> {
    let options = session::with_settings(options, statement_timeout.unwrap_or_default())
        // Statements are slow by design.
        .disable_statement_logging();
    let connecting = async {
        Schema::Expect.ensure(&options).await?;
        Ok(PgConnection::connect_with(&options).await?)
    };
    timeout(CONNECT_TIMEOUT, connecting)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into()))
}
