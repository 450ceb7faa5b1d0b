//! The response with a page of a list, whichever resource it belongs to: from memory, tagged, and compressed as the client
//! accepts.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::export;
use crate::http::accept::{self, Format};
use crate::http::asked::AskedPages;
use crate::http::error::ApiError;
use crate::http::middleware::long_poll::PREFER;
use crate::http::page_params::PageParams;
use crate::http::query::Query;
use crate::http::representation::accepted_encoding;
use crate::http::shares::Place;
use crate::http::state::{AppState, EmptyStatus};
use crate::listing::filter::Filter;
use crate::listing::sorters::Sorters;
use crate::pending::page::ListPage;
use crate::pending::wait::Wait;

/// A list that is a resource.
pub(super) struct List<'a> {
    /// The name of the file that it is exported to.
    pub name: &'static str,
    /// Which tasks, in which order.
    pub selection: fn(&mut PageParams<'_>) -> (Option<Filter>, Sorters),
    pub asked: &'a AskedPages,
    /// The status if it has no tasks.
    pub empty: EmptyStatus,
}

/// Responds with a page of the list, or with a file of it.
pub(super) async fn respond(
    state: &AppState,
    place: &Place,
    list: &List<'_>,
    request: &Parts,
) -> Result<Response, ApiError> {
    let query = request.uri.query().unwrap_or_default();
    match accept::format(request.version, &request.headers)? {
        Format::Json => page(state, list, query, request).await,
        format => Box::pin(file(state, place, list, query, format)).await,
    }
}

async fn file(
    state: &AppState,
    place: &Place,
    list: &List<'_>,
    query: &str,
    format: Format,
) -> Result<Response, ApiError> {
    let query = Query::read(query)?;
    let mut params = PageParams::new(&query);
    let (filter, order) = (list.selection)(&mut params);
    export::respond(state, place, params, filter.as_ref(), &order, format, list.name).await
}

/// A 304 has the other headers too, since they may have changed.
async fn page(
    state: &AppState,
    list: &List<'_>,
    query: &str,
    Parts {
        headers: request,
        extensions,
        ..
    }: &Parts,
) -> Result<Response, ApiError> {
    let asked = list.asked.page(query, list.selection)?;
    let accepted = accepted_encoding(request);
    let mut page = match extensions.get::<ListPage>() {
        // It has ended the wait of this request.
        Some(page) => page.clone(),
        None => state.pending.tagged_page(&asked.page, asked.counted).await?,
    };
    let mut headers = asked.headers(&page, page.coding(accepted));
    if page.content.body.is_none() && !headers.etag.is_known_to(request) {
        page = state.pending.page(&asked.page, asked.counted).await?;
        headers = asked.headers(&page, page.coding(accepted));
    }
    if headers.etag.is_known_to(request) {
        let mut response = response(StatusCode::NOT_MODIFIED, &headers.bare, Body::empty());
        if request.contains_key(PREFER) {
            let wait = Wait::for_another(&state.pending, &asked.page, &page, asked.counted);
            response.extensions_mut().insert(wait);
        }
        return Ok(response);
    }
    // A 204 has a tag too, so that a client can wait for the first pending task.
    if page.is_of_nothing() && list.empty == EmptyStatus::NoContent {
        return Ok(response(StatusCode::NO_CONTENT, &headers.bare, Body::empty()));
    }
    // The whole page was asked for.
    let body = page.content.body.clone().unwrap_or_default();
    let (digest, coding) = (page.content.digest, page.coding(accepted));
    let body = state.pending.compressed(body, digest, coding).await?;
    Ok(response(StatusCode::OK, &headers.whole, body.into()))
}

fn response(status: StatusCode, headers: &HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().clone_from(headers);
    response
}
