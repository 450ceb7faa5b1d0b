//! The settings of the subcommands that work on the table as a whole.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::DatabaseArgs;
use crate::listing::filter::Filter;
use crate::messages::cause::Cause;
use crate::messages::locale::Locale;

/// Take in tasks from a file or a pipe: newline-delimited JSON, or one JSON array
///
/// The tasks are those of the API, each with an id. One that is not there is created; one that is there is replaced,
/// unless what is stored is newer by `modified`. Importing the same again changes nothing. What cannot be taken is
/// rejected, and the rest goes on.
///
/// Memory stays the same however long the input is. After each chunk that is committed a small file remembers the
/// place (--state); after an interruption, --resume goes on from there. The start of the input has to be what it was,
/// which is checked.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Import",
    after_help = "Exit status:\n  \
        0    every task was taken\n  \
        1    the import could not run, or not to its end\n  \
        2    the command line is wrong\n  \
        3    some items were rejected, or the array broke off; all others were taken\n  \
        130  stopped by SIGINT or SIGTERM; --resume goes on\n\n\
        Examples:\n  \
        task-status import tasks.ndjson --rejects rejects.ndjson\n  \
        task-status import --dry-run tasks.json\n  \
        zcat tasks.ndjson.gz | task-status import - --state tasks.state\n  \
        task-status import --resume tasks.ndjson"
)]
pub struct ImportArgs {
    /// The file to read, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Check everything, the rules of the table included, say what would become of it, and change nothing
    #[arg(long, conflicts_with_all = ["resume", "state"])]
    pub dry_run: bool,
    /// Where to write what was rejected, as newline-delimited JSON: {"line", "reasons", "content"}. Unless given, line
    /// and reasons go to stderr. In an array, "line" is the number of the element
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Go on where an interrupted import of the same input stopped; from the start where none was
    #[arg(long)]
    pub resume: bool,
    /// Where the place is remembered. Unless given, beside the file, with the ending .import-state; for standard input
    /// nowhere. It is removed once all is done
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// The most items of a chunk, which is what is committed at a time
    #[arg(long, default_value = "5000", value_name = "NUMBER")]
    pub chunk: NonZeroUsize,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Write all tasks, or those that match a filter, to a file or a pipe
///
/// The tasks are as the API shows them, in the order in which they were created, and all from the same moment. `import`
/// reads what this writes.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Export",
    after_help = "Examples:\n  \
        task-status export tasks.ndjson\n  \
        task-status export --filter 'completionStatus isnull' | jq .uniqueName\n  \
        task-status export --format array pending.json"
)]
pub struct ExportArgs {
    /// The file to write, or - for standard output. A file is complete once it is there: until then its name ends in
    /// .part
    #[arg(default_value = "-", value_name = "FILE")]
    pub file: PathBuf,
    /// Which tasks, in the language of the API's `filters`
    #[arg(long, value_parser = filter, value_name = "FILTER")]
    pub filter: Option<Filter>,
    /// How the tasks are put together
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A task on each line
    #[default]
    Ndjson,
    /// One JSON array
    Array,
}

/// Delete tasks that have given no sign of life for long enough, pending or not
///
/// In small batches, so that nobody waits for it. One process at a time may do it: where another is at it, this one says
/// so and ends with status 1.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Prune",
    after_help = "Examples:\n  \
        task-status prune --older-than 90d --dry-run\n  \
        task-status prune --older-than 90d"
)]
pub struct PruneArgs {
    /// How long ago `modified` must be, such as 90d or 12h
    #[arg(long, value_parser = age, value_name = "DURATION")]
    pub older_than: Duration,
    /// Say how many it would be, and delete none
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Compare the tally of the pending tasks with the table
///
/// Pages and counts of pending tasks rely on the tally, which triggers of the table keep. It can only be wrong where those
/// did not fire: they were disabled, or rows came by logical replication. `serve` looks by itself, and logs an error where
/// it is.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Verify",
    after_help = "Exit status:\n  \
        0    the tally is right\n  \
        1    that could not be found out, or not be repaired\n  \
        2    the command line is wrong\n  \
        3    the tally was wrong, or a trigger that keeps it does not always fire"
)]
pub struct VerifyArgs {
    /// Make the tally right. Writers wait while the pending tasks are counted; readers do not. The role has to own the
    /// tables, or to have all rights on them
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| Locale::system_default().text(&Cause::Filter(error).message()))
}

fn age(text: &str) -> Result<Duration, String> {
    let age = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if age.is_zero() {
        // Everything would go.
        return Err("must be longer than nothing".to_owned());
    }
    Ok(age)
}
