//! Paths under which the API answers besides the root.

use std::str::FromStr;

use thiserror::Error;

/// A path under which the API answers besides the root, such as `/v2025`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePath(String);

/// The string is not a base path.
#[derive(Debug, Error)]
#[error(
    "a base path begins with “/”, does not end in one, and has only letters, digits, “-”, “_”, “.” and “/”"
)]
pub struct BasePathError;

impl BasePath {
    /// The path, such as `/v2025`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let segments = text.strip_prefix('/').ok_or(BasePathError)?.split('/');
        let valid = segments
            .into_iter()
            .all(|segment| !segment.is_empty() && segment.chars().all(plain));
        valid.then(|| Self(text.to_owned())).ok_or(BasePathError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths_are_plain_paths() {
        for valid in ["/beta", "/v2026", "/a/b-c_d.e"] {
            assert!(valid.parse::<BasePath>().is_ok(), "{valid}");
        }
        for invalid in ["", "/", "beta", "/beta/", "/a//b", "/{x}", "/a b", "/é"] {
            assert!(invalid.parse::<BasePath>().is_err(), "{invalid}");
        }
    }
}
