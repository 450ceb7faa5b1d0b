//! `GET` and `HEAD /task-status/suggestions`.

use axum::Json;

use crate::http::error::ApiError;
use crate::http::openapi::READING;
use crate::http::page_params::PageParams;
use crate::http::query::Query;
use crate::http::state::AppState;
use crate::store::suggestions::suggestions;

/// The default and the most of `limit`.
pub const LIMIT: i32 = 10;
pub const MAX_LIMIT: i32 = 50;

/// Suggest values
///
/// The values of a field that begin with a prefix, in the order of filters, for completion. Values of `id`, `type`,
/// `uniqueName`, `launcher` and `sourceId` are those of all tasks. Of other texts, they are those of the 5000 tasks that
/// were created last, and of the 5000 pending ones.
#[utoipa::path(
    get,
    path = "/task-status/suggestions",
    operation_id = "getTaskStatusSuggestions",
    tag = READING,
    params(("field" = String, Query), ("prefix", Query), ("limit", Query)),
    responses((
        status = 200,
        description = "The values, each in one of its spellings.",
        body = Vec<String>,
        example = json!(["sweep", "sweeper"])
    ))
)]
pub async fn suggest(state: AppState, query: Query) -> Result<Json<Vec<String>>, ApiError> {
    let mut params = PageParams::new(&query);
    let field = params.field();
    let prefix = params.text("prefix").unwrap_or_default();
    let limit = params.integer("limit", 1, MAX_LIMIT).unwrap_or(LIMIT);
    let field = params.require("field", field)?;
    let values = Box::pin(suggestions(&state.database, field, prefix, limit)).await?;
    Ok(Json(values))
}
