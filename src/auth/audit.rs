//! The audit log: one log event for every write and every refusal, with the caller, the request and the tasks. The
//! tracking id is that of the request's span. Tokens and secrets are never logged.
//!
//! A write is logged however it ends: completed, refused, or cut off because the client disconnected, the request timed
//! out or the handler panicked. Writes that take effect in parts (a bulk clear, a stream) also log an event per part.
//!
//! The target of the events is `task_status::audit`, for log pipelines to select them by.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{Method, StatusCode, Uri};

use super::Caller;
use crate::telemetry::AUDIT;

/// The caller and the request, as known from the head of the request.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub caller: Option<Caller>,
    /// The address of the client, not of a trusted proxy.
    pub address: Option<IpAddr>,
    pub method: Method,
    pub uri: Uri,
}

/// The tasks that a write is about, as far as known.
#[derive(Debug, Default)]
enum Subject {
    #[default]
    Unknown,
    /// Tasks by id.
    Tasks(Vec<String>),
    /// Pending tasks that match a filter, and the number completed so far.
    Matching { filter: String, completed: u64 },
    /// Pending tasks that match a filter, counted but not changed.
    Counted { filter: String, matching: u64 },
}

/// The numbers of tasks of a stream, by result.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    pub created: usize,
    pub replaced: usize,
    pub superseded: usize,
    pub refused: usize,
}

/// Logs an event with the common fields.
macro_rules! event {
    ($level:ident, $attempt:expr, $($field:tt)*) => {{
        let Attempt { caller, address, method, uri } = $attempt;
        tracing::$level!(
            target: AUDIT,
            client = caller.as_ref().and_then(|caller| caller.client.as_deref()),
            subject = caller.as_ref().and_then(|caller| caller.subject.as_deref()),
            address = address.map(|address| address.to_string()),
            %method,
            path = uri.path(),
            $($field)*
        )
    }};
}

impl Attempt {
    /// Logs that the request was refused.
    pub fn refused(&self, status: StatusCode, reason: &str) {
        event!(warn, self, status = status.as_u16(), reason, "refused");
    }
}

/// The audit record of one write, which the handler completes. An extension of every request that may write.
#[derive(Debug, Clone)]
pub struct AuditRecord(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    attempt: Attempt,
    subject: Mutex<Subject>,
}

impl AuditRecord {
    /// Sets the ids of the tasks: those about to be written or, afterwards, those written.
    pub fn set_tasks(&self, ids: Vec<String>) {
        *self.subject() = Subject::Tasks(ids);
    }

    /// Notes that the write completes the tasks that match a filter.
    pub fn clears(&self, filter: &str) {
        *self.subject() = Subject::Matching {
            filter: filter.to_owned(),
            completed: 0,
        };
    }

    /// Notes that the tasks that match a filter were only counted.
    pub fn counted(&self, filter: &str, matching: u64) {
        *self.subject() = Subject::Counted {
            filter: filter.to_owned(),
            matching,
        };
    }

    /// Logs a part that has taken effect, whatever happens to the rest.
    pub fn log_partial(&self, ids: &[String]) {
        if let Subject::Matching { completed, .. } = &mut *self.subject() {
            *completed += ids.len() as u64;
        }
        event!(info, &self.0.attempt, tasks = array(ids), "wrote a part");
    }

    fn log(&self, status: Option<StatusCode>) {
        let (mut tasks, mut filter, mut number) = (None, None, None);
        let subject = self.subject();
        match &*subject {
            Subject::Unknown => {}
            Subject::Tasks(ids) => tasks = Some(array(ids)),
            Subject::Matching {
                filter: text,
                completed: tasks,
            }
            | Subject::Counted {
                filter: text,
                matching: tasks,
            } => (filter, number) = (Some(text.as_str()), Some(*tasks)),
        }
        let attempt = &self.0.attempt;
        let Some(status) = status else {
            event!(warn, attempt, tasks, filter, number, "cut off while writing");
            return;
        };
        let code = status.as_u16();
        if status.is_client_error() || status.is_server_error() {
            event!(
                info,
                attempt,
                status = code,
                tasks,
                filter,
                number,
                "did not write"
            );
        } else if matches!(*subject, Subject::Counted { .. }) {
            event!(info, attempt, status = code, filter, number, "counted");
        } else {
            event!(info, attempt, status = code, tasks, filter, number, "wrote");
        }
    }

    fn subject(&self) -> MutexGuard<'_, Subject> {
        self.0.subject.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write in flight. If the guard is dropped before an end is recorded, it logs that the write was cut off: it may have
/// taken effect or not.
#[derive(Debug)]
pub struct AuditGuard {
    record: AuditRecord,
    ended: bool,
}

impl AuditGuard {
    /// Begins the record of a write.
    pub fn begin(attempt: Attempt) -> Self {
        Self::resume(AuditRecord(Arc::new(Entry {
            attempt,
            subject: Mutex::default(),
        })))
    }

    /// Takes over a record after [`AuditGuard::hand_over`].
    pub fn resume(record: AuditRecord) -> Self {
        Self { record, ended: false }
    }

    /// The record, for the handler.
    pub fn record(&self) -> AuditRecord {
        self.record.clone()
    }

    /// Logs the end of the write with the status of the response.
    pub fn end(mut self, status: StatusCode) {
        self.ended = true;
        self.record.log(Some(status));
    }

    /// Gives up the guard: another one, made by [`AuditGuard::resume`], logs the end.
    pub fn hand_over(mut self) {
        self.ended = true;
    }

    /// Logs the end of a stream; `gone` if its client disconnected early.
    pub fn end_stream(mut self, stored: Stored, gone: bool, duration_ms: f64) {
        self.ended = true;
        let Stored {
            created,
            replaced,
            superseded,
            refused,
        } = stored;
        event!(
            info,
            &self.record.0.attempt,
            created,
            replaced,
            superseded,
            refused,
            gone,
            duration_ms,
            "wrote a stream"
        );
    }
}

impl Drop for AuditGuard {
    fn drop(&mut self) {
        if !self.ended {
            self.record.log(None);
        }
    }
}

/// Ids as a JSON array, since an id may contain any character.
fn array(ids: &[String]) -> String {
    // Strings always serialize.
    serde_json::to_string(ids).unwrap_or_default()
}
