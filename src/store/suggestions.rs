//! The values of a field that begin with a prefix, in bounded time.

use sqlx::AssertSqlSafe;

use super::filter_sql::{FOLDED, IS_SOURCE, TASK_KIND, column};
use super::lease::Lease;
use super::standby::AtLeast;
use super::{Database, StoreError};
use crate::listing::filter::{Field, FieldType};

/// Reads one row for each value: the index leads from a value to the next one, however many tasks have it.
const BY_INDEX: &str = "
with recursive found as (
    (
        select {value} as value, {folded} as folded
        from task_status
        where {folded} >= {prefix} and {condition}
        order by {folded}
        limit 1
    )
    union all
    select next.value, next.folded
    from found
    cross join lateral (
        select {value} as value, {folded} as folded
        from task_status
        where {folded} > found.folded and {condition}
        order by {folded}
        limit 1
    ) as next
    where starts_with(found.folded, {prefix})
)
select value
from found
where starts_with(folded, {prefix})
limit $2
";
/// Reads so many of the newest pending tasks, and of the newest tasks of any state.
const AMONG_RECENT: &str = "
select distinct on (folded) value
from (
    select value, {folded} as folded
    from (
        (select {value} as value from task_status where completion_status is null order by created desc, id desc limit 5000)
        union all
        (select {value} as value from task_status order by created desc, id limit 5000)
    ) as recent
) as folded
where starts_with(folded, {prefix})
order by folded, value
limit $2
";

/// The values of a field with texts or names that begin with a prefix, whatever their case. They are in the order of
/// filters, and each is in one of its spellings.
pub async fn suggestions(
    database: &Database,
    at_least: Option<AtLeast>,
    field: Field,
    prefix: &str,
    limit: i32,
) -> Result<Vec<String>, StoreError> {
    // No value has a character that PostgreSQL cannot store.
    if prefix.contains('\0') {
        return Ok(Vec::new());
    }
    let names = match field.field_type() {
        FieldType::Enumeration(names) | FieldType::OpenEnumeration(names) => names,
        _ => &[],
    };
    let begins = |name: &&&str| {
        let beginning = name.get(..prefix.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix))
    };
    let mut values: Vec<String> = names
        .iter()
        .filter(begins)
        .map(|name| (*name).to_owned())
        .collect();
    if let Some(statement) = statement(field) {
        values.extend(read(database, at_least, &statement, prefix, limit).await?);
    }
    if !names.is_empty() {
        values.sort_unstable();
        values.dedup();
        values.truncate(usize::try_from(limit).unwrap_or_default());
    }
    Ok(values)
}

async fn read(
    database: &Database,
    at_least: Option<AtLeast>,
    statement: &str,
    prefix: &str,
    limit: i32,
) -> Result<Vec<String>, StoreError> {
    let read = async |mut connection: Lease| {
        let bound = connection.bound();
        // Planned with its values, as a list is.
        let reading = sqlx::query_scalar(AssertSqlSafe(statement))
            .persistent(false)
            .bind(prefix)
            .bind(i64::from(limit))
            .fetch_all(&mut *connection);
        let read = bound.run(reading).await;
        connection.release(read).await
    };
    if let Some(standby) = database.standby(at_least).await?
        && let Some(values) = database.answered(read(standby).await)
    {
        return values;
    }
    read(database.connection().await?).await
}

/// The statement that reads values from the table, if not all of them are known.
fn statement(field: Field) -> Option<String> {
    let (statement, value, fold) = match field {
        Field::Type => (BY_INDEX, TASK_KIND, "upper"),
        Field::Id | Field::UniqueName | Field::Launcher | Field::SourceId => {
            (BY_INDEX, column(field), "lower")
        }
        field if field.field_type() == FieldType::Text => (AMONG_RECENT, column(field), "lower"),
        _ => return None,
    };
    let folded = match (field, statement) {
        (Field::Type, _) => TASK_KIND.to_owned(),
        (_, AMONG_RECENT) => format!("{fold}(value{FOLDED}"),
        _ => format!("{fold}({value}{FOLDED}"),
    };
    let condition = if field == Field::SourceId {
        IS_SOURCE
    } else {
        "true"
    };
    let prefix = format!("{fold}($1{FOLDED}");
    Some(
        statement
            .replace("{value}", value)
            .replace("{folded}", &folded)
            .replace("{prefix}", &prefix)
            .replace("{condition}", condition),
    )
}
