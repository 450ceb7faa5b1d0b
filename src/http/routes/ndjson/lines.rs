//! The lines of streamed content, and how long the client may take for them.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use tokio::time::{Instant, timeout_at};
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, FramedRead};
use tokio_util::io::StreamReader;

use crate::http::bounds::MAX_BODY_BYTES;
use crate::messages::cause::Cause;

/// The most lines of one request.
const MAX_LINES: usize = 100_000;
/// How long the client may take for each line. Blank lines and parts of lines are none.
pub(super) const LINE_TIMEOUT: Duration = Duration::from_secs(30);

/// The lines.
pub(super) struct Lines {
    framed: BoxStream<'static, Result<Bytes, AnyDelimiterCodecError>>,
    number: usize,
    /// The end of the client's time, from the first wait for a line on.
    late: Option<Instant>,
}

/// The next event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line that is not blank, with its number from 1.
    Line(usize, Bytes),
    /// The rest is not read, and why. The number is that of the line at fault.
    Fault(usize, Cause),
    /// The content is complete.
    End,
    /// Nothing until the given time.
    Pause,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        let newline = || b"\n".to_vec();
        let codec = AnyDelimiterCodec::new_with_max_length(newline(), newline(), MAX_BODY_BYTES);
        let reader = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
        Self {
            framed: FramedRead::new(reader, codec).boxed(),
            number: 0,
            late: None,
        }
    }

    /// Waits for the next line, or until a time.
    pub(super) async fn next(&mut self, until: Option<Instant>) -> Next {
        let late = *self.late.get_or_insert_with(|| Instant::now() + LINE_TIMEOUT);
        let until = until.map_or(late, |until| until.min(late));
        loop {
            let line = match timeout_at(until, self.framed.next()).await {
                Err(_) if until < late => return Next::Pause,
                Err(_) => return Next::Fault(self.number + 1, Cause::ContentIncomplete),
                Ok(None) => return Next::End,
                Ok(Some(line)) => line,
            };
            self.number += 1;
            match line {
                Err(AnyDelimiterCodecError::MaxChunkLengthExceeded) => {
                    let limit = MAX_BODY_BYTES;
                    return Next::Fault(self.number, Cause::LineTooLong { limit });
                }
                Err(AnyDelimiterCodecError::Io(_)) => {
                    return Next::Fault(self.number, Cause::ContentIncomplete);
                }
                Ok(_) if self.number > MAX_LINES => {
                    return Next::Fault(self.number, Cause::TooManyLines { limit: MAX_LINES });
                }
                Ok(line) if line.trim_ascii().is_empty() => {}
                Ok(line) => {
                    self.late = None;
                    return Next::Line(self.number, line);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::time::sleep;

    use super::*;

    /// Content that sends each part after so many seconds.
    fn content(parts: impl IntoIterator<Item = (u64, &'static str), IntoIter: Send + 'static>) -> Lines {
        let parts = stream::iter(parts).then(async |(seconds, part)| {
            sleep(Duration::from_secs(seconds)).await;
            Ok::<_, io::Error>(part)
        });
        Lines::new(Body::from_stream(parts))
    }

    #[tokio::test(start_paused = true)]
    async fn blank_lines_and_parts_of_lines_are_no_progress() {
        for trickle in ["\n", " \r\n", "x"] {
            let begun = Instant::now();
            let mut lines = content(std::iter::repeat((1, trickle)));
            let next = lines.next(None).await;
            assert!(
                matches!(next, Next::Fault(_, Cause::ContentIncomplete)),
                "{next:?}"
            );
            assert_eq!(begun.elapsed().as_secs(), LINE_TIMEOUT.as_secs(), "{trickle:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_line_has_its_time() {
        let mut lines = content([(29, "a\n"), (0, "\n"), (29, "b\n"), (1, "c")]);
        let line = |number, text: &'static str| Next::Line(number, text.into());
        assert_eq!(lines.next(None).await, line(1, "a"));
        assert_eq!(lines.next(Some(Instant::now())).await, Next::Pause);
        // The client need not send while its lines are written.
        sleep(Duration::from_mins(1)).await;
        assert_eq!(lines.next(None).await, line(3, "b"));
        assert_eq!(lines.next(None).await, line(4, "c"));
        assert_eq!(lines.next(None).await, Next::End);
    }
}
