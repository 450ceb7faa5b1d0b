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

use crate::auth::audit::{Attempt, Writing};
use crate::auth::proxies::Proxies;
use crate::auth::rate::Limiter;
use crate::auth::{Access, Lack, Right};
use crate::http::error::ApiError;
use crate::telemetry::chain;

/// How often the buckets of the rate limit are tidied.
const TIDY_INTERVAL: Duration = Duration::from_mins(1);

/// Who may call, and how often. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    access: Access,
    /// Who is believed about the address of a client.
    proxies: Proxies,
    limiter: Option<Limiter>,
}

/// In the extensions of a request that is asked again on behalf of the same client, who has been counted for it.
#[derive(Debug, Clone, Copy)]
pub struct Counted;

/// What an operation needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: everybody may.
    Nothing,
    Right(Right),
    /// The operation does not say what: nobody may.
    Unstated,
}

/// What the operations of a path need, by method.
#[derive(Debug, Clone, Default)]
struct Needs(Arc<HashMap<Method, Need>>);

impl Gate {
    pub fn new(access: Access, proxies: Proxies, limiter: Option<Limiter>) -> Self {
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
        routes.layer(from_fn_with_state((self.clone(), Needs::of(paths)), admit))
    }

    /// Routes that are behind the gate, and nothing everywhere else: behind it too, so that strangers do not learn what
    /// there is.
    pub fn before_the_rest<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        let nothing = any(async || StatusCode::NOT_FOUND);
        let state = (self.clone(), Needs::default());
        routes
            .fallback_service(nothing.layer(from_fn_with_state(state, admit)).with_state(()))
            .layer(from_fn(only_marked))
    }
}

impl Needs {
    fn of(paths: &Paths) -> Self {
        let needs = paths
            .paths
            .values()
            .flat_map(|item| operations(item).map(|(method, operation)| (method, Need::of(operation))));
        Self(Arc::new(needs.collect()))
    }

    /// `HEAD` is `GET` without the content (RFC 9110, section 9.3.2). None for a method that the path does not know.
    fn of_method(&self, method: &Method) -> Option<Need> {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.0.get(method).copied()
    }
}

impl Need {
    /// What an operation states as its `security`: an empty requirement, or one of the two scopes of this service.
    pub fn of(operation: &Operation) -> Self {
        let stated = serde_json::to_value(&operation.security).unwrap_or_default();
        let requirements: Vec<HashMap<String, Vec<String>>> =
            serde_json::from_value(stated).unwrap_or_default();
        match &requirements[..] {
            [only] if only.is_empty() => Self::Nothing,
            [only] => {
                let mut scopes = only.values().flatten();
                let right = scopes.next().and_then(|scope| Right::of_scope(scope));
                match (right, scopes.next()) {
                    (Some(right), None) => Self::Right(right),
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
async fn admit(State((gate, needs)): State<(Gate, Needs)>, mut request: Request, next: Next) -> Response {
    let need = needs.of_method(request.method());
    if need == Some(Need::Nothing) {
        return marked(next.run(request).await);
    }
    let peer = peer(&request);
    let rules = &*gate.0;
    let mut attempt = Attempt {
        caller: None,
        address: peer.map(|peer| rules.proxies.client(request.headers(), peer)),
        method: request.method().clone(),
        path: path(&request),
    };
    let is_counted = request.extensions().get::<Counted>().is_some();
    let limiter = rules.limiter.as_ref().filter(|_| !is_counted);
    let headers = request.headers();
    if let Err(error) = rules.decide(headers, peer, need, limiter, &mut attempt).await {
        attempt.refused(error.kind().status, &chain(&error));
        return marked(error.into_response());
    }
    rules.access.conceal(request.headers_mut());
    if need != Some(Need::Right(Right::Write)) {
        return marked(next.run(request).await);
    }
    let writing = Writing::begin(attempt);
    request.extensions_mut().insert(writing.record());
    let response = next.run(request).await;
    if response.extensions().get::<WritesOn>().is_some() {
        writing.hand_over();
    } else {
        writing.end(response.status());
    }
    marked(response)
}

/// What every answer from behind the gate carries.
#[derive(Debug, Clone, Copy)]
struct Marked;

fn marked(mut response: Response) -> Response {
    response.extensions_mut().insert(Marked);
    response
}

/// Middleware around all routes: gives out no answer that has not come through the gate. A route that was put beside it by
/// mistake is seen the first time that it is tried.
async fn only_marked(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.extensions().get::<Marked>().is_some() {
        response
    } else {
        tracing::error!("a route is not behind the gate");
        ApiError::Forbidden(Lack::Statement).into_response()
    }
}

/// What an answer carries whose handler goes on writing after it has begun to answer, and then says itself how it ended.
#[derive(Debug, Clone, Copy)]
pub struct WritesOn;

impl Rules {
    async fn decide(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        need: Option<Need>,
        limiter: Option<&Limiter>,
        attempt: &mut Attempt,
    ) -> Result<(), ApiError> {
        let right = match need {
            Some(Need::Right(right)) => Some(right),
            _ => None,
        };
        if !self.access.is_meant(headers) {
            return Err(ApiError::Forbidden(Lack::Host));
        }
        let identified = self.access.identify(headers, peer, right).await;
        // Whoever fails to say who it is counts too, by its address: that is how secrets are guessed.
        if let Some(limiter) = limiter {
            limiter.check(identified.as_ref().ok(), attempt.address)?;
        }
        let caller = attempt.caller.insert(identified?);
        match need {
            Some(Need::Unstated) => Err(ApiError::Forbidden(Lack::Statement)),
            Some(Need::Right(right)) => caller.may(right).map_err(ApiError::Forbidden),
            // A method that the path does not know: the router will say so.
            Some(Need::Nothing) | None => Ok(()),
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
