//! The HTTP API.
//!
//! Reading order: [`router`] lists every route and every layer; [`routes`] answers them; [`error`] says what a failure
//! means in HTTP, `error_body` what is sent for it; [`openapi`] describes all of it to clients.

pub mod base_path;
pub mod error;
pub(crate) mod error_body;
pub mod etag;
pub(crate) mod extract;
pub mod middleware;
pub mod openapi;
mod page_params;
pub mod query;
pub mod router;
pub mod routes;
pub mod server;
pub mod tls;
mod transport;
