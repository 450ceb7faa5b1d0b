//! Everything that talks to PostgreSQL. All SQL of the program is in this folder.
//!
//! Reading order: [`database`] (connections, and whether there is a database at all), [`schema`] (migrations),
//! [`pending`] (the page of pending tasks), [`report`] (writing tasks).

pub mod database;
mod error;
pub mod pending;
pub mod report;
pub mod schema;

pub use database::Database;
pub use error::StoreError;
