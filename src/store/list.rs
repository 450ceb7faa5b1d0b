//! A page of a list: of a filter, in an order, after an offset or a cursor. Only the unknown tasks of it are read.
//!
//! Most changes leave most pages as they are, and the others change one or two tasks of a page. So a caller that has a page
//! passes the versions of its tasks, and learns which of them are still current.

use std::collections::VecDeque;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, PgConnection, Postgres, QueryBuilder, Row};

use super::keyset::push_after;
use super::lease::Lease;
use super::row::{STORED, optional_task};
use super::session::ServerId;
use super::share::Work;
use super::standby::AtLeast;
use super::statement::{condition, one_more};
use super::tally::Tally;
use super::{Database, StoreError};
use crate::listing::cursor::Cursor;
use crate::listing::filter::Filter;
use crate::listing::page::{Limit, Offset};
use crate::listing::sorters::{Direction, Sorters};
use crate::memory::{MemoryError, Reserved};
use crate::task::TaskStatus;

/// A request for a page of a list.
#[derive(Debug, Clone, Copy)]
pub struct PageQuery<'a> {
    /// Without a filter, all tasks are listed.
    pub filter: Option<&'a Filter>,
    pub order: &'a Sorters,
    /// The page begins after this cursor; the offset counts from there.
    pub after: Option<&'a Cursor>,
    pub offset: Offset,
    pub limit: Limit,
    /// Whether to count the tasks of the list, whatever offset, limit and cursor are.
    pub count: bool,
}

/// A state of a task. Within an [`XidEpoch`], equal versions are the same state.
///
/// PostgreSQL marks each row with the transaction that wrote it, and other transactions see only the last state that a
/// transaction leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    id: Box<str>,
    /// The low 32 bits of the transaction id.
    xmin: i64,
}

/// A period in which transaction ids are unique. It ends when confirmed transactions may have been lost, and their ids are
/// given out again: when a server starts, and when it recovers from the crash of a backend, which resets its statistics.
/// It also ends after half of the 2^32 ids, and when somebody resets these statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XidEpoch {
    server: ServerId,
    rest: Box<str>,
}

/// The tasks of a page that the caller already has.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub epoch: &'a XidEpoch,
    /// In any order.
    pub versions: &'a [Version],
}

/// A page of a list, all of it from one snapshot of the database.
#[derive(Debug)]
pub struct Page {
    pub tally: Tally,
    /// How many tasks the list has, if it was asked for or costs nothing.
    pub total: Option<i64>,
    pub epoch: XidEpoch,
    pub tasks: Vec<Entry>,
    /// The cursor after which the next page begins, if there is more.
    pub next: Option<Cursor>,
}

/// A task of a page.
#[derive(Debug)]
pub enum Entry {
    /// The same as the known one at this index.
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
    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.len()
    }
}

/// Reads a page, except the known tasks. The memory of the tasks that are read is `reserved`.
pub async fn page(
    database: &Database,
    query: PageQuery<'_>,
    at_least: Option<AtLeast>,
    known: Option<Known<'_>>,
    reserved: &mut Reserved,
) -> Result<Page, StoreError> {
    if let Some(standby) = database.standby(at_least).await? {
        let page = read(standby, query, known, reserved).await;
        if let Some(page) = database.answered(page) {
            return page;
        }
        reserved.shrink_to(0);
    }
    let primary = database.connection_for(Work::of(query.filter)).await?;
    read(primary, query, known, reserved).await
}

/// The statement of a page: one statement, hence one snapshot. `{versions}` is one of the queries below. Of the tasks that
/// they find, those that are known ($1, $2) are answered by their index, and the others are read. So is the last one if
/// there is more, for the cursor of the next page.
const PAGE: &str = "
with tally as materialized (
    select now() as at, coalesce(sum(pending), 0)::bigint as pending, coalesce(sum(revision), 0)::bigint as revision,
        coalesce(sum(table_revision), 0)::bigint as table_revision
    from task_status_tally
),
total as materialized (
    select {total} as total
),
version as materialized (
    {versions}
),
epoch as materialized (
    select pg_postmaster_start_time() as server, concat_ws(' ', pg_stat_get_bgwriter_stat_reset_time(),
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint >> 31) as epoch
),
more as materialized (
    select count(*) > {limit} as more from version
),
shown as materialized (
    select version.*, known.n as known
    from version
    left join unnest($1, $2) with ordinality as known (id, xmin, n)
        on known.id = version.id and known.xmin = version.xmin
    where version.n <= {limit}
),
page as (
    select shown.n, shown.xmin, task.*
    from shown
    cross join lateral (select {stored} from task_status where id = shown.id limit 1) as task
    where shown.known is null or shown.n = {limit} and (select more from more)
)
select tally.*, total.total, epoch.*, more.more,
    case when lag(page.n) over (order by page.n) is null
        then array(select coalesce(known, 0) from shown order by n) end as known,
    page.*
