//! The settings of `task-status pending`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use reqwest::Url;
use secrecy::SecretString;

use super::transfer::filter;
use crate::listing::filter::Filter;

/// List the pending tasks of a running service, oldest first
///
/// Asks the API, so it needs no access to the database. On a terminal the table fits its width; control characters in
/// values are shown as escapes, so that no task can act on the terminal.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Pending",
    after_help = "Exit status:\n  \
        0    the tasks were listed, if there were any\n  \
        1    they could not be listed\n  \
        2    the command line is wrong\n  \
        3    with --exit-code: tasks were listed\n\n\
        Examples:\n  \
        task-status pending --watch\n  \
        task-status pending --filters 'launcher eq \"sweep\"' --json | jq -r .id\n  \
        until task-status pending --exit-code >/dev/null; do sleep 10; done"
)]
pub struct PendingArgs {
    /// List only tasks that match this filter, in the language of the API's `filters`
    #[arg(long, value_parser = filter, value_name = "FILTER")]
    pub filters: Option<Filter>,
    /// Tasks to list, at most. By default all; with --watch as many as fit the terminal, else 250
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<NonZeroUsize>,
    /// List them anew with each change, until Ctrl-C. A lost connection is retried
    #[arg(long)]
    pub watch: bool,
    /// Print JSON as the API sends it: a task a line; with --watch an array a line, one for each change
    #[arg(long)]
    pub json: bool,
    /// End with status 3 if tasks are pending, and 0 if none is
    #[arg(long, conflicts_with = "watch")]
    pub exit_code: bool,
    /// URL of the service, with a base path if it has one
    #[arg(long, env = "TASK_STATUS_URL", default_value = "http://127.0.0.1:8080", value_parser = service_url, value_name = "URL")]
    pub url: Url,
    /// Send the bearer token in this file, which is read for each request
    #[arg(long, env = "TASK_STATUS_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Send this bearer token. Prefer the variable: other users of this machine can see the arguments of a process
    #[arg(
        long,
        env = "TASK_STATUS_TOKEN",
        hide_env_values = true,
        conflicts_with = "token_file",
        value_name = "TOKEN"
    )]
    pub token: Option<SecretString>,
}

fn service_url(text: &str) -> Result<Url, String> {
    let allowed = "must be an http or https URL without a query, such as https://tasks.example.com/v2025";
    Url::parse(text)
        .ok()
        .filter(|url| {
            ["http", "https"].contains(&url.scheme()) && url.query().is_none() && url.fragment().is_none()
        })
        .ok_or_else(|| allowed.to_owned())
}
