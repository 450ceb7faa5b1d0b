//! The handlers, one file for each resource.

pub mod health;
pub mod pending_tasks;

use crate::store::Database;
use pending_tasks::EmptyStatus;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct AppState {
    pub database: Database,
    pub empty_status: EmptyStatus,
}
