//! The layers that hold requests to their bounds.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::http::error::ApiError;

/// Middleware: 503 if there is no response in time.
pub async fn deadline(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        ApiError::DeadlineExceeded {
            seconds: limit.as_secs(),
        }
        .into_response()
    })
}

/// Permits for requests in flight. Without a free permit a request gets 503 at once, instead of waiting longer and longer
/// for a connection to the database. Clones share the permits.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit(Arc<Semaphore>);

/// A permit, released when the last clone is dropped. Extension of every request that holds one.
#[derive(Debug, Clone)]
pub struct Permit(#[expect(dead_code, reason = "held, never read")] Arc<OwnedSemaphorePermit>);

impl ConcurrencyLimit {
    pub fn new(number: NonZeroU32) -> Self {
        let number = usize::try_from(number.get()).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS))))
    }

    /// Handlers, with a permit for each request.
    pub fn around<S: Clone + Send + Sync + 'static>(&self, handlers: MethodRouter<S>) -> MethodRouter<S> {
        handlers.route_layer(from_fn_with_state(self.clone(), take_permit))
    }
}

/// Middleware: 503 without a free permit.
async fn take_permit(
    State(ConcurrencyLimit(permits)): State<ConcurrencyLimit>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(permit) = permits.try_acquire_owned() else {
        return ApiError::Overloaded.into_response();
    };
    let permit = Permit(Arc::new(permit));
    request.extensions_mut().insert(permit.clone());
    let response = next.run(request).await;
    drop(permit);
    response
}
