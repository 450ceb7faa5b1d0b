//! Lists as CSV and as newline-delimited JSON: whole, from one snapshot, a few tasks in memory at a time.

mod csv;

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use thiserror::Error;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use crate::http::accept::{CSV, Format};
use crate::http::error::ApiError;
use crate::http::extract::NDJSON;
use crate::http::page_params::PageParams;
use crate::http::shares::{Place, StreamPlace};
use crate::http::state::AppState;
use crate::listing::filter::Filter;
use crate::listing::sorters::Sorters;
use crate::memory::ResponseMemory;
use crate::messages::cause::Cause;
use crate::store::export::{ExportQuery, MAX_TASKS, Rows};
use crate::task::TaskStatus;
use crate::telemetry::error_chain;
use crate::telemetry::request::for_current_request;

/// How long an export may take: a snapshot keeps old rows of the tables, and the caller's permission may end.
const TIMEOUT: Duration = Duration::from_mins(10);
/// How long the client may read nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How many pieces wait for the client.
const PIECES: usize = 4;

/// A part of the response. Without an end, the response is broken off.
enum Piece {
    Tasks(Bytes),
    End,
}

/// Why an export ends early.
#[derive(Debug, Error)]
enum ExportError {
    #[error(transparent)]
    Tasks(#[from] ApiError),
    #[error("the client has left, or does not read")]
    Gone,
}

/// Responds with the tasks that match. The file has this name and an extension. 400 if there are too many, 503 without a place
/// for a stream or a connection for an export.
pub(super) async fn respond(
    state: &AppState,
    place: &Place,
    mut params: PageParams<'_>,
    filter: Option<&Filter>,
    order: &Sorters,
    format: Format,
    name: &str,
) -> Result<Response, ApiError> {
    let range = params.export_range(order);
    params.check()?;
    let query = ExportQuery {
        filter,
        order,
        after: range.after.as_ref(),
        offset: range.offset,
        limit: range.limit,
    };
    let place = place.stream()?;
    let (sender, receiver) = channel(PIECES);
    let export = Export {
        format,
        memory: state.pending.response_memory().clone(),
        sender,
    };
    let begin = async |least| {
        let Some(rows) = Box::pin(Rows::open(&state.database, least, query)).await? else {
            let cause = Cause::TooManyTasks { limit: MAX_TASKS };
            return Err(ApiError::BadContent(vec![cause]));
        };
        // An order that takes too long is refused before the response begins.
        export.read(rows, export.header()).await
    };
    let least = state.pending.for_standby().await?;
    let (rows, first) = match begin(least).await {
        // The standby's failure, perhaps.
        Err(ApiError::DatabaseUnavailable(_)) if least.is_some() => begin(None).await?,
        begun => begun?,
    };
    tokio::spawn(for_current_request(export.run(place, rows, first)));
    let (media_type, extension) = match format {
        Format::Csv => (format!("{CSV}; charset=utf-8; header=present"), "csv"),
        _ => (NDJSON[0].to_owned(), "ndjson"),
    };
    let disposition = format!("attachment; filename=\"{name}.{extension}\"");
    Ok((
        [
            (header::CONTENT_TYPE, media_type.as_str()),
            (header::CONTENT_DISPOSITION, &disposition),
            (header::VARY, "accept"),
        ],
        body(receiver),
    )
        .into_response())
}

/// Without the end, the last chunk is missing: no client takes a part for the whole.
fn body(pieces: Receiver<Piece>) -> Body {
    Body::from_stream(stream::unfold(Some(pieces), async |pieces| {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Piece::Tasks(bytes)) => Some((Ok(bytes), Some(pieces))),
            Some(Piece::End) => None,
            None => Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None)),
        }
    }))
}

struct Export {
    format: Format,
    memory: ResponseMemory,
    sender: Sender<Piece>,
}

impl Export {
    async fn run(self, place: StreamPlace, rows: Rows, first: Bytes) {
        let written = timeout(TIMEOUT, self.write(rows, first)).await;
        // Before the client can see the end, and ask for the next one.
        drop(place);
        match written {
            Ok(Ok(())) => drop(self.send(Piece::End).await),
            Ok(Err(ExportError::Gone)) => tracing::debug!("the client left an export"),
            Ok(Err(error)) => tracing::warn!(error = error_chain(&error), "an export was broken off"),
            Err(_) => tracing::warn!("an export was broken off: it took too long"),
        }
    }

    async fn write(&self, mut rows: Rows, mut bytes: Bytes) -> Result<(), ExportError> {
        while !bytes.is_empty() {
            self.send(Piece::Tasks(bytes)).await?;
            (rows, bytes) = self.read(rows, Vec::new()).await?;
        }
        rows.finish().await.map_err(ApiError::from)?;
        Ok(())
    }

    async fn send(&self, piece: Piece) -> Result<(), ExportError> {
        let sent = timeout(READ_TIMEOUT, self.sender.send(piece)).await;
        sent.ok().and_then(Result::ok).ok_or(ExportError::Gone)
    }

    /// Appends the next tasks. The bytes are none at the end.
    async fn read(&self, rows: Rows, mut bytes: Vec<u8>) -> Result<(Rows, Bytes), ApiError> {
        let mut reserved = self.memory.reserve();
        let (rows, _) = Box::pin(rows.next(&mut reserved, |task| self.push(task, &mut bytes))).await?;
        bytes.shrink_to_fit();
        Ok((rows, reserved.hold([bytes]).next().unwrap_or_default()))
    }

    fn header(&self) -> Vec<u8> {
        match self.format {
            Format::Csv => csv::header(),
            _ => Vec::new(),
        }
    }

    fn push(&self, task: &TaskStatus, bytes: &mut Vec<u8>) -> Result<(), ApiError> {
        if self.format == Format::Csv {
            csv::push(task, bytes);
            return Ok(());
        }
        serde_json::to_writer(&mut *bytes, task).map_err(|error| ApiError::Internal(Box::new(error)))?;
        bytes.push(b'\n');
        Ok(())
    }
}
