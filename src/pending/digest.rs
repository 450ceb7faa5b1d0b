//! A digest of bytes: equal digests mean equal bytes.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Half a SHA-256, displayed as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(u128);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Self(u128::from_be_bytes(std::array::from_fn(|index| digest[index])))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}
