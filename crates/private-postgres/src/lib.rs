//! A private, real PostgreSQL for `task-status demo` and for the tests.
//!
//! It listens on a Unix socket that only its owner and root can reach. It can be started by root, and then runs as an
//! unprivileged account. It stops when this process ends, even by kill -9.
//!
//! - `cluster`: from start to stop. Begin here.
//! - `folder`: the files of a cluster, and their lock. `server`: the process. `postmaster`: the files of the process.
//! - `guard`: stops the server when this process dies.
//! - `find`, `fetch`, `cache`: the programs of PostgreSQL. `account`: the account that runs them.

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
