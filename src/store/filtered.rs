//! The page of a filter in an order: how it is found, whatever the filter selects and however the statistics are.
//!
//! Two ways lead to it. The index of the order is walked until enough tasks match: fast if many do. Or all tasks that
//! match are found, by an index of the filter if it has one, and sorted: fast if few do. The planner chooses by
//! statistics, which a table may lack, and takes filter and order to be independent, which kind and name, or state and
//! progress, are not. When it is wrong a page takes as long as reading the whole table.
//!
//! So the first way is tried for a bounded number of steps, then the second for a bounded number of tasks. Only if both
//! end at their bounds is the choice the planner's.

use crate::listing::filter::expression::{Expression, Relation, Test};
use crate::listing::filter::value::Value;
use crate::listing::filter::{Field, Filter, PENDING};
use crate::listing::sorters::{Sorter, Sorters};
use crate::task::TaskType;

/// The least steps along the index of the order, and those for each task until the end of the page, if an index leads to the
/// tasks of the filter. One that selects a task in forty fills a page within so many.
const MIN_STEPS: i64 = 10_000;
const STEPS_PER_TASK: i64 = 40;
/// So many times as many if no index leads to them: the second way then reads the whole table.
const WITHOUT_INDEX: i64 = 10;

/// `narrow`: the ids of a page at an offset ($1), numbered. The arrays are computed when they are needed, and the rows of
/// `few` too.
///
/// The tasks of `few` are the first that are found, so they are sorted only if they are all there are.
const NARROW: &str = ",
walked as materialized (
    select array(
        select id
        from (
            select *, {keys}
            from task_status
            where {after}
            order by {order_by}
            limit {steps}
        ) as task_status
        where {filter}
        order by {order_by_keys}
        limit {one_more}
        offset $1
    ) as ids
),
few as materialized (
    select id, {keys}
    from task_status
    where {filter} and {after}
    limit 100001
),
narrow as materialized (
    select id, n
    from unnest(case
        when (select cardinality(ids) = {one_more} from walked) then (select ids from walked)
        when (select count(*) <= 100000 from few) then array(
            select id from few order by {order_by_keys} limit {one_more} offset $1)
        else array(
            select id from task_status where {filter} and {after} order by {order_by} limit {one_more} offset $1)
    end) with ordinality as narrow (id, n)
)
";

/// The definition of `narrow` for a filter and an order, if the planner needs help.
pub(super) fn narrow(filter: &Filter, order: &Sorters, tasks: i64) -> Option<String> {
    if is_indexed(filter.expression(), order) {
        return None;
    }
    let (keys, order_by_keys) = order.keys();
    let steps = (tasks * STEPS_PER_TASK).max(MIN_STEPS);
    let steps = if is_found_by_index(filter.expression()) {
        steps
    } else {
        steps * WITHOUT_INDEX
    };
    let narrow = NARROW
        .replace("{keys}", &keys)
        .replace("{order_by_keys}", &order_by_keys)
        .replace("{steps}", &steps.to_string());
    Some(narrow)
}

/// Whether an index leads to the tasks of the filter.
fn is_found_by_index(filter: &Expression) -> bool {
    match filter {
        Expression::Is(Field::Progress, _) | Expression::Is(_, Test::Contains(_) | Test::ContainsAll(_)) => {
            false
        }
        Expression::Is(..) => true,
        // As a rule it selects most tasks.
        Expression::Not(_) => false,
        Expression::And(parts) => parts.iter().any(is_found_by_index),
        Expression::Or(parts) => parts.iter().all(is_found_by_index),
    }
}

/// Whether an index has exactly the tasks of the filter, in this order.
fn is_indexed(filter: &Expression, order: &Sorters) -> bool {
    let [(sorter, _)] = order.pairs() else {
        return false;
    };
    match filter {
        Expression::Is(field, Test::Compare(..) | Test::StartsWith(_)) if field.name() == sorter.name() => {
            *field != Field::Type
        }
        _ if *sorter == Sorter::Created => is_indexed_by_created(filter),
        _ => false,
    }
}

fn is_indexed_by_created(filter: &Expression) -> bool {
    match filter {
        Expression::Is(field, Test::Compare(Relation::Eq, value)) => match field {
            Field::CompletionStatus | Field::Launcher | Field::SourceId => true,
            Field::Type => is_kind(value),
            _ => false,
        },
        Expression::And(parts) => match &parts[..] {
            [one, other] | [other, one] if *one == PENDING => {
                matches!(other, Expression::Is(Field::Type | Field::SourceId, _))
                    && is_indexed_by_created(other)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a value of `type` is a kind and no type.
fn is_kind(value: &Value) -> bool {
    !matches!(value, Value::Text(name) if TaskType::NAMES.contains(&name.as_str()))
}
