//! Parses the command line and runs one command.

use std::error::Error;
use std::iter::once;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use task_status::cli;
use task_status::cli::args::Cli;
use task_status::telemetry;

/// Faster than the allocator of glibc, especially with many connections, at the price of memory (`bench/NOTES.md`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let mut cli = Cli::parse();
    if cli.command.is_none() {
        cli = Cli::parse_from(std::env::args_os().chain(once("demo".into())));
    }
    telemetry::start(cli.logging.log_format, cli.logging.log);
    let Some(command) = cli.command else {
        return ExitCode::SUCCESS;
    };
    match cli::run(command).await {
        Ok(status) => status,
        Err(error) => {
            let mut shown = error.to_string();
            eprintln!("error: {shown}");
            let mut source = error.source();
            while let Some(cause) = source {
                // Errors of some libraries repeat their cause.
                if !shown.contains(&cause.to_string()) {
                    shown = cause.to_string();
                    eprintln!("  because: {shown}");
                }
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}
