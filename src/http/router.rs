//! The whole HTTP application: every route and every layer, on one screen.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum::routing::{any_service, get};
use axum::{Extension, Router};
use tower::ServiceBuilder;
use utoipa_axum::routes;

use crate::auth::Permission::{Read, Write};
use crate::http::base_path::BasePath;
use crate::http::middleware::authorize::Authorizer;
use crate::http::middleware::cors::{self, Origin};
use crate::http::middleware::hosts::AllowedHosts;
use crate::http::middleware::{Layered, Middleware, without_extra_slashes};
use crate::http::openapi;
use crate::http::request_metrics::RequestMetrics;
use crate::http::route::{Route, describe, mount, public, route};
use crate::http::routes::health::Readiness;
use crate::http::routes::metrics::Metrics;
use crate::http::routes::ui::{self, Dashboard, DashboardConfig};
use crate::http::routes::{
    clear, docs, health, list, metrics, pending_tasks, report, single, suggestions, summary,
};
use crate::http::shares::{Bounds, Shares};
use crate::http::state::AppState;
use crate::http::stop::Stop;
use crate::pending::Pending;
use crate::store::Database;

/// The settings of the API.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    pub base_paths: Vec<BasePath>,
    /// The hosts that requests may name.
    pub allowed_hosts: AllowedHosts,
    /// The origins whose pages may call.
    pub cors_origins: Vec<Origin>,
    pub bounds: Bounds,
    pub authorizer: Authorizer,
    /// Measures every request.
    pub metrics: RequestMetrics,
    /// The stop that `/readyz` tells of, if the routes for supervisors are here too.
    pub health: Option<Stop>,
    /// `None` if there is no dashboard.
    pub dashboard: Option<DashboardConfig>,
}

/// The operations on tasks.
fn task_routes() -> impl Iterator<Item = Route> {
    [
        route(Read, routes!(pending_tasks::list)),
        route(Read, routes!(list::list)),
        route(Read, routes!(summary::summary)),
        route(Read, routes!(suggestions::suggest)),
        route(Write, routes!(report::post, clear::clear)),
        route(Read, routes!(single::get)),
        route(Write, routes!(report::put, single::patch)),
    ]
    .into_iter()
    .flat_map(|route| {
        let versioned = route.versioned();
        [route, versioned]
    })
}

/// The description of the API.
fn meta_routes() -> [Route; 2] {
    [public(routes!(docs::openapi)), public(routes!(docs::page))]
}

/// The files of the dashboard. They are no part of the description: no program calls them.
fn dashboard_routes() -> [Route; 2] {
    [public(routes!(ui::config)), public(routes!(ui::file))]
}

/// The API: task routes, the description and the dashboard at the root and under every base path; `extra_routes` at the
/// root only.
pub fn api(state: AppState, config: &ApiConfig, extra_routes: Vec<Route>) -> Router {
    let request_timeout = state.request_timeout;
    let authorizer = &config.authorizer;
    let shares = Shares::new(config.bounds, state.database.clone());
    let mounted = |routes: Vec<Route>| mount(routes, authorizer, &shares);
    // One that is listed twice is one.
    let base_paths: BTreeSet<&str> = config.base_paths.iter().map(BasePath::as_str).collect();
    let published = docs::Published::new(description(&config.base_paths), config.dashboard.is_some());
    let mut everywhere =
        mounted(task_routes().collect()).merge(mounted(meta_routes().into()).layer(Extension(published)));
    let mut routes = mounted(extra_routes);
    if let Some(settings) = &config.dashboard {
        let dashboard = Extension(Dashboard::new(settings, authorizer.authenticator()));
        everywhere = everywhere.merge(mounted(dashboard_routes().into()).layer(dashboard.clone()));
        let page = authorizer
            .require(None, None, &shares, get(ui::page))
            .layer(dashboard);
        let front = authorizer
            .unknown_path()
            .layer(from_fn_with_state(page, ui::for_browsers));
        routes = std::iter::once("/")
            .chain(base_paths.iter().copied())
            .fold(routes, |routes, path| routes.route(path, front.clone()));
    }
    let routes = base_paths
        .iter()
        .fold(routes.merge(everywhere.clone()), |routes, base| {
            routes.nest(base, everywhere.clone())
        });
    let (database, pending) = (state.database.clone(), state.pending.clone());
    let routes = authorizer.with_fallbacks(routes).with_state(state);
    let (hosts, origins) = (config.allowed_hosts.clone(), &config.cors_origins);
    let layered = |routes, hosts| layered(routes, request_timeout, hosts, origins, config.metrics.clone());
    let app = layered(routes, hosts);
    let Some(stop) = config.health.clone() else {
        return app;
    };
    let readiness = Readiness {
        database,
        authorizer: authorizer.clone(),
        pending,
        stop,
    };
    // Balancers ask for an address, which may be none of the allowed hosts, and some for `/` alone.
    let health = health(readiness).route("/", get(health::livez));
    let health = any_service(layered(health, AllowedHosts::Any));
    let front = match &config.dashboard {
        None => health.clone(),
        Some(_) => health
            .clone()
            .layer(from_fn_with_state(any_service(app.clone()), ui::for_browsers)),
    };
    let probes = Router::new()
        .route("/", front)
        .route("/livez", health.clone())
        .route("/readyz", health)
        .fallback_service(app);
    let plain = ServiceBuilder::new().map_request(without_extra_slashes);
    Router::new().fallback_service(plain.service(probes))
}

/// The OpenAPI document of the API under these base paths.
pub fn description(base_paths: &[BasePath]) -> String {
    openapi::document(describe(task_routes().chain(meta_routes())), base_paths)
}

/// Routes inside the middleware that every request passes.
pub fn layered(
    routes: Router,
    request_timeout: Duration,
    hosts: AllowedHosts,
    cors_origins: &[Origin],
    metrics: RequestMetrics,
) -> Router {
    let layered = Layered::from(Middleware {
        routes,
        request_timeout,
        hosts,
        cors: cors::layer(cors_origins),
        metrics,
    });
    // As the fallback of an empty router, so that the middleware sees a request before it is routed.
    Router::new().fallback_service(layered)
}

/// The routes for supervisors, on an address of their own.
pub fn health(readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .with_state(readiness)
}

/// The route for Prometheus, on an address of its own, without authentication.
pub fn metrics(database: Database, pending: Pending, metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .with_state((database, pending, metrics))
}
