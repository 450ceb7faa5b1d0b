//! The requested part of a list: `offset`, `limit` and `count`, within bounds by construction.

/// The largest and the default page size. The default may not be smaller, because clients stop at a shorter page.
pub const MAX_LIMIT: i32 = 250;

/// The number of tasks before the page: 0 or more.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offset(i32);

/// The page size: 0 to [`MAX_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit(i32);

/// The requested part of a list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pagination {
    pub offset: Offset,
    pub limit: Limit,
    /// Whether to return the number of tasks regardless of offset and limit.
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

    /// The offset counted from a later start that has `preceding` tasks before it.
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
