//! Which part of a list a request asks for: `offset`, `limit` and `count`, within bounds by construction.

/// The largest page, and the size of one when the request names none. Clients stop at a page that is shorter than
/// this, so the default may not be smaller.
pub const MAX_LIMIT: i32 = 250;

/// How many tasks of the full result precede the page: 0 or more.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offset(i32);

/// How many tasks the page may hold: 0 to [`MAX_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit(i32);

/// Which part of a collection a request wants.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pagination {
    pub offset: Offset,
    pub limit: Limit,
    /// Whether the answer shall say how many tasks there are without offset and limit.
    pub count: bool,
}

impl Offset {
    /// An offset, unless it is negative.
    pub fn new(offset: i32) -> Option<Self> {
        (offset >= 0).then_some(Self(offset))
    }

    /// As PostgreSQL takes it.
    pub fn get(self) -> i64 {
        i64::from(self.0)
    }

    /// What is left of it after a place that so many tasks precede.
    #[must_use]
    pub fn less(self, preceding: i64) -> Self {
        Self(i32::try_from(self.get().saturating_sub(preceding)).map_or(0, |rest| rest.max(0)))
    }
}

impl Limit {
    /// A limit, unless it is negative or more than [`MAX_LIMIT`].
    pub fn new(limit: i32) -> Option<Self> {
        (0..=MAX_LIMIT).contains(&limit).then_some(Self(limit))
    }

    /// As PostgreSQL takes it.
    pub fn get(self) -> i64 {
        i64::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(MAX_LIMIT)
    }
}
