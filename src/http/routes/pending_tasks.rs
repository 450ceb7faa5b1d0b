//! `GET` and `HEAD /task-status/pending-tasks`.

use axum::Extension;
use axum::extract::Request;
use axum::response::Response;

use super::{export, list_page};
use crate::http::accept::{self, Format};
use crate::http::error::ApiError;
use crate::http::openapi::{READING, examples};
use crate::http::page_params::PageParams;
use crate::http::query::Query;
use crate::http::shares::Place;
use crate::http::state::AppState;
use crate::listing::filter::Filter;
use crate::listing::sorters::Sorters;
use crate::task::TaskStatus;

/// List the pending tasks
///
/// The tasks whose `completionStatus` is null, oldest first: by `created`, then by `id`. New tasks are appended, so pages
/// do not shift under them. `Accept: text/csv` or `application/x-ndjson` makes the list a file, as of all tasks.
#[utoipa::path(
    get,
    path = "/task-status/pending-tasks",
    operation_id = "getPendingTasks",
    tag = READING,
    params(
        ("offset", Query), ("limit", Query), ("count", Query),
        ("after", Query, example = json!(examples::cursor(&Sorters::oldest_first()))),
        ("If-None-Match", Header), ("Prefer", Header), ("Accept-Encoding", Header)
    ),
    responses(
        (
            status = 200,
            description = "A page of the pending tasks, oldest first.",
            body = Vec<TaskStatus>,
            headers(("X-Total-Count"), ("Link"), ("Vary"), ("Content-Encoding"), ("Preference-Applied"), ("CodedETag")),
            examples(
                ("page" = (summary = "A page of one task", value = json!([examples::pending()]))),
                ("past-the-end" = (summary = "A page past the end", value = json!([])))
            )
        ),
        (
            status = 204,
            description = "Nothing at all is pending. (A page past the end of something is 200 with `[]`. The setting \
                           `--empty-status 200` makes this 200 with `[]` too.)",
            headers(("X-Total-Count"), ("Vary"), ("Preference-Applied"), ("CodedETag"))
        ),
        (
            status = 304,
            description = "The page that the client has is current: see `If-None-Match`. The total count and the link to \
                           the next page may have changed.",
            headers(("X-Total-Count"), ("Link"), ("Vary"), ("Preference-Applied"), ("CodedETag"))
        )
    )
)]
pub async fn list(
    state: AppState,
    Extension(place): Extension<Place>,
    query: Query,
    request: Request,
) -> Result<Response, ApiError> {
    let mut params = PageParams::new(&query);
    let order = Sorters::oldest_first();
    let format = accept::format(request.version(), request.headers())?;
    if format != Format::Json {
        let pending = Filter::pending();
        let exporting = export::respond(
            &state,
            &place,
            params,
            Some(&pending),
            &order,
            format,
            "pending-tasks",
        );
        return Box::pin(exporting).await;
    }
    let range = params.range(&order);
    params.check()?;
    let pending = Some(Filter::pending());
    list_page::respond(
        &state,
        &query,
        pending,
        range,
        order,
        state.empty_status,
        request.headers(),
    )
    .await
}
