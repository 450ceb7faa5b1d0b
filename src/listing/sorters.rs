//! The order of `GET /task-status`: names in, the columns to order by out.

use std::fmt::{self, Display, Formatter};

/// A field that the list can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sorter {
    Created,
    Modified,
    Launched,
    Completed,
    UniqueName,
    Type,
    PercentComplete,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Ascending,
    Descending,
}

/// An order of the list. It is total: `id` always closes it.
///
/// Displaying one gives its canonical text, which parses to an equal one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sorters(Vec<(Sorter, Direction)>);

/// The first error of sorters. Items count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortersError {
    /// There is no name between two commas, or at an end.
    Empty { item: usize },
    /// There is no such sorter. [`Sorter::ALL`] exist.
    Unknown { item: usize, name: String },
    /// The sorter has been given before.
    Repeated { item: usize, sorter: Sorter },
}

impl Sorter {
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Modified,
        Self::Launched,
        Self::Completed,
        Self::UniqueName,
        Self::Type,
        Self::PercentComplete,
    ];

    /// The field as it is written in the parameter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Launched => "launched",
            Self::Completed => "completed",
            Self::UniqueName => "uniqueName",
            Self::Type => "type",
            Self::PercentComplete => "percentComplete",
        }
    }
}

impl Sorters {
    /// Reads names with commas between them. A `-` before a name means descending.
    ///
    /// # Errors
    /// The first fault of the text.
    pub fn parse(text: &str) -> Result<Self, SortersError> {
        let mut pairs: Vec<(Sorter, Direction)> = Vec::new();
        for (item, given) in (1..).zip(text.split(',')) {
            let given = given.trim();
            let (name, direction) = match given.strip_prefix('-') {
                Some(name) => (name, Direction::Descending),
                None => (given, Direction::Ascending),
            };
            let Some(sorter) = Sorter::ALL.into_iter().find(|sorter| sorter.name() == name) else {
                return Err(match given {
                    "" => SortersError::Empty { item },
                    _ => SortersError::Unknown {
                        item,
                        name: given.to_owned(),
                    },
                });
            };
            if pairs.iter().any(|(earlier, _)| *earlier == sorter) {
                return Err(SortersError::Repeated { item, sorter });
            }
            pairs.push((sorter, direction));
        }
        Ok(Self(pairs))
    }

    /// The order of the pending tasks: new work is appended, so pages do not shift under it.
    pub fn oldest_first() -> Self {
        Self(vec![(Sorter::Created, Direction::Ascending)])
    }

    /// What is ordered by, most important first, without the `id` that closes it.
    pub fn pairs(&self) -> &[(Sorter, Direction)] {
        &self.0
    }

    /// The direction of the `id` that closes the order: that of the last sorter, so that one index serves an order and
    /// its opposite. After `created` it is always ascending.
    pub fn closing_direction(&self) -> Direction {
        match self.0.last() {
            None | Some((Sorter::Created, _)) => Direction::Ascending,
            Some((_, direction)) => *direction,
        }
    }

    /// The direction of an order by nothing but `created`.
    pub fn by_created_alone(&self) -> Option<Direction> {
        match self.0[..] {
            [(Sorter::Created, direction)] => Some(direction),
            _ => None,
        }
    }
}

/// Newest first.
impl Default for Sorters {
    fn default() -> Self {
        Self(vec![(Sorter::Created, Direction::Descending)])
    }
}

impl Display for Sorters {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (index, (sorter, direction)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let minus = match direction {
                Direction::Ascending => "",
                Direction::Descending => "-",
            };
            write!(formatter, "{comma}{minus}{sorter}")?;
        }
        Ok(())
    }
}

impl Display for Sorter {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_text_of_sorters_is_those_sorters() {
        for text in [
            "created",
            "-created",
            " type , -uniqueName",
            "-percentComplete,launched,completed,-modified",
        ] {
            let sorters = Sorters::parse(text).expect(text);
            assert_eq!(Sorters::parse(&sorters.to_string()), Ok(sorters), "{text}");
        }
        assert_eq!(Sorters::parse("-created"), Ok(Sorters::default()));
        let pairs = [
            (Sorter::Type, Direction::Ascending),
            (Sorter::Modified, Direction::Descending),
        ];
        assert_eq!(Sorters::parse("type,-modified").expect("sorters").pairs(), pairs);
    }

    #[test]
    fn faults_name_their_item() {
        for (text, item) in [
            ("", 1),
            (" ", 1),
            ("created,", 2),
            (",created", 1),
            ("created,,type", 2),
        ] {
            assert_eq!(
                Sorters::parse(text),
                Err(SortersError::Empty { item }),
                "{text:?}"
            );
        }
        for (text, item, name) in [
            ("Created", 1, "Created"),
            ("type, id", 2, "id"),
            ("+created", 1, "+created"),
            ("--created", 1, "--created"),
            ("-", 1, "-"),
            ("- created", 1, "- created"),
            (
                "created desc; drop table task_status",
                1,
                "created desc; drop table task_status",
            ),
        ] {
            let name = name.to_owned();
            assert_eq!(Sorters::parse(text), Err(SortersError::Unknown { item, name }));
        }
        let repeated = SortersError::Repeated {
            item: 3,
            sorter: Sorter::Created,
        };
        assert_eq!(Sorters::parse("created,type,-created"), Err(repeated));
    }
}
