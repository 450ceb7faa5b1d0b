//! The bounds of every request.

use std::time::Duration;

/// The longest request target, in bytes. A filter with hundreds of ids fits.
pub const MAX_URI_BYTES: usize = 16 * 1024;
/// The longest `Link` header, in bytes. By default proxies take 4 KiB for all headers of a response.
pub const MAX_LINK_BYTES: usize = 3 * 1024;
/// The largest content of a request, in bytes, and the longest line of newline-delimited JSON.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How long the content of a request may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(8);
/// The most tasks in one JSON array.
pub const MAX_BATCH: usize = 1000;
