//! The offset index: which task follows how many others, at one revision.
//!
//! Each page read by offset leaves an entry at its end, from which the next page is found by keyset, however deep.

use std::collections::{BTreeMap, HashMap};

use crate::listing::cursor::Cursor;
use crate::listing::sorters::Sorters;
use crate::store::tally::Revision;

/// The bound of the index, in bytes.
const CAPACITY: usize = 4 * 1024 * 1024;
/// The size of an entry without its id.
const OVERHEAD: usize = 256;

#[derive(Debug, Default)]
pub(super) struct OffsetIndex {
    revision: Option<Revision>,
    /// By order, then by how many tasks come up to and including the cursor's.
    cursors: HashMap<Sorters, BTreeMap<i64, Cursor>>,
    bytes: usize,
}

impl OffsetIndex {
    /// Drops the entries of any other revision.
    pub(super) fn reset_to(&mut self, revision: Revision) {
        if self.revision != Some(revision) {
            *self = Self {
                revision: Some(revision),
                ..Self::default()
            };
        }
    }

    /// Adds an entry, if it is of the current revision and there is room.
    pub(super) fn insert(&mut self, revision: Revision, order: &Sorters, offset: i64, cursor: &Cursor) {
        let bytes = cursor.id().len() + OVERHEAD;
        if self.revision != Some(revision) || self.bytes + bytes > CAPACITY {
            return;
        }
        let cursors = match self.cursors.get_mut(order) {
            Some(cursors) => cursors,
            None => self.cursors.entry(order.clone()).or_default(),
        };
        if cursors.insert(offset, cursor.clone()).is_none() {
            self.bytes += bytes;
        }
    }

    /// The entry nearest to this offset from below.
    pub(super) fn nearest(&self, revision: Revision, order: &Sorters, max: i64) -> Option<(i64, Cursor)> {
        let cursors = self
            .cursors
            .get(order)
            .filter(|_| self.revision == Some(revision))?;
        let (offset, cursor) = cursors.range(..=max).next_back()?;
        Some((*offset, cursor.clone()))
    }
}
