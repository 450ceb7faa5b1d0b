//! Statements that are written whole, with `{names}` for the parts that vary.

use sqlx::postgres::PgArguments;
use sqlx::{Execute, Postgres, QueryBuilder};

use crate::listing::page::Limit;

/// The text of a condition, and its values after those that are bound already.
pub(super) fn condition(
    arguments: PgArguments,
    push: impl FnOnce(&mut QueryBuilder<Postgres>),
) -> sqlx::Result<(String, PgArguments)> {
    let mut sql = QueryBuilder::with_arguments("", arguments);
    push(&mut sql);
    let arguments = sql.build().take_arguments().map_err(sqlx::Error::Encode)?;
    Ok((sql.into_string(), arguments.unwrap_or_default()))
}

/// One row more than the page holds tells whether there is more.
pub(super) fn one_more(limit: Limit) -> i64 {
    match limit.get() {
        0 => 0,
        limit => limit + 1,
    }
}
