//! `GET /livez` and `GET /readyz`, for supervisors. They are served on an address of their own, so that they need no
//! credentials and stay behind the gateway.
//!
//! With `?verbose` the response has a line for each check, as Kubernetes' own have.

use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Router};

use crate::http::middleware::authorize::Authorizer;
use crate::http::middleware::hosts::Hosts;
use crate::http::routes::ui;
use crate::http::stop::Stop;
use crate::pending::Pending;
use crate::store::Database;

/// Extension of a response to a probe: that it fails is no failure of the request.
#[derive(Debug, Clone, Copy)]
pub struct Probe;

/// The parts of the server that readiness is about.
#[derive(Debug, Clone)]
pub struct Readiness {
    pub database: Database,
    pub authorizer: Authorizer,
    pub pending: Pending,
    pub stop: Stop,
}

/// The routes on the address of the API. Balancers ask for an address, which may be none of the allowed hosts, and some for
/// `/` alone.
pub struct Probes {
    pub routes: Router,
    pub hosts: Hosts,
    /// Whether browsers get the dashboard at `/`.
    pub has_dashboard: bool,
}

impl Probes {
    /// Whether a request is for these routes.
    pub fn take(&self, request: &Request) -> bool {
        match request.uri().path().trim_matches('/') {
            "" => !(self.has_dashboard && ui::is_of_browser(request)),
            path => ["livez", "readyz"].contains(&path),
        }
    }
}

/// A check of `/readyz`.
#[derive(Debug, Clone, Copy)]
enum Check {
    Shutdown,
    Database,
    Schema,
    Pages,
    Keys,
}

impl Check {
    const ALL: [(&str, Self); 5] = [
        ("shutdown", Self::Shutdown),
        ("database", Self::Database),
        ("schema", Self::Schema),
        ("pages", Self::Pages),
        ("keys", Self::Keys),
    ];

    /// Why it fails, if it does.
    async fn failure(self, readiness: &Readiness) -> Option<&'static str> {
        let (holds, reason) = match self {
            Self::Shutdown => (!readiness.stop.draining.is_cancelled(), "draining"),
            Self::Database => (readiness.database.is_up(), "the database is not available"),
            Self::Schema => match readiness.database.schema_fits() {
                Some(fits) => (fits, "the database lacks a table, a function or a privilege"),
                None => (false, "it has not been looked at yet"),
            },
            // Costs a freshness check.
            Self::Pages => (
                readiness.pending.count().await.is_ok(),
                "the database does not confirm pages",
            ),
            Self::Keys => (
                readiness.authorizer.is_ready(),
                "the keys of tokens are not available",
            ),
        };
        (!holds).then_some(reason)
    }
}

/// The process responds. The database is not checked: a restart of the service would not repair it.
pub async fn livez(RawQuery(query): RawQuery) -> &'static str {
    if is_verbose(query.as_deref()) {
        "[+]ping ok\nlivez check passed\n"
    } else {
        "ok\n"
    }
}

/// The server is not about to stop, the database is up and confirms pages, and callers can be authenticated.
pub async fn readyz(State(readiness): State<Readiness>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let is_verbose = is_verbose(query.as_deref());
    let (mut lines, mut first) = (Vec::new(), None);
    for (name, check) in Check::ALL {
        let failure = check.failure(&readiness).await;
        lines.push(match failure {
            None => format!("[+]{name} ok\n"),
            Some(reason) => format!("[-]{name} failed: {reason}\n"),
        });
        first = first.or(failure);
        if first.is_some() && !is_verbose {
            break;
        }
    }
    let (status, end) = match first {
        None => (StatusCode::OK, "passed"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    };
    let text = if is_verbose {
        format!("{}readyz check {end}\n", lines.concat())
    } else {
        format!("{}\n", first.unwrap_or("ok"))
    };
    (status, Extension(Probe), text)
}

/// Other parameters are ignored, as those of the API.
fn is_verbose(query: Option<&str>) -> bool {
    let mut names = query
        .unwrap_or_default()
        .split('&')
        .map(|pair| pair.split('=').next());
    names.any(|name| name == Some("verbose"))
}
