//! The middleware that every request passes, one file each. [`Layered`] puts it together.

pub mod authorize;
pub mod cors;
pub mod head;
pub mod hosts;
pub mod long_poll;
pub mod track;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, Request};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;

use self::hosts::AllowedHosts;
use crate::http::error::ApiError;
use crate::http::error_body::envelope;
use crate::http::request_metrics::RequestMetrics;

/// Routes inside all middleware. One service with one future: layers would move each request from box to box.
#[derive(Clone)]
pub struct Layered(Arc<Middleware>);

/// The routes, and the settings of their middleware.
pub struct Middleware {
    pub routes: Router,
    /// Without a response in time there is a 503.
    pub request_timeout: Duration,
    pub hosts: AllowedHosts,
    pub cors: Option<CorsLayer>,
    pub metrics: RequestMetrics,
}

impl From<Middleware> for Layered {
    fn from(middleware: Middleware) -> Self {
        Self(Arc::new(middleware))
    }
}

impl Service<Request> for Layered {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self(middleware) = self.clone();
        Box::pin(async move { Ok(middleware.respond(request).await) })
    }
}

/// In the order in which a request passes; its response passes in reverse.
impl Middleware {
    async fn respond(&self, request: Request) -> Response {
        track::track(&self.metrics, request, |request| self.across_origins(request)).await
    }

    async fn across_origins(&self, request: Request) -> Response {
        match &self.cors {
            None => self.enveloped(request).await,
            Some(cors) => {
                let inner = service_fn(async |request| Ok::<_, Infallible>(self.enveloped(request).await));
                Box::pin(cors.layer(inner).oneshot(request)).await.into_response()
            }
        }
    }

    async fn enveloped(&self, request: Request) -> Response {
        envelope(request, |request| self.without_panics(request)).await
    }

    async fn without_panics(&self, request: Request) -> Response {
        let response = long_poll::hold(request, |request| self.in_time(request));
        // No state that a panic may leave half done is used afterwards: locks say so.
        let caught = AssertUnwindSafe(response).catch_unwind().await;
        caught.unwrap_or_else(|payload| panicked(&*payload))
    }

    async fn in_time(&self, request: Request) -> Response {
        let limit = self.request_timeout;
        let response = timeout(limit, self.routed(request)).await;
        response.unwrap_or_else(|_| {
            let seconds = limit.as_secs();
            ApiError::DeadlineExceeded { seconds }.into_response()
        })
    }

    async fn routed(&self, request: Request) -> Response {
        if let Err(error) = head::check(&self.hosts, &request) {
            return error.into_response();
        }
        let mut routes = self.routes.clone();
        let Ok(response) = routes.call(without_extra_slashes(request)).await;
        no_content_has_no_length(response)
    }
}

/// Clients whose base URL ends in a slash ask for `//v2025/...`: it means `/v2025/...`. A slash at the end means nothing.
pub fn without_extra_slashes(mut request: Request) -> Request {
    let (uri, path) = (request.uri(), request.uri().path());
    if path.starts_with("//") || path.len() > 1 && path.ends_with('/') {
        let plain = format!("/{}", path.trim_matches('/'));
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(plain) = Uri::from_str(&(plain + &query)) {
            let original = std::mem::replace(request.uri_mut(), plain);
            request.extensions_mut().insert(OriginalUri(original));
        }
    }
    request
}

/// Removes the length that the router gives every response to HEAD. A 204 may not have one, and that of a 304 would be
/// the length of the content that was not sent (RFC 9110, section 8.6).
fn no_content_has_no_length(mut response: Response) -> Response {
    if [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status()) {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

fn panicked(payload: &(dyn std::any::Any + Send)) -> Response {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    ApiError::Panic(message).into_response()
}
