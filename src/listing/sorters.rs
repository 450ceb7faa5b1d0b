//! The order of `GET /task-status`.

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Ascending,
    Descending,
}

/// An order of the list. It is total: ties are broken by `id`.
///
/// Its `Display` is its canonical text, which parses to an equal order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sorters(Vec<(Sorter, Direction)>);

/// The first error of sorters. Items count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortersError {
    /// No name between two commas, or at either end.
    Empty {
        item: usize,
    },
    Unknown {
        item: usize,
        name: String,
    },
    Repeated {
        item: usize,
        sorter: Sorter,
    },
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

    /// The name in the parameter.
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
    /// Parses names separated by commas. A leading `-` means descending.
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

    /// The order of the pending tasks: new tasks come last, so pages do not shift.
    pub fn oldest_first() -> Self {
        Self(vec![(Sorter::Created, Direction::Ascending)])
    }

    /// The sorters, most significant first, without the `id`.
    pub fn pairs(&self) -> &[(Sorter, Direction)] {
        &self.0
    }

    /// The direction of `id`: that of the last sorter, so that one index serves an order and its reverse. After `created`
    /// it is always ascending.
    pub fn closing_direction(&self) -> Direction {
        match self.0.last() {
            None | Some((Sorter::Created, _)) => Direction::Ascending,
            Some((_, direction)) => *direction,
        }
    }

    /// The direction, if the only sorter is `created`.
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
    fn errors_have_the_number_of_the_sorter() {
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
