//! Places in the list of the pending tasks: after how many of them which task is, at one revision.
//!
//! Whoever pages through the list by offset leaves a place at the end of every page, and finds the next page from there
//! by an index, however deep it is.

use std::collections::{BTreeMap, HashMap};

use crate::listing::cursor::Cursor;
use crate::listing::sorters::Sorters;
use crate::store::tally::Revision;

/// The most bytes of ids of places, and what a place is taken for besides.
const CAPACITY: usize = 4 * 1024 * 1024;
const OVERHEAD: usize = 256;

/// The places that are known at a revision.
#[derive(Debug, Default)]
pub(super) struct OffsetIndex {
    revision: Option<Revision>,
    /// By order, then by how many tasks precede the place.
    known: HashMap<Sorters, BTreeMap<i64, Cursor>>,
    bytes: usize,
}

impl OffsetIndex {
    /// Forgets all that is not of this revision; returns whether it is another one than before.
    pub(super) fn reset_to(&mut self, revision: Revision) -> bool {
        let is_another = self.revision != Some(revision);
        if is_another {
            *self = Self {
                revision: Some(revision),
                ..Self::default()
            };
        }
        is_another
    }

    /// The place, if it is of the revision that is current, and as long as there is room.
    pub(super) fn remember(&mut self, revision: Revision, order: &Sorters, preceding: i64, place: &Cursor) {
        let bytes = place.id().len() + OVERHEAD;
        if self.revision != Some(revision) || self.bytes + bytes > CAPACITY {
            return;
        }
        let known = match self.known.get_mut(order) {
            Some(known) => known,
            None => self.known.entry(order.clone()).or_default(),
        };
        if known.insert(preceding, place.clone()).is_none() {
            self.bytes += bytes;
        }
    }

    /// The last place that at most so many tasks precede, and how many do.
    pub(super) fn before(&self, revision: Revision, order: &Sorters, most: i64) -> Option<(i64, Cursor)> {
        let known = self
            .known
            .get(order)
            .filter(|_| self.revision == Some(revision))?;
        let (preceding, place) = known.range(..=most).next_back()?;
        Some((*preceding, place.clone()))
    }
}
