//! Locks on whole tables. Every later writer queues behind a statement that waits for one, so such statements wait in
//! short tries, and let the writers pass between two of them.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use tokio::time::sleep;

use super::error::has_code;
use super::session;

/// How long a try waits, as SQL says it. PostgreSQL cancels an autovacuum that is in the way after its `deadlock_timeout`, a
/// second by default. Responses wait for two seconds at most to be confirmed.
pub(super) const TIMEOUT: &str = "1500ms";
/// The time between two tries.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// How soon a try says what it waits for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a lock could not be had in time, or was given up to resolve a deadlock.
pub(super) fn is_in_the_way(error: &sqlx::Error) -> bool {
    has_code(error, &["55P03", "40P01"])
}

/// Logs what the session with this process id waits for, if it still does after a second. Never ends.
pub(super) async fn log_holders<T>(options: &PgConnectOptions, waiter: i32) -> T {
    sleep(PATIENCE).await;
    match holders(options, waiter).await {
        Ok(holders) => {
            for Holder { pid, state, seconds } in holders {
                // The statement may hold secrets.
                tracing::warn!(
                    pid,
                    state,
                    transactionSeconds = seconds,
                    "a migration waits for a lock that another session holds"
                );
            }
        }
        Err(error) => tracing::debug!(%error, "cannot tell what holds the lock"),
    }
    std::future::pending().await
}

struct Holder {
    /// 0 for a prepared transaction.
    pid: i32,
    /// Missing, like the age, if the session is another role's.
    state: Option<String>,
    seconds: Option<i64>,
}

async fn holders(options: &PgConnectOptions, waiter: i32) -> sqlx::Result<Vec<Holder>> {
    let mut connection: PgConnection = session::open(options).await?;
    sqlx::query_as!(
        Holder,
        r#"
        select pid as "pid!", state, extract(epoch from clock_timestamp() - xact_start)::bigint as seconds
        from (select distinct unnest(pg_blocking_pids($1)) as pid) as blocking left join pg_stat_activity using (pid)
        "#,
        waiter,
    )
    .fetch_all(&mut connection)
    .await
}
