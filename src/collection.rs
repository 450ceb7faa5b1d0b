//! The standard collection parameters `offset`, `limit` and `count`: parsed once, within bounds ever after.

use crate::cause::Cause;
use crate::query::Query;

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
pub struct Collection {
    pub offset: Offset,
    pub limit: Limit,
    /// Whether the answer shall say how many tasks there are without offset and limit.
    pub count: bool,
}

impl Offset {
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

impl Collection {
    /// Reads the three parameters.
    ///
    /// # Errors
    /// One cause for each parameter that is given twice or has a value that is not allowed. A value out of bounds is
    /// refused and not clamped: a client that asked for 1000 and got 250 would take the page for the last.
    pub fn from_query(query: &Query) -> Result<Self, Vec<Cause>> {
        let mut causes = Vec::new();
        let offset = integer(query, "offset", i32::MAX, &mut causes);
        let limit = integer(query, "limit", MAX_LIMIT, &mut causes);
        let count = query.boolean("count").unwrap_or_else(|cause| {
            causes.push(cause);
            None
        });
        if causes.is_empty() {
            Ok(Self {
                offset: offset.map(Offset).unwrap_or_default(),
                limit: limit.map(Limit).unwrap_or_default(),
                count: count.unwrap_or_default(),
            })
        } else {
            Err(causes)
        }
    }
}

/// An integer from 0 to `max`, in decimal digits.
fn integer(query: &Query, parameter: &'static str, max: i32, causes: &mut Vec<Cause>) -> Option<i32> {
    let given = single(query, parameter, causes)?;
    let digits = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_digit());
    let value = given
        .parse()
        .ok()
        .filter(|value| digits && (0..=max).contains(value));
    if value.is_none() {
        causes.push(Cause::NotAnInteger {
            parameter,
            given: given.to_owned(),
            min: 0,
            max,
        });
    }
    value
}

fn single<'a>(query: &'a Query, parameter: &'static str, causes: &mut Vec<Cause>) -> Option<&'a str> {
    query.single(parameter).unwrap_or_else(|cause| {
        causes.push(cause);
        None
    })
}
