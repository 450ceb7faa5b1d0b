//! Errors of the database, classified by what helps: waiting, or a change of configuration.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;
use thiserror::Error;

use crate::memory::MemoryError;
use crate::task::report;
use crate::task::violation::{Problem, Violation};

/// Stands for a constraint if a character cannot be written in the encoding of the database.
const NOT_IN_ENCODING: &str = "its encoding lacks a character";

/// A failure of a statement or of the connection it needed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no usable connection; the same request may succeed in a moment.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// No connection can be had, and waiting will not help: the server's certificate is not accepted, it refuses this
    /// role or this kind of connection, or it has no such database.
    #[error("cannot connect to the database, and waiting will not help")]
    Connection(#[source] sqlx::Error),
    /// A pooler runs each transaction in another session and loses prepared statements.
    #[error(
        "the pooler runs the statements of one connection in several sessions and does not keep their prepared \
         statements: set pool_mode = session, or use PgBouncer 1.21 or newer with max_prepared_statements above 0"
    )]
    Pooler(#[source] sqlx::Error),
    /// A command that needs a session of its own was led to a transaction pooler.
    #[error(
        "this command needs a session of its own: connect to PostgreSQL itself, not to a transaction pooler"
    )]
    TransactionPooler,
    /// The database is down according to [`super::Database::watch`]; nothing was tried.
    #[error("the database is known to be down")]
    KnownDown,
    /// The freshness barrier timed out.
    #[error("the database has not confirmed within {timeout:?} that the response is current")]
    NotConfirmed { timeout: Duration },
    /// The response has no memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// More tasks than an export may have were there when it began, and not when they were counted.
    #[error("there are more tasks than an export may have")]
    ExportTooLong,
    /// An error of work that several requests shared.
    #[error(transparent)]
    Shared(Arc<StoreError>),
    /// The statement took longer than the statement timeout.
    #[error("the statement was cancelled at its timeout")]
    StatementTimeout(#[source] sqlx::Error),
    /// A value that was given breaks a constraint of the table, or cannot be written in the database's encoding.
    #[error("the database refused a value")]
    Refused {
        refusal: Refusal,
        #[source]
        source: sqlx::Error,
    },
    /// A bug, a schema that is not the program's, or a stored value that cannot be read.
    #[error("the statement failed")]
    Statement(#[source] sqlx::Error),
    /// The schema is not the one that this version needs.
    #[error("the database's schema does not fit this version")]
    Schema(#[source] MigrateError),
    /// The database lacks migrations, and this process does not run them.
    #[error(
        "the database lacks migration {version}: run `task-status migrate`, or let `serve` do it (--migrate true)"
    )]
    SchemaBehind { version: i64 },
    /// The database lacks migrations, and the role of this process may not run them.
    #[error(
        "the database lacks migration {version}, and this role may not run it: run `task-status migrate` as the owner of \
         the tables"
    )]
    MigrationRefused {
        version: i64,
        #[source]
        source: MigrateError,
    },
    /// A migration or a repair could not lock the tables.
    #[error("the tables could not be locked: another transaction is in the way; end it, or try again later")]
    Locked(#[source] sqlx::Error),
    /// The role of this process lacks privileges of the service.
    #[error(
        "the role {role} lacks what the service needs, {lacking}: run `task-status migrate --grant-to {role}` \
         as the owner of the tables"
    )]
    Privileges { role: String, lacking: String },
    /// There is no role to grant privileges to.
    #[error("there is no role {role}: create it first, as in `create role {role} login password '...'`")]
    NoSuchRole { role: String },
    /// The role cannot be limited: it owns the tables, is a member of the owner, or is a superuser.
    #[error(
        "the role {role} owns the tables, or may act as the role that does: give one of its own to the service, as in \
         `create role task_status_service login password '...'`"
    )]
    RoleOwnsTables { role: String },
    /// The role of this process may not grant every privilege.
    #[error("the role {role} could not be granted {lacking}: only their owner can grant that")]
    NotGranted { role: String, lacking: String },
}

/// Why the database refused a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The name of the constraint, or the server's words if there is none.
    Constraint(String),
    /// The part of the task that is at fault.
    Violation(Violation),
}

impl Refusal {
    fn of(error: &dyn DatabaseError) -> Self {
        let constraint = error.constraint().unwrap_or(error.message());
        if constraint == "task_status_modified_check"
            && let Some(problem) = ahead(error)
        {
            return Self::Violation(problem.at("/modified"));
        }
        Self::Constraint(constraint.to_owned())
    }
}

/// The times in the error of the trigger `task_status_z_refuse_ahead`.
fn ahead(error: &dyn DatabaseError) -> Option<Problem> {
    let detail = error.try_downcast_ref::<PgDatabaseError>()?.detail()?;
    let times: serde_json::Value = serde_json::from_str(detail).ok()?;
    let time = |key: &str| report::time(times.get(key)?.as_str()?);
    Some(Problem::Ahead {
        given: time("modified")?,
        now: time("now")?,
    })
}

