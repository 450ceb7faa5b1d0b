//! What is in a page: its bytes, and which version of which task stands where in them.
//!
//! When the page is read again the tasks that have not changed are copied and not rendered, and where none has the
//! bytes stay the very same, with all that was made of them.

use std::sync::Arc;

use bytes::Bytes;

use crate::listing::cursor::Cursor;
use crate::pending::digest::Digest;
use crate::store::pending::{self, Entry, Known, Version, XidEpoch};

/// A page without the snapshot that it is from.
#[derive(Debug)]
pub struct Content {
    /// The JSON array.
    pub body: Bytes,
    /// Of the array. Whatever the coding, equal digests mean equal arrays.
    pub digest: Digest,
    /// The cursor of the next page, if there is more.
    pub next: Option<Arc<str>>,
    epoch: XidEpoch,
    versions: Vec<Version>,
    /// Where in the body the task of a version ends; the next begins one byte later.
    ends: Vec<usize>,
}

impl Content {
    /// Renders a page, of which `known` is an earlier state.
    pub(super) fn of(page: pending::Page, known: Option<&Arc<Self>>) -> serde_json::Result<Arc<Self>> {
        let next: Option<Arc<str>> = page.next.as_ref().map(Cursor::encode).map(Into::into);
        if let Some(known) = known
            && known.next == next
            && known.versions.len() == page.tasks.len()
            && (page.tasks.iter().enumerate())
                .all(|(place, task)| matches!(task, Entry::Known(index) if *index == place))
        {
            return Ok(Arc::clone(known));
        }

        let mut body = Vec::with_capacity(known.map_or(0, |known| known.body.len()));
        let mut versions = Vec::with_capacity(page.tasks.len());
        let mut ends = Vec::with_capacity(page.tasks.len());
        body.push(b'[');
        for task in page.tasks {
            if !ends.is_empty() {
                body.push(b',');
            }
            match (task, known) {
                (Entry::Read(task, version), _) => {
                    serde_json::to_writer(&mut body, &task)?;
                    versions.push(version);
                }
                (Entry::Known(index), Some(known)) => {
                    body.extend_from_slice(known.task(index));
                    versions.extend(known.versions.get(index).cloned());
                }
                // Of nothing, nothing is known.
                (Entry::Known(_), None) => {}
            }
            ends.push(body.len());
        }
        body.push(b']');
        let body: Bytes = body.into_boxed_slice().into();
        Ok(Arc::new(Self {
            digest: Digest::of(&body),
            body,
            next,
            epoch: page.epoch,
            versions,
            ends,
        }))
    }

    /// What the database need not say again.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            epoch: &self.epoch,
            versions: &self.versions,
        }
    }

    /// Whether there is no task in it.
    pub(super) fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let ends = size_of_val(self.ends.as_slice());
        self.body.len() + ends + self.versions.iter().map(Version::bytes).sum::<usize>()
    }

    fn task(&self, index: usize) -> &[u8] {
        let begin = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(1, |end| end + 1);
        let end = self.ends.get(index).copied().unwrap_or(begin);
        self.body.get(begin..end).unwrap_or_default()
    }
}
