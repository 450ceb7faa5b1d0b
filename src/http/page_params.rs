//! The parameters of a list, read in one place.

use crate::http::query::Query;
use crate::listing::page::{Limit, MAX_LIMIT, Offset, Pagination};
use crate::messages::cause::Cause;

/// Reads the three parameters.
///
/// # Errors
/// One cause for each parameter that is given twice or has a value that is not allowed. A value out of bounds is
/// refused and not clamped: a client that asked for 1000 and got 250 would take the page for the last.
pub fn collection(query: &Query) -> Result<Pagination, Vec<Cause>> {
    let mut causes = Vec::new();
    let offset = integer(query, "offset", i32::MAX, &mut causes);
    let limit = integer(query, "limit", MAX_LIMIT, &mut causes);
    let count = query.boolean("count").unwrap_or_else(|cause| {
        causes.push(cause);
        None
    });
    if causes.is_empty() {
        Ok(Pagination {
            offset: offset.and_then(Offset::new).unwrap_or_default(),
            limit: limit.and_then(Limit::new).unwrap_or_default(),
            count: count.unwrap_or_default(),
        })
    } else {
        Err(causes)
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
