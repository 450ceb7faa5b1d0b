//! What every session of the program with PostgreSQL has set.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// How often the server looks whether the client of a running statement is still there.
const CLIENT_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Connection options with the settings that the program's statements count on.
pub(super) fn with_settings(options: &PgConnectOptions, statement_timeout: Duration) -> PgConnectOptions {
    options
        .clone()
        .application_name("task-status")
        .options([
            ("statement_timeout", milliseconds(statement_timeout)),
            (
                "client_connection_check_interval",
                milliseconds(CLIENT_CHECK_INTERVAL),
            ),
        ])
        .options([
            // The statements of the tally and the repair want a snapshot for each statement.
            ("default_transaction_isolation", "read committed"),
            // Compiling a statement takes longer than any of ours runs.
            ("jit", "off"),
            // Tells the table that our statements say themselves what `modified` is.
            ("task_status.keep_modified", "on"),
        ])
}

fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
