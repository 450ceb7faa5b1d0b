//! The command line.
#![expect(
    clippy::doc_markdown,
    reason = "the comments are the help text, which is no Markdown"
)]

use std::path::PathBuf;

use clap::Parser;

use crate::data::DataSize;
use crate::row::{self, Part};

/// Compare task-status with what a user would pick instead, and write the table to bench/RESULTS.md.
///
/// Starts a private PostgreSQL, fills it, starts the service and its peers (FastAPI, Fastify, plain axum, a static
/// handler), and drives them in turn with wrk. It needs wrk, pgbench (it comes with PostgreSQL), Python 3.11 or newer
/// with venv, and Node.js 20 or newer with npm. Ctrl-C stops all that it started.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench/run", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    bench/run --quick\n  \
    bench/run --data 100000/1000000 --data 100000/10000000 --keep /var/tmp/task-status-bench\n  \
    bench/run --only 250-count --only cold --rounds 5")]
pub struct Args {
    /// A data set: how many tasks are pending, and how many there are in all. May be repeated; what ten times the history
    /// costs is told where two have the same number pending [default: 100000/1000000]
    #[arg(long, value_name = "PENDING/ALL")]
    pub data: Vec<DataSize>,
    /// In how many rounds everything is measured once; the figures are the medians of them [default: 3]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..))]
    pub rounds: Option<u8>,
    /// How many seconds a measurement takes [default: 2]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u8).range(1..))]
    pub seconds: Option<u8>,
    /// Measure this alone: a row of the table, or cold, memory or tax. May be repeated
    #[arg(long, value_name = "ROW", value_parser = row::part_parser())]
    pub only: Vec<Part>,
    /// See whether everything runs, in two minutes, on so little that the figures mean nothing; nothing is written
    #[arg(long)]
    pub quick: bool,
    /// Keep PostgreSQL and its data in this folder, and use what is there
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
    /// The data sets that were asked for, or what is usual.
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

    /// Whether a part was asked for, which all are unless some are named.
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
