//! The table of fields: what can be filtered on, what values it has, which operators it takes, where it is stored.
//!
//! It is the only such table: the check of a filter, the texts of its errors, the API description and the README all
//! come from it.

use std::fmt;

use super::operator::Operator;

/// A field that a filter can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    Id,
    Type,
    UniqueName,
    ParentName,
    Launcher,
    SourceId,
    TargetId,
    TargetType,
    TargetName,
    Created,
    Modified,
    Launched,
    Completed,
    CompletionStatus,
    Progress,
    PercentComplete,
}

/// What kind of values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text in double quotes, compared without regard to case.
    Text,
    /// One of these names in double quotes, written in any case.
    Enumeration(&'static [&'static str]),
    /// One of these names, or any other, in double quotes, written in any case.
    OpenEnumeration(&'static [&'static str]),
    /// A point in time, with or without quotes.
    Time,
    /// A number without quotes.
    Integer,
}

struct Row {
    field: Field,
    name: &'static str,
    kind: Kind,
    /// The column, or the SQL expression that stands for one.
    column: &'static str,
    nullable: bool,
}

pub(super) const TASK_TYPES: &[&str] = &["QUARTZ", "QPOC", "QUEUED_TASK"];
const TARGET_TYPES: &[&str] = &["APPLICATION", "IDENTITY"];
const COMPLETION_STATUSES: &[&str] = &["SUCCESS", "WARNING", "ERROR", "TERMINATED", "TEMPERROR"];

const REQUIRED: bool = false;
const NULLABLE: bool = true;

#[rustfmt::skip]
const TABLE: [Row; 16] = [
    // The column's own collation folds the letters of ASCII only.
    row(Field::Id, "id", Kind::Text, "id collate \"default\"", REQUIRED),
    row(Field::Type, "type", Kind::OpenEnumeration(TASK_TYPES), "type", REQUIRED),
    row(Field::UniqueName, "uniqueName", Kind::Text, "unique_name", REQUIRED),
    row(Field::ParentName, "parentName", Kind::Text, "parent_name", NULLABLE),
    row(Field::Launcher, "launcher", Kind::Text, "launcher", REQUIRED),
    row(Field::SourceId, "sourceId", Kind::Text, "target_id", NULLABLE),
    row(Field::TargetId, "target.id", Kind::Text, "target_id", NULLABLE),
    row(Field::TargetType, "target.type", Kind::Enumeration(TARGET_TYPES), "target_type", NULLABLE),
    row(Field::TargetName, "target.name", Kind::Text, "target_name", NULLABLE),
    row(Field::Created, "created", Kind::Time, "created", REQUIRED),
    row(Field::Modified, "modified", Kind::Time, "modified", REQUIRED),
    row(Field::Launched, "launched", Kind::Time, "launched", NULLABLE),
    row(Field::Completed, "completed", Kind::Time, "completed", NULLABLE),
    row(Field::CompletionStatus, "completionStatus", Kind::Enumeration(COMPLETION_STATUSES), "completion_status", NULLABLE),
    row(Field::Progress, "progress", Kind::Text, "progress", NULLABLE),
    row(Field::PercentComplete, "percentComplete", Kind::Integer, "percent_complete", REQUIRED),
];

const fn row(field: Field, name: &'static str, kind: Kind, column: &'static str, nullable: bool) -> Row {
    Row {
        field,
        name,
        kind,
        column,
        nullable,
    }
}

impl Field {
    /// Every field, in the order of the table, which is the order of the enum.
    pub const ALL: [Self; TABLE.len()] = {
        let mut all = [Self::Id; TABLE.len()];
        let mut index = 0;
        while index < TABLE.len() {
            assert!(TABLE[index].field as usize == index, "a row is out of place");
            all[index] = TABLE[index].field;
            index += 1;
        }
        all
    };

    /// The field as it is written in a filter.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What kind of values it has.
    pub const fn kind(self) -> Kind {
        self.row().kind
    }

    /// The operators it takes.
    pub const fn operators(self) -> &'static [Operator] {
        self.kind().operators()
    }

    /// The field of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    pub(super) const fn column(self) -> &'static str {
        self.row().column
    }

    pub(super) const fn is_nullable(self) -> bool {
        self.row().nullable
    }

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Kind {
    /// The operators that make sense for such values.
    pub const fn operators(self) -> &'static [Operator] {
        use Operator::{Ca, Co, Eq, Ge, Gt, In, IsNull, Le, Lt, Ne, Pr, Sw};
        match self {
            Self::Text => &[Eq, Ne, Gt, Ge, Lt, Le, Co, Sw, In, Ca, Pr, IsNull],
            Self::Enumeration(_) | Self::OpenEnumeration(_) => &[Eq, Ne, In, Pr, IsNull],
            Self::Time | Self::Integer => &[Eq, Ne, Gt, Ge, Lt, Le, In, Pr, IsNull],
        }
    }
}

/// What values there are, in plain English.
impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => formatter.write_str("a text in double quotes"),
            Self::Enumeration(names) => write!(formatter, "one of \"{}\"", names.join("\", \"")),
            Self::OpenEnumeration(names) => {
                write!(
                    formatter,
                    "a name in double quotes, such as \"{}\"",
                    names.join("\", \"")
                )
            }
            Self::Time => formatter.write_str("a time such as 2018-12-18T23:05:55Z, or a date"),
            Self::Integer => formatter.write_str("a number"),
        }
    }
}

/// The table as Markdown, for the API description and the README.
pub fn markdown() -> String {
    let rows = Field::ALL.map(|field| {
        let values = match field.kind() {
            Kind::Text => "text".to_owned(),
            Kind::Enumeration(names) => code(names),
            Kind::OpenEnumeration(names) => {
                format!(
                    "{}, or a kind of task such as `CLOUD_ACCOUNT_AGGREGATION`",
                    code(names)
                )
            }
            Kind::Time => "time".to_owned(),
            Kind::Integer => "number".to_owned(),
        };
        let operators: Vec<&str> = field.operators().iter().map(|operator| operator.name()).collect();
        format!("| `{field}` | {values} | {} |\n", code(&operators))
    });
    format!("| Field | Values | Operators |\n|---|---|---|\n{}", rows.concat())
}

fn code(words: &[&str]) -> String {
    format!("`{}`", words.join("`, `"))
}
