//! The settings of `import`, `export`, `prune` and `verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::DatabaseArgs;
use crate::listing::filter::Filter;
use crate::messages::cause::Cause;
use crate::messages::locale::Locale;

/// Import tasks from a file or a pipe: newline-delimited JSON, or one JSON array
///
/// The tasks have the form of the API, each with an id. A new task is created; a stored one is replaced unless its
/// `modified` is newer. Importing the same tasks again changes nothing but the `modified` of those that come without it.
/// Invalid tasks are rejected, and the import goes on.
///
/// Memory does not grow with the input. After each committed chunk the position is saved in a small file (--state).
/// After an interruption, --resume continues from there. It checks that the start of the input has not changed.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Import",
    after_help = "Exit status:\n  \
        0    all tasks were imported\n  \
        1    the import failed\n  \
        2    the command line is wrong\n  \
        3    some items were rejected, or the array was cut off; all others were imported\n  \
        130  stopped by SIGINT or SIGTERM; --resume continues\n\n\
        Examples:\n  \
        task-status import tasks.ndjson --rejects rejects.ndjson\n  \
        task-status import --dry-run tasks.json\n  \
        task-status import tasks.ndjson.gz\n  \
        jq -c '.[]' tasks.json | task-status import - --state tasks.state\n  \
        task-status import --resume tasks.ndjson"
)]
pub struct ImportArgs {
    /// The file to read, or - for standard input. gzip and zstd are unpacked
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Check everything, the constraints of the table included, and print the result without changing anything. Each
    /// chunk is written and rolled back, so its tasks are locked meanwhile
    #[arg(long, conflicts_with_all = ["resume", "state"])]
    pub dry_run: bool,
    /// Write rejected items to this file, as newline-delimited JSON: {"line", "reasons", "content"}. By default line and
    /// reasons go to stderr, of the first ten of each kind; the others are counted. In an array, "line" is the number of the element
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Continue an interrupted import of the same input; start from the beginning if there was none
    #[arg(long)]
    pub resume: bool,
    /// File that holds the position. By default the name of the input with .import-state added; none for standard input.
    /// Removed when the import is complete
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Items committed at a time, at most
    #[arg(long, default_value = "5000", value_name = "NUMBER")]
    pub chunk: NonZeroUsize,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Export all tasks, or those that match a filter, to a file or a pipe
///
/// The tasks have the form of the API, are ordered by creation, and come from one snapshot. `import` reads the result.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Export",
    after_help = "Exit status:\n  \
        0    all tasks were written, or the reader of the pipe has closed it\n  \
        1    the export failed\n  \
        2    the command line is wrong\n  \
        130  stopped by SIGINT or SIGTERM\n\n\
        Examples:\n  \
        task-status export tasks.ndjson\n  \
        task-status export --filter 'completionStatus isnull' | jq .uniqueName\n  \
        task-status export --format array pending.json"
)]
pub struct ExportArgs {
    /// The file to write, or - for standard output. Until it is complete its name ends in .part; an export that is stopped
    /// or fails removes that, and leaves an earlier file as it was
    #[arg(default_value = "-", value_name = "FILE")]
    pub file: PathBuf,
    /// Export only tasks that match this filter, in the language of the API's `filters`
    #[arg(long, value_parser = filter, value_name = "FILTER")]
    pub filter: Option<Filter>,
    /// Format of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One task a line
    #[default]
    Ndjson,
    /// One JSON array
    Array,
}

/// Delete tasks whose `modified` is too old, pending or not
///
/// Tasks are deleted in small batches, so that writers do not wait. One process at a time may do it: if another one is
/// deleting, this one ends with status 1. Time is the database's, when the command begins.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Prune",
    after_help = "Examples:\n  \
        task-status prune --older-than 90d --dry-run\n  \
        task-status prune --older-than 90d"
)]
pub struct PruneArgs {
    /// Delete tasks whose `modified` is older than this, such as 90d or 12h
    #[arg(long, value_parser = age, value_name = "DURATION")]
    pub older_than: Duration,
    /// Print the number of tasks that would be deleted, and delete none
    #[arg(long)]
    pub dry_run: bool,
    /// Delete them even if they are more than ten, and more than half of all tasks. Without this nothing is deleted then,
    /// and the command ends with status 1: a clock may be wrong
    #[arg(long)]
    pub confirm: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Compare the tally of the pending tasks with the table
///
/// Pages and counts of pending tasks use the tally, which triggers of the table maintain. It can only be wrong if they
/// did not fire: they were disabled, or rows came by logical replication. Rows of the tally itself may have been restored
/// too. `serve` checks it every ten minutes and logs an error if it is wrong.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Verify",
    after_help = "Exit status:\n  \
        0    the tally is right\n  \
        1    the check or the repair failed\n  \
        2    the command line is wrong\n  \
        3    the tally was wrong, or a trigger that keeps it does not always fire"
)]
pub struct VerifyArgs {
    /// Repair the tally, and have every page read anew, which helps if changes went past the triggers. Writers wait while
    /// the pending tasks are counted; readers do not. The role must own the tables or have all privileges on them
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

pub(super) fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| Locale::system_default().text(&Cause::Filter(error).message()))
}

fn age(text: &str) -> Result<Duration, String> {
    let age = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if age.is_zero() {
        // All tasks would be deleted.
        return Err("must be longer than 0s".to_owned());
    }
    Ok(age)
}
