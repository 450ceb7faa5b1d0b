//! Reading very many tasks, in one snapshot and with a few rows in memory at a time: as a stream of one statement for the
//! command line ([`Export`]), and with a cursor for clients of the service, which may be slow ([`Rows`]).

use futures_util::{Stream, TryStreamExt};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, PgConnection, Postgres, QueryBuilder};

use super::keyset::push_after;
use super::lease::Lease;
use super::list::push_filter;
use super::row::STORED;
use super::standby::AtLeast;
use super::statement::condition;
use super::{Database, StoreError};
use crate::listing::cursor::Cursor;
use crate::listing::filter::Filter;
use crate::listing::page::Offset;
use crate::listing::sorters::Sorters;
use crate::memory::Reserved;
use crate::task::TaskStatus;

/// The most tasks of an export to a client of the service.
pub const MAX_TASKS: i32 = 1_000_000;
/// The rows that are read at a time. So many of the largest tasks fit into the memory of one response.
const ROWS: &str = "fetch forward 32 from task_status_export";

/// The tasks to export, in the order in which they were created.
pub struct Export(QueryBuilder<Postgres>);

impl Export {
    /// All tasks, or those that match.
    pub fn of(filter: Option<&Filter>) -> Self {
        let mut sql = QueryBuilder::new(format!("select {STORED} from task_status where "));
        push_filter(filter, &mut sql);
        // Without the table's name they would be the columns of the result, which no index serves.
        sql.push(" order by task_status.created, task_status.id");
        Self(sql)
    }

    /// The tasks, as fast as they are taken.
    pub fn tasks<'a>(
        &'a mut self,
        connection: &'a mut PgConnection,
    ) -> impl Stream<Item = Result<TaskStatus, StoreError>> + 'a {
        self.0
            .build_query_as::<TaskStatus>()
            .fetch(connection)
            .map_err(StoreError::from)
    }
}

/// The tasks that a client of the service exports.
#[derive(Debug, Clone, Copy)]
pub struct ExportQuery<'a> {
    pub filter: Option<&'a Filter>,
    pub order: &'a Sorters,
    /// The first task comes after this cursor; `offset` counts from there.
    pub after: Option<&'a Cursor>,
    pub offset: Offset,
    /// Without it, all tasks.
    pub limit: Option<i32>,
}

/// The rows of an export. Each read is a statement of its own, with a timeout of its own.
pub struct Rows {
    lease: Lease,
    /// How many more there may be.
    left: i64,
}

/// The inner table has the outer one's name: the columns of the result are expressions, which no index orders.
const CURSOR: &str = "
declare task_status_export no scroll cursor for
select {stored}
from (
    select *
    from task_status
    where {filter} and {after}
    order by {order_by}
    limit $1
    offset $2
) as task_status
";
const COUNT: &str =
    "select count(*) from (select from task_status where {filter} and {after} limit $1 offset $2) as task";

impl Rows {
    /// Opens the cursor, unless there are more than [`MAX_TASKS`].
    pub async fn open(
        database: &Database,
        at_least: Option<AtLeast>,
        query: ExportQuery<'_>,
    ) -> Result<Option<Self>, StoreError> {
        if let Some(standby) = database.export_standby(at_least).await
            && let Some(rows) = database.answered(Self::open_with(standby, query).await)
        {
            return rows;
        }
        Self::open_with(database.export_connection().await?, query).await
    }

    async fn open_with(mut lease: Lease, query: ExportQuery<'_>) -> Result<Option<Self>, StoreError> {
        let limit = i64::from(query.limit.unwrap_or(MAX_TASKS));
        let bound = lease.bound();
        // The cursor lives as long as the transaction, and has a snapshot of its own.
        lease.begin().await?;
        let opening = async {
            if query.limit.is_none() {
                let (count, arguments) = statement(COUNT, query, limit + 1)?;
                let count: i64 = sqlx::query_scalar_with(AssertSqlSafe(count), arguments)
                    .persistent(false)
                    .fetch_one(&mut *lease)
                    .await?;
                if count > limit {
                    return Ok(false);
                }
            }
            // More than were counted may be there by now.
            let (cursor, arguments) = statement(CURSOR, query, limit + i64::from(query.limit.is_none()))?;
            sqlx::query_with(AssertSqlSafe(cursor), arguments)
                .persistent(false)
                .execute(&mut *lease)
                .await?;
            Ok(true)
        };
        match bound.run(opening).await {
            Ok(true) => Ok(Some(Self { lease, left: limit })),
            opened => lease.release(opened.map(|_| None)).await,
        }
    }

    /// Passes the next tasks to `take`, and returns the number of them: none at the end. Their memory is `reserved`.
    pub async fn next<E: From<StoreError>>(
        mut self,
        reserved: &mut Reserved,
        mut take: impl FnMut(&TaskStatus) -> Result<(), E>,
    ) -> Result<(Self, i64), E> {
        let bound = self.lease.bound();
        let reading = async {
            let mut rows = sqlx::query_as::<_, TaskStatus>(ROWS)
                .persistent(false)
                .fetch(&mut *self.lease);
            let mut number = 0;
            while let Some(task) = rows.try_next().await? {
                number += 1;
                let reserving = reserved.add(task.bytes()).await.map_err(StoreError::from);
                if let Err(error) = reserving.map_err(E::from).and_then(|()| take(&task)) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(number))
        };
        let number = match bound.run(reading).await {
            Ok(read) => read?,
            Err(error) => return Ok(self.lease.release(Err(error)).await?),
        };
        self.left -= number;
        if self.left < 0 {
            return Err(StoreError::ExportTooLong.into());
        }
        Ok((self, number))
    }

    /// Ends the transaction.
    pub async fn finish(self) -> Result<(), StoreError> {
        self.lease.finish().await
    }
}

fn statement(sql: &str, query: ExportQuery<'_>, limit: i64) -> sqlx::Result<(String, PgArguments)> {
    let mut arguments = PgArguments::default();
    for number in [limit, query.offset.get()] {
        arguments.add(number).map_err(sqlx::Error::Encode)?;
    }
    let (filter, arguments) = condition(arguments, |sql| push_filter(query.filter, sql))?;
    let (after, arguments) = condition(arguments, |sql| push_after(query.after, query.order, sql))?;
    let statement = sql
        .replace("{stored}", STORED)
        .replace("{filter}", &filter)
        .replace("{after}", &after)
        .replace("{order_by}", &query.order.order_by());
    Ok((statement, arguments))
}
