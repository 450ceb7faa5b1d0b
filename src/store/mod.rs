//! Everything that talks to PostgreSQL. All SQL on tasks is in this folder.
//!
//! Reading order: [`database`] (connections, and whether there is a database at all), [`schema`] (migrations),
//! [`privileges`] (what a role has to be allowed), [`page`], [`pending`], [`tally`] and
//! [`task`] (reading), [`report`], [`clear`] and
//! [`retention`] (writing), [`import`] and [`export`] (very many at once, on a connection of [`bulk`]).

pub mod bulk;
pub mod clear;
mod copy;
pub mod database;
mod error;
pub mod export;
mod filter_sql;
pub mod import;
mod keyset;
mod order;
pub mod page;
pub mod pending;
pub mod privileges;
pub mod report;
pub mod retention;
mod row;
pub mod schema;
mod session;
pub mod tally;
pub mod task;

pub use database::Database;
pub use error::StoreError;
