//! `task-status man`: the manual pages.

use std::fs;

use clap::CommandFactory;
use clap_mangen::{Man, generate_to};

use super::{CommandError, print};
use crate::cli::args::{Cli, ManArgs};

pub fn run(args: &ManArgs) -> Result<(), CommandError> {
    let failed = CommandError::Manual;
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        // Built as `generate_to` does, which names the pages of the subcommands.
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        Man::new(command).render(&mut page).map_err(failed)?;
        return print(String::from_utf8_lossy(&page));
    };
    fs::create_dir_all(folder)
        .and_then(|()| generate_to(Cli::command(), folder))
        .map_err(failed)
}
