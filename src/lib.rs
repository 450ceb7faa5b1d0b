//! `task-status`: which background work is still pending, and how is it doing.
//!
//! Reading order:
//!
//! 1. [`task`]: what a task status is, and what is wrong with one that is refused.
//! 2. [`listing`]: what a list may be asked for.
//! 3. [`store`]: all SQL.
//! 4. [`pending`]: the hot path, which serves pages of pending tasks from memory, confirmed by the database.
//! 5. [`auth`]: who calls, and with which permissions.
//! 6. [`messages`]: what is said to people, in ten languages.
//! 7. [`http`]: the API; begin at [`http::router`].
//! 8. [`cli`]: the subcommands and their settings.
//!
//! Arrows run one way: `cli -> http -> {messages, pending -> store -> listing -> task, auth}`.

#![forbid(unsafe_code)]

pub mod auth;
pub mod cli;
pub mod http;
pub mod listing;
pub mod messages;
pub mod pending;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod watched_file;
