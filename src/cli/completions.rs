//! `task-status completions`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::generate;

use super::{CommandError, print};
use crate::cli::args::{Cli, CompletionsArgs};

pub fn run(args: &CompletionsArgs) -> Result<(), CommandError> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "task-status", &mut script);
    print(String::from_utf8_lossy(&script))
}
