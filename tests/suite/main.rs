//! Tests of the whole: real PostgreSQL, real HTTP, the real program.
//!
//! One binary, so that one private PostgreSQL serves every test of a run. [`support`] has the shared helpers.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod access;
mod architecture;
mod bad_input;
mod clients;
mod clocks;
mod command_line;
mod connections;
mod crash;
mod demo;
mod deploy;
mod docs;
mod errors;
mod exports;
mod fairness;
mod filter_laws;
mod filtered;
mod freshness;
mod generated;
mod list;
mod locales;
mod memory;
mod metrics;
mod migrations;
mod model;
mod openapi;
mod outage;
mod pages;
mod pending_command;
mod pending_tasks;
mod pooler;
mod postgres_tls;
mod prepared_queries;
mod privileges;
mod proxies;
mod renewal;
mod rolling;
mod runbook;
mod schema;
mod schema_changes;
mod schemathesis;
mod sdk;
mod standbys;
mod suggestions;
mod summary;
mod support;
mod switchover;
mod tally;
mod tls;
mod traces;
mod transfer;
mod ui;
mod usage;
mod waiting;
mod writes;
