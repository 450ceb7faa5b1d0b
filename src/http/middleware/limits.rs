//! The bounds that every request is held to, and the layers that do it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::http::error::ApiError;
use crate::messages::cause::Cause;

/// The longest request target, in bytes. A filter with hundreds of ids fits.
pub const URI_BYTES: usize = 16 * 1024;
/// The largest content of a request, in bytes.
pub const BODY_BYTES: usize = 1024 * 1024;

/// How long the content of a request may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(8);

/// Middleware: refuses a request target that is longer than [`URI_BYTES`].
pub async fn uri_length(request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().len() > URI_BYTES) {
        let cause = Cause::UriTooLong { limit: URI_BYTES };
        ApiError::Refused(StatusCode::URI_TOO_LONG, vec![cause]).into_response()
    } else {
        next.run(request).await
    }
}

/// Middleware: answers 503 where the rest of the service did not in time.
pub async fn deadline(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        ApiError::DeadlineExceeded {
            seconds: limit.as_secs(),
        }
        .into_response()
    })
}

/// Places for requests that are under way: who finds none free is refused at once, instead of waiting longer and longer for
/// a connection to the database. Clones share the places.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit(Arc<Semaphore>);

/// A place, free again when nobody holds it any more. In the extensions of every request that has one.
#[derive(Debug, Clone)]
pub struct Permit(#[expect(dead_code, reason = "held, and not looked at")] Arc<OwnedSemaphorePermit>);

impl ConcurrencyLimit {
    pub fn new(number: NonZeroU32) -> Self {
        let number = usize::try_from(number.get()).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS))))
    }

    /// These routes, each request of which takes a place.
    pub fn around<S: Clone + Send + Sync + 'static>(&self, routes: MethodRouter<S>) -> MethodRouter<S> {
        routes.layer(from_fn_with_state(self.clone(), take_permit))
    }
}

/// Middleware: answers 503 where there is no place.
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
