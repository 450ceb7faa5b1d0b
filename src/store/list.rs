//! A page of any tasks: of a filter, in an order, after an offset or a cursor.

use futures_util::TryStreamExt;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, Postgres, QueryBuilder, Row};

use super::keyset::push_after;
use super::row::{STORED, optional_task};
use super::statement::{condition, one_more};
use super::{Database, StoreError};
use crate::listing::cursor::Cursor;
use crate::listing::filter::Filter;
use crate::listing::page::Pagination;
use crate::listing::sorters::Sorters;
use crate::memory::Reserved;
use crate::task::TaskStatus;

/// A request for a page of the list.
#[derive(Debug, Clone, Copy)]
pub struct ListQuery<'a> {
    /// Without a filter, all tasks are listed.
    pub filter: Option<&'a Filter>,
    pub order: &'a Sorters,
    /// The page begins after this cursor; [`Pagination::offset`] counts from there.
    pub after: Option<&'a Cursor>,
    pub pagination: Pagination,
}

/// A page of the list without its tasks, all of it from one snapshot of the database.
#[derive(Debug, Default)]
pub struct ListPage {
    /// How many tasks match, whatever offset, limit and cursor are; only if it was asked for.
    pub total: Option<i64>,
    /// The cursor after which the next page begins, if there is more.
    pub next: Option<Cursor>,
}

/// One statement, hence one snapshot. The page is found in a narrow index first and its rows are fetched after: with
/// `limit` and `offset` on whole rows the planner sorts all of them if the offset is deep. `limit 1` keeps it from merging
/// the two steps.
const PAGE: &str = "
with narrow as (
    select id
    from task_status
    where {filter} and {after}
    order by {order_by}
    limit $1
    offset $2
),
page as (
    select task.*
    from narrow
    cross join lateral (select {stored} from task_status where id = narrow.id limit 1) as task
),
summary as (
    select {total} as total
)
select *
from summary
left join page on true
order by {order_by}
";

/// Reads a page, and the exact number of tasks that match if `pagination.count` is set. Passes each task to `take` as it
/// arrives, so that a page of large tasks is not in memory twice. Its memory is `reserved`.
pub async fn page<E: From<StoreError>>(
    database: &Database,
    query: ListQuery<'_>,
    reserved: &mut Reserved,
    mut take: impl FnMut(&TaskStatus) -> Result<(), E>,
) -> Result<ListPage, E> {
    let limit = query.pagination.limit.get();
    let (statement, arguments) = statement(query).map_err(StoreError::from)?;
    let mut connection = database.connection().await?;
    let reading = async {
        // Planned with its values: a prefix is a range of an index only if the planner sees it.
        let mut rows = sqlx::query_with(AssertSqlSafe(statement), arguments)
            .persistent(false)
            .fetch(&mut *connection);
        let (mut page, mut number, mut end) = (ListPage::default(), 0, None);
        while let Some(row) = rows.try_next().await? {
            // The total is in every row, and an empty page is one row without a task.
            page.total = row.try_get("total")?;
            let Some(task) = optional_task(&row)? else {
                continue;
            };
            number += 1;
            if number > limit {
                page.next = end.take();
                continue;
            }
            if number == limit {
                end = Some(Cursor::after(&task, query.order));
            }
            let reserving = reserved.add(task.bytes()).await.map_err(StoreError::from);
            if let Err(error) = reserving.map_err(E::from).and_then(|()| take(&task)) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(page))
    };
    let read = database.bounded(reading).await;
    match read {
        // Rows are still on their way: the connection is of no use.
        Ok(Err(error)) => Err(error),
        Ok(Ok(page)) => Ok(connection.release(Ok(page)).await?),
        Err(error) => Ok(connection.release(Err(error)).await?),
    }
}

fn statement(query: ListQuery<'_>) -> sqlx::Result<(String, PgArguments)> {
    let mut arguments = PgArguments::default();
    for number in [one_more(query.pagination.limit), query.pagination.offset.get()] {
        arguments.add(number).map_err(sqlx::Error::Encode)?;
    }
    let (filter, arguments) = condition(arguments, |sql| push_filter(query.filter, sql))?;
    let (after, arguments) = condition(arguments, |sql| push_after(query.after, query.order, sql))?;
    let total = if query.pagination.count {
        "(select count(*) from task_status where {filter})"
    } else {
        "null::bigint"
    };
    let statement = PAGE
        .replace("{total}", total)
        .replace("{stored}", STORED)
        .replace("{filter}", &filter)
        .replace("{after}", &after)
        .replace("{order_by}", &query.order.order_by());
    Ok((statement, arguments))
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
