//! Permissions from the values that issuers and gateways state: scopes, roles, groups.

use serde_json::Value;

use super::Caller;
use super::caller::{ALL, Permission, READ, WRITE};

/// The values that grant permissions, and the claims of a token that hold them. By default those of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionMap {
    /// Names, or names of nested objects separated by dots.
    pub claims: Vec<String>,
    pub read: Vec<String>,
    /// They grant reading too.
    pub write: Vec<String>,
}

impl Default for PermissionMap {
    fn default() -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            claims: owned(&["scope", "scp"]),
            read: owned(&[READ]),
            write: owned(&[WRITE, ALL]),
        }
    }
}

impl PermissionMap {
    /// A caller with the permission that these values grant.
    pub fn caller(
        &self,
        client: Option<String>,
        values: impl IntoIterator<Item = impl AsRef<str>>,
        levels: Option<Vec<String>>,
    ) -> Caller {
        let granted = |value: &str| {
            let is_in = |values: &[String]| values.iter().any(|known| known == value);
            if is_in(&self.write) {
                Some(Permission::Write)
            } else {
                is_in(&self.read).then_some(Permission::Read)
            }
        };
        let permission = values
            .into_iter()
            .filter_map(|value| granted(value.as_ref()))
            .max();
        let mut caller = Caller::new(client, permission, levels);
        caller.has_contract_scopes = *self == Self::default();
        caller
    }

    /// The values in a token's claims; `None` if one of the claims is neither a string nor an array of strings.
    pub(super) fn values<'a>(&self, claims: &'a Value) -> Option<Vec<&'a str>> {
        let mut values = Vec::new();
        for path in &self.claims {
            match claim(claims, path) {
                None => {}
                Some(Value::String(text)) => values.extend(text.split(' ')),
                Some(Value::Array(texts)) => {
                    for text in texts {
                        let text = text.as_str()?;
                        values.push(text);
                        // Some issuers put the one string of scopes into an array. A role may contain spaces.
                        if ["scope", "scp"].contains(&path.as_str()) {
                            values.extend(text.split(' '));
                        }
                    }
                }
                Some(_) => return None,
            }
        }
        Some(values)
    }
}

/// The claim at a path: the names of nested objects, separated by dots. A name may contain dots itself, as URLs do. Null
/// counts as missing.
pub(super) fn claim<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    let nested = |(dot, _)| claim(claims.get(&path[..dot])?, &path[dot + 1..]);
    claims
        .get(path)
        .or_else(|| path.match_indices('.').find_map(nested))
        .filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn permissions(map: &PermissionMap, claims: &Value) -> Option<(bool, bool)> {
        let caller = map.caller(None, map.values(claims)?, None);
        let may = |permission| caller.may(permission).is_ok();
        Some((may(Permission::Read), may(Permission::Write)))
    }

    #[test]
    fn any_scope_may_grant_it_and_writing_includes_reading() {
        let by = |scope: &[&str]| permissions(&PermissionMap::default(), &json!({ "scope": scope }));
        assert_eq!(by(&[]), Some((false, false)));
        assert_eq!(by(&[READ]), Some((true, false)));
        assert_eq!(by(&[WRITE]), Some((true, true)));
        assert_eq!(by(&[ALL]), Some((true, true)));
        assert_eq!(by(&["other", READ]), Some((true, false)));
        for similar in [
            "idn:task-management",
            "idn:task-management:*",
            "IDN:TASK-MANAGEMENT:WRITE",
            "sp:scopes:default",
            "",
        ] {
            assert_eq!(by(&[similar]), Some((false, false)), "{similar}");
        }
        // Other claims grant nothing unless they are named.
        let elsewhere = json!({ "roles": [WRITE], "permissions": [WRITE], "authorities": [WRITE] });
        assert_eq!(
            permissions(&PermissionMap::default(), &elsewhere),
            Some((false, false))
        );
    }

    #[test]
    fn named_claims_and_values_grant_it_and_no_others() {
        let owned = |text: &str| vec![text.to_owned()];
        let map = |path: &str| PermissionMap {
            claims: owned(path),
            read: owned("Task Reader"),
            write: owned("api://x/tasks.write"),
        };
        let (nothing, reads, writes) = (Some((false, false)), Some((true, false)), Some((true, true)));
        for (path, claims, granted) in [
            ("roles", json!({ "roles": ["Task Reader"] }), reads),
            ("roles", json!({ "roles": ["a", "api://x/tasks.write"] }), writes),
            // A role with spaces is one value.
            ("roles", json!({ "roles": ["no api://x/tasks.write"] }), nothing),
            ("roles", json!({ "roles": "a api://x/tasks.write" }), writes),
            ("roles", json!({ "roles": ["tasks.write", "api://x"] }), nothing),
            ("roles", json!({ "roles": [WRITE, ALL, READ] }), nothing),
            ("roles", json!({ "scope": "api://x/tasks.write" }), nothing),
            ("roles", json!({ "roles": null }), nothing),
            ("roles", json!({ "roles": { "Task Reader": true } }), None),
            ("roles", json!({ "roles": [1] }), None),
            ("a.roles", json!({ "a": { "roles": ["Task Reader"] } }), reads),
            ("a.roles", json!({ "a.roles": ["Task Reader"] }), reads),
            (
                "a.b.c.roles",
                json!({ "a": { "b.c": { "roles": ["Task Reader"] } } }),
                reads,
            ),
            (
                "https://a.example/roles",
                json!({ "https://a.example/roles": ["Task Reader"] }),
                reads,
            ),
            (
                "a.roles",
                json!({ "a": ["Task Reader"], "roles": ["Task Reader"] }),
                nothing,
            ),
            (
                "a.roles",
                json!({ "a": { "b": { "roles": ["Task Reader"] } } }),
                nothing,
            ),
        ] {
            assert_eq!(permissions(&map(path), &claims), granted, "{path} of {claims}");
        }
    }
}
