//! A route and the permission that it needs. The router takes nothing else, so a route that states no permission does
//! not compile:
//!
//! ```compile_fail,E0308
//! # #[utoipa::path(get, path = "/forgotten")]
//! # async fn forgotten() {}
//! let route: task_status::http::route::Route = utoipa_axum::routes!(forgotten);
//! ```
//!
//! ```
//! # #[utoipa::path(get, path = "/stated")]
//! # async fn stated() {}
//! # use task_status::{auth::Permission, http::route::{Route, route}};
//! let route: Route = route(Permission::Read, utoipa_axum::routes!(stated));
//! ```
//!
//! The `security` of an operation in the OpenAPI document is generated from the permission.

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::auth::Permission;
use crate::http::middleware::authorize::Authorizer;
use crate::http::openapi::BEARER_TOKEN;
use crate::http::request_metrics::RoutePath;
use crate::http::shares::Shares;
use crate::http::state::SharedState;

/// Operations of one path that need the same permission. A path whose operations need several has several routes.
pub struct Route<S = SharedState> {
    /// None if the route is public.
    permission: Option<Permission>,
    described: UtoipaMethodRouter<S>,
}

/// A route for callers with a permission.
pub fn route<S>(permission: Permission, described: UtoipaMethodRouter<S>) -> Route<S> {
    let security = SecurityRequirement::new(BEARER_TOKEN, [permission.scope()]);
    secured(Some(permission), &security, described)
}

/// A route for everybody.
pub fn public<S>(described: UtoipaMethodRouter<S>) -> Route<S> {
    secured(None, &SecurityRequirement::default(), described)
}

fn secured<S>(
    permission: Option<Permission>,
    security: &SecurityRequirement,
    mut described: UtoipaMethodRouter<S>,
) -> Route<S> {
    for operation in described.1.paths.values_mut().flat_map(operations) {
        operation.security = Some(vec![security.clone()]);
    }
    Route {
        permission,
        described,
    }
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// The same route with the version after the service, as newer SDKs ask for it: `/task-status/v1/...`.
    #[must_use]
    pub fn versioned(&self) -> Self {
        let (schemas, mut paths, handlers) = self.described.clone();
        paths.paths = std::mem::take(&mut paths.paths)
            .into_iter()
            .map(|(path, mut item)| {
                for operation in operations(&mut item) {
                    operation.operation_id = operation.operation_id.take().map(|id| id + "V1");
                }
                (path.replacen("/task-status", "/task-status/v1", 1), item)
            })
            .collect();
        Self {
            permission: self.permission,
            described: (schemas, paths, handlers),
        }
    }
}

/// A router of these routes, each behind the authorizer, with a place among the `shares` for each request.
pub fn mount<S: Clone + Send + Sync + 'static>(
    routes: impl IntoIterator<Item = Route<S>>,
    authorizer: &Authorizer,
    shares: &Shares,
) -> Router<S> {
    let routes = routes.into_iter().map(|mut route| {
        let path = route
            .described
            .1
            .paths
            .keys()
            .next()
            .map(|path| RoutePath(path.as_str().into()));
        route.described.2 = authorizer.require(route.permission, path, shares, route.described.2);
        route
    });
    join(routes).into()
}

/// The descriptions of these routes.
pub fn describe<S: Clone + Send + Sync + 'static>(routes: impl IntoIterator<Item = Route<S>>) -> OpenApi {
    join(routes).into_openapi()
}

fn join<S: Clone + Send + Sync + 'static>(routes: impl IntoIterator<Item = Route<S>>) -> OpenApiRouter<S> {
    routes
        .into_iter()
        .fold(OpenApiRouter::default(), |router, route| {
            router.routes(route.described)
        })
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}
