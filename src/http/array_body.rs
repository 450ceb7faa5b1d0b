//! A JSON array of tasks as the body of a response, written as the tasks are read. Its memory is reserved until it is sent.

use std::convert::Infallible;
use std::mem;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use futures_util::stream;

use crate::http::error::ApiError;
use crate::memory::{Reserved, ResponseMemory};
use crate::task::TaskStatus;

/// The array is sent in pieces of at least this many bytes.
const PIECE: usize = 64 * 1024;

/// An array that is being written.
pub struct ArrayWriter {
    pieces: Vec<Vec<u8>>,
    piece: Vec<u8>,
    length: usize,
    reserved: Reserved,
}

impl ArrayWriter {
    pub fn new(memory: &ResponseMemory) -> Self {
        Self {
            pieces: Vec::new(),
            piece: vec![b'['],
            length: 0,
            reserved: memory.reserve(),
        }
    }

    pub fn push(&mut self, task: &TaskStatus) -> Result<(), ApiError> {
        if self.length > 0 || self.piece.len() > 1 {
            self.piece.push(b',');
        }
        serde_json::to_writer(&mut self.piece, task).map_err(|error| ApiError::Internal(Box::new(error)))?;
        if self.piece.len() >= PIECE {
            let piece = mem::take(&mut self.piece);
            self.add(piece)?;
        }
        Ok(())
    }

    /// The body, and its length.
    pub fn finish(mut self) -> Result<([(HeaderName, HeaderValue); 1], Body), ApiError> {
        let mut piece = mem::take(&mut self.piece);
        piece.push(b']');
        self.add(piece)?;
        let pieces = self.reserved.hold(self.pieces).map(Ok::<_, Infallible>);
        Ok((
            [(header::CONTENT_LENGTH, self.length.into())],
            Body::from_stream(stream::iter(pieces)),
        ))
    }

    fn add(&mut self, piece: Vec<u8>) -> Result<(), ApiError> {
        self.reserved.add(piece.len())?;
        self.length += piece.len();
        self.pieces.push(piece);
        Ok(())
    }
}
