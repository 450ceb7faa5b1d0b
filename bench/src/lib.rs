//! Compares `task-status` with its alternatives: other programs with the same contract on the same table, driven in turn
//! by one load generator.
//!
//! Reading order: [`run`] (the sequence of a run), [`row`] (the comparisons), [`contender`] (the programs and how they
//! start), [`data`] (the data sets). [`wrk`] measures throughput and latency; [`cold`], [`memory`], [`waiters`] and
//! [`tax`] the rest, while [`writers`] write. [`figures`] keeps the results, [`target`] compares them with the promises,
//! [`report`] and [`chart`] show them. [`peer`] is shared by the two peers in Rust.

pub mod args;
pub mod chart;
pub mod cold;
pub mod contender;
pub mod data;
pub mod error;
pub mod figures;
pub mod http;
pub mod machine;
pub mod memory;
pub mod peer;
pub mod process;
pub mod progress;
pub mod report;
pub mod row;
pub mod run;
pub mod target;
pub mod tax;
pub mod tools;
pub mod verify;
pub mod waiters;
pub mod writers;
pub mod wrk;

pub use error::Error;
