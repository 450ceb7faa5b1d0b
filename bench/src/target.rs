//! The targets, and whether they are met.

use crate::contender::Contender;
use crate::data::DataSize;
use crate::figures::{Figures, median, ratio};
use crate::row::{Depth, ROWS, Row};

/// A target.
#[derive(Debug, Clone)]
pub struct Target {
    pub what: String,
    pub wanted: Wanted,
    /// `None` if it was not measured.
    pub figure: Option<f64>,
}

/// The bound of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// A multiple.
    AtLeast(f64),
    /// A multiple.
    AtMost(f64),
    /// MiB.
    AtMostMib(f64),
    /// Milliseconds.
    AtMostMillis(f64),
}

impl Target {
    /// Whether it is met.
    pub fn is_met(&self) -> Option<bool> {
        self.figure.map(|figure| match self.wanted {
            Wanted::AtLeast(least) => figure >= least,
            Wanted::AtMost(most) | Wanted::AtMostMib(most) | Wanted::AtMostMillis(most) => figure <= most,
        })
    }

    /// The figure, rounded to the unfavourable side.
    pub fn shown(&self) -> String {
        let Some(figure) = self.figure else {
            return "not measured".to_owned();
        };
        match self.wanted {
            Wanted::AtLeast(_) => format!("{:.2}x", (figure * 100.0).floor() / 100.0),
            Wanted::AtMost(_) => format!("{:.2}x", (figure * 100.0).ceil() / 100.0),
            Wanted::AtMostMib(_) => format!("{:.1} MiB", (figure * 10.0).ceil() / 10.0),
            Wanted::AtMostMillis(_) => format!("{:.0} ms", figure.ceil()),
        }
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(formatter, "at least {least}x"),
            Self::AtMost(most) => write!(formatter, "at most {most}x"),
            Self::AtMostMib(most) => write!(formatter, "at most {most} MiB"),
            Self::AtMostMillis(most) => write!(formatter, "at most {most} ms"),
        }
    }
}

