//! `task-status`: which background work is still pending, and how it is doing.
//!
//! Reading order:
//!
//! 1. [`task`]: what a task status is, and what is wrong with one that is refused.
//! 2. [`listing`]: filters, sorters, cursors and pages of lists.
//! 3. [`store`]: all SQL.
//! 4. [`pending`]: the hot path, which serves pages of pending tasks from memory, confirmed by the database.
//! 5. [`auth`]: authentication and permissions.
//! 6. [`messages`]: the texts of errors, in ten languages.
//! 7. [`http`]: the API; begin at [`http::router`].
//! 8. [`cli`]: the subcommands and their settings.
//!
//! Arrows run one way, and a test holds them (`tests/suite/architecture.rs`):
//! `cli -> http -> {messages, pending -> store -> listing -> task, auth}`. `messages` also words the errors of `auth`,
//! `listing` and `task`.

#![forbid(unsafe_code)]

pub mod auth;
pub mod build;
pub mod cli;
pub mod http;
pub mod listing;
pub mod memory;
pub mod messages;
pub mod pending;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod watched_file;
