//! `task-status`: which background work is still pending, and how is it doing.
//!
//! Where to begin reading:
//!
//! 1. [`task`] is what is served, [`collection`] which part of it a request may ask for.
//! 2. [`app`] lists every route and every layer; [`routes`] answers them.
//! 3. [`auth`] finds out who calls, and [`gate`] decides whether they may, before any handler.
//! 4. [`pending`] answers from memory what it can, [`store`] holds all SQL.
//! 5. [`error`] says what a failure means in HTTP, [`cause`] and [`locale`] put it in words.
//! 6. [`openapi`] describes all of it to clients, [`routes::docs`] shows that to people.
//! 7. [`metrics`] counts what happens, and tells it to Prometheus.
//! 8. [`commands`] are the subcommands of the program, [`config`] their settings.
//!
//! Arrows run one way: `commands -> {config, server} -> app -> {routes, gate} -> {extract, envelope} -> error ->
//! {pending -> metrics -> store, auth} -> {coding, collection, cursor, digest, task} -> cause -> {filter, sorters, locale}`. Nothing
//! from `pending` on knows of HTTP; `auth` knows its headers and no more.

#![forbid(unsafe_code)]

pub mod app;
pub mod auth;
pub mod base_path;
pub mod cause;
pub mod coding;
pub mod collection;
pub mod commands;
pub mod config;
pub mod cors;
pub mod cursor;
pub mod digest;
mod envelope;
pub mod error;
pub mod etag;
mod extract;
pub mod filter;
pub mod gate;
pub mod limits;
pub mod locale;
pub mod metrics;
pub mod openapi;
pub mod pending;
pub mod postgres;
pub mod query;
pub mod routes;
pub mod server;
pub mod sorters;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod tls;
mod tracking;
mod transport;
mod wait;
pub mod watched_file;
