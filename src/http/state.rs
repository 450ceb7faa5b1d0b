//! The state that handlers share.

use std::time::Duration;

use crate::pending::Pending;
use crate::store::Database;

#[derive(Debug, Clone)]
pub struct AppState {
    pub database: Database,
    pub pending: Pending,
    pub empty_status: EmptyStatus,
    pub request_timeout: Duration,
}

/// The status of the response if nothing at all is pending. A page past the end of a non-empty list is always 200 with
/// `[]`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EmptyStatus {
    /// 204 without content, as the contract says.
    #[default]
    #[value(name = "204")]
    NoContent,
    /// 200 with an empty array, for clients that cannot read a 204.
    #[value(name = "200")]
    Ok,
}
