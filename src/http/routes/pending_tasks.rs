//! `GET` and `HEAD /task-status/pending-tasks`.

use axum::Extension;
use axum::extract::Request;
use axum::response::Response;

use super::list_page::{self, List};
use crate::http::error::ApiError;
use crate::http::openapi::{READING, examples};
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
    request: Request,
) -> Result<Response, ApiError> {
    let list = List {
        name: "pending-tasks",
        selection: |_| (Some(Filter::pending()), Sorters::oldest_first()),
        asked: &state.asked.pending,
        empty: state.empty_status,
    };
    let (request, _) = request.into_parts();
    list_page::respond(&state, &place, &list, &request).await
}
