//! `GET` and `HEAD /task-status/pending-tasks`: the tasks whose completion status is null, oldest first.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::{AppState, list, page};
use crate::http::error::ApiError;
use crate::http::openapi::{self, answers, errors, parameters};
use crate::http::query::Query;
use crate::listing::sorters::Sorters;

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
#[utoipa::path(
    get,
    path = "/task-status/pending-tasks",
    operation_id = "getPendingTasks",
    security(("bearerToken" = ["idn:task-management:read"])),
    tag = openapi::READING,
    summary = "List the pending tasks",
    description = "The tasks whose `completionStatus` is null, by `created`, then by `id`, oldest first: new work is \
                   appended, so pages do not shift under it.",
    params(parameters::PendingPage, parameters::IfNoneMatch, parameters::PreferWait, parameters::AcceptEncoding, parameters::Everywhere),
    responses(answers::PendingPage, errors::BadPage, errors::Authenticator, errors::Database, errors::Everywhere)
)]
pub async fn list(
    State(state): State<AppState>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let order = Sorters::oldest_first();
    let range = list::range(&query, &order, Vec::new())?;
    page::answer(&state, &query, range, order, state.empty_status, &headers).await
}
