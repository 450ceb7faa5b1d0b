//! Authorization, and a place for the request: the layer around every route.
//!
//! [`super::super::route`] puts it around each route with the permission that the route states, so every spelling of a
//! path that leads to a handler leads through it. A public route needs no caller, but counts for the rate limit. Unknown
//! paths and methods need authentication too: 401 before 404 and 405.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use futures_util::future::BoxFuture;
use tokio::time::sleep;
use tower::{Layer, Service};

use crate::auth::audit::{Attempt, AuditGuard};
use crate::auth::client::Client;
use crate::auth::proxies::Proxies;
use crate::auth::rate::Limiter;
use crate::auth::{Authenticator, Permission};
use crate::http::error::ApiError;
use crate::http::request_metrics::RoutePath;
use crate::http::shares::Shares;
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

    /// Handlers, for callers with a permission only, or for all callers. Each request has a place among the `shares`.
    /// Responses say of which `path` they are.
    pub fn require<S: Clone + Send + Sync + 'static>(
        &self,
        permission: Option<Permission>,
        path: Option<RoutePath>,
        shares: &Shares,
        handlers: MethodRouter<S>,
    ) -> MethodRouter<S> {
        let requirement = permission.map_or(Requirement::Public, Requirement::Permission);
        handlers.route_layer(self.guard(requirement, path, Some(shares.clone())))
    }

    /// Routes with 404 for other paths and 405 for other methods, for authenticated callers only.
    pub fn with_fallbacks<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        let guard = self.guard(Requirement::Authenticated, None, None);
        let unknown_method = any(async || StatusCode::METHOD_NOT_ALLOWED).layer(guard);
        routes
            .fallback(self.unknown_path())
            .method_not_allowed_fallback(unknown_method)
    }

    /// 404, for authenticated callers only.
    pub fn unknown_path<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        any(async || StatusCode::NOT_FOUND).layer(self.guard(Requirement::Authenticated, None, None))
    }

    fn guard(&self, requirement: Requirement, path: Option<RoutePath>, shares: Option<Shares>) -> Guard {
        Guard(Arc::new(Conditions {
            authorizer: Arc::clone(&self.0),
            requirement,
            path,
            shares,
        }))
    }

    pub fn authenticator(&self) -> &Authenticator {
        &self.0.authenticator
    }
}

/// The layer around a route.
#[derive(Clone)]
struct Guard(Arc<Conditions>);

/// The conditions that a request has to meet before a route.
struct Conditions {
    authorizer: Arc<AuthorizerState>,
    requirement: Requirement,
    path: Option<RoutePath>,
    shares: Option<Shares>,
}

/// A route behind its guard. Layers of functions would move each request from box to box.
struct Guarded<S> {
    conditions: Arc<Conditions>,
    inner: Arc<S>,
}

/// For each request, so it does not clone the route.
impl<S> Clone for Guarded<S> {
    fn clone(&self) -> Self {
        Self {
            conditions: Arc::clone(&self.conditions),
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            conditions: Arc::clone(&self.0),
            inner: Arc::new(inner),
        }
    }
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // So are the routes of the library.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self { conditions, inner } = self.clone();
        Box::pin(async move {
            let mut response = conditions.pass(request, &*inner).await;
            if let Some(path) = &conditions.path {
                response.extensions_mut().insert(path.clone());
            }
            Ok(response)
        })
    }
}

impl Conditions {
    /// Authenticates the caller and checks its permission, as far as needed. Begins the audit record of a write. 503 without
    /// a free place, instead of waiting longer and longer for a connection to the database.
    async fn pass<S>(&self, mut request: Request, route: &S) -> Response
    where
        S: Service<Request, Response = Response, Error = Infallible> + Clone,
    {
        let Self {
            authorizer,
            requirement,
            ..
        } = self;
        let peer = peer(&request);
        let mut attempt = Attempt {
            caller: None,
            address: peer.map(|peer| authorizer.proxies.client(request.headers(), peer)),
            method: request.method().clone(),
            uri: original_uri(&request).clone(),
        };
        let is_counted = request.extensions().get::<RateLimited>().is_some();
        let limiter = authorizer.limiter.as_ref().filter(|_| !is_counted);
        let checked = authorizer.check(request.headers(), peer, *requirement, limiter, &mut attempt);
        if let Err(error) = checked.await {
            attempt.refused(error.class().status, &error_chain(&error));
            return error.into_response();
        }
        if *requirement != Requirement::Public {
            authorizer.authenticator.strip_credentials(request.headers_mut());
        }
        let place = self.shares.as_ref().map(|shares| {
            let client = Client::new(attempt.caller.as_ref(), attempt.address);
            shares.place(client)
        });
        let guard =
            (*requirement == Requirement::Permission(Permission::Write)).then(|| AuditGuard::begin(attempt));
        let response = match place.transpose() {
            Err(error) => error.into_response(),
            // Held until there is a response.
            Ok(place) => {
                let extensions = request.extensions_mut();
                if let Some(place) = &place {
                    extensions.insert(place.clone());
                }
                if let Some(guard) = &guard {
                    extensions.insert(guard.record());
                }
                let responding = route.clone().call(request);
                let Ok(response) = responding.await;
                response
            }
        };
        if let Some(guard) = guard {
            if response.extensions().get::<StreamingWrite>().is_some() {
                guard.hand_over();
            } else {
                guard.end(response.status());
            }
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

/// The target of the request as the client wrote it, base path included.
pub fn original_uri(request: &Request) -> &Uri {
    let original = request.extensions().get();
    original.map_or(request.uri(), |OriginalUri(uri)| uri)
}

/// The other end of the connection.
fn peer(request: &Request) -> Option<IpAddr> {
    let ConnectInfo(address) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(address.ip().to_canonical())
}
