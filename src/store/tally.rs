//! The tally: how many tasks are pending, a revision that moves whenever anything about a pending task changes, and one
//! that moves whenever anything about any task changes.
//!
//! Beside it are the counts of pending tasks by hour and minute of creation, by which deep pages are found.
//!
//! Triggers keep both (`migrations/`); `docs/freshness.md` says why they are exact, and their limits. Only [`repair`] and
//! [`fold`] write them here.

use std::io;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::{Database, StoreError, locks};

/// The key of the advisory lock with which services take turns.
const LOCK: i64 = 0x7461_736b_7461_6c6c;
/// Triggers without which the tally does not follow the table.
const TRIGGERS: [&str; 4] = [
    "task_status_count_delete",
    "task_status_count_insert",
    "task_status_count_truncate",
    "task_status_count_update",
];
/// Also says which server responds, and if it is a standby, which may lag.
pub(super) const READ: &str = "
    select now() as at, coalesce(sum(pending), 0)::bigint as pending, coalesce(sum(revision), 0)::bigint as revision,
        coalesce(sum(table_revision), 0)::bigint as table_revision,
        pg_is_in_recovery() as is_standby, pg_postmaster_start_time() as server
    from task_status_tally
";
/// The tally is folded if it has more rows than this: twice the number of slots.
const FOLD_ABOVE: i64 = 128;

/// The number of pending tasks, and the revisions, in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// A moment before the snapshot, which has everything that was committed until then. By the clock of its server.
    pub at: DateTime<Utc>,
    pub pending: i64,
    pub revision: Revision,
    pub table_revision: Revision,
}

/// The tasks that a revision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tasks {
    Pending,
    All,
}

/// Equal revisions of the pending tasks, or of all, mean that nothing about any of these has changed between two
/// snapshots. Their order says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision(pub(super) i64);

impl Tally {
    pub fn revision_of(&self, tasks: Tasks) -> Revision {
        match tasks {
            Tasks::Pending => self.revision,
            Tasks::All => self.table_revision,
        }
    }

    /// The tally of a row with the columns of its sums.
    pub(super) fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            at: row.try_get("at")?,
            pending: row.try_get("pending")?,
            revision: Revision(row.try_get("revision")?),
            table_revision: Revision(row.try_get("table_revision")?),
        })
    }
}

#[cfg(test)]
impl Revision {
    pub fn new(number: i64) -> Self {
        Self(number)
    }
}

/// The tally and the table, compared in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The number of pending tasks in the table.
    pub counted: i64,
    /// The number of pending tasks according to the tally.
    pub tallied: i64,
    /// The number of hours of creation whose count, or that of one of their minutes, is wrong.
    pub wrong_buckets: i64,
    /// Triggers that are missing, or that do not fire for every session.
    pub disabled_triggers: Vec<String>,
}

impl Check {
    /// The error of the tally; negative if it is too low.
    pub fn drift(&self) -> i64 {
        self.tallied - self.counted
    }

    /// Whether all counts are right.
    pub fn is_right(&self) -> bool {
        self.counted == self.tallied && self.wrong_buckets == 0
    }

    /// Whether all counts are right and will stay right.
    pub fn is_clean(&self) -> bool {
        self.is_right() && self.disabled_triggers.is_empty()
    }
}

/// Reads the tally.
pub async fn read(database: &Database) -> Result<Tally, StoreError> {
    match read_once(database).await {
        // The connection may have broken while it was idle.
        Err(StoreError::Unavailable(_)) => read_once(database).await,
        outcome => outcome,
    }
}

async fn read_once(database: &Database) -> Result<Tally, StoreError> {
    let row = database.fetch_apart(READ).await?;
    if row.try_get("is_standby")? {
        return Err(sqlx::Error::from(io::Error::other("the server is a standby")).into());
    }
    let tally = Tally::from_row(&row)?;
    database.saw(tally);
    Ok(tally)
}

