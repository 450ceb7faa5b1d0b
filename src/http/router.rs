//! The whole HTTP application: every route and every layer, on one screen.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::path::Paths;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::middleware::{limits, long_poll, request_id};
use super::openapi;
use crate::http::base_path::BasePath;
use crate::http::error::ApiError;
use crate::http::error_body::envelope;
use crate::http::middleware::authorize::Authorizer;
use crate::http::middleware::cors::{self, Origin};
use crate::http::routes::{AppState, clear, docs, health, list, metrics, pending_tasks, report, single};
use crate::pending::Pending;
use crate::pending::counters::Checks;
use crate::store::Database;

/// Where the API is served, to whom, and how much at a time.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    pub base_paths: Vec<BasePath>,
    /// The origins whose pages may call.
    pub cors_origins: Vec<Origin>,
    pub max_concurrent_requests: NonZeroU32,
    pub authorizer: Authorizer,
}

/// The routes of the API at the root and under every base path, and `more` routes at the root, inside the layers.
pub fn api(state: AppState, serving: &ApiConfig, more: Vec<UtoipaMethodRouter<AppState>>) -> Router {
    let request_timeout = state.request_timeout;
    let authorizer = &serving.authorizer;
    let permits = limits::ConcurrencyLimit::new(serving.max_concurrent_requests);
    // From the inside: who may not call takes no place from those who may.
    let guarded = |paths: &Paths, routes| authorizer.before(paths, permits.around(routes));
    let document = description(&serving.base_paths);
    let (task_status, _) = task_status(guarded).split_for_parts();
    let unlimited = |paths: &Paths, routes| authorizer.before(paths, routes);
    let (about, _) = about(unlimited).split_for_parts();
    let more = more
        .into_iter()
        .map(|described| behind(&unlimited, described))
        .fold(OpenApiRouter::default(), OpenApiRouter::routes);
    let (more, _) = more.split_for_parts();
    let routes = serving
        .base_paths
        .iter()
        .fold(task_status.clone(), |routes, base| {
            routes.nest(base.as_str(), task_status.clone())
        })
        .merge(about.layer(Extension(docs::Published::new(document))))
        .merge(more);
    let routes = authorizer.with_fallback(routes).with_state(state);
    layered(routes, request_timeout, &serving.cors_origins)
}

/// The OpenAPI document of the API under these paths.
pub fn description(base_paths: &[BasePath]) -> String {
    let operations = task_status(|_, routes| routes)
        .merge(about(|_, routes| routes))
        .into_openapi();
    openapi::text(&openapi::document(operations, base_paths))
}

/// The routes of the API. Each is described where it is handled, so that what is routed is what is described.
fn task_status(guarded: impl Guard) -> OpenApiRouter<AppState> {
    [
        routes!(pending_tasks::list),
        routes!(list::list, report::post, clear::clear),
        routes!(single::get, report::put, single::patch),
    ]
    .into_iter()
    .map(|described| behind(&guarded, described))
    .fold(OpenApiRouter::default(), |router, described| {
        let (_, paths, methods) = &described;
        // Version after service, as the newer SDKs ask for it. The description says so once for all.
        let versioned = paths
            .paths
            .keys()
            .map(|path| path.replacen("/task-status", "/task-status/v1", 1));
        versioned
            .fold(router, |router, path| router.route(&path, methods.clone()))
            .routes(described)
    })
}

/// What the API says about itself, at the root only.
fn about(guarded: impl Guard) -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(behind(&guarded, routes!(docs::openapi)))
        .routes(behind(&guarded, routes!(docs::page)))
}

/// What stands before the routes of a path.
trait Guard: Fn(&Paths, MethodRouter<AppState>) -> MethodRouter<AppState> {}

impl<F: Fn(&Paths, MethodRouter<AppState>) -> MethodRouter<AppState>> Guard for F {}

fn behind(guarded: &impl Guard, described: UtoipaMethodRouter<AppState>) -> UtoipaMethodRouter<AppState> {
    let (schemas, paths, routes) = described;
    let routes = guarded(&paths, routes);
    (schemas, paths, routes)
}

/// Puts the layers that every request passes around some routes. The first is the outermost: it sees a request first and
/// its answer last. They are one service and not one around the other in a router each, which would be allocated and
/// cloned for every request: that took as long as all else.
pub fn layered(routes: Router, request_timeout: Duration, cors_origins: &[Origin]) -> Router {
    let no_sniffing = HeaderValue::from_static("nosniff");
    let layers = ServiceBuilder::new()
        .layer(from_fn(request_id::track))
        .layer(cors::layer(cors_origins))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            no_sniffing,
        ))
        .layer(from_fn(envelope))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(long_poll::hold))
        .layer(from_fn_with_state(request_timeout, limits::deadline))
        .layer(from_fn(limits::uri_length))
        .map_response(no_content_has_no_length)
        .map_request(single_leading_slash);
    // The routes are the fallback of a router without any, so that the layers see a request before it is routed.
    Router::new().fallback_service(layers.service(routes))
}

/// The routes for supervisors, served on an address of their own.
pub fn health(database: Database, authorizer: Authorizer) -> Router {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .with_state((database, authorizer))
}

/// The route for Prometheus, served on an address of its own: nobody is asked who calls.
pub fn metrics(pending: Pending, audits: Checks) -> Router {
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .with_state((pending, audits))
}

/// A base URL that ends in a slash makes clients ask for `//v2025/...`: it means `/v2025/...`.
fn single_leading_slash(mut request: Request) -> Request {
    if request.uri().path().starts_with("//") {
        let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        if let Ok(uri) = Uri::from_str(&format!("/{}", target.trim_start_matches('/'))) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// The router gives every answer to HEAD a length; a 204 may not have one, and that of a 304 would be the length of
/// what was not sent (RFC 9110, section 8.6).
fn no_content_has_no_length(mut response: Response) -> Response {
    if [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status()) {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is the layer's")]
fn panicked(payload: Box<dyn std::any::Any + Send>) -> Response {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    ApiError::Panic(message).into_response()
}
