//! The one place where it is decided who may call: a layer around every route, inside which nothing is looked at before
//! it has let the request through.
//!
//! A route states the right that it needs in its own definition, as the `security` of its OpenAPI description; the gate
//! takes it from there. The gate is part of the route, so whatever leads to a handler leads through it: no spelling of a
//! path can go around. Where nothing is, a caller has to be known too before that is said.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, OriginalUri, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use tokio::time::sleep;
use utoipa::openapi::path::{Operation, PathItem, Paths};

use crate::auth::audit::{Attempt, AuditGuard};
use crate::auth::proxies::Proxies;
use crate::auth::rate::Limiter;
use crate::auth::{Authenticator, Denied, Permission};
use crate::http::error::ApiError;
use crate::telemetry::error_chain;

/// How often the buckets of the rate limit are tidied.
const TIDY_INTERVAL: Duration = Duration::from_mins(1);

/// Who may call, and how often. Clones share everything.
#[derive(Debug, Clone)]
pub struct Authorizer(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    access: Authenticator,
    /// Who is believed about the address of a client.
    proxies: Proxies,
    limiter: Option<Limiter>,
}

/// In the extensions of a request that is asked again on behalf of the same client, who has been counted for it.
#[derive(Debug, Clone, Copy)]
pub struct RateLimited;

/// What an operation needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: everybody may.
    Nothing,
    Permission(Permission),
    /// The operation does not say what: nobody may.
    Unstated,
}

/// What the operations of a path need, by method.
#[derive(Debug, Clone, Default)]
struct Requirements(Arc<HashMap<Method, Requirement>>);

impl Authorizer {
    pub fn new(access: Authenticator, proxies: Proxies, limiter: Option<Limiter>) -> Self {
        Self(Arc::new(Rules {
            access,
            proxies,
            limiter,
        }))
    }

    /// Whether callers can be told apart at the moment.
    pub fn is_ready(&self) -> bool {
        self.0.access.is_ready()
    }

    /// Keeps what the gate knows current for as long as it is polled.
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
            never = self.0.access.watch() => never,
            never = tidying => never,
        }
    }

    /// The routes of these paths, behind the gate.
    pub fn before<S: Clone + Send + Sync + 'static>(
        &self,
        paths: &Paths,
        routes: MethodRouter<S>,
    ) -> MethodRouter<S> {
        routes.layer(from_fn_with_state((self.clone(), Requirements::of(paths)), admit))
    }

    /// Routes that are behind the gate, and nothing everywhere else: behind it too, so that strangers do not learn what
    /// there is.
    pub fn with_fallback<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        let nothing = any(async || StatusCode::NOT_FOUND);
        let state = (self.clone(), Requirements::default());
        routes
            .fallback_service(nothing.layer(from_fn_with_state(state, admit)).with_state(()))
            .layer(from_fn(only_guarded))
    }
}

impl Requirements {
    fn of(paths: &Paths) -> Self {
        let requirements = paths.paths.values().flat_map(|item| {
            operations(item).map(|(method, operation)| (method, Requirement::of(operation)))
        });
        Self(Arc::new(requirements.collect()))
    }

    /// `HEAD` is `GET` without the content (RFC 9110, section 9.3.2). None for a method that the path does not know.
    fn of_method(&self, method: &Method) -> Option<Requirement> {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.0.get(method).copied()
    }
}

impl Requirement {
    /// What an operation states as its `security`: an empty requirement, or one of the two scopes of this service.
    pub fn of(operation: &Operation) -> Self {
        let stated = serde_json::to_value(&operation.security).unwrap_or_default();
        let requirements: Vec<HashMap<String, Vec<String>>> =
            serde_json::from_value(stated).unwrap_or_default();
        match &requirements[..] {
            [only] if only.is_empty() => Self::Nothing,
            [only] => {
                let mut scopes = only.values().flatten();
                let permission = scopes.next().and_then(|scope| Permission::of_scope(scope));
                match (permission, scopes.next()) {
                    (Some(permission), None) => Self::Permission(permission),
                    _ => Self::Unstated,
                }
            }
            _ => Self::Unstated,
        }
    }
}

