//! `GET /livez` and `GET /readyz`, for whoever supervises the process. They are served on an address of their own,
//! so that they need no credentials and no gateway shows them to the world.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::middleware::authorize::Authorizer;
use crate::store::Database;

/// The process answers. It does not look at the database: restarting the service mends no database.
pub async fn livez() -> &'static str {
    "ok\n"
}

/// The database answers too, and callers can be told apart: requests may be sent here. Costs the database nothing.
pub async fn readyz(
    State((database, authorizer)): State<(Database, Authorizer)>,
) -> (StatusCode, &'static str) {
    if !database.is_up() {
        (StatusCode::SERVICE_UNAVAILABLE, "the database is not available\n")
    } else if !authorizer.is_ready() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the keys of tokens are not available\n",
        )
    } else {
        (StatusCode::OK, "ok\n")
    }
}
