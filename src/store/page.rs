//! A page of tasks: of a filter, in an order, after an offset or a place.

use sqlx::{Postgres, QueryBuilder, Row};

use super::keyset::push_after;
use super::row::optional_task;
use super::{Database, StoreError};
use crate::listing::cursor::Cursor;
use crate::listing::filter::Filter;
use crate::listing::page::Pagination;
use crate::listing::sorters::Sorters;
use crate::task::TaskStatus;

/// What a page is of.
#[derive(Debug, Clone, Copy)]
pub struct PageQuery<'a> {
    pub which: Which<'a>,
    pub order: &'a Sorters,
    /// The page begins after this place; [`Pagination::offset`] counts from there.
    pub after: Option<&'a Cursor>,
    pub collection: Pagination,
}

/// Which tasks there are to be paged through.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    All,
    Matching(&'a Filter),
}

/// A page, all of it from one snapshot of the database.
#[derive(Debug)]
pub struct Page {
    pub tasks: Vec<TaskStatus>,
    /// How many tasks there are without offset, limit and place; known only if it was asked for.
    pub total: Option<i64>,
    /// Where the next page begins, if there is more.
    pub next: Option<Cursor>,
}

/// Reads a page, and the exact number of tasks if `collection.count` is set.
///
/// One statement, hence one snapshot. The page is found on a narrow index and its rows are fetched after: with `limit`
/// and `offset` on whole rows the planner turns to sorting all of them when the offset is deep. `limit 1` in the lateral
/// join keeps the planner from merging it back into such a plan.
///
/// # Errors
/// The database is unavailable, or the statement took too long.
pub async fn page(database: &Database, query: PageQuery<'_>) -> Result<Page, StoreError> {
    let limit = query.collection.limit.get();
    let mut connection = database.connection().await?;
    // Planned with its values: a prefix is a range of an index only where the planner can see it.
    let rows = statement(query)
        .build()
        .persistent(false)
        .fetch_all(&mut *connection)
        .await;
    let rows = connection.release(rows)?;

    // The summary is in every row, and an empty page is one row without a task.
    let mut total = None;
    let mut tasks = Vec::with_capacity(rows.len());
    // One by one: a page of large tasks should not be in memory twice.
    for row in rows {
        total = row.try_get("total")?;
        tasks.extend(optional_task(&row)?);
    }
    let more = limit > 0 && usize::try_from(limit).is_ok_and(|limit| tasks.len() > limit);
    if more {
        tasks.pop();
    }
    let next = tasks
        .last()
        .filter(|_| more)
        .map(|last| Cursor::after(last, query.order));
    Ok(Page { tasks, total, next })
}

fn statement(query: PageQuery<'_>) -> QueryBuilder<Postgres> {
    let order_by = query.order.order_by();
    let mut sql = QueryBuilder::new("with place as (select id from task_status where ");
    query.which.push(&mut sql);
    if let Some(after) = query.after {
        sql.push(" and ");
        push_after(after, query.order, &mut sql);
    }
    sql.push(" order by ").push(&order_by);
    // One more than asked for tells whether there is more.
    let limit = query.collection.limit.get();
    sql.push(" limit ")
        .push_bind(if limit > 0 { limit + 1 } else { 0 });
    sql.push(" offset ").push_bind(query.collection.offset.get());
    sql.push(
        "), page as (
            select task.* from place
            cross join lateral (select * from task_status where id = place.id limit 1) as task
        ), summary as (",
    );
    if query.collection.count {
        sql.push("select count(*) as total from task_status where ");
        query.which.push(&mut sql);
    } else {
        sql.push("select null::bigint as total");
    }
    sql.push(") select * from summary left join page on true order by ")
        .push(&order_by);
    sql
}

impl Which<'_> {
    /// Appends a boolean expression.
    fn push(self, sql: &mut QueryBuilder<Postgres>) {
        match self {
            Self::All => {
                sql.push("true");
            }
            Self::Matching(filter) => filter.push_sql(sql),
        }
    }
}
