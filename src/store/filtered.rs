//! The page of a filter in an order: how it is found, whatever the filter selects and however the statistics are.
//!
//! Two ways lead to it. The index of the order is walked until enough tasks match: fast if many do. Or all tasks that
//! match are found, by an index of the filter if it has one, and sorted: fast if few do. The planner chooses by
//! statistics, which a table may lack, and takes filter and order to be independent, which kind and name, or state and
//! progress, are not. When it is wrong a page takes as long as reading the whole table.
//!
//! So the first way is tried for a bounded number of steps, and then the second. Without an index of the filter that reads
//! the whole table: it is tried for a bounded number of tasks, and if both end at their bounds the planner chooses.

use crate::listing::filter::expression::{Expression, Relation, Test};
use crate::listing::filter::value::Value;
use crate::listing::filter::{Field, Filter, PENDING};
use crate::listing::sorters::{Sorter, Sorters};
use crate::task::{CompletionStatus, TaskType};

/// The least steps along the index of the order, and those for each task until the end of the page, if an index leads to the
/// tasks of the filter. One that selects a task in forty fills a page within so many.
const MIN_STEPS: i64 = 10_000;
const STEPS_PER_TASK: i64 = 40;
/// So many times as many if no index leads to them: the second way then reads the whole table.
const WITHOUT_INDEX: i64 = 10;

/// `narrow`: the ids of a page at an offset ($1), numbered. `{otherwise}` is one of the queries below. Arrays are computed
/// when they are needed.
const NARROW: &str = ",
walked as materialized (
    select array(
        select id
        from (
            select *, {keys}
            from task_status
            where {presence} and {after}
            order by {order_by}
            limit {steps}
        ) as task_status
        where {filter}
        order by {order_by_keys}
        limit {one_more}
        offset $1
    ) as ids
),{few}
narrow as materialized (
    select id, n
    from unnest(case
        when (select cardinality(ids) = {one_more} from walked) then (select ids from walked)
        {otherwise}
    end) with ordinality as narrow (id, n)
)
";

/// All tasks of the filter, sorted. `offset 0` keeps the planner from walking the index of the order instead.
const SORTED: &str = "else array(
            select id
            from (select id, {keys} from task_status where {filter} and {after} offset 0) as found
            order by {order_by_keys} limit {one_more} offset $1)";

/// The first tasks of the filter that are found.
const FEW: &str = "
few as materialized (
    select id, {keys}
    from task_status
    where {filter} and {after}
    limit 100001
),";

/// Those, sorted, if they are all there are; else the page as the planner finds it.
const SORTED_IF_FEW: &str = "when (select count(*) <= 100000 from few)
            then array(select id from few order by {order_by_keys} limit {one_more} offset $1)
        else array(select id from task_status where {filter} and {after} order by {order_by} limit {one_more} offset $1)";

/// The definition of `narrow` for a filter and an order, if the planner needs help.
pub(super) fn narrow(filter: &Filter, order: &Sorters, tasks: i64) -> Option<String> {
    if is_indexed(filter.expression(), order) {
        return None;
    }
    let (keys, order_by_keys) = order.keys();
    let steps = (tasks * STEPS_PER_TASK).max(MIN_STEPS);
    let (steps, few, otherwise) = if is_found_by_index(filter.expression()) {
        (steps, "", SORTED)
    } else {
        (steps * WITHOUT_INDEX, FEW, SORTED_IF_FEW)
    };
    let narrow = NARROW
        .replace("{few}", few)
        .replace("{otherwise}", otherwise)
        .replace("{presence}", presence(filter.expression(), order))
        .replace("{keys}", &keys)
        .replace("{order_by_keys}", &order_by_keys)
        .replace("{steps}", &steps.to_string());
    Some(narrow)
}

/// The condition that the filter puts on whether tasks have the time of the order: those without come first or last.
fn presence(filter: &Expression, order: &Sorters) -> &'static str {
    // A constraint of the table: a task has a completion status if it has the time of its completion.
    let (fields, present, absent): (&[Field], _, _) = match order.pairs() {
        [(Sorter::Completed, _), ..] => (
            &[Field::Completed, Field::CompletionStatus],
            "completed is not null",
            "completed is null",
        ),
        [(Sorter::Launched, _), ..] => (&[Field::Launched], "launched is not null", "launched is null"),
        _ => return "true",
    };
    let parts = match filter {
        Expression::And(parts) => parts,
        part => std::slice::from_ref(part),
    };
    let mut conditions = parts.iter().filter_map(|part| match part {
        Expression::Is(field, test) if fields.contains(field) => {
            Some(if *test == Test::Null { absent } else { present })
        }
        Expression::Not(inner) => match &**inner {
            Expression::Is(field, Test::Null) if fields.contains(field) => Some(present),
            _ => None,
        },
        _ => None,
    });
    conditions.next().unwrap_or("true")
}

/// Whether an index leads to the tasks of the filter, and they are not most of all.
fn is_found_by_index(filter: &Expression) -> bool {
    match filter {
        // As a rule a negation selects most tasks, and so does success.
        Expression::Is(Field::CompletionStatus, Test::Compare(_, Value::Text(status))) => {
            status != CompletionStatus::Success.name()
        }
        Expression::Is(Field::Progress, _)
        | Expression::Is(_, Test::Contains(_) | Test::ContainsAll(_))
        | Expression::Not(_) => false,
        Expression::Is(..) => true,
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
        Expression::Is(Field::Type, Test::Compare(Relation::Eq, value)) => {
            *sorter == Sorter::UniqueName && is_kind(value)
        }
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