from tally
cross join total
cross join epoch
cross join more
left join page on true
order by page.n
";

/// The versions of a page of all pending tasks that begins where an index can begin.
const FIRST: &str = "
    select id, xmin::text::bigint as xmin, row_number() over (order by {order_by}) as n
    from task_status
    where {filter} and {after}
    order by {order_by}
    limit {one_more}
";

/// The versions of a page of all pending tasks at an offset ($3) of a list by `created`. The counts by time of creation say in which hour the
/// page begins, and in which minute of it: the last that at most so many tasks precede. What is left of the offset is
/// skipped in that minute.
const BY_MINUTE: &str = "
    with hour as materialized (
        select hour, preceding
        from (
            select hour, sum(pending) as pending,
                (sum(sum(pending)) over (order by hour {direction}) - sum(pending))::bigint as preceding
            from (
                select hour, pending from task_status_pending_hour
                union all
                select task_status_hour(minute), pending from task_status_pending_delta
            ) as counts
            group by hour
        ) as hours
        where pending > 0 and preceding <= $3
        order by preceding desc
        limit 1
    ),
    minute as materialized (
        select minute, preceding
        from (
            select minute, sum(pending) as pending,
                (sum(sum(pending)) over (order by minute {direction}) - sum(pending))::bigint as preceding
            from (
                select minute, pending from task_status_pending_minute
                where minute >= (select hour from hour) and minute < (select hour from hour) + interval '1 hour'
                union all
                select minute, pending from task_status_pending_delta
                where task_status_hour(minute) = (select hour from hour)
            ) as counts
            group by minute
        ) as minutes
        where pending > 0 and preceding <= $3 - (select preceding from hour)
        order by preceding desc
        limit 1
    ),
    narrow as materialized (
        select id, n
        from unnest(array(
            select id
            from task_status
            where {filter} and {from_minute}
            order by {order_by}
            limit {one_more}
            offset (select $3 - hour.preceding - minute.preceding from hour cross join minute)
        )) with ordinality as narrow (id, n)
    )
    select narrow.id, task.xmin, narrow.n
    from narrow
    cross join lateral (select xmin::text::bigint as xmin from task_status where id = narrow.id limit 1) as task
";

/// The versions of any other page, at an offset ($3): what precedes the page is skipped. The ids are found in a narrow
/// index first, because with `limit` and `offset` on whole rows the planner sorts all of them if the offset is
/// deep. `limit 1` keeps it from merging the two steps.
const BY_SKIPPING: &str = "
    with narrow as materialized (
        select id, n
        from unnest(array(
            select id
            from task_status
            where {filter} and {after}
            order by {order_by}
            limit {one_more}
            offset $3
        )) with ordinality as narrow (id, n)
    )
    select narrow.id, task.xmin, narrow.n
    from narrow
    cross join lateral (select xmin::text::bigint as xmin from task_status where id = narrow.id limit 1) as task
";

async fn read(
    mut connection: Lease,
    query: PageQuery<'_>,
    known: Option<Known<'_>>,
    reserved: &mut Reserved,
) -> Result<Page, StoreError> {
    let bound = connection.bound();
    // Another server has another epoch.
    let known = known.filter(|known| Some(known.epoch.server) == connection.server());
    let versions = known.map_or(&[][..], |known| known.versions);
    let mut outcome = bound.run(fetch(&mut connection, query, versions, reserved)).await;
    if let (Ok(Ok(page)), Some(known)) = (&outcome, known)
        && page.epoch != *known.epoch
    {
        drop(outcome);
        reserved.shrink_to(0);
        outcome = bound.run(fetch(&mut connection, query, &[], reserved)).await;
    }
    match outcome {
        // Rows are still on their way: the connection is of no use.
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(page)) => connection.release(Ok(page)).await,
        Err(error) => connection.release(Err(error)).await,
    }
}

