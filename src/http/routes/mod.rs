//! The handlers, one file for each resource.

pub mod clear;
pub mod docs;
pub mod health;
pub mod list;
pub mod metrics;
mod ndjson;
mod page;
pub mod pending_tasks;
pub mod report;
pub mod single;

use std::time::Duration;

use crate::pending::Pending;
use crate::store::Database;
use pending_tasks::EmptyStatus;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct AppState {
    pub database: Database,
    pub pending: Pending,
    pub empty_status: EmptyStatus,
    /// How long a request may take.
    pub request_timeout: Duration,
}
