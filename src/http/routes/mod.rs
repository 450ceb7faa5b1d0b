//! The handlers, one file for each resource.

pub mod clear;
pub mod docs;
mod export;
pub mod health;
pub mod list;
mod list_page;
pub mod metrics;
mod ndjson;
pub mod pending_tasks;
pub mod report;
pub mod single;
pub mod suggestions;
pub mod summary;
pub mod ui;
