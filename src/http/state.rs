//! The state that handlers share.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::asked::AskedLists;
use crate::http::shares::Place;
use crate::pending::Pending;
use crate::store::Database;

#[derive(Debug, Clone)]
pub struct AppState {
    pub database: Database,
    pub pending: Pending,
    pub empty_status: EmptyStatus,
    pub request_timeout: Duration,
    pub asked: Arc<AskedLists>,
}

/// The state of the router, which is cloned with a route more than once for each request.
pub type SharedState = Arc<AppState>;

/// Handlers take the state itself: the database within the share of the client that calls.
impl FromRequestParts<SharedState> for AppState {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &SharedState) -> Result<Self, Infallible> {
        let mut state = Self::clone(state);
        if let Some(place) = parts.extensions.get::<Place>() {
            let share = place.connections();
            state.database = state.database.within(share.clone());
            state.pending = state.pending.within(share.clone());
        }
        Ok(state)
    }
}

/// The status of the response if nothing at all is pending. A page past the end of a non-empty list is always 200 with
/// `[]`.
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
