//! `GET` and `HEAD /task-status`: tasks of any state, filtered and ordered.
//!
//! The parts that it shares with the pending tasks are here too: the total count, and the link to the next page.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, IntoResponseParts, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::AppState;
use super::pending_tasks::EmptyStatus;
use crate::http::error::ApiError;
use crate::http::openapi::{self, answers, errors, parameters};
use crate::http::page_params;
use crate::http::query::Query;
use crate::listing::cursor::Cursor;
use crate::listing::filter::Filter;
use crate::listing::page::Pagination;
use crate::listing::sorters::Sorters;
use crate::messages::cause::Cause;
use crate::store::list::{ListQuery, page};

/// How many tasks there are without offset and limit, in the snapshot of the page.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// What may stand in a query as it is (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Lists tasks.
///
/// # Errors
/// 400 for a parameter that is not allowed, one cause for each.
#[utoipa::path(
    get,
    path = "/task-status",
    operation_id = "getTaskStatusList",
    security(("bearerToken" = ["idn:task-management:read"])),
    tag = openapi::READING,
    summary = "List tasks",
    description = "Tasks of any state, filtered and ordered: the newest first unless `sorters` says otherwise.",
    params(parameters::Page, parameters::IfNoneMatch, parameters::PreferWait, parameters::AcceptEncoding, parameters::Everywhere),
    responses(answers::Page, errors::BadList, errors::Authenticator, errors::Database, errors::Everywhere)
)]
pub async fn list(
    State(state): State<AppState>,
    query: Query,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let mut causes = Vec::new();
    let filter = filter(&query, &mut causes);
    let order = order(&query, &mut causes);
    let range = range(&query, &order, causes)?;
    if filter.as_ref().is_some_and(Filter::is_pending_only) {
        return super::page::answer(&state, &query, range, order, EmptyStatus::Ok, &request).await;
    }
    let asked = ListQuery {
        filter: filter.as_ref(),
        order: &order,
        after: range.after.as_ref(),
        pagination: range.collection,
    };
    let page = page(&state.database, asked).await?;
    let next = page.next.as_ref().map(Cursor::encode);
    Ok((headers(&query, page.total, next.as_deref()), Json(page.tasks)).into_response())
}

/// The filter of a query; an empty one is none.
pub(super) fn filter(query: &Query, causes: &mut Vec<Cause>) -> Option<Filter> {
    let text = query.single("filters").unwrap_or_else(|cause| {
        causes.push(cause);
        None
    })?;
    if text.trim().is_empty() {
        return None;
    }
    Filter::parse(text)
        .map_err(|error| causes.push(Cause::Filter(error)))
        .ok()
}

/// Which part of a list a query asks for.
pub(super) struct Range {
    pub(super) collection: Pagination,
    pub(super) after: Option<Cursor>,
}

/// Reads which part a query asks for. `causes` are the faults that have been found in it until now: all are named at
/// once.
pub(super) fn range(query: &Query, order: &Sorters, mut causes: Vec<Cause>) -> Result<Range, ApiError> {
    let collection = page_params::collection(query).unwrap_or_else(|faults| {
        causes.extend(faults);
        Pagination::default()
    });
    let after = after(query, order, &mut causes);
    if causes.is_empty() {
        Ok(Range { collection, after })
    } else {
        Err(ApiError::of_query(causes))
    }
}

/// `X-Total-Count` if it was asked for, and `Link` (RFC 8288) if there is more.
pub(super) fn headers(
    query: &Query,
    total: Option<i64>,
    next: Option<&str>,
) -> impl IntoResponseParts + use<> {
    let total = total.map(|total| [(X_TOTAL_COUNT, total.to_string())]);
    let link = next
        .and_then(|next| link(query, next))
        .map(|link| [(header::LINK, link)]);
    (total, link)
}

/// The same query from the place on. Relative to the request's own URL, which a gateway may have rewritten.
fn link(query: &Query, next: &str) -> Option<HeaderValue> {
    let kept = query
        .iter()
        .filter(|(name, _)| !["offset", "after"].contains(name))
        .map(|(name, value)| {
            format!(
                "{}={}&",
                utf8_percent_encode(name, RESERVED),
                utf8_percent_encode(value, RESERVED)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!("<?{kept}after={next}>; rel=\"next\"").try_into().ok()
}

fn order(query: &Query, causes: &mut Vec<Cause>) -> Sorters {
    let order = match query.single("sorters") {
        Ok(None) => Ok(Sorters::default()),
        Ok(Some(text)) => Sorters::parse(text).map_err(Cause::Sorters),
        Err(cause) => Err(cause),
    };
    order.unwrap_or_else(|cause| {
        causes.push(cause);
        Sorters::default()
    })
}

fn after(query: &Query, order: &Sorters, causes: &mut Vec<Cause>) -> Option<Cursor> {
    const AFTER: &str = "after";
    let text = query.single(AFTER).unwrap_or_else(|cause| {
        causes.push(cause);
        None
    })?;
    if query
        .single("offset")
        .is_ok_and(|offset| offset.is_some_and(|offset| offset != "0"))
    {
        causes.push(Cause::ParametersExclude {
            parameter: AFTER,
            other: "offset",
        });
    }
    let cursor = Cursor::decode(text, order);
    if cursor.is_none() {
        causes.push(Cause::NotACursor { parameter: AFTER });
    }
    cursor
}
