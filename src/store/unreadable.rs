//! Tasks that cannot be read, because a text of theirs is not UTF-8. Only a database in the encoding `SQL_ASCII` stores one.
//! PostgreSQL does not say which row failed, so it is searched for.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The search reads the whole table: one at a time, and not for long.
static SEARCHES: Semaphore = Semaphore::const_new(1);
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The most tasks that are logged.
const MAX_NAMED: usize = 10;

/// Searches for such tasks and logs their ids. After that, the connection may be in the middle of a statement.
pub async fn log_tasks(connection: &mut PgConnection) {
    let Ok(_permit) = SEARCHES.try_acquire() else {
        return;
    };
    // Tasks that were not found in time, or cannot be searched, stay unnamed: the failure itself is logged by others.
    let _ = timeout(SEARCH_TIMEOUT, search(connection)).await;
}

async fn search(connection: &mut PgConnection) -> sqlx::Result<()> {
    // As bytes: nothing is converted.
    let mut rows = sqlx::query_as::<_, (Vec<u8>, Vec<u8>)>(
        r"select convert_to(id, 'SQL_ASCII'), convert_to(task_status::text, 'SQL_ASCII')
        from task_status
        where getdatabaseencoding() = 'SQL_ASCII' and task_status::text ~ '[^\x01-\x7f]'",
    )
    .persistent(false)
    .fetch(connection);
    let mut named = 0;
    while named < MAX_NAMED
        && let Some((id, row)) = rows.try_next().await?
    {
        if std::str::from_utf8(&row).is_err() {
            named += 1;
            let task = String::from_utf8_lossy(&id);
            tracing::error!(%task, "this task cannot be read: a text of it is not UTF-8");
        }
    }
    Ok(())
}
