//! A page of the pending tasks, of which only those tasks are read that are not known already.
//!
//! Most changes to pending tasks leave most pages as they are, and those that do not change one or two tasks of a page.
//! So whoever has a page says which version of which task is in it, and is told which of them are still there.

use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};

use super::keyset::push_after;
use super::row::{COLUMNS, optional_task};
use super::tally::{Revision, Tally};
use super::{Database, StoreError};
use crate::listing::cursor::Cursor;
use crate::listing::page::{Limit, Offset};
use crate::listing::sorters::{Direction, Sorters};
use crate::task::TaskStatus;

/// What a page is of.
#[derive(Debug, Clone, Copy)]
pub struct PageQuery<'a> {
    pub order: &'a Sorters,
    /// The page begins after this place; the offset counts from there.
    pub after: Option<&'a Cursor>,
    pub offset: Offset,
    pub limit: Limit,
}

/// A state of a task. Within an [`XidEpoch`], equal versions are equal in everything about the task.
///
/// PostgreSQL marks each row with the transaction that wrote it, and of all that a transaction does to a task the others
/// see the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    id: Box<str>,
    /// The low 32 bits of the number of the transaction.
    xmin: i64,
}

/// How long the numbers of transactions mean the same: until the server is another one or has been restarted, for then it
/// may have lost what it had confirmed; and for half of the 2^32 numbers there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XidEpoch(Box<str>);

/// What is known of a page.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub epoch: &'a XidEpoch,
    /// In any order.
    pub versions: &'a [Version],
}

/// A page, all of it from one snapshot of the database.
#[derive(Debug)]
pub struct Page {
    pub tally: Tally,
    pub epoch: XidEpoch,
    pub tasks: Vec<Entry>,
    /// Where the next page begins, if there is more.
    pub next: Option<Cursor>,
}

/// A task of a page.
#[derive(Debug)]
pub enum Entry {
    /// The same as is known at this index.
    Known(usize),
    Read(Box<TaskStatus>, Version),
}

impl Entry {
    /// The task, if it was read.
    pub fn into_task(self) -> Option<TaskStatus> {
        match self {
            Self::Known(_) => None,
            Self::Read(task, _) => Some(*task),
        }
    }
}

impl Version {
    /// How many bytes it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.len()
    }
}

/// Reads a page, but for what is known of it.
///
/// # Errors
/// The database is unavailable, or the statement took too long.
pub async fn page(
    database: &Database,
    query: PageQuery<'_>,
    known: Option<Known<'_>>,
) -> Result<Page, StoreError> {
    let page = read(database, query, known.map_or(&[], |known| known.versions)).await?;
    match known {
        // What is known is of another time.
        Some(known) if *known.epoch != page.epoch => read(database, query, &[]).await,
        _ => Ok(page),
    }
}

async fn read(database: &Database, query: PageQuery<'_>, known: &[Version]) -> Result<Page, StoreError> {
    let mut connection = database.connection().await?;
    let is_at_once = query.offset.get() == 0;
    let mut statement = match query.order.by_created_alone() {
        _ if is_at_once => at_once(query),
        Some(direction) if query.after.is_none() => by_minute(query, direction),
        _ => by_skipping(query),
    };
    push_rest(query.limit, known, &mut statement);
    let rows = statement
        .build()
        // Others are planned with their values: how far is to be skipped decides how that is best done.
        .persistent(is_at_once)
        .fetch_all(&mut *connection)
        .await;
    decode(connection.release(rows)?, query.order).map_err(StoreError::from)
}

/// The rows are the tasks that are not known, and the last one if there is more. The first says all else, and is there
/// without a task where every task is known.
fn decode(rows: Vec<PgRow>, order: &Sorters) -> sqlx::Result<Page> {
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let tally = Tally {
        pending: first.try_get("pending")?,
        revision: Revision(first.try_get("revision")?),
    };
    let epoch = XidEpoch(first.try_get("era")?);
    let more: bool = first.try_get("more")?;
    let known: Vec<i64> = first.try_get("known")?;

    let mut next = None;
    let mut rows = rows.into_iter();
    let mut tasks = Vec::with_capacity(known.len());
    let count = known.len();
    for (index, known) in known.into_iter().enumerate() {
        let last = more && index + 1 == count;
        let is_known = usize::try_from(known).ok().and_then(|known| known.checked_sub(1));
        let mut read = None;
        if is_known.is_none() || last {
            let row = rows.next().ok_or(sqlx::Error::RowNotFound)?;
            let task = optional_task(&row)?.ok_or(sqlx::Error::RowNotFound)?;
            if last {
                next = Some(Cursor::after(&task, order));
            }
            let xmin = row.try_get("written_by")?;
            let id = task.id.as_str().into();
            read = Some(Entry::Read(Box::new(task), Version { id, xmin }));
        }
        tasks.extend(is_known.map(Entry::Known).or(read));
    }
    Ok(Page {
        tally,
        epoch,
        tasks,
        next,
    })
}

/// One statement, hence one snapshot: this is its first part, the tally.
fn begin() -> QueryBuilder<Postgres> {
    QueryBuilder::new(
        "with tally as materialized (
            select coalesce(sum(pending), 0)::bigint as pending, coalesce(sum(revision), 0)::bigint as revision
            from task_status_tally
        ), ",
    )
}

/// Finds the versions of a page that begins where an index can begin.
fn at_once(query: PageQuery<'_>) -> QueryBuilder<Postgres> {
    let order_by = query.order.order_by();
    let mut sql = begin();
    sql.push(
        "place as materialized (select id, xmin::text::bigint as written_by, row_number() over (order by ",
    )
    .push(&order_by)
    .push(") as n from task_status where ");
    push_which(query, &mut sql);
    sql.push(" order by ").push(&order_by);
    sql.push(" limit ").push(one_more(query.limit)).push(")");
    sql
}

