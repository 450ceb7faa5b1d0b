//! The caller of a request, and what it may do.

use thiserror::Error;

/// Grants reading.
pub const READ: &str = "idn:task-management:read";
/// Grants reading and writing.
pub const WRITE: &str = "idn:task-management:write";
/// Grants everything that the user level allows.
pub const ALL: &str = "sp:scopes:all";

/// The user levels that may read and write.
const WRITING_LEVELS: [&str; 7] = [
    "ORG_ADMIN",
    "CERT_ADMIN",
    "REPORT_ADMIN",
    "ROLE_ADMIN",
    "ROLE_SUBADMIN",
    "SOURCE_ADMIN",
    "SOURCE_SUBADMIN",
];
/// The user level that may read.
const READING_LEVEL: &str = "HELPDESK";

/// The permission that a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    Read,
    /// Includes reading.
    Write,
}

impl Permission {
    /// The smallest scope that grants it.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Read => READ,
            Self::Write => WRITE,
        }
    }
}

/// The requirement that a caller does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Denied {
    #[error("a scope, {} at least", .0.scope())]
    Scope(Permission),
    #[error("one of the values that grant {}", .0.scope())]
    Value(Permission),
    #[error("a user level that grants {}", .0.scope())]
    Level(Permission),
}

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the client, if it has one.
    pub client: Option<String>,
    /// The subject on whose behalf it calls, if known.
    pub subject: Option<String>,
    permission: Option<Permission>,
    /// Whether the contract's scopes would have granted more.
    pub(super) has_contract_scopes: bool,
    /// The user levels; `None` if they are unknown.
    levels: Option<Vec<String>>,
}

impl Caller {
    pub fn new(client: Option<String>, permission: Option<Permission>, levels: Option<Vec<String>>) -> Self {
        Self {
            client,
            subject: None,
            permission,
            has_contract_scopes: true,
            levels,
        }
    }

    /// An anonymous caller with every permission.
    pub fn unrestricted() -> Self {
        Self::new(None, Some(Permission::Write), None)
    }

    /// An anonymous caller with read permission.
    pub fn reader() -> Self {
        Self::new(None, Some(Permission::Read), None)
    }

    /// Checks a permission. If the user levels are known, one of them must grant it too.
    pub fn may(&self, permission: Permission) -> Result<(), Denied> {
        let level_allows = |level: &String| {
            WRITING_LEVELS.contains(&level.as_str())
                || (permission == Permission::Read && level == READING_LEVEL)
        };
        if self.permission < Some(permission) {
            return Err(if self.has_contract_scopes {
                Denied::Scope(permission)
            } else {
                Denied::Value(permission)
            });
        }
        match &self.levels {
            Some(levels) if !levels.iter().any(level_allows) => Err(Denied::Level(permission)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(granted: Option<Permission>, levels: &[&str]) -> (bool, bool) {
        let levels = levels.iter().map(|level| (*level).to_owned()).collect();
        let caller = Caller::new(None, granted, Some(levels));
        (
            caller.may(Permission::Read).is_ok(),
            caller.may(Permission::Write).is_ok(),
        )
    }

    #[test]
    fn known_user_levels_must_grant_it_too() {
        let (read, write) = (Some(Permission::Read), Some(Permission::Write));
        for level in WRITING_LEVELS {
            assert_eq!(permissions(write, &[level]), (true, true), "{level}");
            assert_eq!(permissions(read, &[level]), (true, false), "{level}");
        }
        assert_eq!(permissions(write, &[READING_LEVEL]), (true, false));
        assert_eq!(permissions(write, &[READING_LEVEL, "ORG_ADMIN"]), (true, true));
        assert_eq!(permissions(write, &["DASHBOARD", "org_admin"]), (false, false));
        assert_eq!(permissions(write, &[]), (false, false));
        assert_eq!(permissions(None, &["ORG_ADMIN"]), (false, false));
    }
}
