//! The whole HTTP application: every route and every layer, on one screen.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Extension, Router};
use utoipa_axum::routes;

use crate::auth::Permission::{Read, Write};
use crate::http::base_path::BasePath;
use crate::http::middleware::Middleware;
use crate::http::middleware::authorize::Authorizer;
use crate::http::middleware::cors::{self, Origin};
use crate::http::middleware::hosts::AllowedHosts;
use crate::http::openapi;
use crate::http::request_metrics::RequestMetrics;
use crate::http::route::{Route, describe, mount, public, route};
use crate::http::routes::health::{Probes, Readiness};
use crate::http::routes::metrics::Metrics;
use crate::http::routes::ui::{self, Dashboard, DashboardConfig};
use crate::http::routes::{
    clear, docs, health, list, metrics, pending_tasks, report, single, suggestions, summary,
};
use crate::http::server::App;
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
pub fn api(state: AppState, config: &ApiConfig, extra_routes: Vec<Route>) -> App {
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
    let routes = authorizer.with_fallbacks(routes).with_state(Arc::new(state));
    let probes = config.health.clone().map(|stop| {
        let readiness = Readiness {
            database,
            authorizer: authorizer.clone(),
            pending,
            stop,
        };
        Probes {
            routes: health(readiness).route("/", get(health::livez)),
            hosts: AllowedHosts::Any.into(),
            has_dashboard: config.dashboard.is_some(),
        }
    });
    let middleware = Middleware {
        routes,
        probes,
        request_timeout,
        hosts: config.allowed_hosts.clone().into(),
        cors: cors::layer(&config.cors_origins),
        metrics: config.metrics.clone(),
    };
    middleware.into()
}

/// The OpenAPI document of the API under these base paths.
pub fn description(base_paths: &[BasePath]) -> String {
    openapi::document(describe(task_routes().chain(meta_routes())), base_paths)
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
