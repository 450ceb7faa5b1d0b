//! The meaning of filters, implemented a second time and plainly: written as text, and evaluated on a row.

use std::cmp::Ordering;

use chrono::DateTime;

/// A task as far as filters see it.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    pub task_type: &'static str,
    pub unique_name: String,
    pub parent_name: Option<String>,
    pub launcher: String,
    /// Id, type, name.
    pub target: Option<(String, Option<&'static str>, String)>,
    /// Milliseconds.
    pub created: i64,
    pub launched: Option<i64>,
    pub completed: Option<(&'static str, i64)>,
    pub progress: Option<String>,
    pub percent_complete: i32,
    pub definition: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Law {
    Ask(&'static str, &'static str, Vec<Given>),
    Not(Box<Law>),
    And(Vec<Law>),
    Or(Vec<Law>),
}

#[derive(Debug, Clone)]
pub enum Given {
    Text(String),
    /// As written, and as RFC 3339.
    Time(&'static str, &'static str),
    Hundredths(i64),
}

/// A field of a row.
enum Cell {
    /// Compared without regard to case.
    Text(String),
    Names(Vec<String>),
    Millis(i64),
    Integer(i64),
}

impl Law {
    pub fn text(&self) -> String {
        let joined = |laws: &[Self], word: &str| {
            let parts: Vec<String> = laws.iter().map(|law| format!("({})", law.text())).collect();
            parts.join(word)
        };
        match self {
            Self::Ask(field, "pr", _) => format!("pr {field}"),
            Self::Ask(field, "isnull", _) => format!("{field} isnull"),
            Self::Ask(field, operator @ ("in" | "ca"), values) => {
                let values: Vec<String> = values.iter().map(Given::text).collect();
                format!("{field} {operator} ({})", values.join(","))
            }
            Self::Ask(field, operator, values) => format!("{field} {operator} {}", values[0].text()),
            Self::Not(law) => format!("not ({})", law.text()),
            Self::And(laws) => joined(laws, " and "),
            Self::Or(laws) => joined(laws, " or "),
        }
    }

    pub fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Ask(field, operator, values) => ask(row.cell(field), operator, values),
            Self::Not(law) => !law.holds(row),
            Self::And(laws) => laws.iter().all(|law| law.holds(row)),
            Self::Or(laws) => laws.iter().any(|law| law.holds(row)),
        }
    }
}

fn ask(cell: Option<Cell>, operator: &str, values: &[Given]) -> bool {
    let Some(cell) = cell else {
        return matches!(operator, "isnull" | "ne");
    };
    let first = values.first();
    let is = |wanted: fn(Ordering) -> bool| first.and_then(|value| cell.compare(value)).is_some_and(wanted);
    match operator {
        "isnull" => false,
        "pr" => true,
        "ne" => !is(Ordering::is_eq),
        "eq" => is(Ordering::is_eq),
        "gt" => is(Ordering::is_gt),
        "ge" => is(Ordering::is_ge),
        "lt" => is(Ordering::is_lt),
        "le" => is(Ordering::is_le),
        "in" => values
            .iter()
            .any(|value| cell.compare(value) == Some(Ordering::Equal)),
        "sw" => cell.folded().starts_with(&values[0].folded()),
        "co" => cell.folded().contains(&values[0].folded()),
        "ca" => values.iter().all(|value| cell.folded().contains(&value.folded())),
        other => panic!("no operator {other}"),
    }
}

impl Row {
    fn kind(&self) -> String {
        let name = self.definition.as_ref().unwrap_or(&self.unique_name);
        let words = name.split(|character: char| !character.is_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("_").to_uppercase()
    }

    fn cell(&self, field: &str) -> Option<Cell> {
        let text = |text: &String| Cell::Text(text.clone());
        let target = self.target.as_ref();
        match field {
            "id" => Some(text(&self.id)),
            "type" => Some(Cell::Names(vec![self.task_type.to_owned(), self.kind()])),
            "uniqueName" => Some(text(&self.unique_name)),
            "parentName" => self.parent_name.as_ref().map(text),
            "launcher" => Some(text(&self.launcher)),
            "sourceId" => target
                .filter(|(_, target_type, _)| *target_type == Some("APPLICATION"))
                .map(|(id, ..)| text(id)),
            "target.id" => target.map(|(id, ..)| text(id)),
            "target.type" => target
                .and_then(|(_, target_type, _)| *target_type)
                .map(|name| Cell::Names(vec![name.to_owned()])),
            "target.name" => target.map(|(.., name)| text(name)),
            // The test modifies no row.
            "created" | "modified" => Some(Cell::Millis(self.created)),
            "launched" => self.launched.map(Cell::Millis),
            "completed" => self.completed.map(|(_, time)| Cell::Millis(time)),
            "completionStatus" => self
                .completed
                .map(|(status, _)| Cell::Names(vec![status.to_owned()])),
            "progress" => self.progress.as_ref().map(text),
            "percentComplete" => Some(Cell::Integer(self.percent_complete.into())),
            other => panic!("no field {other}"),
        }
    }
}

impl Cell {
    fn compare(&self, given: &Given) -> Option<Ordering> {
        Some(match (self, given) {
            (Self::Text(text), Given::Text(_)) => text.to_lowercase().cmp(&given.folded()),
            (Self::Names(names), Given::Text(name)) => {
                let is_one = names.contains(&name.to_uppercase());
                return is_one.then_some(Ordering::Equal);
            }
            (Self::Millis(millis), Given::Time(_, time)) => {
                let time = DateTime::parse_from_rfc3339(time).unwrap();
                let nanos =
                    i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos());
                (i128::from(*millis) * 1_000_000).cmp(&nanos)
            }
            (Self::Integer(integer), Given::Hundredths(hundredths)) => (integer * 100).cmp(hundredths),
            _ => panic!("{given:?} is of the wrong type"),
        })
    }

    fn folded(&self) -> String {
        match self {
            Self::Text(text) => text.to_lowercase(),
            _ => panic!("no text"),
        }
    }
}

impl Given {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Self::Time(text, _) => (*text).to_owned(),
            Self::Hundredths(value) => {
                let sign = if *value < 0 { "-" } else { "" };
                format!("{sign}{}.{:02}", value.abs() / 100, value.abs() % 100)
            }
        }
    }

    fn folded(&self) -> String {
        match self {
            Self::Text(text) => text.to_lowercase(),
            _ => panic!("no text"),
        }
    }
}
