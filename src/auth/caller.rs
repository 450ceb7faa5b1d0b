//! The caller of a request, and its permissions by scopes and user levels.

use thiserror::Error;

/// Lets a caller read.
pub const READ: &str = "idn:task-management:read";
/// Lets a caller read and write.
pub const WRITE: &str = "idn:task-management:write";
/// Lets a caller do all that its user level allows.
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

/// The reason why a caller is not permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Denied {
    #[error("a scope, {} at least", .0.scope())]
    Scope(Permission),
    #[error("a user level that allows what {} does", .0.scope())]
    Level(Permission),
    /// The request is for a name that is not this machine's own.
    #[error("a request for this machine, by its Host")]
    Host,
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

    /// An anonymous caller that may do everything.
    pub fn anybody() -> Self {
        Self::new(None, vec![ALL.to_owned()], None)
    }

    /// An anonymous caller that may read.
    pub fn reader() -> Self {
        Self::new(None, vec![READ.to_owned()], None)
    }

    /// Checks a permission. One of the scopes must grant it, and writing includes reading. If user levels are known, one
    /// of them must grant it too.
    pub fn may(&self, right: Permission) -> Result<(), Denied> {
        let scopes: &[&str] = match right {
            Permission::Read => &[READ, WRITE, ALL],
            Permission::Write => &[WRITE, ALL],
        };
        let level_allows = |level: &String| {
            WRITING_LEVELS.contains(&level.as_str()) || (right == Permission::Read && level == READING_LEVEL)
        };
        if !self.scopes.iter().any(|scope| scopes.contains(&scope.as_str())) {
            return Err(Denied::Scope(right));
        }
        match &self.levels {
            Some(levels) if !levels.iter().any(level_allows) => Err(Denied::Level(right)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(scopes: &[&str], levels: Option<&[&str]>) -> (bool, bool) {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let caller = Caller::new(None, owned(scopes), levels.map(owned));
        (
            caller.may(Permission::Read).is_ok(),
            caller.may(Permission::Write).is_ok(),
        )
    }

    #[test]
    fn scopes_add_up_and_writing_includes_reading() {
        assert_eq!(rights(&[], None), (false, false));
        assert_eq!(rights(&[READ], None), (true, false));
        assert_eq!(rights(&[WRITE], None), (true, true));
        assert_eq!(rights(&[ALL], None), (true, true));
        assert_eq!(rights(&["other", READ], None), (true, false));
        for near in [
            "idn:task-management",
            "idn:task-management:*",
            "IDN:TASK-MANAGEMENT:WRITE",
            "sp:scopes:default",
        ] {
            assert_eq!(rights(&[near], None), (false, false), "{near}");
        }
    }

    #[test]
    fn a_known_user_level_has_to_allow_it_too() {
        for level in WRITING_LEVELS {
            assert_eq!(rights(&[WRITE], Some(&[level])), (true, true), "{level}");
            assert_eq!(rights(&[READ], Some(&[level])), (true, false), "{level}");
        }
        assert_eq!(rights(&[ALL], Some(&[READING_LEVEL])), (true, false));
        assert_eq!(rights(&[ALL], Some(&[READING_LEVEL, "ORG_ADMIN"])), (true, true));
        assert_eq!(rights(&[ALL], Some(&["DASHBOARD", "org_admin"])), (false, false));
        assert_eq!(rights(&[ALL], Some(&[])), (false, false));
        assert_eq!(rights(&[], Some(&["ORG_ADMIN"])), (false, false));
    }
}