async fn fetch(
    connection: &mut PgConnection,
    query: PageQuery<'_>,
    known: &[Version],
    reserved: &mut Reserved,
) -> sqlx::Result<Result<Page, MemoryError>> {
    let (statement, arguments) = statement(query, known)?;
    let mut rows = sqlx::query_with(AssertSqlSafe(statement), arguments)
        // Others are planned with their values: the best plan depends on the offset, and a prefix is a range of an
        // index only if the planner sees it.
        .persistent(Work::of(query.filter) == Work::Page && query.offset.get() == 0)
        .fetch(connection);
    let (mut head, mut tasks) = (None, VecDeque::new());
    // The rows are the unknown tasks, and the last task if there is more. The first row carries all else; it has no
    // task if every task is known.
    while let Some(row) = rows.try_next().await? {
        if head.is_none() {
            head = Some(Head::from_row(&row)?);
        }
        if let Some(task) = optional_task(&row)? {
            if let Err(error) = reserved.add(task.bytes()).await {
                return Ok(Err(error));
            }
            tasks.push_back((task, row.try_get("xmin")?));
        }
    }
    let head = head.ok_or(sqlx::Error::RowNotFound)?;
    Ok(Ok(head.page(tasks, query.order)?))
}

fn statement(query: PageQuery<'_>, known: &[Version]) -> sqlx::Result<(String, PgArguments)> {
    let ids: Vec<&str> = known.iter().map(|version| version.id.as_ref()).collect();
    let xmins: Vec<i64> = known.iter().map(|version| version.xmin).collect();
    let mut arguments = PgArguments::default();
    arguments.add(ids).map_err(sqlx::Error::Encode)?;
    arguments.add(xmins).map_err(sqlx::Error::Encode)?;

    let (work, offset) = (Work::of(query.filter), query.offset.get());
    let versions = match query.order.by_created_alone() {
        _ if work != Work::Page => BY_SKIPPING.to_owned(),
        _ if offset == 0 => FIRST.to_owned(),
        Some(direction) if query.after.is_none() => {
            let (direction, from_minute) = match direction {
                Direction::Ascending => ("asc", "created >= (select minute from minute)"),
                Direction::Descending => (
                    "desc",
                    "created < (select minute from minute) + interval '1 minute'",
                ),
            };
            BY_MINUTE
                .replace("{direction}", direction)
                .replace("{from_minute}", from_minute)
        }
        _ => BY_SKIPPING.to_owned(),
    };
    if versions.contains("$3") {
        arguments.add(offset).map_err(sqlx::Error::Encode)?;
    }
    let total = match work {
        Work::Page => "(select pending from tally)",
        Work::Other if query.count => "(select count(*) from task_status where {filter})",
        _ => "null::bigint",
    };
    let (filter, arguments) = condition(arguments, |sql| push_filter(query.filter, sql))?;
    let (after, arguments) = condition(arguments, |sql| push_after(query.after, query.order, sql))?;
    let limit = query.limit.get();
    let statement = PAGE
        .replace("{versions}", versions.trim())
        .replace("{total}", total)
        .replace("{filter}", &filter)
        .replace("{after}", &after)
        .replace("{order_by}", &query.order.order_by())
        .replace("{limit}", &limit.to_string())
        .replace("{one_more}", &one_more(query.limit).to_string())
        .replace("{stored}", STORED);
    Ok((statement, arguments))
}

/// A page without its tasks.
struct Head {
    tally: Tally,
    total: Option<i64>,
    epoch: XidEpoch,
    more: bool,
    /// In the order of the page: which known task it is, from 1, or 0.
    known: Vec<i64>,
}

impl Head {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            tally: Tally::from_row(row)?,
            total: row.try_get("total")?,
            epoch: XidEpoch {
                server: row.try_get("server")?,
                rest: row.try_get("epoch")?,
            },
            more: row.try_get("more")?,
            known: row.try_get("known")?,
        })
    }

    /// The page, with the tasks that were read.
    fn page(self, mut read: VecDeque<(TaskStatus, i64)>, order: &Sorters) -> sqlx::Result<Page> {
        let mut next = None;
        let mut tasks = Vec::with_capacity(self.known.len());
        let count = self.known.len();
        for (index, known) in self.known.into_iter().enumerate() {
            let last = self.more && index + 1 == count;
            let mut entry = usize::try_from(known)
                .ok()
                .and_then(|known| known.checked_sub(1))
                .map(Entry::Known);
            if entry.is_none() || last {
                let (task, xmin) = read.pop_front().ok_or(sqlx::Error::RowNotFound)?;
                if last {
                    next = Some(Cursor::after(&task, order));
                }
                let id = task.id.as_str().into();
                entry = entry.or_else(|| Some(Entry::Read(Box::new(task), Version { id, xmin })));
            }
            tasks.extend(entry);
        }
        Ok(Page {
            tally: self.tally,
            total: self.total,
            epoch: self.epoch,
            tasks,
            next,
        })
    }
}

/// Appends the condition that a task matches. Without a filter every task does.
pub(super) fn push_filter(filter: Option<&Filter>, sql: &mut QueryBuilder<Postgres>) {
    match filter {
        Some(filter) => filter.push_sql(sql),
        None => {
            sql.push("true");
        }
    }
}
