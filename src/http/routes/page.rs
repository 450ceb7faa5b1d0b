//! A page of pending tasks as an answer, whichever resource it is of: from memory, tagged, and coded as the client likes.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::list::{self, Range};
use super::pending_tasks::EmptyStatus;
use crate::http::error::ApiError;
use crate::http::etag::ETag;
use crate::http::extract::JSON;
use crate::http::middleware::long_poll::PREFER;
use crate::http::query::Query;
use crate::listing::sorters::Sorters;
use crate::pending::PendingQuery;
use crate::pending::content_encoding::ContentEncoding;
use crate::pending::wait::Wait;

/// To be kept by the client alone, who asks each time whether it is current.
const PRIVATE_NO_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Answers with a page of pending tasks. 304 where the client has it; its other headers may be new to it even then.
pub(super) async fn answer(
    state: &AppState,
    query: &Query,
    range: Range,
    order: Sorters,
    empty: EmptyStatus,
    request: &HeaderMap,
) -> Result<Response, ApiError> {
    let asked = PendingQuery {
        order,
        after: range.after,
        offset: range.collection.offset,
        limit: range.collection.limit,
    };
    let page = state.pending.page(&asked).await?;
    let total = range.collection.count.then_some(page.tally.pending);
    let headers = list::headers(query, total, page.content.next.as_deref());
    let cache = [
        (header::CACHE_CONTROL, PRIVATE_NO_CACHE),
        (header::VARY, ACCEPT_ENCODING),
    ];
    let coding = page.coding(wanted(request));
    let etag = ETag::compressed(page.content.digest, coding);
    let headers = (headers, cache, [(header::ETAG, HeaderValue::from(&etag))]);
    if etag.is_known_to(request) {
        let mut response = (StatusCode::NOT_MODIFIED, headers).into_response();
        if request.contains_key(PREFER) {
            let wait = Wait::for_another(&state.pending, &asked, &page, range.collection.count);
            response.extensions_mut().insert(wait);
        }
        return Ok(response);
    }
    // It has a tag all the same, to wait for something to be pending with.
    if page.nothing_pending() && empty == EmptyStatus::NoContent {
        return Ok((StatusCode::NO_CONTENT, headers).into_response());
    }
    let body = state.pending.compressed(&page, coding).await?;
    let content_coding = coding.token().map(|token| [(header::CONTENT_ENCODING, token)]);
    Ok((headers, [(header::CONTENT_TYPE, JSON)], content_coding, body).into_response())
}

/// The coding that a request wants. Several header lines mean the same as one (RFC 9110, section 5.3).
fn wanted(request: &HeaderMap) -> ContentEncoding {
    let lines: Vec<&str> = request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    match lines[..] {
        [] => ContentEncoding::Identity,
        [line] => ContentEncoding::negotiate(line),
        _ => ContentEncoding::negotiate(&lines.join(",")),
    }
}
