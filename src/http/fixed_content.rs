//! Content that stays the same while the program runs: tagged, and compressed once for each coding.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::http::error::ApiError;
use crate::http::etag::ETag;
use crate::http::representation::{accepted_encoding, coded, tagged};
use crate::pending::content_encoding::ContentEncoding;
use crate::pending::digest::Digest;

#[derive(Debug)]
pub struct FixedContent {
    media_type: &'static str,
    bytes: Bytes,
    digest: Digest,
    compressed: [OnceCell<Bytes>; ContentEncoding::COMPRESSED.len()],
}

impl FixedContent {
    pub fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            media_type,
            digest: Digest::of(&bytes),
            bytes,
            compressed: Default::default(),
        }
    }

    /// The response in the coding that the request accepts best, or 304.
    pub async fn respond(&self, request: &HeaderMap) -> Result<Response, ApiError> {
        let coding = accepted_encoding(request);
        let etag = ETag::compressed(self.digest, coding);
        if etag.is_known_to(request) {
            return Ok((StatusCode::NOT_MODIFIED, tagged(&etag)).into_response());
        }
        let content = coded(self.media_type, coding, self.coded(coding).await?);
        Ok((tagged(&etag), content).into_response())
    }

    async fn coded(&self, coding: ContentEncoding) -> Result<Bytes, ApiError> {
        let codings = ContentEncoding::COMPRESSED.into_iter().zip(&self.compressed);
        let Some((_, cell)) = codings.into_iter().find(|(other, _)| *other == coding) else {
            return Ok(self.bytes.clone());
        };
        let compressed = cell.get_or_try_init(async || {
            let bytes = self.bytes.clone();
            let compressed = spawn_blocking(move || coding.encode(&bytes)).await;
            let compressed = compressed.map_err(|error| ApiError::Internal(Box::new(error)))?;
            compressed
                .map(Bytes::from)
                .map_err(|error| ApiError::Internal(Box::new(error)))
        });
        compressed.await.cloned()
    }
}
