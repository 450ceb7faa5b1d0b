//! A page of tasks: of a filter, in an order, after an offset or a place.

use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};

use super::row::optional_task;
use super::tally::{Revision, Tally};
use super::{Database, StoreError};
use crate::collection::Collection;
use crate::cursor::{Cursor, Key};
use crate::filter::Filter;
use crate::sorters::{Direction, Sorter, Sorters};
use crate::task::TaskStatus;

/// What a page is of.
#[derive(Debug, Clone, Copy)]
pub struct PageQuery<'a> {
    pub which: Which<'a>,
    pub order: &'a Sorters,
    /// The page begins after this place; [`Collection::offset`] counts from there.
    pub after: Option<&'a Cursor>,
    pub collection: Collection,
}

/// Which tasks there are to be paged through.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    All,
    Pending,
    Matching(&'a Filter),
}

/// A page, all of it from one snapshot of the database.
#[derive(Debug)]
pub struct Page {
    pub tasks: Vec<TaskStatus>,
    /// How many tasks there are without offset, limit and place; known only if it was asked for.
    pub total: Option<i64>,
    /// Of pending tasks only.
    pub tally: Option<Tally>,
    /// Where the next page begins, if there is more.
    pub next: Option<Cursor>,
}

impl Page {
    /// Whether it is known that no task at all is pending.
    pub fn nothing_pending(&self) -> bool {
        self.tasks.is_empty() && self.tally.is_some_and(|tally| tally.pending == 0)
    }
}

/// Reads a page, and the exact number of tasks if `collection.count` is set.
///
/// One statement, hence one snapshot. The page is found on a narrow index and its rows are fetched after: with `limit`
/// and `offset` on whole rows the planner turns to sorting all of them when the offset is deep. `limit 1` in the lateral
/// join keeps the planner from merging it back into such a plan. How many are pending is what the tally says.
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
    let rows = connection.settle(rows)?;

    // The summary is in every row, and an empty page is one row without a task.
    let (mut total, mut tally) = (None, None);
    let mut tasks = Vec::with_capacity(rows.len());
    // One by one: a page of large tasks should not be in memory twice.
    for row in rows {
        total = row.try_get("total")?;
        tally = optional_tally(&row)?;
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
    Ok(Page {
        tasks,
        total: total.or(tally
            .filter(|_| query.collection.count)
            .map(|tally| tally.pending)),
        tally,
        next,
    })
}

fn optional_tally(row: &PgRow) -> sqlx::Result<Option<Tally>> {
    let pending: Option<i64> = row.try_get("pending")?;
    let revision: Option<i64> = row.try_get("revision")?;
    Ok(pending.zip(revision).map(|(pending, revision)| Tally {
        pending,
        revision: Revision(revision),
    }))
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
    match query.which {
        Which::Pending => {
            sql.push(
                "select null::bigint as total, coalesce(sum(pending), 0)::bigint as pending, \
                 coalesce(sum(revision), 0)::bigint as revision \
                 from task_status_tally",
            );
        }
        Which::All | Which::Matching(_) if query.collection.count => {
            sql.push("select count(*) as total, null::bigint as pending, null::bigint as revision from task_status where ");
            query.which.push(&mut sql);
        }
        Which::All | Which::Matching(_) => {
            sql.push("select null::bigint as total, null::bigint as pending, null::bigint as revision");
        }
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
            Self::Pending => {
                sql.push("completion_status is null");
            }
            Self::Matching(filter) => filter.push_sql(sql),
        }
    }
}

/// Appends the condition that a row comes after a place: it is beyond it in one key and equal in all before.
///
/// In the same words for the first key alone, it is what an index can begin at.
fn push_after(after: &Cursor, order: &Sorters, sql: &mut QueryBuilder<Postgres>) {
    let keys: Vec<(Sorter, Direction, &Key)> = order
        .pairs()
        .iter()
        .zip(after.keys())
        .map(|((sorter, direction), key)| (*sorter, *direction, key))
        .collect();
    sql.push("(");
    if let Some((sorter, direction, key)) = keys.first() {
        push_not_before(*sorter, *direction, key, sql);
        sql.push(" and ");
    }
    sql.push("(");
    for (index, (sorter, direction, key)) in keys.iter().enumerate() {
        push_equal(&keys[..index], sql);
        push_beyond(*sorter, *direction, key, sql);
        sql.push(" or ");
    }
    push_equal(&keys, sql);
    sql.push(match order.closing_direction() {
        Direction::Ascending => "id > ",
        Direction::Descending => "id < ",
    });
    sql.push_bind(after.id().to_owned()).push("))");
}

/// Appends a condition that follows from the whole one and that an index can begin at, where there is such a condition.
fn push_not_before(sorter: Sorter, direction: Direction, key: &Key, sql: &mut QueryBuilder<Postgres>) {
    match (direction, key) {
        (Direction::Ascending, Key::NoTime) => {
            sql.push(sorter.expression()).push(" is null");
        }
        // From the tasks without a time on come all others.
        (Direction::Descending, Key::NoTime) => {
            sql.push("true");
        }
        (Direction::Ascending, _) if is_nullable(sorter) => {
            sql.push("true");
        }
        (Direction::Ascending, key) => {
            sql.push(sorter.expression()).push(" >= ");
            push_key(sorter, key, sql);
        }
        (Direction::Descending, key) => {
            sql.push(sorter.expression()).push(" <= ");
            push_key(sorter, key, sql);
        }
    }
}

fn push_equal(keys: &[(Sorter, Direction, &Key)], sql: &mut QueryBuilder<Postgres>) {
    for (sorter, _, key) in keys {
        sql.push(sorter.expression());
        if **key == Key::NoTime {
            sql.push(" is null");
        } else {
            sql.push(" = ");
            push_key(*sorter, key, sql);
        }
        sql.push(" and ");
    }
}

/// What is not set comes last in ascending order and first in descending order, as PostgreSQL has it by default.
fn push_beyond(sorter: Sorter, direction: Direction, key: &Key, sql: &mut QueryBuilder<Postgres>) {
    match (direction, key) {
        (Direction::Ascending, Key::NoTime) => {
            sql.push("false");
        }
        (Direction::Descending, Key::NoTime) => {
            sql.push(sorter.expression()).push(" is not null");
        }
        (Direction::Ascending, key) => {
            sql.push("(").push(sorter.expression()).push(" > ");
            push_key(sorter, key, sql);
            if is_nullable(sorter) {
                sql.push(" or ").push(sorter.expression()).push(" is null");
            }
            sql.push(")");
        }
        (Direction::Descending, key) => {
            sql.push(sorter.expression()).push(" < ");
            push_key(sorter, key, sql);
        }
    }
}

fn is_nullable(sorter: Sorter) -> bool {
    matches!(sorter, Sorter::Launched | Sorter::Completed)
}

fn push_key(sorter: Sorter, key: &Key, sql: &mut QueryBuilder<Postgres>) {
    match key {
        Key::Time(time) => sql.push_bind(*time),
        // Never reached: a time that is not set is compared by `is null`.
        Key::NoTime => sql.push("null"),
        Key::Text(text) if sorter == Sorter::UniqueName => {
            sql.push("lower(").push_bind(text.clone()).push(") collate \"C\"")
        }
        Key::Text(text) => sql.push_bind(text.clone()),
        Key::Integer(integer) => sql.push_bind(*integer),
    };
}
