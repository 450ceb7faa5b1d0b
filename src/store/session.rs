//! The settings of every session with PostgreSQL.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// How often the server checks that the client of a running statement is still connected.
const CLIENT_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Connection options with the settings that the program's statements depend on.
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
            // The tally and its repair need a snapshot for each statement.
            ("default_transaction_isolation", "read committed"),
            // Compiling a statement takes longer than running it.
            ("jit", "off"),
            // The program's statements set `modified` themselves.
            ("task_status.keep_modified", "on"),
        ])
}

fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
