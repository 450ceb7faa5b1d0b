//! `task-status verify`: compares the tally of the pending tasks with the table, and repairs it.

use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;

use sqlx::Connection;

use super::{CommandError, print};
use crate::cli::args::VerifyArgs;
use crate::store::tally::{self, Check};
use crate::store::{StoreError, bulk};

/// The exit status for a wrong tally or a disabled trigger.
const DRIFT: u8 = 3;

pub async fn run(args: VerifyArgs) -> Result<ExitCode, CommandError> {
    let options = args.database.hosts()?.resolve().await?;
    let mut connection = bulk::connect(&options, Some(bulk::STATEMENT_TIMEOUT)).await?;
    let check = if args.repair {
        tally::repair(&mut connection).await?
    } else {
        tally::check(&mut connection).await.map_err(StoreError::from)?
    };
    connection.close().await.map_err(StoreError::from)?;
    print(Report {
        check: &check,
        repaired: args.repair,
    })?;
    Ok(if check.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DRIFT)
    })
}

struct Report<'a> {
    check: &'a Check,
    repaired: bool,
}

impl Display for Report<'_> {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let Self { check, repaired } = *self;
        let Check {
            counted,
            tallied,
            wrong_buckets,
            ..
        } = check;
        writeln!(to, "{counted} tasks are pending; the tally says {tallied}")?;
        if *wrong_buckets > 0 {
            writeln!(
                to,
                "the tally is wrong for {wrong_buckets} of the hours in which tasks were created"
            )?;
        }
        if repaired {
            if !check.is_right() {
                writeln!(to, "the tally was repaired")?;
            }
            writeln!(to, "the revision was moved: every page is read anew")?;
        }
        for trigger in &check.disabled_triggers {
            writeln!(
                to,
                "the trigger {trigger} is missing or does not always fire; its owner can repair it with: \
             alter table task_status enable always trigger {trigger}"
            )?;
        }
        Ok(())
    }
}
