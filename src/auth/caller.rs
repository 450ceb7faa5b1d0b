//! The caller of a request, and its permissions by scopes and user levels.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Read,
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
    scopes: Vec<String>,
    /// The user levels; `None` if they are unknown.
    levels: Option<Vec<String>>,
}

impl Caller {
    pub fn new(client: Option<String>, scopes: Vec<String>, levels: Option<Vec<String>>) -> Self {
        Self {
            client,
            subject: None,
            scopes,
            levels,
        }
    }

    /// An anonymous caller with every permission.
    pub fn unrestricted() -> Self {
        Self::new(None, vec![ALL.to_owned()], None)
    }

    /// An anonymous caller with read permission.
    pub fn reader() -> Self {
        Self::new(None, vec![READ.to_owned()], None)
    }

    /// Checks a permission. One of the scopes must grant it; write scopes include reading. If the user levels are known,
    /// one of them must grant it too.
    pub fn may(&self, permission: Permission) -> Result<(), Denied> {
        let scopes: &[&str] = match permission {
            Permission::Read => &[READ, WRITE, ALL],
            Permission::Write => &[WRITE, ALL],
        };
        let level_allows = |level: &String| {
            WRITING_LEVELS.contains(&level.as_str())
                || (permission == Permission::Read && level == READING_LEVEL)
        };
        if !self.scopes.iter().any(|scope| scopes.contains(&scope.as_str())) {
            return Err(Denied::Scope(permission));
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

    fn permissions(scopes: &[&str], levels: Option<&[&str]>) -> (bool, bool) {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let caller = Caller::new(None, owned(scopes), levels.map(owned));
        (
            caller.may(Permission::Read).is_ok(),
            caller.may(Permission::Write).is_ok(),
        )
    }

    #[test]
    fn any_scope_may_grant_it_and_writing_includes_reading() {
        assert_eq!(permissions(&[], None), (false, false));
        assert_eq!(permissions(&[READ], None), (true, false));
        assert_eq!(permissions(&[WRITE], None), (true, true));
        assert_eq!(permissions(&[ALL], None), (true, true));
        assert_eq!(permissions(&["other", READ], None), (true, false));
        for similar in [
            "idn:task-management",
            "idn:task-management:*",
            "IDN:TASK-MANAGEMENT:WRITE",
            "sp:scopes:default",
        ] {
            assert_eq!(permissions(&[similar], None), (false, false), "{similar}");
        }
    }

    #[test]
    fn known_user_levels_must_grant_it_too() {
        for level in WRITING_LEVELS {
            assert_eq!(permissions(&[WRITE], Some(&[level])), (true, true), "{level}");
            assert_eq!(permissions(&[READ], Some(&[level])), (true, false), "{level}");
        }
        assert_eq!(permissions(&[ALL], Some(&[READING_LEVEL])), (true, false));
        assert_eq!(
            permissions(&[ALL], Some(&[READING_LEVEL, "ORG_ADMIN"])),
            (true, true)
        );
        assert_eq!(
            permissions(&[ALL], Some(&["DASHBOARD", "org_admin"])),
            (false, false)
        );
        assert_eq!(permissions(&[ALL], Some(&[])), (false, false));
        assert_eq!(permissions(&[], Some(&["ORG_ADMIN"])), (false, false));
    }
}
