//! The rows of the table: each is one request, repeated under given circumstances.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::contender::Contender;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its name on the command line.
    pub key: &'static str,
    /// Its name in the table.
    pub title: &'static str,
    /// The tasks of a page.
    pub limit: i64,
    /// Whether `X-Total-Count` is requested.
    pub count: bool,
    pub depth: Depth,
    pub form: Form,
    /// The number of connections.
    pub connections: u16,
    pub writes: Option<Writes>,
}

/// The position of a page in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    First,
    Middle,
    Last,
}

/// The form of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    Gzip,
    /// With the current tag, so the response is 304.
    NotModified,
}

/// The writes during a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writes {
    /// Writes per second.
    pub rate: u32,
    pub victims: Victims,
}

/// The tasks that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victims {
    /// Any pending task.
    Any,
    /// Those of the requested page.
    Page,
}

/// Parts that can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Row(&'static str),
    /// Uncached pages.
    Cold,
    /// Resident memory.
    Memory,
    /// Long polls that one change answers.
    Waiters,
    /// The cost of the triggers for a writer.
    Tax,
}

/// The number of connections in most rows.
const FEW: u16 = 16;
/// The many connections of some rows.
const MANY: u16 = 1000;

const fn page(key: &'static str, title: &'static str, limit: i64, count: bool) -> Row {
    Row {
        key,
        title,
        limit,
        count,
        depth: Depth::First,
        form: Form::Plain,
        connections: FEW,
        writes: None,
    }
}

const fn at(depth: Depth, row: Row) -> Row {
    Row { depth, ..row }
}

const fn in_form(form: Form, row: Row) -> Row {
    Row { form, ..row }
}

const fn by_many(row: Row) -> Row {
    Row {
        connections: MANY,
        ..row
    }
}

const fn during(rate: u32, victims: Victims, row: Row) -> Row {
    Row {
        writes: Some(Writes { rate, victims }),
        ..row
    }
}

/// Every row, in the order of the table.
#[rustfmt::skip]
pub const ROWS: [Row; 18] = [
    page("250", "250 tasks", 250, false),
    page("250-count", "250 tasks, counted", 250, true),
    at(Depth::Middle, page("250-middle", "250 tasks from the middle", 250, false)),
    at(Depth::Last, page("250-last", "the last 250 tasks", 250, false)),
    page("10", "10 tasks", 10, false),
    page("10-count", "10 tasks, counted", 10, true),
    at(Depth::Middle, page("10-middle", "10 tasks from the middle", 10, false)),
    at(Depth::Last, page("10-last", "the last 10 tasks", 10, false)),
    in_form(Form::NotModified, page("304", "304: 250 tasks, not modified", 250, true)),
    in_form(Form::Gzip, page("gzip", "250 tasks, counted, gzip", 250, true)),
    during(50, Victims::Any, page("writes-50", "250 tasks, counted; 50 writes/s", 250, true)),
    during(500, Victims::Any, page("writes-500", "250 tasks, counted; 500 writes/s", 250, true)),
    during(50, Victims::Page, page("hostile-50", "250 tasks, counted; 50 writes/s to this page", 250, true)),
    during(500, Victims::Page, page("hostile-500", "250 tasks, counted; 500 writes/s to this page", 250, true)),
    during(500, Victims::Any, page("10-writes-500", "10 tasks, counted; 500 writes/s", 10, true)),
    during(500, Victims::Page, page("10-hostile-500", "10 tasks, counted; 500 writes/s to this page", 10, true)),
    by_many(page("250-1000", "250 tasks, counted; 1000 connections", 250, true)),
    by_many(page("10-1000", "10 tasks, counted; 1000 connections", 10, true)),
];

impl Row {
    /// The row of a key.
    pub fn named(key: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.key == key)
    }

    /// The contenders of the row. Peers have no conditional responses, and pgbench has only the statement.
    pub fn contenders(&self) -> Vec<Contender> {
        let mut all = vec![Contender::Service];
        if self.form != Form::NotModified {
            all.extend(Contender::PEERS);
        }
        all.push(Contender::Bare);
        if self.form == Form::Plain && self.connections == FEW && self.writes.is_none() {
            all.push(Contender::Pgbench);
        }
        all
    }

    /// Whether the row has a thousand connections.
    pub fn is_crowded(&self) -> bool {
        self.connections == MANY
    }

    /// Path and query in a list of this length.
    pub fn target(&self, pending: i64) -> String {
        target(self.depth.offset(pending, self.limit), self.limit, self.count)
    }
}

impl Depth {
    pub const ALL: [Self; 3] = [Self::First, Self::Middle, Self::Last];

    /// The number of tasks before a page at this depth.
    pub fn offset(self, pending: i64, limit: i64) -> i64 {
        match self {
            Self::First => 0,
            Self::Middle => pending / 2,
            Self::Last => (pending - limit).max(0),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Middle => "middle",
            Self::Last => "last",
        }
    }
}

/// Path and query of a page.
pub fn target(offset: i64, limit: i64, count: bool) -> String {
    format!("/task-status/pending-tasks?offset={offset}&limit={limit}&count={count}")
}

/// Reads a part from the command line.
pub fn part_parser() -> impl TypedValueParser<Value = Part> {
    let names = ROWS.iter().map(|row| row.key);
    PossibleValuesParser::new(names.chain(["cold", "memory", "waiters", "tax"])).map(|name| {
        match name.as_str() {
            "cold" => Part::Cold,
            "memory" => Part::Memory,
            "waiters" => Part::Waiters,
            "tax" => Part::Tax,
            name => Part::Row(Row::named(name).map_or("", |row| row.key)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_reaches_past_the_end() {
        for row in ROWS {
            let offset = row.depth.offset(1000, row.limit);
            assert!(offset >= 0 && offset + row.limit <= 1000, "{}", row.key);
        }
    }

    #[test]
    fn row_names_are_unique() {
        for row in ROWS {
            assert_eq!(Row::named(row.key), Some(&row));
        }
    }
}
