//! The handlers, one file for each resource.

pub mod clear;
pub mod docs;
pub mod health;
pub mod list;
pub mod metrics;
mod ndjson;
mod pending_page;
pub mod pending_tasks;
pub mod report;
pub mod single;
