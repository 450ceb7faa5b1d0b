//! RESULTS.md: the figures as tables.

use std::fmt::Write;

use crate::contender::Contender;
use crate::data::DataSize;
use crate::figures::{Figures, median};
use crate::row::{Depth, Form, ROWS, Row};
use crate::target::{self, Target};
use crate::wrk::Load;

/// The subject of the tables.
#[derive(Debug)]
pub struct Circumstances {
    pub sizes: Vec<DataSize>,
    /// Names and values: the machine, versions, settings, the command line.
    pub facts: Vec<(&'static str, String)>,
    /// Whether this was a trial, whose figures mean nothing.
    pub is_trial: bool,
    /// Notes about missed targets, written by hand.
    pub notes: String,
    /// The file name of the chart.
    pub chart: &'static str,
}

/// The report.
pub fn markdown(figures: &Figures, about: &Circumstances) -> String {
    let mut text = String::new();
    text.push_str(
        "# How fast\n\nMade by `bench/run`, which overwrites this file; `bench/README.md` says what each row is and how the \
         comparison is kept fair.\nRatios are of one run: the median over its rounds of what was measured one after the \
         other.\n\n",
    );
    let _ = writeln!(
        text,
        "![The service as a multiple of the best peer]({})\n",
        about.chart
    );
    for (data, size) in about.sizes.iter().enumerate() {
        let _ = writeln!(text, "## {} pending of {} tasks\n", size.pending, size.all);
        targets(
            &mut text,
            "What was promised",
            &target::of_data_set(figures, data),
        );
        ratios(&mut text, figures, data);
        rates(&mut text, figures, data);
        latencies(&mut text, figures, data);
        cold(&mut text, figures, data);
        memory(&mut text, figures, data);
    }
    text.push_str("## All data sets\n\n");
    targets(
        &mut text,
        "What the triggers cost a writer",
        &target::of_writers(figures),
    );
    tax(&mut text, figures);
    targets(
        &mut text,
        "What ten times the history costs a request",
        &target::of_history(figures, &about.sizes),
    );
    if !about.notes.is_empty() {
        let _ = writeln!(text, "{}\n", about.notes.trim());
    }
    text.push_str("## On what\n\n");
    let facts = about
        .facts
        .iter()
        .map(|(name, value)| vec![(*name).to_owned(), value.clone()]);
    table(&mut text, &["what", "which"], facts);
    text
}

/// The table of targets, if any was measured.
fn targets(text: &mut String, title: &str, targets: &[Target]) {
    let measured: Vec<_> = targets.iter().filter(|target| target.figure.is_some()).collect();
    if measured.is_empty() {
        return;
    }
    let _ = writeln!(text, "### {title}\n");
    let rows = measured.iter().map(|target| {
        let verdict = if target.is_met() == Some(true) {
            "met"
        } else {
            "**missed**"
        };
        vec![
            target.what.clone(),
            target.shown(),
            target.wanted.to_string(),
            verdict.to_owned(),
        ]
    });
    table(text, &["", "is", "wanted", ""], rows);
}

/// The measured rows of a data set.
pub fn measured(figures: &Figures, data: usize) -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .filter(move |row| !figures.loads(data, row.key, Contender::Service).is_empty())
}

fn ratios(text: &mut String, figures: &Figures, data: usize) {
    let rows = measured(figures, data).map(|row| {
        let against = |other| times(figures.against(data, row.key, other));
        let best = figures.best_peer(data, row.key).map_or("none", Contender::name);
        let mut cells = vec![
            named(figures, data, row),
            times(figures.against_best(data, row.key, row.key)),
            best.to_owned(),
        ];
        cells.extend(Contender::ALL[1..].iter().map(|other| against(*other)));
        cells
    });
    let mut heads = vec!["the service as a multiple of", "the best peer", "which is"];
    heads.extend(Contender::ALL[1..].iter().map(|other| other.name()));
    section(text, "Ratios", &heads, rows.collect());
}

fn rates(text: &mut String, figures: &Figures, data: usize) {
    let rows = measured(figures, data).map(|row| {
        let mut cells = vec![named(figures, data, row)];
        cells.extend(Contender::ALL.map(|one| number(median(&figures.rates(data, row.key, one)), 0)));
        cells.push(
            figures
                .written(data, row.key)
                .map_or_else(String::new, |(least, most)| format!("{least:.0} to {most:.0}")),
        );
        cells
    });
    let mut heads = vec!["answers a second"];
    heads.extend(Contender::ALL.map(Contender::name));
    heads.push("writes a second");
    section(text, "Absolute figures", &heads, rows.collect());
}

fn latencies(text: &mut String, figures: &Figures, data: usize) {
    let serving = || {
        Contender::ALL
            .into_iter()
            .filter(|one| *one != Contender::Pgbench)
    };
    let rows = measured(figures, data).map(|row| {
        let mut cells = vec![row.title.to_owned()];
        cells.extend(serving().map(|one| {
            let of = |which: fn(&Load) -> Option<f64>| {
                let all: Vec<_> = figures
                    .loads(data, row.key, one)
                    .iter()
                    .filter_map(which)
                    .collect();
                number(median(&all), 1)
            };
            match (of(|load| load.p50), of(|load| load.p99)) {
                (p50, _) if p50.is_empty() => p50,
                (p50, p99) => format!("{p50} / {p99}"),
            }
        }));
        cells
    });
    let mut heads = vec!["p50 / p99 in ms"];
    heads.extend(serving().map(Contender::name));
    section(text, "Latency under that load", &heads, rows.collect());
}

