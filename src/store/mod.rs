//! PostgreSQL: all SQL is in this folder.
//!
//! Reading order: [`hosts`], [`database`], `lease`, [`standby`] and [`share`] (connections), [`schema`] (migrations), `locks`,
//! [`privileges`] (of the service's role), `row` (the list of columns), [`list`] and `page_sql`, [`summary`], [`suggestions`],
//! [`tally`] and [`task`] (reading), [`report`], [`clear`] and [`retention`] (writing), [`import`] and [`export`] (very many
//! tasks, on a connection of [`bulk`]), [`unreadable`] (what cannot be read).

pub mod bulk;
pub mod clear;
pub mod database;
mod error;
pub mod export;
mod filter_sql;
mod filtered;
pub mod hosts;
pub mod import;
mod keyset;
mod lease;
pub mod list;
mod locks;
mod order;
mod page_sql;
pub mod privileges;
pub mod report;
pub mod retention;
mod row;
pub mod schema;
pub mod session;
pub mod share;
pub mod standby;
mod statement;
pub mod suggestions;
pub mod summary;
pub mod tally;
pub mod task;
pub mod unreadable;

pub use database::Database;
pub use error::{Refusal, StoreError};
