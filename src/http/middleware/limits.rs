//! The layers that hold requests to their bounds.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tokio::time::timeout;

use crate::auth::client::Client;
use crate::http::error::ApiError;
use crate::http::shares::Shares;

/// Middleware: 503 if there is no response in time.
pub async fn deadline(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        ApiError::DeadlineExceeded {
            seconds: limit.as_secs(),
        }
        .into_response()
    })
}

/// Handlers, with a place for each request. Without a free place a request gets 503 at once, instead of waiting longer and
/// longer for a connection to the database.
pub fn limited<S: Clone + Send + Sync + 'static>(
    shares: &Shares,
    handlers: MethodRouter<S>,
) -> MethodRouter<S> {
    handlers.route_layer(from_fn_with_state(shares.clone(), take_place))
}

/// Middleware: 503 without a place.
async fn take_place(State(shares): State<Shares>, mut request: Request, next: Next) -> Response {
    let client = request.extensions().get().cloned().unwrap_or(Client::Unknown);
    let place = match shares.place(client) {
        Ok(place) => place,
        Err(error) => return error.into_response(),
    };
    request.extensions_mut().insert(place.clone());
    let response = next.run(request).await;
    drop(place);
    response
}