fn cold(text: &mut String, figures: &Figures, data: usize) {
    let contenders = || {
        Contender::ALL
            .into_iter()
            .filter(|one| !matches!(one, Contender::Bare | Contender::Pgbench))
    };
    if figures.cold(data, Depth::First, Contender::Service).is_empty() {
        return;
    }
    let rows = Depth::ALL.map(|depth| {
        let mut cells = vec![format!("{} 250 tasks", depth.name())];
        cells.extend(contenders().map(|one| number(median(figures.cold(data, depth, one)), 2)));
        cells
    });
    let mut heads = vec!["ms, one connection, a write before each request"];
    heads.extend(contenders().map(Contender::name));
    section(text, "Cold pages", &heads, rows.into());
}

fn memory(text: &mut String, figures: &Figures, data: usize) {
    let mib = |kib: u64| format!("{}.{}", kib / 1024, kib % 1024 * 10 / 1024);
    let rows = Contender::ALL.into_iter().filter_map(|one| {
        let memory = figures.memory.get(&(data, one))?;
        let anywhere = memory
            .anywhere
            .map_or_else(String::new, |most| mib(most.proportional));
        let errors = if memory.errors == 0 {
            String::new()
        } else {
            format!(" ({} errors)", memory.errors)
        };
        Some(vec![
            format!("{}{errors}", one.name()),
            mib(memory.idle.proportional),
            mib(memory.same.proportional),
            anywhere,
            mib(memory.after.proportional),
            mib(memory.released.proportional),
            mib(memory
                .same
                .resident
                .max(memory.anywhere.map_or(0, |most| most.resident))),
        ])
    });
    let heads = [
        "MiB, PSS of all processes",
        "after the start",
        "1000 connections, one page",
        "1000 connections, all pages",
        "afterwards",
        "a minute later",
        "RSS at most",
    ];
    section(text, "Memory", &heads, rows.collect());
}

fn tax(text: &mut String, figures: &Figures) {
    let rows = [true, false].into_iter().filter_map(|flushed| {
        let turns = || figures.tax.iter().filter(move |turn| turn.flushed == flushed);
        let of = |which: fn(&crate::tax::Turn) -> f64| median(&turns().map(which).collect::<Vec<_>>());
        let each: Vec<_> = turns()
            .map(|turn| format!("{:.2}", turn.with / turn.without))
            .collect();
        Some(vec![
            if flushed { "waits for the disk" } else { "does not" }.to_owned(),
            number(Some(of(|turn| turn.with)?), 0),
            number(of(|turn| turn.without), 0),
            each.join(", "),
        ])
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        table(
            text,
            &["commit", "writes a second with", "without", "ratio of each round"],
            rows.into_iter(),
        );
    }
}

/// The title of a row, with a mark if there were errors.
fn named(figures: &Figures, data: usize, row: &Row) -> String {
    let errors = figures.errors(data, row.key);
    let note = if row.form == Form::NotModified {
        " (no peer has it)"
    } else {
        ""
    };
    if errors == 0 {
        format!("{}{note}", row.title)
    } else {
        format!("{}{note} **({errors} errors)**", row.title)
    }
}

fn section(text: &mut String, title: &str, heads: &[&str], rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        let _ = writeln!(text, "### {title}\n");
        table(text, heads, rows.into_iter());
    }
}

fn table(text: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let _ = writeln!(
        text,
        "| {} |\n|{}",
        heads.join(" | "),
        " --- |".repeat(heads.len())
    );
    for cells in rows {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

fn times(ratio: Option<f64>) -> String {
    match ratio {
        Some(ratio) if ratio >= 10.0 => format!("{ratio:.1}x"),
        Some(ratio) => format!("{ratio:.2}x"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(rate: f64) -> Load {
        Load {
            rate,
            p50: Some(1.0),
            p99: Some(2.0),
            errors: 0,
        }
    }

    #[test]
    fn only_measured_rows_are_reported_and_misses_are_marked() {
        let mut figures = Figures::default();
        figures.add_load(0, "250-count", Contender::Service, load(100.0));
        figures.add_load(0, "250-count", Contender::FastApi, load(10.0));
        let about = Circumstances {
            sizes: vec![DataSize {
                pending: 1000,
                all: 2000,
            }],
            facts: vec![("date", "today".to_owned())],
            is_trial: false,
            notes: "## Notes\n\nby hand".to_owned(),
            chart: "ratios.svg",
        };
        let text = markdown(&figures, &about);
        assert!(
            text.contains("250 tasks, counted, against the best peer | 10.00x | at least 15x | **missed**"),
            "{text}"
        );
        assert!(
            text.contains("by hand") && text.contains("| date | today |"),
            "{text}"
        );
        assert!(
            !text.contains("10 tasks") && !text.contains("Cold") && !text.contains("history costs"),
            "{text}"
        );
    }
}
