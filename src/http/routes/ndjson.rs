//! `POST /task-status` with newline-delimited JSON: a task on each line, and a result for each, so that one bad line
//! does not lose the rest. Neither the content nor the response is held in memory.

mod lines;
mod results;

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;
use tokio::time::{Instant, timeout};

use crate::auth::audit::{AuditGuard, AuditRecord, Stored};
use crate::http::error::ApiError;
use crate::http::error_body::{Context, ErrorBody};
use crate::http::extract::NDJSON;
use crate::http::middleware::authorize::StreamingWrite;
use crate::http::shares::{Place, StreamPlace};
use crate::http::state::AppState;
use crate::store::report::{self, Outcome};
use crate::store::{Database, StoreError};
use crate::task::json;
use crate::task::report::{Report, read};
use crate::telemetry::request::for_current_request;
use lines::{Lines, Next};
use results::{Gone, Sender, results};

/// A batch is written at this many tasks, or at this many bytes of lines.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 1024 * 1024;
/// How long tasks that have arrived wait for more to be written with.
const LINGER: Duration = Duration::from_millis(200);
/// How long a stream may take, since the caller's permission may end.
const TIMEOUT: Duration = Duration::from_hours(1);

/// One line of the response.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line {
    /// A task was taken. `line` is that of the content, from 1.
    Reported {
        line: usize,
        id: String,
        outcome: Outcome,
    },
    /// A line was refused; nothing of it was stored. The last one may say why the rest was not read.
    Refused { line: usize, error: ErrorBody },
    /// Always the last line: without it, the response is not complete.
    Summary(Summary),
}

#[derive(Debug, Default, Clone, Serialize)]
struct Summary {
    created: usize,
    replaced: usize,
    superseded: usize,
    refused: usize,
}

/// Stores the tasks of the content as they arrive, and responds as they are stored. 503 without a place for a stream.
pub fn store(
    state: AppState,
    place: &Place,
    record: AuditRecord,
    request: Request,
) -> Result<Response, ApiError> {
    let context = Context::of(&request);
    let body = request.into_body();
    let (sender, results) = results(state.pending.response_memory());
    let worker = Worker {
        _place: place.stream()?,
        writing: AuditGuard::resume(record),
        database: state.database,
        context,
        sender,
        batch: Vec::new(),
        batch_bytes: 0,
        due: None,
        summary: Summary::default(),
    };
    tokio::spawn(for_current_request(worker.run(body)));
    Ok((
        Extension(StreamingWrite),
        [(header::CONTENT_TYPE, NDJSON[0])],
        Body::from_stream(results.map(Ok::<_, Infallible>)),
    )
        .into_response())
}

struct Worker {
    /// Held until the stream ends.
    _place: StreamPlace,
    writing: AuditGuard,
    database: Database,
    context: Context,
    sender: Sender,
    /// The reports that are not written yet, with the numbers of their lines.
    batch: Vec<(usize, Report)>,
    batch_bytes: usize,
    /// When the batch is written, if it is not empty.
    due: Option<Instant>,
    summary: Summary,
}

impl Worker {
    async fn run(mut self, body: Body) {
        let begun = Instant::now();
        // Tasks that were stored until the end of the connection or of the time stay stored.
        let gone = !matches!(timeout(TIMEOUT, self.work(body)).await, Ok(Ok(())));
        let Summary {
            created,
            replaced,
            superseded,
            refused,
        } = self.summary;
        let duration_ms = begun.elapsed().as_secs_f64() * 1000.0;
        let stored = Stored {
            created,
            replaced,
            superseded,
            refused,
        };
        self.writing.end_stream(stored, gone, duration_ms);
    }

    async fn work(&mut self, body: Body) -> Result<(), Gone> {
        let mut lines = Lines::new(body);
        loop {
            match lines.next(self.due).await {
                Next::Line(number, line) => self.take(number, &line).await?,
                Next::Pause => self.write().await?,
                Next::Fault(number, cause) => {
                    self.refuse(number, &ApiError::BadSyntax(vec![cause])).await?;
                    break;
                }
                Next::End => break,
            }
        }
        self.write().await?;
        self.send(&Line::Summary(self.summary.clone())).await
    }

    async fn take(&mut self, number: usize, line: &[u8]) -> Result<(), Gone> {
        let report = json::parse(line)
            .map_err(ApiError::from)
            .and_then(|value| Ok(read(&value, None)?));
        match report {
            Ok(report) => {
                self.batch.push((number, report));
                self.batch_bytes += line.len();
                self.due.get_or_insert_with(|| Instant::now() + LINGER);
            }
            Err(error) => self.refuse(number, &error).await?,
        }
        if self.batch.len() == BATCH || self.batch_bytes >= BATCH_BYTES {
            self.write().await?;
        }
        Ok(())
    }

    /// Writes the batch with one statement. If the database refuses a value, the tasks are written one by one to find
    /// the one at fault.
    async fn write(&mut self) -> Result<(), Gone> {
        self.batch_bytes = 0;
        self.due = None;
        let (numbers, reports): (Vec<usize>, Vec<Report>) = self.batch.drain(..).unzip();
        if reports.is_empty() {
            return Ok(());
        }
        match report::report(&self.database, &reports).await {
            Ok(outcomes) => {
                let stored = reports
                    .iter()
                    .zip(&outcomes)
                    .filter(|(_, outcome)| outcome.is_stored());
                let ids: Vec<String> = stored.map(|(report, _)| report.task.id.clone()).collect();
                self.writing.record().log_partial(&ids);
                for ((line, report), outcome) in numbers.into_iter().zip(reports).zip(outcomes) {
                    self.reported(line, report.task.id, outcome).await?;
                }
            }
            Err(StoreError::Refused { .. }) => {
                for (line, report) in numbers.into_iter().zip(reports) {
                    match report::report(&self.database, std::slice::from_ref(&report)).await {
                        Ok(outcomes) => {
                            let id = report.task.id;
                            for outcome in outcomes {
                                if outcome.is_stored() {
                                    self.writing.record().log_partial(std::slice::from_ref(&id));
                                }
                                self.reported(line, id.clone(), outcome).await?;
                            }
                        }
                        Err(error) => self.refuse(line, &error.into()).await?,
                    }
                }
            }
            Err(error) => {
                let error = ApiError::from(error);
                self.context.log(&error);
                for line in numbers {
                    self.refuse(line, &error).await?;
                }
            }
        }
        Ok(())
    }

    async fn reported(&mut self, line: usize, id: String, outcome: Outcome) -> Result<(), Gone> {
        *match outcome {
            Outcome::Created => &mut self.summary.created,
            Outcome::Replaced => &mut self.summary.replaced,
            Outcome::Superseded => &mut self.summary.superseded,
        } += 1;
        self.send(&Line::Reported { line, id, outcome }).await
    }

    async fn refuse(&mut self, line: usize, error: &ApiError) -> Result<(), Gone> {
        self.summary.refused += 1;
        let error = self.context.body(error);
        self.send(&Line::Refused { line, error }).await
    }

    async fn send(&self, line: &Line) -> Result<(), Gone> {
        // Numbers and texts can always be written as JSON.
        let mut json = serde_json::to_vec(line).unwrap_or_default();
        json.push(b'\n');
        self.sender.send(json).await
    }
}
