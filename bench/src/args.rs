//! The command line.
#![expect(
    clippy::doc_markdown,
    reason = "the comments are the help text, which is no Markdown"
)]

use std::path::PathBuf;

use clap::Parser;

use crate::data::DataSize;
use crate::row::{self, Part};

/// Compare task-status with its alternatives, and write the table to bench/RESULTS.md.
///
/// Starts a private PostgreSQL, fills it, starts the service and its peers (FastAPI, Fastify, plain axum, a static
/// handler), and drives them in turn with wrk. It needs wrk, pgbench (it comes with PostgreSQL), Python 3.11 or newer
/// with venv, and Node.js 20 or newer with npm. Ctrl-C stops all started programs.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench/run", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    bench/run --quick\n  \
    bench/run --data 100000/1000000 --data 100000/10000000 --keep /var/tmp/task-status-bench\n  \
    bench/run --only 250-count --only cold --rounds 5")]
pub struct Args {
    /// A data set: the number of pending tasks and of all tasks. May be repeated. The cost of ten times the history needs
    /// two with the same number pending [default: 100000/1000000]
    #[arg(long, value_name = "PENDING/ALL")]
    pub data: Vec<DataSize>,
    /// The number of rounds; the figures are their medians [default: 3]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..))]
    pub rounds: Option<u8>,
    /// The seconds of a measurement [default: 2]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u8).range(1..))]
    pub seconds: Option<u8>,
    /// Measure only this part: a row of the table, or cold, memory, waiters or tax. May be repeated
    #[arg(long, value_name = "ROW", value_parser = row::part_parser())]
    pub only: Vec<Part>,
    /// Check that everything runs, in two minutes on little data; the figures mean nothing and are not written
    #[arg(long)]
    pub quick: bool,
    /// Keep PostgreSQL and its data in this folder, and reuse existing data
    #[arg(long, value_name = "FOLDER")]
    pub keep: Option<PathBuf>,
    /// The folder for RESULTS.md and its chart [default: bench]
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    /// The folder with the programs of PostgreSQL [default: PG_BIN_DIR, or the usual folders]
    #[arg(long, env = "PG_BIN_DIR", value_name = "FOLDER")]
    pub pg_bin_dir: Option<PathBuf>,
}

impl Args {
    /// The requested data sets, or the default.
    pub fn data(&self) -> Vec<DataSize> {
        let usual = if self.quick {
            DataSize {
                pending: 2000,
                all: 20_000,
            }
        } else {
            DataSize {
                pending: 100_000,
                all: 1_000_000,
            }
        };
        if self.data.is_empty() {
            vec![usual]
        } else {
            self.data.clone()
        }
    }

    pub fn rounds(&self) -> u8 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    pub fn seconds(&self) -> u8 {
        self.seconds.unwrap_or(if self.quick { 1 } else { 2 })
    }

    /// The number of long polls.
    pub fn waiters(&self) -> usize {
        if self.quick { 500 } else { 5000 }
    }

    /// Whether a part is requested: by default all are.
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