/// The operations of a path, by method.
fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::OPTIONS, &item.options),
        (Method::PATCH, &item.patch),
        (Method::TRACE, &item.trace),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// Middleware: lets a request through, or says why not.
async fn admit(
    State((authorizer, requirements)): State<(Authorizer, Requirements)>,
    mut request: Request,
    next: Next,
) -> Response {
    let requirement = requirements.of_method(request.method());
    if requirement == Some(Requirement::Nothing) {
        return guarded(next.run(request).await);
    }
    let peer = peer(&request);
    let rules = &*authorizer.0;
    let mut attempt = Attempt {
        caller: None,
        address: peer.map(|peer| rules.proxies.client(request.headers(), peer)),
        method: request.method().clone(),
        path: path(&request),
    };
    let is_counted = request.extensions().get::<RateLimited>().is_some();
    let limiter = rules.limiter.as_ref().filter(|_| !is_counted);
    let headers = request.headers();
    if let Err(error) = rules
        .decide(headers, peer, requirement, limiter, &mut attempt)
        .await
    {
        attempt.refused(error.kind().status, &error_chain(&error));
        return guarded(error.into_response());
    }
    rules.access.strip_credentials(request.headers_mut());
    if requirement != Some(Requirement::Permission(Permission::Write)) {
        return guarded(next.run(request).await);
    }
    let writing = AuditGuard::begin(attempt);
    request.extensions_mut().insert(writing.record());
    let response = next.run(request).await;
    if response.extensions().get::<StreamingWrite>().is_some() {
        writing.hand_over();
    } else {
        writing.end(response.status());
    }
    guarded(response)
}

/// What every answer from behind the gate carries.
#[derive(Debug, Clone, Copy)]
struct Guarded;

fn guarded(mut response: Response) -> Response {
    response.extensions_mut().insert(Guarded);
    response
}

/// Middleware around all routes: gives out no answer that has not come through the gate. A route that was put beside it by
/// mistake is seen the first time that it is tried.
async fn only_guarded(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.extensions().get::<Guarded>().is_some() {
        response
    } else {
        tracing::error!("a route is not behind the gate");
        ApiError::Forbidden(Denied::Statement).into_response()
    }
}

/// What an answer carries whose handler goes on writing after it has begun to answer, and then says itself how it ended.
#[derive(Debug, Clone, Copy)]
pub struct StreamingWrite;

impl Rules {
    async fn decide(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        requirement: Option<Requirement>,
        limiter: Option<&Limiter>,
        attempt: &mut Attempt,
    ) -> Result<(), ApiError> {
        let permission = match requirement {
            Some(Requirement::Permission(permission)) => Some(permission),
            _ => None,
        };
        if !self.access.host_allowed(headers) {
            return Err(ApiError::Forbidden(Denied::Host));
        }
        let identified = self.access.authenticate(headers, peer, permission).await;
        // Whoever fails to say who it is counts too, by its address: that is how secrets are guessed.
        if let Some(limiter) = limiter {
            limiter.check(identified.as_ref().ok(), attempt.address)?;
        }
        let caller = attempt.caller.insert(identified?);
        match requirement {
            Some(Requirement::Unstated) => Err(ApiError::Forbidden(Denied::Statement)),
            Some(Requirement::Permission(permission)) => caller.may(permission).map_err(ApiError::Forbidden),
            // A method that the path does not know: the router will say so.
            Some(Requirement::Nothing) | None => Ok(()),
        }
    }
}

/// The path that was asked for, base path included.
fn path(request: &Request) -> String {
    let original = request.extensions().get();
    let uri = original.map_or(request.uri(), |OriginalUri(uri)| uri);
    uri.path().to_owned()
}

/// The other end of the connection.
fn peer(request: &Request) -> Option<IpAddr> {
    let ConnectInfo(address) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(address.ip().to_canonical())
}
