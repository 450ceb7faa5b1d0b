//! A private, real PostgreSQL for `task-status demo` and for the tests.
//!
//! It listens on a Unix socket that only its owner and root can reach, runs as root too (through an account without
//! rights), and ends with this process, however that ends.
//!
//! Where to begin reading: `cluster` tells what happens from start to stop. Then `folder` (where, and that only one
//! process uses it), `server` (the process), `postmaster` (what to believe of what a server left behind), `guard`
//! (why nothing stays behind), `find` and `fetch` (whose programs), `account` (who runs them), `process`, `error`.

mod account;
mod cache;
mod cluster;
mod error;
mod fetch;
mod find;
mod folder;
mod guard;
mod postmaster;
mod process;
mod server;

pub use cluster::{PrivatePostgres, Settings, start};
pub use error::Error;
pub use fetch::FetchError;
