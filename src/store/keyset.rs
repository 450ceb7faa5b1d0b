//! Cursors in an ordered list of tasks, as conditions in SQL.

use sqlx::{Postgres, QueryBuilder};

use super::filter_sql::push_folded;
use crate::listing::cursor::{Cursor, Key};
use crate::listing::sorters::{Direction, Sorter, Sorters};

/// Appends the condition that a row comes after the cursor: it is beyond it in one key and equal in all keys before.
/// Without a cursor every row does.
///
/// It begins with a condition on the first key alone, which an index can begin at.
pub(super) fn push_after(after: Option<&Cursor>, order: &Sorters, sql: &mut QueryBuilder<Postgres>) {
    let Some(after) = after else {
        sql.push("true");
        return;
    };
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

/// Appends a condition that the whole one implies and that an index can begin at, if there is one.
fn push_not_before(sorter: Sorter, direction: Direction, key: &Key, sql: &mut QueryBuilder<Postgres>) {
    match (direction, key) {
        (Direction::Ascending, Key::NoTime) => {
            sql.push(sorter.expression()).push(" is null");
        }
        // Tasks without a time come first, so nothing precedes them.
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

/// Nulls come last in ascending order and first in descending order: PostgreSQL's default.
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
        // Never reached: a missing time is compared by `is null`.
        Key::NoTime => sql.push("null"),
        Key::Text(text) if sorter == Sorter::UniqueName => push_folded("lower", text, sql),
        Key::Text(text) => sql.push_bind(text.clone()),
        Key::Integer(integer) => sql.push_bind(*integer),
    };
}
