//! Orders as SQL.

use crate::listing::sorters::{Direction, Sorter, Sorters};

impl Sorter {
    /// The SQL expression on `task_status` to order by. Names are ordered as filters compare them.
    pub(super) const fn expression(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Launched => "launched",
            Self::Completed => "completed",
            Self::UniqueName => "lower(unique_name collate task_status_case) collate \"C\"",
            Self::Type => "type",
            Self::PercentComplete => "percent_complete",
        }
    }
}

impl Sorters {
    /// The expressions of an `order by`. By PostgreSQL's default, null comes last in ascending order and first in
    /// descending order.
    pub(super) fn order_by(&self) -> String {
        let direction = |direction| match direction {
            Direction::Ascending => "",
            Direction::Descending => " desc",
        };
        let mut sql = String::new();
        for (sorter, towards) in self.pairs() {
            sql += sorter.expression();
            sql += direction(*towards);
            sql += ", ";
        }
        sql + "id" + direction(self.closing_direction())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_ends_with_the_id() {
        for (text, order_by) in [
            ("created", "created, id"),
            ("-created", "created desc, id"),
            (
                "type,-uniqueName",
                "type, lower(unique_name collate task_status_case) collate \"C\" desc, id desc",
            ),
            (
                "-percentComplete,launched,completed,-modified",
                "percent_complete desc, launched, completed, modified desc, id desc",
            ),
        ] {
            assert_eq!(Sorters::parse(text).expect(text).order_by(), order_by);
        }
    }
}
