//! `POST /task-status` with newline-delimited JSON: a task on each line, and a result for each, so that one bad line
//! does not lose the rest. Neither the content nor the response is held in memory.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, FramedRead};
use tokio_util::io::StreamReader;
use tracing::{Instrument, Span};

use crate::auth::audit::{AuditGuard, AuditRecord, Stored};
use crate::http::bounds::MAX_BODY_BYTES;
use crate::http::error::ApiError;
use crate::http::error_body::{Context, ErrorBody};
use crate::http::extract::NDJSON;
use crate::http::middleware::authorize::StreamingWrite;
use crate::http::middleware::limits::Permit;
use crate::http::state::AppState;
use crate::memory::{Reserved, ResponseMemory};
use crate::messages::cause::Cause;
use crate::store::report::{self, Outcome};
use crate::store::{Database, StoreError};
use crate::task::json;
use crate::task::report::{Report, read};

/// The most lines of one request.
pub const MAX_LINES: usize = 100_000;
/// A batch is written at this many tasks, or at this many bytes of lines.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes of the response that wait in memory for the client to read them. Enough for [`MAX_LINES`] results, so
/// that a client may send everything before it reads. If the memory for responses has no room for them, only so many
/// wait as need none.
const WAITING_BYTES: usize = 16 * 1024 * 1024;
const UNRESERVED_BYTES: usize = 64 * 1024;
/// How long tasks that have arrived wait for more to be written with.
const LINGER: Duration = Duration::from_millis(200);
/// How long a stream may take, since the caller's permission may end.
const TIMEOUT: Duration = Duration::from_hours(1);
/// How long the client may pause.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

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

/// Stores the tasks of the content as they arrive, and responds as they are stored.
pub fn store(state: AppState, record: AuditRecord, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let (sender, receiver) = unbounded_channel();
    let budget = Arc::new(Semaphore::new(UNRESERVED_BYTES));
    let reserved = Arc::new(OnceLock::new());
    let worker = Worker {
        writing: AuditGuard::resume(record),
        _permit: parts.extensions.remove(),
        database: state.database,
        context: Context::new(&parts),
        sender,
        budget: Arc::clone(&budget),
        memory: state.pending.response_memory().clone(),
        reserved: Arc::clone(&reserved),
        batch: Vec::new(),
        batch_bytes: 0,
        summary: Summary::default(),
    };
    tokio::spawn(worker.run(body).instrument(Span::current()));
    let answer = UnboundedReceiverStream::new(receiver).map(move |line: Vec<u8>| {
        // Held until the last line is taken.
        let _ = &reserved;
        budget.add_permits(counted(&line));
        Ok::<_, Infallible>(line)
    });
    (
        Extension(StreamingWrite),
        [(header::CONTENT_TYPE, NDJSON[0])],
        Body::from_stream(answer),
    )
        .into_response()
}

struct Worker {
    writing: AuditGuard,
    /// The permit of the request, held until the stream ends.
    _permit: Option<Permit>,
    database: Database,
    context: Context,
    sender: UnboundedSender<Vec<u8>>,
    /// How many bytes of the response may still wait for the client.
    budget: Arc<Semaphore>,
    memory: ResponseMemory,
    /// Set once [`UNRESERVED_BYTES`] have waited and there was room for more.
    reserved: Arc<OnceLock<Reserved>>,
    /// The reports that are not written yet, with the numbers of their lines.
    batch: Vec<(usize, Report)>,
    batch_bytes: usize,
    summary: Summary,
}

/// The client has closed the connection, or does not read the response.
struct Gone;

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
        let mut lines = std::pin::pin!(lines(body));
        let mut number = 0;
        loop {
            let wait = if self.batch.is_empty() {
                IDLE_TIMEOUT
            } else {
                LINGER
            };
            match timeout(wait, lines.next()).await {
                Err(_) if !self.batch.is_empty() => self.write().await?,
                Err(_) => {
                    self.refuse(number + 1, &bad_syntax(Cause::ContentIncomplete))
                        .await?;
                    break;
                }
                Ok(None) => break,
                Ok(Some(line)) => {
                    number += 1;
                    match line {
                        Ok(_) if number > MAX_LINES => {
                            let cause = Cause::TooManyLines { limit: MAX_LINES };
                            self.refuse(number, &bad_syntax(cause)).await?;
                            break;
                        }
                        Ok(line) => self.take(number, &line).await?,
                        Err(error) => {
                            self.refuse(number, &bad_syntax(cause(&error))).await?;
                            break;
                        }
                    }
                }
            }
        }
        self.write().await?;
        self.send(&Line::Summary(self.summary.clone())).await
    }

    async fn take(&mut self, number: usize, line: &[u8]) -> Result<(), Gone> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let report = json::parse(line)
            .map_err(ApiError::from)
            .and_then(|value| Ok(read(&value, None)?));
        match report {
            Ok(report) => {
                self.batch.push((number, report));
                self.batch_bytes += line.len();
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
        let length = u32::try_from(counted(&json)).map_err(|_| Gone)?;
        if self.budget.available_permits() < counted(&json) {
            self.reserve();
        }
        match timeout(IDLE_TIMEOUT, self.budget.acquire_many(length)).await {
            Ok(Ok(permit)) => permit.forget(),
            _ => return Err(Gone),
        }
        self.sender.send(json).map_err(|_| Gone)
    }

    /// Makes room for all that may wait, unless there is no memory for it.
    fn reserve(&self) {
        let mut reserved = self.memory.reserve();
        if self.reserved.get().is_none()
            && reserved.add_at_once(WAITING_BYTES).is_ok()
            && self.reserved.set(reserved).is_ok()
        {
            self.budget.add_permits(WAITING_BYTES - UNRESERVED_BYTES);
        }
    }
}

/// How much of the budget a line takes: never more than there is at the least.
fn counted(line: &[u8]) -> usize {
    line.len().min(UNRESERVED_BYTES)
}

fn lines(body: Body) -> impl Stream<Item = Result<axum::body::Bytes, AnyDelimiterCodecError>> {
    let newline = || b"\n".to_vec();
    let codec = AnyDelimiterCodec::new_with_max_length(newline(), newline(), MAX_BODY_BYTES);
    FramedRead::new(
        StreamReader::new(body.into_data_stream().map_err(io::Error::other)),
        codec,
    )
}

fn cause(error: &AnyDelimiterCodecError) -> Cause {
    match error {
        AnyDelimiterCodecError::MaxChunkLengthExceeded => Cause::LineTooLong {
            limit: MAX_BODY_BYTES,
        },
        AnyDelimiterCodecError::Io(_) => Cause::ContentIncomplete,
    }
}

fn bad_syntax(cause: Cause) -> ApiError {
    ApiError::BadSyntax(vec![cause])
}
