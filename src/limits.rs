//! The bounds that every request is held to, and the layers that do it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;

use crate::cause::Cause;
use crate::error::ApiError;

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

/// Lets so many requests at a time through to the handlers, and refuses further ones at once: they would only wait for
/// a connection to the database, longer and longer. Clones count together.
#[derive(Debug, Clone)]
pub struct Shedding(GlobalConcurrencyLimitLayer);

impl Shedding {
    pub fn new(most: NonZeroU32) -> Self {
        let places = usize::try_from(most.get()).unwrap_or(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self(GlobalConcurrencyLimitLayer::with_semaphore(places))
    }

    /// These routes, within the limit.
    pub fn around<S: Clone + Send + Sync + 'static>(&self, routes: MethodRouter<S>) -> MethodRouter<S> {
        routes.layer(
            ServiceBuilder::new()
                // The only error there can be inside.
                .layer(HandleErrorLayer::new(async |_| ApiError::Overloaded))
                .layer(LoadShedLayer::new())
                .layer(self.0.clone()),
        )
    }
}
