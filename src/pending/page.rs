//! A page of a list: what identifies it, and what is kept of it.
//!
//! When a page is read again, the tasks that have not changed are copied instead of rendered. If none has, the page
//! keeps its very bytes, and with them everything that was compressed of it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::content_encoding::ContentEncoding;
use super::digest::Digest;
use crate::listing::cursor::Cursor;
use crate::listing::filter::Filter;
use crate::listing::page::{Limit, Offset};
use crate::listing::sorters::Sorters;
use crate::memory::Reserved;
use crate::store::StoreError;
use crate::store::list::{self, Entry, Known, Version, XidEpoch};
use crate::store::share::Work;
use crate::store::tally::{Revision, Tasks};

/// A part of a list, in an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListQuery {
    /// Without a filter, all tasks are listed.
    pub filter: Option<Arc<Filter>>,
    pub order: Sorters,
    /// The page begins after this task.
    pub after: Option<Cursor>,
    pub offset: Offset,
    pub limit: Limit,
}

impl ListQuery {
    /// The tasks whose changes can change the list. A filter compares with nothing but the task and its own values, so a
    /// list is a function of these tasks.
    pub(super) fn tasks(&self) -> Tasks {
        match &self.filter {
            Some(filter) if filter.implies_pending() => Tasks::Pending,
            _ => Tasks::All,
        }
    }

    /// Pages of all pending tasks have connections of their own.
    pub(super) fn work(&self) -> Work {
        Work::of(self.filter.as_deref())
    }
}

/// A page of a list in a snapshot. Clones share it.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// Of the tasks that can change the list.
    pub revision: Revision,
    /// How many tasks the list has, if they were counted.
    pub total: Option<i64>,
    pub content: Arc<Content>,
    /// It has every write that was acknowledged until then.
    pub(super) since: Instant,
    /// No long poll reads it again before.
    pub(super) due: Instant,
}

/// Why there is no page.
#[derive(Debug, Error)]
pub enum PageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client uses its share of the connections.
    #[error("the client has no turn")]
    NoTurn,
    #[error("the page could not be written as JSON")]
    Render(#[from] serde_json::Error),
    #[error("the page could not be compressed")]
    Compress(#[from] io::Error),
    #[error("the compression ended early")]
    Blocking(#[from] JoinError),
}

/// A page without its snapshot: later snapshots may have the same.
#[derive(Debug)]
pub struct Content {
    /// The JSON array; `None` if it is too large to be kept.
    pub body: Option<Bytes>,
    /// Of the array. In any coding, equal digests mean equal arrays.
    pub digest: Digest,
    /// The cursor of the next page, if there is one.
    pub next: Option<Arc<str>>,
    epoch: XidEpoch,
    versions: Vec<Version>,
    /// For each version, the offset in the body at which its task ends. The next task begins one byte later.
    ends: Vec<usize>,
}

impl ListPage {
    /// The coding in which the page is sent to a client that wants this one.
    pub fn coding(&self, wanted: ContentEncoding) -> ContentEncoding {
        wanted.for_length(self.content.body.as_ref().map_or(usize::MAX, Bytes::len))
    }

    /// The same without its body and its tasks.
    pub(super) fn without_body(&self) -> Self {
        Self {
            content: Arc::new(Content {
                body: None,
                digest: self.content.digest,
                next: self.content.next.clone(),
                epoch: self.content.epoch.clone(),
                versions: Vec::new(),
                ends: Vec::new(),
            }),
            ..self.clone()
        }
    }

    /// Whether the list is known to have no tasks.
    pub fn is_of_nothing(&self) -> bool {
        self.total == Some(0) && self.content.versions.is_empty()
    }
}

impl Content {
    /// Renders a page; `known` is an earlier state of it. `reserved` is its memory.
    pub(super) fn render(
        page: list::Page,
        known: Option<&Arc<Self>>,
        mut reserved: Reserved,
    ) -> Result<Arc<Self>, PageError> {
        let next: Option<Arc<str>> = page.next.as_ref().map(Cursor::encode).map(Into::into);
        if let Some(known) = known
            && known.next == next
            && known.versions.len() == page.tasks.len()
            && (page.tasks.iter().enumerate())
                .all(|(position, task)| matches!(task, Entry::Known(index) if *index == position))
        {
            return Ok(Arc::clone(known));
        }

        // The tasks are freed as the body grows.
        let mut body = Vec::with_capacity(reserved.bytes());
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
                // Unreachable: the store reports only known tasks as known.
                (Entry::Known(_), None) => {}
            }
            ends.push(body.len());
        }
        body.push(b']');
        body.shrink_to_fit();
        reserved.shrink_to(body.len());
        Ok(Arc::new(Self {
            digest: Digest::of(&body),
            body: reserved.hold([body]).next(),
            next,
            epoch: page.epoch,
            versions,
            ends,
        }))
    }

    /// What the database need not send again.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            epoch: &self.epoch,
            versions: &self.versions,
        }
    }

    /// The size in memory.
    pub(super) fn bytes(&self) -> usize {
        let ends = size_of_val(self.ends.as_slice());
        self.body.as_ref().map_or(0, Bytes::len)
            + ends
            + self.versions.iter().map(Version::bytes).sum::<usize>()
    }

    fn task(&self, index: usize) -> &[u8] {
        let begin = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(1, |end| end + 1);
        let end = self.ends.get(index).copied().unwrap_or(begin);
        self.body
            .as_ref()
            .and_then(|body| body.get(begin..end))
            .unwrap_or_default()
    }
}
