//! What is written down about access: every write, and every refusal, as one event of the log with who, what and which
//! task. The tracking id is that of the request's span. Tokens and secrets never come here.
//!
//! The events have the target `task_status::audit`, by which a log pipeline finds them.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{Method, StatusCode};

use super::Caller;

/// How many ids an event names. Of more it tells how many there are.
const MOST_IDS: usize = 100;

/// Who does something and what, as far as the head of a request tells. In the extensions of every request that a
/// handler sees.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub caller: Option<Caller>,
    /// That of the client, not of a trusted proxy.
    pub address: Option<IpAddr>,
    pub method: Method,
    pub path: String,
}

/// Which tasks were written. In the extensions of the answer to every write.
#[derive(Debug, Clone)]
pub enum Subject {
    Task(String),
    Tasks(Vec<String>),
    /// Those that match a filter; how many, where that is known.
    Matching {
        filter: String,
        completed: u64,
    },
    /// Many, one by one, until the content ends. What reads them writes that down when it knows how many.
    Stream,
}

/// How many tasks a stream has written.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    pub created: usize,
    pub replaced: usize,
    pub superseded: usize,
    pub refused: usize,
}

impl Attempt {
    /// What the gate has made of the head of a request.
    pub fn of(request: &Parts) -> Self {
        request.extensions.get().cloned().unwrap_or_else(|| Self {
            caller: None,
            address: None,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
        })
    }

    fn client(&self) -> Option<&str> {
        self.caller.as_ref()?.client.as_deref()
    }

    fn address(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// Begins to write. Whatever becomes of it is written down.
    pub fn begin(self) -> Writing {
        Writing(Some(self))
    }

    /// Writes down that this was done, or failed with this status.
    fn wrote(&self, status: StatusCode, subject: Option<&Subject>) {
        let (mut task, mut filter, mut number) = (None, None, None);
        match subject {
            Some(Subject::Task(id)) => task = Some(id.clone()),
            Some(Subject::Tasks(ids)) => {
                task = Some(ids[..ids.len().min(MOST_IDS)].join(" "));
                number = Some(ids.len() as u64);
            }
            Some(Subject::Matching {
                filter: text,
                completed,
            }) => {
                filter = Some(text.as_str());
                number = Some(*completed);
            }
            Some(Subject::Stream) => return,
            None => {}
        }
        tracing::info!(
            target: "task_status::audit",
            client = self.client(),
            address = self.address(),
            method = %self.method,
            path = self.path,
            status = status.as_u16(),
            task,
            filter,
            number,
            "wrote"
        );
    }

    /// Writes down that this was begun, and its end is not known.
    fn was_cut_off(&self) {
        tracing::warn!(
            target: "task_status::audit",
            client = self.client(),
            address = self.address(),
            method = %self.method,
            path = self.path,
            "cut off while writing"
        );
    }

    /// Writes down what became of a stream. `gone`: its client left before the end.
    pub fn wrote_stream(&self, stored: Stored, gone: bool, duration_ms: f64) {
        let Stored {
            created,
            replaced,
            superseded,
            refused,
        } = stored;
        tracing::info!(
            target: "task_status::audit",
            client = self.client(),
            address = self.address(),
            method = %self.method,
            path = self.path,
            created,
            replaced,
            superseded,
            refused,
            gone,
            duration_ms,
            "wrote a stream"
        );
    }

    /// Writes down that this was not allowed, and why.
    pub fn refused(&self, status: StatusCode, reason: &str) {
        tracing::warn!(
            target: "task_status::audit",
            client = self.client(),
            address = self.address(),
            method = %self.method,
            path = self.path,
            status = status.as_u16(),
            reason,
            "refused"
        );
    }
}

/// A write that is under way. Where it is dropped instead of ended, because its client went away, its time was up or its
/// handler panicked, the database may have done it or not.
#[derive(Debug)]
pub struct Writing(Option<Attempt>);

impl Writing {
    /// It was answered with this status.
    pub fn end(mut self, status: StatusCode, subject: Option<&Subject>) {
        if let Some(attempt) = self.0.take() {
            attempt.wrote(status, subject);
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(attempt) = &self.0 {
            attempt.was_cut_off();
        }
    }
}