/// Finds the versions of a page that is deep in a list by `created`: by how many tasks precede each hour the hour in which
/// it begins, likewise the minute, and then by passing over what precedes it in that.
fn by_minute(query: PageQuery<'_>, direction: Direction) -> QueryBuilder<Postgres> {
    let offset = query.offset.get();
    let (towards, from_minute) = match direction {
        Direction::Ascending => ("", " and created >= (select since from minute)"),
        Direction::Descending => (
            " desc",
            " and created < (select since from minute) + interval '1 minute'",
        ),
    };
    // The last of the spans that at most so many tasks precede. In any span there are none or more, so those with some
    // are all preceded by different numbers.
    let last_span = |sql: &mut QueryBuilder<Postgres>, numbers: &str| {
        sql.push("select since, preceding from (select since, sum(pending) as pending, (sum(sum(pending)) over (order by since")
            .push(towards)
            .push(") - sum(pending))::bigint as preceding from (")
            .push(numbers)
            .push(") as numbers group by since) as spans where pending > 0 and preceding <= ");
    };
    let mut sql = begin();
    sql.push("hour as materialized (");
    last_span(
        &mut sql,
        "select hour as since, pending from task_status_pending_hour
         union all
         select task_status_hour(minute), pending from task_status_pending_delta",
    );
    sql.push_bind(offset);
    sql.push(" order by preceding desc limit 1), minute as materialized (");
    last_span(
        &mut sql,
        "select minute as since, pending from task_status_pending_minute
         where minute >= (select since from hour) and minute < (select since from hour) + interval '1 hour'
         union all
         select minute, pending from task_status_pending_delta
         where task_status_hour(minute) = (select since from hour)",
    );
    sql.push_bind(offset)
        .push(" - (select preceding from hour) order by preceding desc limit 1), ");
    push_narrow(query, from_minute, &mut sql);
    sql.push("(select ")
        .push_bind(offset)
        .push(" - hour.preceding - minute.preceding from hour cross join minute)");
    push_versions(&mut sql);
    sql
}

/// Finds the versions of a page that is deep in another list by passing over all that precedes it.
fn by_skipping(query: PageQuery<'_>) -> QueryBuilder<Postgres> {
    let mut sql = begin();
    push_narrow(query, "", &mut sql);
    sql.push_bind(query.offset.get());
    push_versions(&mut sql);
    sql
}

/// Appends the ids of a page as they are in a narrow index, up to its offset: with `limit` and `offset` on whole rows the
/// planner turns to sorting all of them when the offset is deep.
fn push_narrow(query: PageQuery<'_>, condition: &str, sql: &mut QueryBuilder<Postgres>) {
    sql.push("narrow as materialized (select id, n from unnest(array(select id from task_status where ");
    push_which(query, sql);
    sql.push(condition)
        .push(" order by ")
        .push(query.order.order_by());
    sql.push(" limit ").push(one_more(query.limit)).push(" offset ");
}

/// Appends the versions of those. `limit 1` keeps the planner from merging the two into one scan of whole rows.
fn push_versions(sql: &mut QueryBuilder<Postgres>) {
    sql.push(
        ")) with ordinality as narrow (id, n)), place as materialized (
            select narrow.id, task.written_by, narrow.n from narrow
            cross join lateral (
                select xmin::text::bigint as written_by from task_status where id = narrow.id limit 1
            ) as task
        )",
    );
}

/// Tells what is known from what is not, and reads that, and the last task where there is more, for the place after it.
fn push_rest(limit: Limit, known: &[Version], sql: &mut QueryBuilder<Postgres>) {
    let limit = limit.get();
    let ids: Vec<&str> = known.iter().map(|version| version.id.as_ref()).collect();
    let xmin: Vec<i64> = known.iter().map(|version| version.xmin).collect();
    sql.push(", more as materialized (select count(*) > ").push(limit);
    sql.push(" as more from place), version as materialized (select place.*, known.n as known from place left join unnest(");
    sql.push_bind(ids).push(", ").push_bind(xmin);
    sql.push(
        ") with ordinality as known (id, written_by, n)
            on known.id = place.id and known.written_by = place.written_by
            where place.n <= ",
    );
    sql.push(limit);
    sql.push(
        "), page as (select version.n, version.written_by, task.* from version cross join lateral (select ",
    );
    sql.push(COLUMNS);
    sql.push(" from task_status where id = version.id limit 1) as task where version.known is null or version.n = ");
    sql.push(limit);
    sql.push(
        " and (select more from more))
        select tally.*, more.more,
            pg_postmaster_start_time()::text || ' ' || (pg_snapshot_xmax(pg_current_snapshot())::text::bigint >> 31) as era,
            case when lag(page.n) over (order by page.n) is null
                then array(select coalesce(known, 0) from version order by n) end as known,
            page.*
        from tally cross join more left join page on true order by page.n",
    );
}

/// Appends which tasks the page is of.
fn push_which(query: PageQuery<'_>, sql: &mut QueryBuilder<Postgres>) {
    sql.push("completion_status is null");
    if let Some(after) = query.after {
        sql.push(" and ");
        push_after(after, query.order, sql);
    }
}

/// One more than asked for tells whether there is more.
fn one_more(limit: Limit) -> i64 {
    match limit.get() {
        0 => 0,
        limit => limit + 1,
    }
}
