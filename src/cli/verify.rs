//! `task-status verify`: compares the tally of the pending tasks with the table, and repairs it.

use std::io::Write;
use std::process::ExitCode;

use sqlx::Connection;

use super::CommandError;
use crate::cli::args::VerifyArgs;
use crate::store::tally::{self, Check};
use crate::store::{StoreError, bulk};

/// The status of a tally that is not what it should be.
const DRIFT: u8 = 3;

/// Says what was found. The exit status says it too.
pub async fn run(args: VerifyArgs) -> Result<ExitCode, CommandError> {
    let options = args.database.database_url.options()?;
    let mut connection = bulk::connect(&options, Some(bulk::STATEMENT_TIMEOUT)).await?;
    let mut check = tally::check(&mut connection).await.map_err(StoreError::from)?;
    let mut repaired = false;
    if args.repair && !check.is_right() {
        // What counts is what was found under the lock.
        check = tally::repair(&mut connection).await?;
        repaired = true;
    }
    connection.close().await.map_err(StoreError::from)?;
    say(&check, repaired).map_err(CommandError::Output)?;
    Ok(if check.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DRIFT)
    })
}

fn say(check: &Check, repaired: bool) -> std::io::Result<()> {
    let Check {
        counted,
        tallied,
        wrong_buckets,
        ..
    } = check;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{counted} tasks are pending; the tally says {tallied}")?;
    if *wrong_buckets > 0 {
        writeln!(
            stdout,
            "for {wrong_buckets} of the hours in which tasks were created the number is wrong"
        )?;
    }
    if repaired {
        writeln!(stdout, "the tally was repaired")?;
    }
    for trigger in &check.disabled_triggers {
        writeln!(
            stdout,
            "the trigger {trigger} is missing or does not always fire; its owner can mend that with: \
             alter table task_status enable always trigger {trigger}"
        )?;
    }
    Ok(())
}