/// Compares all counts with the table, in one snapshot.
pub async fn check(connection: &mut PgConnection) -> sqlx::Result<Check> {
    let row = sqlx::query!(
        r#"
        select
            (select count(*) from task_status where completion_status is null) as "counted!",
            (select coalesce(sum(pending), 0)::bigint from task_status_tally) as "tallied!",
            (select count(distinct task_status_hour(since)) from (
                select since from (
                    select task_status_hour(created) as since, 1 as change from task_status where completion_status is null
                    union all
                    select task_status_hour(minute), -pending from task_status_pending_delta
                    union all
                    select hour, -pending from task_status_pending_hour
                ) as by_hour
                group by since having sum(change) <> 0
                union all
                select since from (
                    select task_status_minute(created) as since, 1 as change from task_status where completion_status is null
                    union all
                    select minute, -pending from task_status_pending_delta
                    union all
                    select minute, -pending from task_status_pending_minute
                ) as by_minute
                group by since having sum(change) <> 0
            ) as wrong) as "wrong_buckets!",
            array(
                select name from unnest($1::text[]) as name
                where not exists (
                    select from pg_trigger
                    where tgrelid = 'task_status'::regclass and tgname = name and tgenabled = 'A')
                order by name
            ) as "disabled_triggers!"
        "#,
        &TRIGGERS.map(str::to_owned),
    )
    .fetch_one(connection)
    .await?;
    Ok(Check {
        counted: row.counted,
        tallied: row.tallied,
        wrong_buckets: row.wrong_buckets,
        disabled_triggers: row.disabled_triggers,
    })
}

/// The same for a service. Services that share a database take turns: `None` if another one is checking or folding.
pub async fn check_in_turn(database: &Database) -> Result<Option<Check>, StoreError> {
    let mut connection = database.connection().await?;
    connection.begin().await?;
    // The lock lasts for the transaction, so it works through a transaction pooler and cannot be left behind.
    let mine = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "mine!""#, LOCK)
        .fetch_one(&mut *connection);
    let mine = database.bounded(mine).await?;
    let check = if mine {
        Some(database.bounded(check(&mut connection)).await?)
    } else {
        None
    };
    connection.finish().await?;
    Ok(check)
}

/// Makes all counts right, and returns the check before the repair. The revisions move even if they were right: contents may
/// have changed past the triggers. Writers wait meanwhile, readers do not.
pub async fn repair(connection: &mut PgConnection) -> Result<Check, StoreError> {
    let mut transaction = connection.begin().await?;
    // The order is that of TRUNCATE and of a fold.
    let lock = format!(
        "set transaction isolation level read committed;
         set local lock_timeout = '{}';
         lock table task_status, task_status_tally, task_status_pending_delta, task_status_pending_minute,
             task_status_pending_hour in share row exclusive mode",
        locks::TIMEOUT
    );
    match sqlx::raw_sql(AssertSqlSafe(lock))
        .execute(&mut *transaction)
        .await
    {
        Err(error) if locks::is_in_the_way(&error) => return Err(StoreError::Locked(error)),
        locked => locked?,
    };
    let check = check(&mut transaction).await?;
    // The step is as large as the first revision is: a restore may have set the revision back a long way.
    sqlx::query!(
        "insert into task_status_tally (pending, revision, table_revision)
         select $1, step, step from (select 1 + floor(random() * 1099511627776)::bigint as step) as steps",
        check.counted - check.tallied,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "insert into task_status_tally (slot, pending, revision, table_revision, filler)
         select slot, 0, 0, 0, repeat(' ', 55) from generate_series(0, 63) as slot
         on conflict do nothing"
    )
    .execute(&mut *transaction)
    .await?;
    if check.wrong_buckets > 0 {
        for statement in [
            sqlx::query!("delete from task_status_pending_delta"),
            sqlx::query!("delete from task_status_pending_minute"),
            sqlx::query!("delete from task_status_pending_hour"),
            sqlx::query!(
                "insert into task_status_pending_delta (minute, pending)
                 select task_status_minute(created), count(*) from task_status where completion_status is null group by 1"
            ),
        ] {
            statement.execute(&mut *transaction).await?;
        }
    }
    transaction.commit().await?;
    Ok(check)
}

/// Folds the rows that writers have added, and returns how many. Gives back the room that a long snapshot has made the
/// tally take. Services that share a database take turns.
pub async fn fold(database: &Database) -> Result<i64, StoreError> {
    let mut connection = database.connection().await?;
    let folded = sqlx::query_scalar!(
        r#"
        select case when pg_try_advisory_xact_lock($1)
            then case
                when (select count(*) from task_status_tally) > $2 then task_status_fold_tally() else 0
            end + task_status_fold_pending()
            else 0
        end as "folded!"
        "#,
        LOCK,
        FOLD_ABOVE,
    )
    .fetch_one(&mut *connection);
    let folded = database.bounded(folded).await;
    let folded = connection.release(folded).await?;

    // By itself: it needs a lock on the whole table, and holds no other meanwhile.
    let mut connection = database.connection().await?;
    let shrunk = sqlx::query!(
        "select case when pg_try_advisory_xact_lock($1) then task_status_shrink_tally() end as shrunk",
        LOCK,
    )
    .fetch_one(&mut *connection);
    let shrunk = database.bounded(shrunk).await;
    connection.release(shrunk).await?;
    Ok(folded)
}
