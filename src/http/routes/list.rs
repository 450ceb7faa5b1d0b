//! `GET` and `HEAD /task-status`.

use axum::Extension;
use axum::extract::Request;
use axum::response::Response;

use super::list_page::{self, List};
use crate::http::error::ApiError;
use crate::http::openapi::{READING, examples};
use crate::http::shares::Place;
use crate::http::state::{AppState, EmptyStatus};
use crate::listing::sorters::Sorters;
use crate::task::TaskStatus;

/// List tasks
///
/// Tasks of any state, filtered and ordered: the newest first unless `sorters` says otherwise.
///
/// `Accept: text/csv` or `application/x-ndjson` makes the list a file of all its tasks. Generated clients read JSON, so the
/// types of the response name nothing else.
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
            headers(("X-Total-Count"), ("Link"), ("Vary"), ("Content-Encoding"), ("Preference-Applied"), ("CodedETag")),
            examples(
                ("page" = (summary = "A page of one task", value = json!([examples::completed()]))),
                ("past-the-end" = (summary = "A page past the end", value = json!([])))
            )
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
        name: "task-status",
        selection: |params| (params.filters(), params.sorters()),
        asked: &state.asked.all,
        empty: EmptyStatus::Ok,
    };
    let (request, _) = request.into_parts();
    list_page::respond(&state, &place, &list, &request).await
}
