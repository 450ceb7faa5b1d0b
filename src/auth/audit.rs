//! What is written down about access: every write, and every refusal, as one event of the log with who, what and which
//! task. The tracking id is that of the request's span. Tokens and secrets never come here.
//!
//! A write is written down however it ends: answered, refused, or cut off because its client went away, its time was up
//! or its handler panicked. Those that take effect bit by bit (a bulk clear, a stream) leave an event for each part too.
//!
//! The events have the target `task_status::audit`, by which a log pipeline finds them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{Method, StatusCode};

use super::Caller;

/// Who does something and what, as far as the head of a request tells.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub caller: Option<Caller>,
    /// That of the client, not of a trusted proxy.
    pub address: Option<IpAddr>,
    pub method: Method,
    pub path: String,
}

/// What is written, as far as it is known yet.
#[derive(Debug, Default)]
enum Subject {
    #[default]
    Unknown,
    /// By their ids.
    Tasks(Vec<String>),
    /// The pending tasks that match a filter, and how many of them were completed until now.
    Matching { filter: String, completed: u64 },
    /// The same, only counted.
    Counted { filter: String, matching: u64 },
}

/// How many tasks a stream has written.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    pub created: usize,
    pub replaced: usize,
    pub superseded: usize,
    pub refused: usize,
}

/// One event, with the fields that all have.
macro_rules! event {
    ($level:ident, $attempt:expr, $($field:tt)*) => {{
        let Attempt { caller, address, method, path } = $attempt;
        tracing::$level!(
            target: "task_status::audit",
            client = caller.as_ref().and_then(|caller| caller.client.as_deref()),
            subject = caller.as_ref().and_then(|caller| caller.subject.as_deref()),
            address = address.map(|address| address.to_string()),
            %method,
            path,
            $($field)*
        )
    }};
}

impl Attempt {
    /// Writes down that this was not allowed, and why.
    pub fn refused(&self, status: StatusCode, reason: &str) {
        event!(warn, self, status = status.as_u16(), reason, "refused");
    }
}

/// The record of one write, for the handler to say what it writes. In the extensions of every request that may write.
#[derive(Debug, Clone)]
pub struct AuditRecord(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    attempt: Attempt,
    subject: Mutex<Subject>,
}

impl AuditRecord {
    /// It is about the tasks with these ids: those that are about to be written or, afterwards, that were.
    pub fn set_tasks(&self, ids: Vec<String>) {
        *self.subject() = Subject::Tasks(ids);
    }

    /// It completes the tasks that match a filter.
    pub fn clears(&self, filter: &str) {
        *self.subject() = Subject::Matching {
            filter: filter.to_owned(),
            completed: 0,
        };
    }

    /// It has only counted the tasks that match a filter.
    pub fn counted(&self, filter: &str, matching: u64) {
        *self.subject() = Subject::Counted {
            filter: filter.to_owned(),
            matching,
        };
    }

    /// Writes down a part that has taken effect, whatever becomes of the rest.
    pub fn log_partial(&self, ids: &[String]) {
        if let Subject::Matching { completed, .. } = &mut *self.subject() {
            *completed += ids.len() as u64;
        }
        event!(info, &self.0.attempt, tasks = array(ids), "wrote a part");
    }

    fn write_down(&self, status: Option<StatusCode>) {
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

/// A write that is under way. Where it is dropped instead of ended, the database may have done it or not, and that is what
/// is written down.
#[derive(Debug)]
pub struct AuditGuard {
    record: AuditRecord,
    ended: bool,
}

impl AuditGuard {
    /// Begins the record of a write.
    pub fn begin(attempt: Attempt) -> Self {
        Self::of(AuditRecord(Arc::new(Entry {
            attempt,
            subject: Mutex::default(),
        })))
    }

    /// Goes on with a record for which somebody else does not answer any more: it was [`AuditGuard::hand_over`]ed.
    pub fn of(record: AuditRecord) -> Self {
        Self { record, ended: false }
    }

    /// What the handler is given.
    pub fn record(&self) -> AuditRecord {
        self.record.clone()
    }

    /// It was answered with this status.
    pub fn end(mut self, status: StatusCode) {
        self.ended = true;
        self.record.write_down(Some(status));
    }

    /// Somebody else writes on, and says how it ends.
    pub fn hand_over(mut self) {
        self.ended = true;
    }

    /// The stream was read to its end, or for as long as its client was there.
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
            self.record.write_down(None);
        }
    }
}

/// Ids as a JSON array: an id may hold any character.
fn array(ids: &[String]) -> String {
    // Texts can always be written as JSON.
    serde_json::to_string(ids).unwrap_or_default()
}
