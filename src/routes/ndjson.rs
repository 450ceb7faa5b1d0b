//! `POST /task-status` with newline-delimited JSON: a task on each line, and a result for each, so that one bad line
//! does not lose the rest. The content is not held in memory.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, FramedRead};
use tokio_util::io::StreamReader;

use super::AppState;
use crate::cause::Cause;
use crate::envelope::{Context, ErrorBody};
use crate::error::ApiError;
use crate::extract::{NDJSON, parse_json};
use crate::limits;
use crate::store::report::{self, Outcome};
use crate::store::{Database, StoreError};
use crate::task::TaskStatus;
use crate::task::report::read;

/// The most lines of one request. It bounds the answer too, which waits in memory for a client that sends all before
/// it reads any.
pub const MAX_LINES: usize = 100_000;
/// Tasks written with one statement.
const BATCH: usize = 500;
/// How long tasks that have arrived wait for more to be written with.
const LINGER: Duration = Duration::from_millis(200);
/// How long the client may pause.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// One line of the answer.
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
    /// Always the last line: without it, the answer is not complete.
    Summary(Summary),
}

#[derive(Debug, Default, Clone, Serialize)]
struct Summary {
    created: usize,
    replaced: usize,
    superseded: usize,
    refused: usize,
}

/// Stores the tasks of the content as they arrive, and answers as they are stored.
pub fn store(state: AppState, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (sender, receiver) = unbounded_channel();
    let worker = Worker {
        database: state.database,
        context: Context::of(&parts),
        sender,
        batch: Vec::new(),
        summary: Summary::default(),
    };
    tokio::spawn(worker.run(body));
    let answer = UnboundedReceiverStream::new(receiver).map(|line: Line| {
        // Numbers and texts can always be written as JSON.
        let mut json = serde_json::to_vec(&line).unwrap_or_default();
        json.push(b'\n');
        Ok::<_, Infallible>(json)
    });
    ([(header::CONTENT_TYPE, NDJSON[0])], Body::from_stream(answer)).into_response()
}

struct Worker {
    database: Database,
    context: Context,
    sender: UnboundedSender<Line>,
    /// What has arrived and is not written yet, with the numbers of the lines.
    batch: Vec<(usize, TaskStatus)>,
    summary: Summary,
}

impl Worker {
    async fn run(mut self, body: Body) {
        let mut lines = std::pin::pin!(lines(body));
        let mut number = 0;
        // Nobody is left to answer once the client has gone; what it sent until then is stored all the same.
        while !self.sender.is_closed() {
            let wait = if self.batch.is_empty() {
                IDLE_TIMEOUT
            } else {
                LINGER
            };
            match timeout(wait, lines.next()).await {
                Err(_) if !self.batch.is_empty() => self.write().await,
                Err(_) => {
                    self.refuse(number + 1, &bad_syntax(Cause::ContentIncomplete));
                    break;
                }
                Ok(None) => break,
                Ok(Some(line)) => {
                    number += 1;
                    match line {
                        Ok(_) if number > MAX_LINES => {
                            self.refuse(number, &bad_syntax(Cause::TooManyLines { limit: MAX_LINES }));
                            break;
                        }
                        Ok(line) => self.take(number, &line).await,
                        Err(error) => {
                            self.refuse(number, &bad_syntax(cause(&error)));
                            break;
                        }
                    }
                }
            }
        }
        self.write().await;
        let summary = std::mem::take(&mut self.summary);
        self.send(Line::Summary(summary));
    }

    async fn take(&mut self, number: usize, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let task = parse_json(line)
            .map_err(bad_syntax)
            .and_then(|value| read(&value, None, Utc::now()).map_err(ApiError::BadContent));
        match task {
            Ok(task) => self.batch.push((number, task)),
            Err(error) => self.refuse(number, &error),
        }
        if self.batch.len() == BATCH {
            self.write().await;
        }
    }

    /// Writes what has arrived with one statement. Where the database refuses a value, the tasks are written one by
    /// one to find out whose.
    async fn write(&mut self) {
        let (numbers, tasks): (Vec<usize>, Vec<TaskStatus>) = self.batch.drain(..).unzip();
        if tasks.is_empty() {
            return;
        }
        match report::report(&self.database, &tasks).await {
            Ok(outcomes) => {
                for ((line, task), outcome) in numbers.into_iter().zip(tasks).zip(outcomes) {
                    self.reported(line, task.id, outcome);
                }
            }
            Err(StoreError::Refused { .. }) => {
                for (line, task) in numbers.into_iter().zip(tasks) {
                    match report::report(&self.database, std::slice::from_ref(&task)).await {
                        Ok(outcomes) => {
                            for outcome in outcomes {
                                self.reported(line, task.id.clone(), outcome);
                            }
                        }
                        Err(error) => self.refuse(line, &error.into()),
                    }
                }
            }
            Err(error) => {
                let error = ApiError::from(error);
                for line in numbers {
                    self.summary.refused += 1;
                    self.send(Line::Refused {
                        line,
                        error: self.context.body(&error),
                    });
                }
            }
        }
    }

    fn reported(&mut self, line: usize, id: String, outcome: Outcome) {
        *match outcome {
            Outcome::Created => &mut self.summary.created,
            Outcome::Replaced => &mut self.summary.replaced,
            Outcome::Superseded => &mut self.summary.superseded,
        } += 1;
        self.send(Line::Reported { line, id, outcome });
    }

    fn refuse(&mut self, line: usize, error: &ApiError) {
        self.summary.refused += 1;
        self.send(Line::Refused {
            line,
            error: self.context.body(error),
        });
    }

    fn send(&self, line: Line) {
        // Fails where the client has gone, which the loop notices.
        let _ = self.sender.send(line);
    }
}

fn lines(body: Body) -> impl Stream<Item = Result<axum::body::Bytes, AnyDelimiterCodecError>> {
    let newline = || b"\n".to_vec();
    let codec = AnyDelimiterCodec::new_with_max_length(newline(), newline(), limits::BODY_BYTES);
    FramedRead::new(
        StreamReader::new(body.into_data_stream().map_err(io::Error::other)),
        codec,
    )
}

fn cause(error: &AnyDelimiterCodecError) -> Cause {
    match error {
        AnyDelimiterCodecError::MaxChunkLengthExceeded => Cause::LineTooLong {
            limit: limits::BODY_BYTES,
        },
        AnyDelimiterCodecError::Io(_) => Cause::ContentIncomplete,
    }
}

fn bad_syntax(cause: Cause) -> ApiError {
    ApiError::BadSyntax(vec![cause])
}
