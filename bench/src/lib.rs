//! Compares `task-status` with what a user would pick instead: other programs that keep the same contract on the same
//! table, driven in turn by one load generator.
//!
//! Where to begin reading: [`run`] is the order of things. [`row`] says what is compared, [`contender`] who takes part and
//! how each is started, [`data`] what on. Measured is by [`wrk`] (throughput and latency), [`cold`], [`memory`] and
//! [`tax`], while [`writers`] write. [`figures`] keeps what was measured, [`target`] holds it against what was promised,
//! and [`report`] and [`chart`] show it. [`peer`] is what the two peers in Rust have in common.

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
pub mod writers;
pub mod wrk;

pub use error::Error;
