//! `GET /livez` and `GET /readyz`, for supervisors. They are served on an address of their own, so that they need no
//! credentials and stay behind the gateway.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::middleware::authorize::Authorizer;
use crate::pending::Pending;
use crate::store::Database;

/// The process responds. The database is not checked: a restart of the service would not repair it.
pub async fn livez() -> &'static str {
    "ok\n"
}

/// The database is up and confirms pages, and callers can be authenticated. Costs a freshness check.
pub async fn readyz(
    State((database, authorizer, pending)): State<(Database, Authorizer, Pending)>,
) -> (StatusCode, &'static str) {
    if !database.is_up() {
        (StatusCode::SERVICE_UNAVAILABLE, "the database is not available\n")
    } else if pending.count().await.is_err() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not confirm pages\n",
        )
    } else if !authorizer.is_ready() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the keys of tokens are not available\n",
        )
    } else {
        (StatusCode::OK, "ok\n")
    }
}
