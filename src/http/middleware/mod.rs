//! The middleware that every request passes, one file each. [`Middleware`] puts it together.

pub mod authorize;
pub mod cors;
pub mod head;
pub mod hosts;
pub mod long_poll;
pub mod track;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, Request};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::timeout;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;

use self::hosts::Hosts;
use crate::http::error::ApiError;
use crate::http::error_body::Context;
use crate::http::request_metrics::RequestMetrics;
use crate::http::routes::health::Probes;
use crate::http::server::App;

/// Routes inside all middleware. Layers would move each request from box to box: here one future has all of them, and those
/// inside it are pinned where they are.
pub struct Middleware {
    pub routes: Router,
    /// Routes besides those, for any host and without authentication.
    pub probes: Option<Probes>,
    /// Without a response in time there is a 503.
    pub request_timeout: Duration,
    pub hosts: Hosts,
    pub cors: Option<CorsLayer>,
    pub metrics: RequestMetrics,
}

impl From<Middleware> for App {
    fn from(middleware: Middleware) -> Self {
        let middleware = Arc::new(middleware);
        Self::new(move |request| {
            let middleware = Arc::clone(&middleware);
            async move { middleware.respond(request).await }
        })
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
        let context = Context::of(&request);
        let response = pin!(long_poll::hold(request, |request| self.in_time(request)));
        // No state that a panic may leave half done is used afterwards: locks say so.
        let caught = AssertUnwindSafe(response).catch_unwind().await;
        context.envelop(caught.unwrap_or_else(|payload| panicked(&*payload)))
    }

    async fn in_time(&self, request: Request) -> Response {
        let limit = self.request_timeout;
        let response = timeout(limit, pin!(self.routed(request))).await;
        response.unwrap_or_else(|_| {
            let seconds = limit.as_secs();
            ApiError::DeadlineExceeded { seconds }.into_response()
        })
    }

    async fn routed(&self, request: Request) -> Response {
        let probes = self.probes.as_ref().filter(|probes| probes.take(&request));
        let (routes, hosts) = match probes {
            None => (&self.routes, &self.hosts),
            Some(probes) => (&probes.routes, &probes.hosts),
        };
        if let Err(error) = head::check(hosts, &request) {
            return error.into_response();
        }
        let mut routes = routes.clone();
        let Ok(response) = routes.call(without_extra_slashes(request)).await;
        no_content_has_no_length(response)
    }
}

/// Clients whose base URL ends in a slash ask for `//v2025/...`: it means `/v2025/...`. A slash at the end means nothing.
fn without_extra_slashes(mut request: Request) -> Request {
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
