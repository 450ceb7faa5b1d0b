//! Filters as SQL.
//!
//! The invariant: the SQL is `true` exactly when the filter is, and `false` or null otherwise. `and` and `or` preserve it,
//! and `(...) is not true` is the complement. So only a negation pays for SQL's third truth value, and everything else
//! keeps the form that an index serves.
//!
//! Both sides of a comparison of texts are folded by PostgreSQL and compared by code point, whatever the locale of the
//! database: `lower(column collate task_status_case) collate "C"`. An index on that expression serves `eq`, `in`, `gt` and
//! the like. It also serves `sw`: PostgreSQL derives a range from `starts_with` if the collation is "C" and the statement
//! is planned with its values.

use sqlx::{Postgres, QueryBuilder};

use crate::listing::filter::expression::{Expression, Relation, Test};
use crate::listing::filter::value::Value;
use crate::listing::filter::{Field, FieldType, Filter};
use crate::task::TaskType;

type Query = QueryBuilder<Postgres>;

/// The condition of `sourceId`: the target is a source.
pub(super) const IS_SOURCE: &str = "target_type = 'APPLICATION'";
/// The kind of a task. It must be the exact expression of its index.
pub(super) const TASK_KIND: &str = "task_status_kind(task_definition_summary, unique_name) collate \"C\"";
/// The end of a text that is folded, after `lower(` or `upper(` and the text.
pub(super) const FOLDED: &str = " collate task_status_case) collate \"C\"";

impl Filter {
    /// Appends the filter as one boolean expression on the columns of `task_status`, which can be combined with `and`,
    /// `or` and `not` without parentheses. Values are bound, never written.
    pub fn push_sql(&self, query: &mut Query) {
        push(self.expression(), query);
    }
}

pub(super) const fn column(field: Field) -> &'static str {
    match field {
        Field::Id => "id",
        Field::Type => "type",
        Field::UniqueName => "unique_name",
        Field::ParentName => "parent_name",
        Field::Launcher => "launcher",
        Field::SourceId | Field::TargetId => "target_id",
        Field::TargetType => "target_type",
        Field::TargetName => "target_name",
        Field::Created => "created",
        Field::Modified => "modified",
        Field::Launched => "launched",
        Field::Completed => "completed",
        Field::CompletionStatus => "completion_status",
        Field::Progress => "progress",
        Field::PercentComplete => "percent_complete",
    }
}

/// Whether the column is `not null`. PostgreSQL before 17 reads the whole table to find that no row lacks it.
const fn is_required(field: Field) -> bool {
    matches!(
        field,
        Field::Id
            | Field::Type
            | Field::UniqueName
            | Field::Launcher
            | Field::Created
            | Field::Modified
            | Field::PercentComplete
    )
}

fn push(expression: &Expression, query: &mut Query) {
    match expression {
        Expression::Is(field, test) => push_test(*field, test, query),
        Expression::Not(inner) => match &**inner {
            Expression::Is(field, Test::Null) => push_presence(*field, query),
            // These have parentheses of their own.
            inner @ (Expression::And(_) | Expression::Or(_)) => {
                push(inner, query);
                query.push(" is not true");
            }
            inner => {
                query.push("(");
                push(inner, query);
                query.push(") is not true");
            }
        },
        Expression::And(parts) => push_joined(parts, " and ", push, query),
        Expression::Or(parts) => push_joined(parts, " or ", push, query),
    }
}

/// Joins several parts within parentheses; a single one has none.
fn push_joined<T>(parts: &[T], word: &str, push: impl Fn(&T, &mut Query), query: &mut Query) {
    if let [only] = parts {
        return push(only, query);
    }
    let mut before = "(";
    for part in parts {
        query.push(before);
        push(part, query);
        before = word;
    }
    query.push(")");
}

fn push_presence(field: Field, query: &mut Query) {
    match field {
        // A constraint of the table gives a target with a type an id.
        Field::SourceId => query.push(IS_SOURCE),
        _ if is_required(field) => query.push("true"),
        _ => query.push(Operand::new(field).sql).push(" is not null"),
    };
}

fn push_null(field: Field, query: &mut Query) {
    match field {
        Field::SourceId => query.push(format_args!("({IS_SOURCE}) is not true")),
        _ if is_required(field) => query.push("false"),
        // A constraint of the table: the index on targets begins with the type.
        Field::TargetId => query.push(format_args!(
            "(target_type is null and {} is null)",
            Operand::new(field).sql
        )),
        // Partial indexes on pending tasks have this condition.
        _ => query.push(Operand::new(field).sql).push(" is null"),
    };
}

