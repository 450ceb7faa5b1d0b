//! The fields of filters: their names, types and operators.
//!
//! The parser, the error messages, the OpenAPI document and the documentation are all based on this table.

use std::fmt;

use super::operator::Operator;
use crate::task::{CompletionStatus, TargetType, TaskType};

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

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A string in double quotes. Comparisons ignore case.
    Text,
    /// One of these names in double quotes, in any case.
    Enumeration(&'static [&'static str]),
    /// Any name in double quotes, in any case. These are well known.
    OpenEnumeration(&'static [&'static str]),
    /// A time, with or without quotes.
    Time,
    /// A number without quotes.
    Integer,
}

use FieldType::{Enumeration, Integer, OpenEnumeration, Text, Time};

/// Every field with its name and type, in the order of the enum.
const TABLE: [(Field, &str, FieldType); 16] = [
    (Field::Id, "id", Text),
    (Field::Type, "type", OpenEnumeration(TaskType::NAMES)),
    (Field::UniqueName, "uniqueName", Text),
    (Field::ParentName, "parentName", Text),
    (Field::Launcher, "launcher", Text),
    (Field::SourceId, "sourceId", Text),
    (Field::TargetId, "target.id", Text),
    (Field::TargetType, "target.type", Enumeration(TargetType::NAMES)),
    (Field::TargetName, "target.name", Text),
    (Field::Created, "created", Time),
    (Field::Modified, "modified", Time),
    (Field::Launched, "launched", Time),
    (Field::Completed, "completed", Time),
    (
        Field::CompletionStatus,
        "completionStatus",
        Enumeration(CompletionStatus::NAMES),
    ),
    (Field::Progress, "progress", Text),
    (Field::PercentComplete, "percentComplete", Integer),
];

impl Field {
    /// Every field, in the order of the table, which is the order of the enum.
    pub const ALL: [Self; TABLE.len()] = {
        let mut all = [Self::Id; TABLE.len()];
        let mut index = 0;
        while index < TABLE.len() {
            assert!(TABLE[index].0 as usize == index, "a row is out of place");
            all[index] = TABLE[index].0;
            index += 1;
        }
        all
    };

    /// The name in a filter.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    pub const fn field_type(self) -> FieldType {
        TABLE[self as usize].2
    }

    pub const fn operators(self) -> &'static [Operator] {
        self.field_type().operators()
    }

    /// The fields whose values are texts or names.
    pub fn with_names() -> impl Iterator<Item = Self> {
        let has_names = |field: &Self| !matches!(field.field_type(), Time | Integer);
        Self::ALL.into_iter().filter(has_names)
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FieldType {
    pub const fn operators(self) -> &'static [Operator] {
        use Operator::{Ca, Co, Eq, Ge, Gt, In, IsNull, Le, Lt, Ne, Pr, Sw};
        match self {
            Self::Text => &[Eq, Ne, Gt, Ge, Lt, Le, Co, Sw, In, Ca, Pr, IsNull],
            Self::Enumeration(_) | Self::OpenEnumeration(_) => &[Eq, Ne, In, Pr, IsNull],
            Self::Time | Self::Integer => &[Eq, Ne, Gt, Ge, Lt, Le, In, Pr, IsNull],
        }
    }
}

/// The table as Markdown, for the OpenAPI document and the documentation.
pub fn markdown() -> String {
    let rows = Field::ALL.map(|field| {
        let values = match field.field_type() {
            FieldType::Text => "text".to_owned(),
            FieldType::Enumeration(names) => code(names),
            FieldType::OpenEnumeration(names) => {
                format!(
                    "{}, or a kind of task such as `CLOUD_ACCOUNT_AGGREGATION`",
                    code(names)
                )
            }
            FieldType::Time => "time".to_owned(),
            FieldType::Integer => "number".to_owned(),
        };
        let operators: Vec<&str> = field.operators().iter().map(|operator| operator.name()).collect();
        format!("| `{field}` | {values} | {} |\n", code(&operators))
    });
    format!("| Field | Values | Operators |\n|---|---|---|\n{}", rows.concat())
}

fn code(words: &[&str]) -> String {
    format!("`{}`", words.join("`, `"))
}
