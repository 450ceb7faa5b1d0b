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

impl Direction {
    /// The end of an expression in an `order by`. By PostgreSQL's default, null comes last in ascending order and
    /// first in descending order.
    const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => "",
            Self::Descending => " desc",
        }
    }
}

impl Sorters {
    /// The expressions of an `order by`.
    pub(super) fn order_by(&self) -> String {
        self.order_by_columns(|_, sorter| sorter.expression().to_owned())
    }

    /// The expressions of the order as columns `key1` and so on, and the order by these columns.
    pub(super) fn keys(&self) -> (String, String) {
        let columns = (1..).zip(self.pairs());
        let columns = columns.map(|(number, (sorter, _))| format!("{} as key{number}", sorter.expression()));
        let order_by = self.order_by_columns(|number, _| format!("key{number}"));
        (columns.collect::<Vec<_>>().join(", "), order_by)
    }

    /// Sorters count from 1.
    fn order_by_columns(&self, column: impl Fn(usize, Sorter) -> String) -> String {
        let mut sql = String::new();
        for (number, (sorter, direction)) in (1..).zip(self.pairs()) {
            sql += &column(number, *sorter);
            sql += direction.sql();
            sql += ", ";
        }
        sql + "id" + self.closing_direction().sql()
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

    #[test]
    fn the_keys_of_an_order_are_columns() {
        let (columns, order_by) = Sorters::parse("type,-modified").expect("sorters").keys();
        assert_eq!(columns, "type as key1, modified as key2");
        assert_eq!(order_by, "key1, key2 desc, id desc");
    }
}
