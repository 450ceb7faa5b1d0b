//! The response with a page of a list, whichever resource it belongs to: from memory, tagged, and compressed as the client
//! accepts.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::etag::ETag;
use crate::http::extract::JSON;
use crate::http::middleware::long_poll::PREFER;
use crate::http::page_headers::page_headers;
use crate::http::page_params::PageRange;
use crate::http::query::Query;
use crate::http::representation::{accepted_encoding, coded, tagged};
use crate::http::state::{AppState, EmptyStatus};
use crate::listing::filter::Filter;
use crate::listing::sorters::Sorters;
use crate::pending::page::{ListPage, ListQuery};
use crate::pending::wait::Wait;

/// Responds with a page of the tasks that match the filter. A 304 has the other headers too, since they may have changed.
pub(super) async fn respond(
    state: &AppState,
    query: &Query,
    filter: Option<Filter>,
    range: PageRange,
    order: Sorters,
    empty: EmptyStatus,
    request: &HeaderMap,
) -> Result<Response, ApiError> {
    let counted = range.pagination.count;
    let asked = ListQuery {
        filter: filter.map(Arc::new),
        order,
        after: range.after,
        offset: range.pagination.offset,
        limit: range.pagination.limit,
    };
    let accepted = accepted_encoding(request);
    let etag = |page: &ListPage| ETag::compressed(page.content.digest, page.coding(accepted));
    let mut page = state.pending.tagged_page(&asked, counted).await?;
    if page.content.body.is_none() && !etag(&page).is_known_to(request) {
        page = state.pending.page(&asked, counted).await?;
    }
    let total = page.total.filter(|_| counted);
    let headers = page_headers(query, total, page.content.next.as_deref());
    let encoding = page.coding(accepted);
    let etag = etag(&page);
    let headers = (headers, tagged(&etag));
    if etag.is_known_to(request) {
        let mut response = (StatusCode::NOT_MODIFIED, headers).into_response();
        if request.contains_key(PREFER) {
            let wait = Wait::for_another(&state.pending, &asked, &page, counted);
            response.extensions_mut().insert(wait);
        }
        return Ok(response);
    }
    // A 204 has a tag too, so that a client can wait for the first pending task.
    if page.is_of_nothing() && empty == EmptyStatus::NoContent {
        return Ok((StatusCode::NO_CONTENT, headers).into_response());
    }
    // The whole page was asked for.
    let body = page.content.body.clone().unwrap_or_default();
    let digest = page.content.digest;
    let body = state.pending.compressed(body, digest, encoding).await?;
    Ok((headers, coded(JSON, encoding, body)).into_response())
}
