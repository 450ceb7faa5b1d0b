//! The HTTP API.
//!
//! Reading order: [`router`] lists every route and every layer; [`routes`] handles them; [`error`] maps a failure to a
//! status, `error_body` is the body that is sent for it; [`openapi`] describes all of it to clients.

pub mod accept;
pub mod asked;
pub mod base_path;
pub(crate) mod bounds;
pub mod connections;
pub mod error;
pub(crate) mod error_body;
pub mod etag;
mod exchange;
pub(crate) mod extract;
mod fixed_content;
pub mod listener;
pub mod middleware;
pub mod openapi;
mod page_headers;
mod page_params;
mod preconditions;
pub mod query;
mod representation;
mod request_line;
pub mod request_metrics;
mod response_headers;
pub mod route;
pub mod router;
pub mod routes;
pub mod server;
pub mod shares;
pub mod state;
pub mod stop;
pub mod tls;
pub(crate) mod tracking_id;
mod transport;
pub mod types;
