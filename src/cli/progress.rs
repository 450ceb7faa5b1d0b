//! How far a long command has got, on a terminal; elsewhere nothing.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// How often the line is drawn again while nothing is heard.
const TICK: Duration = Duration::from_millis(200);
const WITH_LENGTH: &str = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {msg}  {eta} left";
const WITHOUT_LENGTH: &str = "{spinner} {msg}  {elapsed}";

/// A line on stderr.
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
    /// Rows that were there before this run.
    before: u64,
}

impl Progress {
    /// `bytes` is the length of the input, if it is known; `before` how many rows an earlier run has seen to.
    pub fn new(bytes: Option<u64>, before: u64) -> Self {
        let bar = match bytes {
            _ if !stderr().is_terminal() => ProgressBar::hidden(),
            Some(bytes) => ProgressBar::new(bytes).with_style(style(WITH_LENGTH)),
            None => ProgressBar::new_spinner().with_style(style(WITHOUT_LENGTH)),
        };
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self {
            bar,
            begun: Instant::now(),
            before,
        }
    }

    /// None at all: where the output goes to the terminal the two would mix.
    pub fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            begun: Instant::now(),
            before: 0,
        }
    }

    /// `rows` are done, and `bytes` of the input, where that is what is measured.
    pub fn at(&self, rows: u64, bytes: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(bytes);
        let rate = rate(rows.saturating_sub(self.before), self.elapsed());
        self.bar
            .set_message(format!("{} rows, {}/s", HumanCount(rows), HumanCount(rate)));
    }

    /// Says something on stderr without mixing the two.
    pub fn suspend<T>(&self, say: impl FnOnce() -> T) -> T {
        self.bar.suspend(say)
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Rows in a second.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a figure for people"
)]
pub fn rate(rows: u64, elapsed: Duration) -> u64 {
    (rows as f64 / elapsed.as_secs_f64().max(0.001)) as u64
}

fn style(template: &str) -> ProgressStyle {
    // The templates are those above, which parse.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_parse() {
        for template in [WITH_LENGTH, WITHOUT_LENGTH] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