fn push_test(field: Field, test: &Test, query: &mut Query) {
    // The index on targets begins with the type. Tests that it cannot serve are made once.
    let types: &[&str] = match (field, test) {
        (_, Test::Null) | (Field::TargetId, Test::Contains(_) | Test::ContainsAll(_)) => &[],
        (Field::SourceId, _) => &[IS_SOURCE],
        (Field::TargetId, _) => &[
            "target_type in ('APPLICATION', 'IDENTITY')",
            "target_type is null",
        ],
        _ => &[],
    };
    if types.is_empty() {
        return push_column_test(field, test, query);
    }
    let push = |of_type: &&str, query: &mut Query| {
        query.push(format_args!("({of_type} and "));
        push_column_test(field, test, query);
        query.push(")");
    };
    push_joined(types, " or ", push, query);
}

fn push_column_test(field: Field, test: &Test, query: &mut Query) {
    let operand = Operand::new(field);
    match test {
        Test::Null => push_null(field, query),
        Test::Compare(Relation::Eq, value) => push_equality(field, std::slice::from_ref(value), query),
        Test::In(values) => push_equality(field, values, query),
        Test::Compare(relation, value) => {
            let (sign, sign_between) = match relation {
                Relation::Gt => (" > ", " > "),
                Relation::Ge => (" >= ", " > "),
                Relation::Lt => (" < ", " <= "),
                Relation::Eq | Relation::Le => (" <= ", " <= "),
            };
            query.push(&operand.sql);
            // A number between two integers is compared as the lower one.
            query.push(if value.is_between() { sign_between } else { sign });
            operand.push_value(value, query);
        }
        Test::StartsWith(beginning) => {
            query.push(format_args!("starts_with({}, ", operand.sql));
            operand.push_text(beginning, query);
            query.push(")");
        }
        Test::Contains(part) => operand.push_contains(part, query),
        Test::ContainsAll(parts) => {
            push_joined(
                parts,
                " and ",
                |part, query| operand.push_contains(part, query),
                query,
            );
        }
    }
}

/// The field equals one of the values.
fn push_equality(field: Field, values: &[Value], query: &mut Query) {
    if field != Field::Type {
        // No integer equals a number between two integers.
        let values: Vec<&Value> = values.iter().filter(|value| !value.is_between()).collect();
        return Operand::new(field).push_in(&values, query);
    }
    // Both the type and the kind of a task match. A value that is not a type is compared with kinds only, so that their
    // index serves alone.
    let is_type =
        |value: &&Value| matches!(value, Value::Text(name) if TaskType::NAMES.contains(&name.as_str()));
    let types: Vec<&Value> = values.iter().filter(is_type).collect();
    let kinds: Vec<&Value> = values.iter().collect();
    if types.is_empty() {
        return Operand::task_kind().push_in(&kinds, query);
    }
    query.push("(");
    Operand::new(field).push_in(&types, query);
    query.push(" or ");
    Operand::task_kind().push_in(&kinds, query);
    query.push(")");
}

/// The left-hand side of a comparison, and the function that folds a bound string to match it.
struct Operand {
    sql: String,
    fold: Option<&'static str>,
}

impl Operand {
    fn new(field: Field) -> Self {
        let column = column(field);
        match field.field_type() {
            FieldType::Text => Self {
                sql: format!("lower({column}{FOLDED}"),
                fold: Some("lower"),
            },
            _ => Self {
                sql: column.to_owned(),
                fold: None,
            },
        }
    }

    fn task_kind() -> Self {
        Self {
            sql: TASK_KIND.to_owned(),
            // Folded by the database, like the expression.
            fold: Some("upper"),
        }
    }

    fn push_in(&self, values: &[&Value], query: &mut Query) {
        if values.is_empty() {
            query.push("false");
            return;
        }
        let sign = if values.len() == 1 { "=" } else { "in" };
        query.push(format_args!("{} {sign} ", self.sql));
        push_joined(values, ", ", |value, query| self.push_value(value, query), query);
    }

    fn push_contains(&self, text: &str, query: &mut Query) {
        query.push(format_args!("strpos({}, ", self.sql));
        self.push_text(text, query);
        query.push(") > 0");
    }

    fn push_value(&self, value: &Value, query: &mut Query) {
        match value {
            Value::Text(text) => self.push_text(text, query),
            Value::Time(time) => {
                query.push_bind(*time);
            }
            Value::Number(number) => {
                query.push_bind(number.floor);
            }
        }
    }

    fn push_text(&self, text: &str, query: &mut Query) {
        match self.fold {
            Some(fold) => push_folded(fold, text, query),
            None => query.push_bind(text.to_owned()),
        };
    }
}

/// Appends a bound text, folded by `lower` or `upper` to be compared with a folded column.
pub(super) fn push_folded<'q>(fold: &str, text: &str, query: &'q mut Query) -> &'q mut Query {
    query
        .push(format_args!("{fold}("))
        .push_bind(text.to_owned())
        .push(FOLDED)
}

#[cfg(test)]
mod tests;
