//! `GET` and `HEAD /task-status`.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::pending_page;
use crate::http::array_body::ArrayWriter;
use crate::http::error::ApiError;
use crate::http::extract::JSON;
use crate::http::openapi::{READING, examples};
use crate::http::page_headers::page_headers;
use crate::http::page_params::PageParams;
use crate::http::query::Query;
use crate::http::state::{AppState, EmptyStatus};
use crate::listing::cursor::Cursor;
use crate::listing::filter::Filter;
use crate::listing::sorters::Sorters;
use crate::store::list::{ListQuery, page};
use crate::task::TaskStatus;

/// List tasks
///
/// Tasks of any state, filtered and ordered: the newest first unless `sorters` says otherwise.
#[utoipa::path(
    get,
    path = "/task-status",
    operation_id = "getTaskStatusList",
    tag = READING,
    params(
        ("filters", Query, description = "Which tasks to list; all of them unless given."),
        ("sorters", Query), ("offset", Query), ("limit", Query), ("count", Query),
        ("after", Query, example = json!(examples::cursor(&Sorters::default()))),
        ("If-None-Match", Header), ("Prefer", Header), ("Accept-Encoding", Header)
    ),
    responses(
        (
            status = 200,
            description = "A page of the tasks.",
            body = Vec<TaskStatus>,
            headers(("X-Total-Count"), ("Link"), ("Vary"), ("Content-Encoding"), ("Preference-Applied"), ("PageETag")),
            examples(
                ("page" = (summary = "A page of one task", value = json!([examples::completed()]))),
                ("past-the-end" = (summary = "A page past the end", value = json!([])))
            )
        ),
        (
            status = 304,
            description = "The page of pending tasks that the client has is current: see `If-None-Match`. The total count \
                           and the link to the next page may have changed.",
            headers(("X-Total-Count"), ("Link"), ("Vary"), ("Preference-Applied"), ("PageETag"))
        )
    )
)]
pub async fn list(state: AppState, query: Query, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut params = PageParams::new(&query);
    let filter = params.filters();
    let order = params.sorters();
    let range = params.range(&order);
    params.check()?;
    if filter.as_ref().is_some_and(Filter::is_pending_only) {
        return pending_page::respond(&state, &query, range, order, EmptyStatus::Ok, &headers).await;
    }
    let asked = ListQuery {
        filter: filter.as_ref(),
        order: &order,
        after: range.after.as_ref(),
        pagination: range.pagination,
    };
    let (mut array, mut reserved) = (ArrayWriter::new(), state.pending.response_memory().reserve());
    let reading = page(&state.database, asked, &mut reserved, |task| array.push(task));
    let page = Box::pin(reading).await?;
    let next = page.next.as_ref().map(Cursor::encode);
    Ok((
        page_headers(&query, page.total, next.as_deref()),
        [(header::CONTENT_TYPE, JSON)],
        array.finish(reserved),
    )
        .into_response())
}
