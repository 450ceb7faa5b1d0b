//! `task-status pending`: the pending tasks of a running service, in a terminal or for scripts.
//!
//! `client` asks the API, `table` draws.

mod client;
mod table;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use chrono::Local;
use rustix::termios::tcgetwinsize;
use tokio::time::sleep;

use super::CommandError;
use crate::cli::args::PendingArgs;
pub use client::PendingError;
use client::{Client, Page};
use table::{Table, fit};

/// The exit status if tasks are pending, with --exit-code.
const SOME_PENDING: u8 = 3;
/// The lines that a watched list needs besides its tasks: a heading, the header, and the line of the cursor.
const OTHER_LINES: usize = 3;
/// How long to wait before a lost connection is tried again, or a list that cannot be waited for is asked for again.
const PAUSE: Duration = Duration::from_secs(2);
/// Moves to the top left and clears the screen.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Lists the tasks. A closed standard output ends the command without an error.
pub async fn run(args: PendingArgs) -> Result<ExitCode, CommandError> {
    let client = Client::new(&args)?;
    let listed = if args.watch {
        tokio::select! {
            never = watch(&args, &client) => never,
            signal = tokio::signal::ctrl_c() => signal.map(|()| 0).map_err(CommandError::Signals),
        }
    } else {
        list(&args, &client).await
    };
    match listed {
        Ok(0) => Ok(ExitCode::SUCCESS),
        Ok(_) if args.exit_code => Ok(SOME_PENDING.into()),
        Err(CommandError::Output(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::Output(error))
        }
        Ok(_) | Err(CommandError::Output(_)) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

/// Prints all tasks, page by page. Returns their number.
async fn list(args: &PendingArgs, client: &Client) -> Result<usize, CommandError> {
    let most = args.limit.map_or(usize::MAX, usize::from);
    let mut listed = 0;
    let mut after = None;
    let mut table = None;
    loop {
        let page = client.page(most - listed, listed, after.as_deref()).await?;
        if args.json {
            print(&page.lines())?;
        } else {
            let tasks = page.tasks()?;
            let table: &mut Table = table.get_or_insert_with(|| Table::of(&tasks, page.at, width()));
            print(&table.draw(&tasks, page.at))?;
        }
        listed += page.len();
        after = page.next;
        if after.is_none() || listed >= most {
            return Ok(listed);
        }
    }
}

/// Prints the first tasks again and again, until an error that does not pass by itself.
async fn watch(args: &PendingArgs, client: &Client) -> Result<usize, CommandError> {
    let mut shown = None;
    loop {
        let screen = size().filter(|_| !args.json);
        let fitting = screen.map_or(usize::MAX, |(_, height)| {
            height.saturating_sub(OTHER_LINES).max(1)
        });
        let limit = args.limit.map_or(fitting, usize::from);
        let followed = client.follow(limit, &mut shown).await;
        let (has_changed, trouble) = match (followed, &shown) {
            (Ok(has_changed), _) => (has_changed, None),
            (Err(error), Some(_)) if error.passes() => (false, Some(error)),
            (Err(error), _) => return Err(error.into()),
        };
        let Some(page) = &shown else { continue };
        if let Some((width, _)) = screen {
            let tasks = page.tasks()?;
            let table = Table::of(&tasks, page.at, Some(width)).draw(&tasks, page.at);
            print(&format!(
                "{CLEAR}{}\n{table}",
                heading(page, trouble.as_ref(), width)
            ))?;
        } else if has_changed && args.json {
            print(&page.array())?;
        } else if has_changed {
            let tasks = page.tasks()?;
            print(&format!(
                "{}\n",
                Table::of(&tasks, page.at, None).draw(&tasks, page.at)
            ))?;
        }
        if trouble.is_some() || !page.can_be_waited_for() {
            sleep(PAUSE).await;
        }
    }
}

/// How many tasks are pending, and how current that is.
fn heading(page: &Page, trouble: Option<&PendingError>, width: usize) -> String {
    let total = page.total.unwrap_or(page.len());
    let time = page.at.with_timezone(&Local).format("%H:%M:%S");
    let state = trouble.map_or_else(|| "live".to_owned(), ToString::to_string);
    fit(&format!("{total} pending, as of {time}: {state}"), width).into_owned()
}

/// Columns and rows of the terminal; `None` if the output goes elsewhere.
fn size() -> Option<(usize, usize)> {
    let stdout = io::stdout();
    let size = stdout.is_terminal().then(|| tcgetwinsize(&stdout).ok())??;
    // A terminal that does not know its size says 0.
    (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

fn width() -> Option<usize> {
    size().map(|(width, _)| width)
}

fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(CommandError::Output)
}
