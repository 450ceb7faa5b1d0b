//! A connection for work on many rows at once: not from a pool, and without the bounds of requests.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::time::timeout;

use super::StoreError;
use super::schema::Schema;
use super::session::{Pooling, Settings, expect_primary};

/// How long one statement on many rows may take before the server cancels it.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_mins(15);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects without retrying, and refuses a database that lacks migrations. `None` means no bound on statements.
pub async fn connect(
    options: &PgConnectOptions,
    statement_timeout: Option<Duration>,
) -> Result<PgConnection, StoreError> {
    // Statements are slow by design.
    let options = options.clone().disable_statement_logging();
    let settings = Settings {
        statement_timeout: statement_timeout.unwrap_or_default(),
    };
    let connecting = async {
        if Pooling::detect(&options).await? == Pooling::Transaction {
            return Err(StoreError::TransactionPooler);
        }
        Schema::Expect.ensure(&options, Pooling::None).await?;
        Ok(settings.connect(&options).await?)
    };
    timeout(CONNECT_TIMEOUT, connecting)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into()))
}

/// Refuses a server that takes no writes, for which [`super::Database`] would wait.
pub async fn check_primary(connection: &mut PgConnection) -> Result<(), StoreError> {
    expect_primary(connection).await?;
    Ok(())
}