/// The targets of one data set.
pub fn of_data_set(figures: &Figures, data: usize) -> Vec<Target> {
    let target = |what: &str, wanted, figure| Target {
        what: what.to_owned(),
        wanted,
        figure,
    };
    let best = |row| figures.against_best(data, row, row);
    let bare = |row| figures.against(data, row, Contender::Bare);
    let rates = |row| figures.rates(data, row, Contender::Service);
    let cold = |depth| figures.cold(data, depth, Contender::Service);
    let waiters = figures.waiters.get(&data).map_or(&[][..], Vec::as_slice);
    vec![
        target(
            "250 tasks, counted, against the best peer",
            Wanted::AtLeast(15.0),
            best("250-count"),
        ),
        target(
            "250 tasks, counted, against the static handler",
            Wanted::AtLeast(0.8),
            bare("250-count"),
        ),
        target(
            "10 tasks, counted, against the best peer",
            Wanted::AtLeast(30.0),
            best("10-count"),
        ),
        target(
            "10 tasks, counted, against the static handler",
            Wanted::AtLeast(0.5),
            bare("10-count"),
        ),
        target("304 against the bare handler", Wanted::AtLeast(0.5), bare("304")),
        target(
            "counted against not counted, 250 tasks",
            Wanted::AtLeast(0.95),
            ratio(&rates("250-count"), &rates("250")),
        ),
        target(
            "counted against not counted, 10 tasks",
            Wanted::AtLeast(0.95),
            ratio(&rates("10-count"), &rates("10")),
        ),
        target(
            "the last page against the first, warm, 250 tasks",
            Wanted::AtLeast(0.95),
            ratio(&rates("250-last"), &rates("250")),
        ),
        target(
            "the last page against the first, warm, 10 tasks",
            Wanted::AtLeast(0.95),
            ratio(&rates("10-last"), &rates("10")),
        ),
        target(
            "latency of the last page against the first, cold",
            Wanted::AtMost(2.0),
            ratio(cold(Depth::Last), cold(Depth::First)),
        ),
        target(
            "250 tasks, counted, during 500 writes/s, against the best peer at rest",
            Wanted::AtLeast(5.0),
            figures.against_best(data, "writes-500", "250-count"),
        ),
        target(
            "the same, all writes to this page",
            Wanted::AtLeast(5.0),
            figures.against_best(data, "hostile-500", "250-count"),
        ),
        target(
            "10 tasks, counted, during 500 writes/s, against the best peer at rest",
            Wanted::AtLeast(5.0),
            figures.against_best(data, "10-writes-500", "10-count"),
        ),
        target(
            "the same, all writes to this page",
            Wanted::AtLeast(5.0),
            figures.against_best(data, "10-hostile-500", "10-count"),
        ),
        target(
            "resident, 1000 connections ask for one page",
            Wanted::AtMostMib(64.0),
            memory(figures, data, false),
        ),
        target(
            "the same, for pages all over the list, with 32 MiB for them",
            Wanted::AtMostMib(64.0 + 32.0),
            memory(figures, data, true),
        ),
        target(
            "a change answers all long polls of a page, median",
            Wanted::AtMostMillis(250.0),
            median(waiters),
        ),
        target(
            "the same, the slowest",
            Wanted::AtMostMillis(250.0),
            waiters.iter().copied().reduce(f64::max),
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
fn memory(figures: &Figures, data: usize, anywhere: bool) -> Option<f64> {
    let memory = figures.memory.get(&(data, Contender::Service))?;
    let most = if anywhere { memory.anywhere? } else { memory.same };
    Some(most.resident as f64 / 1024.0)
}

/// The targets of writers.
pub fn of_writers(figures: &Figures) -> Vec<Target> {
    [("waits for", true), ("does not wait for", false)]
        .map(|(waits, flushed)| Target {
            what: format!("writes with the triggers against without, commit {waits} the disk"),
            wanted: Wanted::AtLeast(0.85),
            figure: figures.tax(flushed),
        })
        .into()
}

/// The targets of ten times the history: the additional cost of a request.
pub fn of_history(figures: &Figures, sizes: &[DataSize]) -> Vec<Target> {
    pairs(sizes)
        .into_iter()
        .flat_map(|(small, large)| {
            let target = move |title: &str, figure| Target {
                what: format!(
                    "{title}: {} against {} tasks in all",
                    sizes[large].all, sizes[small].all
                ),
                wanted: Wanted::AtMost(1.1),
                figure,
            };
            let warm = move |row: &Row| {
                let figure = figures.growth(row.key, Contender::Service, large, small);
                target(row.title, figure)
            };
            let cold = move |depth: Depth| {
                let millis = |data| figures.cold(data, depth, Contender::Service);
                target(
                    &format!("{} page, cold", depth.name()),
                    ratio(millis(large), millis(small)),
                )
            };
            ROWS.iter().map(warm).chain(Depth::ALL.into_iter().map(cold))
        })
        .collect()
}

/// Data sets with the same number pending and ten times the history.
fn pairs(sizes: &[DataSize]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (small, one) in sizes.iter().enumerate() {
        for (large, other) in sizes.iter().enumerate() {
            if one.pending == other.pending && other.all == one.all * 10 {
                pairs.push((small, large));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(wanted: Wanted, figure: f64) -> Target {
        Target {
            what: String::new(),
            wanted,
            figure: Some(figure),
        }
    }

    #[test]
    fn a_narrow_miss_is_not_rounded_to_a_pass() {
        let least = target(Wanted::AtLeast(0.8), 0.7999);
        assert_eq!((least.is_met(), least.shown()), (Some(false), "0.79x".to_owned()));
        let most = target(Wanted::AtMostMib(64.0), 64.01);
        assert_eq!(
            (most.is_met(), most.shown()),
            (Some(false), "64.1 MiB".to_owned())
        );
        assert_eq!(target(Wanted::AtMost(2.0), 2.0).is_met(), Some(true));
    }

    #[test]
    fn ten_times_the_history_has_the_same_number_pending() {
        let size = |pending, all| DataSize { pending, all };
        let sizes = [size(100, 10_000), size(1000, 100_000), size(100, 100_000)];
        assert_eq!(pairs(&sizes), [(0, 2)]);
    }
}
