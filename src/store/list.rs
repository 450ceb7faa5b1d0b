//! A page of a list: of a filter, in an order, after an offset or a cursor. Only the unknown tasks of it are read.
//!
//! Most changes leave most pages as they are, and the others change one or two tasks of a page. So a caller that has a page
//! passes the versions of its tasks, and learns which of them are still current.

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, QueryBuilder, Row};

use super::lease::Lease;
use super::page_sql::Statement;
use super::row::optional_task;
use super::session::ServerId;
use super::share::Work;
use super::standby::AtLeast;
use super::tally::Tally;
use super::{Database, StoreError};
use crate::listing::cursor::Cursor;
use crate::listing::filter::Filter;
use crate::listing::page::{Limit, Offset};
use crate::listing::sorters::Sorters;
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
    pub(super) id: Box<str>,
    /// The low 32 bits of the transaction id.
    pub(super) xmin: i64,
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
    let Statement {
        sql,
        arguments,
        is_kept,
    } = Statement::new(query, known)?;
    let mut rows = sqlx::query_with(AssertSqlSafe(sql), arguments)
        .persistent(is_kept)
        .fetch(connection);
    let (mut head, mut read) = (None, Vec::new());
    // Each row has a task that was read, or none is. The first row carries all else.
    while let Some(row) = rows.try_next().await? {
        if head.is_none() {
            head = Some(Head::from_row(&row)?);
        }
        if let Some(task) = optional_task(&row)? {
            if let Err(error) = reserved.add(task.bytes()).await {
                return Ok(Err(error));
            }
            let (n, xmin) = (row.try_get("n")?, row.try_get("xmin")?);
            read.push(ReadTask { n, xmin, task });
        }
    }
    // PostgreSQL does not promise the order of a join.
    read.sort_by_key(|task| task.n);
    let head = head.ok_or(sqlx::Error::RowNotFound)?;
    Ok(Ok(head.page(read, query)?))
}

struct ReadTask {
    /// Its place in the page, from 1.
    n: i64,
    xmin: i64,
    task: TaskStatus,
}

/// A page without its tasks.
struct Head {
    tally: Tally,
    total: Option<i64>,
    epoch: XidEpoch,
    /// Of a read with known tasks.
    known: Option<KnownPlaces>,
}

struct KnownPlaces {
    /// In the order of the page: which known task it is, from 1, or 0.
    places: Vec<i64>,
    more: bool,
}

impl Head {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let places: Option<Vec<i64>> = row.try_get("known")?;
        let more: Option<bool> = row.try_get("more")?;
        Ok(Self {
            tally: Tally::from_row(row)?,
            total: row.try_get("total")?,
            epoch: XidEpoch {
                server: row.try_get("server")?,
                rest: row.try_get("epoch")?,
            },
            known: places
                .zip(more)
                .map(|(places, more)| KnownPlaces { places, more }),
        })
    }

    /// The page, with the tasks that were read.
    fn page(self, mut read: Vec<ReadTask>, query: PageQuery<'_>) -> sqlx::Result<Page> {
        let KnownPlaces { places, more } = self.known.unwrap_or_else(|| {
            let limit = usize::try_from(query.limit.get()).unwrap_or(usize::MAX);
            let more = read.len() > limit;
            read.truncate(limit);
            let places = vec![0; read.len()];
            KnownPlaces { places, more }
        });
        let mut read = read.into_iter();
        let mut next = None;
        let mut tasks = Vec::with_capacity(places.len());
        let count = places.len();
        for (index, known) in places.into_iter().enumerate() {
            let last = more && index + 1 == count;
            let mut entry = usize::try_from(known)
                .ok()
                .and_then(|known| known.checked_sub(1))
                .map(Entry::Known);
            if entry.is_none() || last {
                let ReadTask { task, xmin, .. } = read.next().ok_or(sqlx::Error::RowNotFound)?;
                if last {
                    next = Some(Cursor::after(&task, query.order));
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
