//! The progress of a long command: one line on stderr if it is a terminal.

use std::io::{IsTerminal, Write as _, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The least time between redraws.
const REDRAW: Duration = Duration::from_millis(200);
/// The columns of the line, at most.
const WIDTH: usize = 39;
/// When the line begins to say something about time: the first rows say little about the next.
const SETTLED: Duration = Duration::from_secs(2);
/// Moves to the start of the line and clears it.
const CLEAR: &str = "\r\x1b[K";

pub struct Progress {
    shown: bool,
    /// Length of the input, if known.
    bytes: Option<u64>,
    /// Rows of earlier runs.
    before: u64,
    begun: Instant,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    text: String,
    drawn: Option<Instant>,
}

impl Progress {
    /// `bytes` is the length of the input, if known. `before` is the number of rows of earlier runs.
    pub fn new(bytes: Option<u64>, before: u64) -> Self {
        Self {
            shown: stderr().is_terminal(),
            bytes,
            before,
            begun: Instant::now(),
            line: Mutex::default(),
        }
    }

    /// Shows nothing, for commands whose output goes to the terminal.
    pub fn hidden() -> Self {
        Self {
            shown: false,
            ..Self::new(None, 0)
        }
    }

    /// Shows the rows processed and, if the length of the input is known, the share of its bytes.
    pub fn update(&self, rows: u64, bytes: u64) {
        let mut line = self.line();
        if !self.shown || line.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        let percent = self.bytes.map(|length| bytes.saturating_mul(100) / length.max(1));
        line.text = text(percent, rows, rows.saturating_sub(self.before), self.elapsed());
        line.drawn = Some(Instant::now());
        show(&format!("{CLEAR}{}", line.text));
    }

    /// Clears the line while `write` writes to stderr.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        let line = self.line();
        if line.text.is_empty() {
            return write();
        }
        show(CLEAR);
        let result = write();
        show(&line.text);
        result
    }

    /// Clears the line.
    pub fn finish(&self) {
        if !std::mem::take(&mut self.line().text).is_empty() {
            show(CLEAR);
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The figures that are known, the most important first, as far as they fit.
fn text(percent: Option<u64>, rows: u64, of_this_run: u64, elapsed: Duration) -> String {
    let settled = elapsed >= SETTLED;
    let parts = [
        percent.map(|percent| format!("{percent} %")),
        Some(format!("{rows} rows")),
        settled.then(|| format!("{}/s", rate(of_this_run, elapsed))),
        settled.then(|| humantime::format_duration(Duration::from_secs(elapsed.as_secs())).to_string()),
    ];
    let mut text = String::new();
    for part in parts.into_iter().flatten() {
        let separator = if text.is_empty() { "" } else { "  " };
        if text.len() + separator.len() + part.len() > WIDTH {
            break;
        }
        text += separator;
        text += &part;
    }
    text
}

/// A terminal that is gone does not end the command.
fn show(text: &str) {
    let _ = stderr().write_all(text.as_bytes());
}

/// Rows per second.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a figure for people"
)]
pub fn rate(rows: u64, elapsed: Duration) -> u64 {
    (rows as f64 / elapsed.as_secs_f64().max(0.001)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_fits_narrow_terminals_and_says_nothing_about_time_at_first() {
        let at = |percent, rows, seconds| text(percent, rows, rows, Duration::from_secs(seconds));
        assert_eq!(at(Some(0), 5000, 1), "0 %  5000 rows");
        assert_eq!(at(Some(7), 50_000, 5), "7 %  50000 rows  10000/s  5s");
        assert_eq!(at(None, 120, 61), "120 rows  1/s  1m 1s");
        // The time does not fit.
        assert_eq!(at(Some(100), 123_456_789, 3725), "100 %  123456789 rows  33142/s");
    }
}
