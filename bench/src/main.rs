//! `bench/run`: see [`task_status_bench`].

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use task_status_bench::args::Args;
use task_status_bench::run;

#[tokio::main]
async fn main() -> ExitCode {
    match run::run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench/run: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
