//! `GET` and `HEAD /task-status/pending-tasks`: the tasks whose completion status is null, oldest first.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::collection::Collection;
use crate::error::ApiError;
use crate::routes::AppState;
use crate::store::pending;

/// How many tasks there are without offset and limit, in the snapshot of the page.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// What is answered where nothing at all is pending. (A page past the end of something is always 200 with `[]`.)
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EmptyStatus {
    /// 204 without content, as the contract says.
    #[default]
    #[value(name = "204")]
    NoContent,
    /// 200 with an empty array, for clients that cannot read a 204.
    #[value(name = "200")]
    Ok,
}

/// Lists the pending tasks.
///
/// # Errors
/// 400 for a parameter that is not allowed, 503 where the database is not available.
pub async fn list(State(state): State<AppState>, collection: Collection) -> Result<Response, ApiError> {
    let page = pending::page(&state.database, collection).await?;
    let total = page.total.map(|total| [(X_TOTAL_COUNT, total.to_string())]);
    if page.nothing_pending && state.empty_status == EmptyStatus::NoContent {
        return Ok((StatusCode::NO_CONTENT, total, ()).into_response());
    }
    Ok((total, Json(page.tasks)).into_response())
}
