//! Parses the command line and runs one command.

use std::error::Error;
use std::iter::once;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use task_status::cli;
use task_status::cli::args::Cli;
use task_status::telemetry;

/// Takes less time for a request than the allocator of glibc, the more so the more connections there are, and more memory
/// (`bench/NOTES.md`).
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
            let mut said = error.to_string();
            eprintln!("error: {said}");
            let mut source = error.source();
            while let Some(cause) = source {
                // Some libraries' errors repeat their cause.
                if !said.contains(&cause.to_string()) {
                    said = cause.to_string();
                    eprintln!("  because: {said}");
                }
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}
