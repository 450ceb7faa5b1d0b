//! Authorization: the layer around every route.
//!
//! [`super::super::route`] puts it around each route with the permission that the route states, so every spelling of a
//! path that leads to a handler leads through it. A public route needs no caller, but counts for the rate limit. Unknown paths and methods need authentication too: 401 before 404
//! and 405.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, OriginalUri, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use tokio::time::sleep;

use crate::auth::audit::{Attempt, AuditGuard};
use crate::auth::client::Client;
use crate::auth::proxies::Proxies;
use crate::auth::rate::Limiter;
use crate::auth::{Authenticator, Permission};
use crate::http::error::ApiError;
use crate::http::request_metrics::RoutePath;
use crate::telemetry::error_chain;

/// How often the buckets of the rate limit are tidied.
const TIDY_INTERVAL: Duration = Duration::from_mins(1);

/// Authenticates callers, limits their rate, and checks their permission. Clones share everything.
#[derive(Debug, Clone)]
pub struct Authorizer(Arc<AuthorizerState>);

#[derive(Debug)]
struct AuthorizerState {
    authenticator: Authenticator,
    /// The proxies that are trusted to name the client's address.
    proxies: Proxies,
    limiter: Option<Limiter>,
}

/// The callers that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirement {
    /// All of them.
    Public,
    /// Those that are authenticated.
    Authenticated,
    Permission(Permission),
}

/// Extension of a repeated request that the rate limit has counted already.
#[derive(Debug, Clone, Copy)]
pub struct RateLimited;

/// Extension of a response whose handler goes on writing after the response has begun, and ends the audit record itself.
#[derive(Debug, Clone, Copy)]
pub struct StreamingWrite;

impl Authorizer {
    pub fn new(authenticator: Authenticator, proxies: Proxies, limiter: Option<Limiter>) -> Self {
        Self(Arc::new(AuthorizerState {
            authenticator,
            proxies,
            limiter,
        }))
    }

    /// Whether callers can be authenticated at the moment.
    pub fn is_ready(&self) -> bool {
        self.0.authenticator.is_ready()
    }

    /// Keeps keys current and the rate limit's memory small, for as long as it is polled.
    pub async fn watch(&self) -> Infallible {
        let tidying = async {
            loop {
                sleep(TIDY_INTERVAL).await;
                if let Some(limiter) = &self.0.limiter {
                    limiter.tidy();
                }
            }
        };
        tokio::select! {
            never = self.0.authenticator.watch() => never,
            never = tidying => never,
        }
    }

    /// Handlers, for callers with a permission only, or for all callers. Their responses say of which `path` they are.
    pub fn require<S: Clone + Send + Sync + 'static>(
        &self,
        permission: Option<Permission>,
        path: Option<RoutePath>,
        handlers: MethodRouter<S>,
    ) -> MethodRouter<S> {
        let requirement = permission.map_or(Requirement::Public, Requirement::Permission);
        handlers.route_layer(from_fn_with_state((self.clone(), requirement, path), authorize))
    }

    /// Routes with 404 for other paths and 405 for other methods, for authenticated callers only.
    pub fn with_fallbacks<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        let authenticated = from_fn_with_state((self.clone(), Requirement::Authenticated, None), authorize);
        let unknown_method = (async || StatusCode::METHOD_NOT_ALLOWED).layer(authenticated);
        routes
            .fallback(self.unknown_path())
            .method_not_allowed_fallback(unknown_method)
    }

    /// 404, for authenticated callers only.
    pub fn unknown_path<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let authenticated = from_fn_with_state((self.clone(), Requirement::Authenticated, None), authorize);
        any(async || StatusCode::NOT_FOUND).layer(authenticated)
    }

    pub fn authenticator(&self) -> &Authenticator {
        &self.0.authenticator
    }
}

/// Middleware: authenticates the caller and checks its permission, as far as needed. The [`Client`] becomes an extension of
/// the request. Begins the audit record of a write.
async fn authorize(
    State((authorizer, requirement, path)): State<(Authorizer, Requirement, Option<RoutePath>)>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = authorizer.pass(requirement, request, next).await;
    if let Some(path) = path {
        response.extensions_mut().insert(path);
    }
    response
}

impl Authorizer {
    async fn pass(self, requirement: Requirement, mut request: Request, next: Next) -> Response {
        let Self(state) = self;
        let peer = peer(&request);
        let mut attempt = Attempt {
            caller: None,
            address: peer.map(|peer| state.proxies.client(request.headers(), peer)),
            method: request.method().clone(),
            path: original_path(&request).to_owned(),
        };
        let is_counted = request.extensions().get::<RateLimited>().is_some();
        let limiter = state.limiter.as_ref().filter(|_| !is_counted);
        let checked = state.check(request.headers(), peer, requirement, limiter, &mut attempt);
        if let Err(error) = checked.await {
            attempt.refused(error.class().status, &error_chain(&error));
            return error.into_response();
        }
        let client = Client::new(attempt.caller.as_ref(), attempt.address);
        request.extensions_mut().insert(client);
        if requirement != Requirement::Public {
            state.authenticator.strip_credentials(request.headers_mut());
        }
        if requirement != Requirement::Permission(Permission::Write) {
            return next.run(request).await;
        }
        let guard = AuditGuard::begin(attempt);
        request.extensions_mut().insert(guard.record());
        let response = next.run(request).await;
        if response.extensions().get::<StreamingWrite>().is_some() {
            guard.hand_over();
        } else {
            guard.end(response.status());
        }
        response
    }
}

impl AuthorizerState {
    async fn check(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        requirement: Requirement,
        limiter: Option<&Limiter>,
        attempt: &mut Attempt,
    ) -> Result<(), ApiError> {
        let permission = match requirement {
            Requirement::Public => {
                return limiter.map_or(Ok(()), |limiter| {
                    Ok(limiter.check(Client::new(None, attempt.address))?)
                });
            }
            Requirement::Authenticated => None,
            Requirement::Permission(permission) => Some(permission),
        };
        let identified = self.authenticator.authenticate(headers, peer, permission).await;
        // A failed authentication counts too, by address: that is how secrets are guessed.
        if let Some(limiter) = limiter {
            limiter.check(Client::new(identified.as_ref().ok(), attempt.address))?;
        }
        let caller = attempt.caller.insert(identified?);
        permission.map_or(Ok(()), |permission| {
            caller.may(permission).map_err(ApiError::Forbidden)
        })
    }
}

/// The path of the request as the client wrote it, base path included.
pub fn original_path(request: &Request) -> &str {
    let original = request.extensions().get();
    original.map_or(request.uri(), |OriginalUri(uri)| uri).path()
}

/// The other end of the connection.
fn peer(request: &Request) -> Option<IpAddr> {
    let ConnectInfo(address) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(address.ip().to_canonical())
}
