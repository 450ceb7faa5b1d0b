//! What an expression means, in SQL.
//!
//! The invariant: the SQL is `true` exactly where the filter is, and `false` or null elsewhere. `and` and `or` keep it,
//! and `(...) is not true` is the complement of what has it. So nothing but a negation pays for SQL's third truth
//! value, and everything else stays in the form that an index serves.
//!
//! Texts are folded by PostgreSQL on both sides and compared by code point, in every database alike:
//! `lower(column) collate "C"`. An index on that same expression serves `eq`, `in`, `gt` and its like, and `sw` too, as
//! PostgreSQL derives a range from `starts_with` where the collation is "C" and the statement is planned with its values.

use sqlx::{Postgres, QueryBuilder};

use super::expression::{Expression, Relation, Test};
use super::field::{Field, Kind, TASK_TYPES};
use super::value::Value;

type Query = QueryBuilder<Postgres>;

/// What `sourceId` requires of a task: that its target is a source.
const IS_SOURCE: &str = "target_type = 'APPLICATION'";
/// The kind of a task. As an index expression it must be exactly this.
const TASK_KIND: &str = "task_status_kind(task_definition_summary, unique_name)";

pub(super) fn push(expression: &Expression, query: &mut Query) {
    match expression {
        Expression::Is(field, test) => push_test(*field, test, query),
        Expression::Not(inner) => match &**inner {
            Expression::Is(field, Test::Null) => push_presence(*field, query),
            // These come in parentheses of their own.
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

/// Several in parentheses, one as it is.
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
        // A target that has a type has an id: the table sees to it.
        Field::SourceId => query.push(IS_SOURCE),
        _ if !field.is_nullable() => query.push("true"),
        _ => query.push(field.column()).push(" is not null"),
    };
}

fn push_null(field: Field, query: &mut Query) {
    match field {
        Field::SourceId => query.push(format_args!("({IS_SOURCE}) is not true")),
        _ if !field.is_nullable() => query.push("false"),
        // Partial indexes on pending tasks say it in these words.
        _ => query.push(field.column()).push(" is null"),
    };
}

fn push_test(field: Field, test: &Test, query: &mut Query) {
    let is_of_source = field == Field::SourceId && *test != Test::Null;
    if is_of_source {
        query.push(format_args!("({IS_SOURCE} and "));
    }
    push_column_test(field, test, query);
    if is_of_source {
        query.push(")");
    }
}

fn push_column_test(field: Field, test: &Test, query: &mut Query) {
    let operand = Operand::of(field);
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
            // What lies between two integers is compared by the lower one.
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

/// That the field equals one of the values.
fn push_equality(field: Field, values: &[Value], query: &mut Query) {
    if field != Field::Type {
        // Nothing equals what lies between two integers.
        let values: Vec<&Value> = values.iter().filter(|value| !value.is_between()).collect();
        return Operand::of(field).push_in(&values, query);
    }
    // A task is of its type and of its kind. What is no type is not looked for among them, so that an index on kinds
    // can serve alone.
    let is_type = |value: &&Value| matches!(value, Value::Text(name) if TASK_TYPES.contains(&name.as_str()));
    let types: Vec<&Value> = values.iter().filter(is_type).collect();
    let kinds: Vec<&Value> = values.iter().collect();
    if types.is_empty() {
        return Operand::task_kind().push_in(&kinds, query);
    }
    query.push("(");
    Operand::of(field).push_in(&types, query);
    query.push(" or ");
    Operand::task_kind().push_in(&kinds, query);
    query.push(")");
}

/// What is compared, and what makes a bound text comparable with it.
struct Operand {
    sql: String,
    fold: Option<&'static str>,
}

impl Operand {
    fn of(field: Field) -> Self {
        let column = field.column();
        match field.kind() {
            Kind::Text => Self {
                sql: format!("lower({column}) collate \"C\""),
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
            // So that both sides share the database's notion of upper case.
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
            Some(fold) => query
                .push(format_args!("{fold}("))
                .push_bind(text.to_owned())
                .push(")"),
            None => query.push_bind(text.to_owned()),
        };
    }
}
