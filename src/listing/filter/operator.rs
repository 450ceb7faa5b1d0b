//! The operators of the language.

use std::fmt;

/// An operator. Only its lower-case name is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Co,
    Sw,
    In,
    Ca,
    Pr,
    IsNull,
}

impl Operator {
    pub const ALL: [Self; 12] = [
        Self::Eq,
        Self::Ne,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
        Self::Co,
        Self::Sw,
        Self::In,
        Self::Ca,
        Self::Pr,
        Self::IsNull,
    ];

    /// The name in a filter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::In => "in",
            Self::Ca => "ca",
            Self::Pr => "pr",
            Self::IsNull => "isnull",
        }
    }

    /// The meaning in plain English.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Eq => "equals",
            Self::Ne => "does not equal",
            Self::Gt => "greater than",
            Self::Ge => "greater than or equal",
            Self::Lt => "less than",
            Self::Le => "less than or equal",
            Self::Co => "contains",
            Self::Sw => "starts with",
            Self::In => "equals one of a list",
            Self::Ca => "contains all of a list",
            Self::Pr => "is present (written before the field)",
            Self::IsNull => "is null (written after the field)",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name() == name)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
