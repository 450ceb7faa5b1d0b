//! A JSON array of tasks as the body of a response, written as the tasks are read.

use std::convert::Infallible;
use std::mem;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use futures_util::stream;

use crate::http::error::ApiError;
use crate::memory::Reserved;
use crate::task::TaskStatus;

/// The array is sent in pieces of at least this many bytes.
const PIECE: usize = 64 * 1024;

/// An array that is being written.
pub struct ArrayWriter {
    pieces: Vec<Vec<u8>>,
    piece: Vec<u8>,
    length: usize,
}

impl ArrayWriter {
    pub fn new() -> Self {
        Self {
            pieces: Vec::new(),
            piece: vec![b'['],
            length: 0,
        }
    }

    pub fn push(&mut self, task: &TaskStatus) -> Result<(), ApiError> {
        if self.length > 0 || self.piece.len() > 1 {
            self.piece.push(b',');
        }
        serde_json::to_writer(&mut self.piece, task).map_err(|error| ApiError::Internal(Box::new(error)))?;
        if self.piece.len() >= PIECE {
            let piece = mem::take(&mut self.piece);
            self.add(piece);
        }
        Ok(())
    }

    /// The length, and the body. Its memory is `reserved` until it is sent.
    pub fn finish(mut self, reserved: Reserved) -> ([(HeaderName, HeaderValue); 1], Body) {
        let mut piece = mem::take(&mut self.piece);
        piece.push(b']');
        self.add(piece);
        let pieces = reserved.hold(self.pieces).map(Ok::<_, Infallible>);
        (
            [(header::CONTENT_LENGTH, self.length.into())],
            Body::from_stream(stream::iter(pieces)),
        )
    }

    fn add(&mut self, mut piece: Vec<u8>) {
        // Up to half of it is spare, which would not be counted.
        piece.shrink_to_fit();
        self.length += piece.len();
        self.pieces.push(piece);
    }
}