impl StoreError {
    /// Whether waiting may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_)
            | Self::KnownDown
            | Self::StatementTimeout(_)
            | Self::Locked(_)
            | Self::NotConfirmed { .. } => true,
            Self::Shared(error) => error.is_transient(),
            Self::Connection(_)
            | Self::ExportTooLong
            | Self::Memory(_)
            | Self::Pooler(_)
            | Self::TransactionPooler
            | Self::Refused { .. }
            | Self::Statement(_)
            | Self::Schema(_)
            | Self::SchemaBehind { .. }
            | Self::MigrationRefused { .. }
            | Self::Privileges { .. }
            | Self::NoSuchRole { .. }
            | Self::RoleOwnsTables { .. }
            | Self::NotGranted { .. } => false,
        }
    }

    /// Whether a stored text cannot be read.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Statement(error) if is_unreadable(error))
    }

    /// The same for a statement that writes values of the caller: these may be at fault.
    pub(super) fn of_write(self) -> Self {
        match self {
            Self::Statement(error) if is_refusal(&error) => Self::refused(error),
            error => error,
        }
    }

    fn refused(source: sqlx::Error) -> Self {
        let refusal = match source.as_database_error() {
            // Its message is longer than what is shown of it.
            _ if has_code(&source, &["22P05"]) => Refusal::Constraint(NOT_IN_ENCODING.to_owned()),
            Some(error) => Refusal::of(error),
            None => Refusal::Constraint(source.to_string()),
        };
        Self::Refused { refusal, source }
    }

    /// Whether the freshness barrier timed out.
    pub fn is_not_confirmed(&self) -> bool {
        match self {
            Self::NotConfirmed { .. } => true,
            Self::Shared(error) => error.is_not_confirmed(),
            _ => false,
        }
    }

    /// Whether a statement took longer than the statement timeout.
    pub fn is_statement_timeout(&self) -> bool {
        match self {
            Self::StatementTimeout(_) => true,
            Self::Shared(error) => error.is_statement_timeout(),
            _ => false,
        }
    }

    /// Whether all connections were in use for as long as the acquire timeout.
    pub fn is_pool_timeout(&self) -> bool {
        match self {
            Self::Unavailable(sqlx::Error::PoolTimedOut) => true,
            Self::Shared(error) => error.is_pool_timeout(),
            _ => false,
        }
    }

    /// Whether the database cannot be reached, whether waiting helps or not.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Connection(_) => true,
            Self::Statement(error) => is_schema_change(error) || is_stale_session(error),
            Self::Shared(error) => error.is_outage(),
            error => error.is_transient(),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(source) if is_tls_failure(source) => Self::Connection(error),
            sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => Self::Connection(error),
            // The peer is not PostgreSQL, or not any more: a load balancer with nothing behind it.
            sqlx::Error::Protocol(_)
            | sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // query_canceled
                Some("57014") => Self::StatementTimeout(error),
                // Rolled back in favour of another transaction: a deadlock, or a conflict at a higher isolation level.
                Some(code) if code.starts_with("40") => Self::Unavailable(error),
                Some(code) if is_unavailability(code) => Self::Unavailable(error),
                Some(code) if is_no_entry(code) => Self::Connection(error),
                Some("22021" | "22P05") if !is_unreadable(&error) => Self::refused(error),
                _ => Self::Statement(error),
            },
            _ => Self::Statement(error),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        let (source, version) = match error {
            MigrateError::Execute(source) => (source, None),
            MigrateError::ExecuteMigration(source, version) => (source, Some(version)),
            other => return Self::Schema(other),
        };
        match Self::from(source) {
            Self::Statement(source) => Self::Schema(match version {
                Some(version) => MigrateError::ExecuteMigration(source, version),
                None => MigrateError::Execute(source),
            }),
            other => other,
        }
    }
}

/// Whether one side refused the other's TLS. A connection that breaks during the handshake is no such failure.
fn is_tls_failure(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
}

/// SQLSTATEs of a refused connection: class 28 (password, `pg_hba.conf`), 3D000 (no such database).
fn is_no_entry(code: &str) -> bool {
    code.starts_with("28") || code == "3D000"
}

/// Whether the role lacks a privilege for the statement.
pub(super) fn is_for_lack_of_privilege(error: &sqlx::Error) -> bool {
    // insufficient_privilege
    has_code(error, &["42501"])
}

/// Whether something of the schema is away, or has another type: it is being created anew, or changed by others. No such
/// table, column, function, other object, schema; no such constraint for `on conflict`; another type.
fn is_schema_change(error: &sqlx::Error) -> bool {
    has_code(
        error,
        &["42P01", "42703", "42883", "42704", "3F000", "42P10", "42804"],
    )
}

/// Whether what was prepared in the session does not fit any more, so that the session is of no use: the types of a
/// statement's result have changed, the statement is gone, or it is another one's.
pub(super) fn is_stale_session(error: &sqlx::Error) -> bool {
    has_code(error, &["0A000", "26000", "42P05"])
}

/// Whether the other side did not respond in time.
pub(super) fn is_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// Whether the error is the server's, with one of these SQLSTATEs.
pub(super) fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

/// Whether a value cannot be stored: classes 22 (data) and 23 (constraints).
fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23")) && !is_unreadable(error)
}

/// Whether a stored text cannot be sent, because it is not UTF-8 and cannot be converted to it. The same SQLSTATEs
/// for a value that was given have a context, which names it.
pub(super) fn is_unreadable(error: &sqlx::Error) -> bool {
    has_code(error, &["22021", "22P05"])
        && error
            .as_database_error()
            .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
            .is_some_and(|error| error.r#where().is_none())
}

/// SQLSTATEs of a server that cannot serve now: class 08 (connection), 57P01 to 57P05 (shutdown, start
/// up, crash, idle), class 53 (connections, memory, disk), 25006 (read-only: a standby that has not been promoted yet),
/// 25P03 and 25P04 (the server's bounds of transactions), 55P03 (a lock timeout).
fn is_unavailability(code: &str) -> bool {
    code.starts_with("08")
        || code.starts_with("57P")
        || code.starts_with("53")
        || ["25006", "25P03", "25P04", "55P03"].contains(&code)
}
