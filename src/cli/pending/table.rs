//! Tasks as a table for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The fields of a task that the table shows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    id: String,
    unique_name: String,
    #[serde(rename = "type")]
    kind: String,
    target: Option<Target>,
    launcher: String,
    created: DateTime<Utc>,
    modified: DateTime<Utc>,
    percent_complete: i64,
    progress: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: Option<String>,
}

/// The columns; the last one goes if it does not fit whole.
const HEADER: [&str; 9] = [
    "AGE", "SEEN", "TYPE", "NAME", "TARGET", "LAUNCHER", "DONE", "PROGRESS", "ID",
];
/// Between columns.
const GAP: usize = 2;
/// The narrowest column.
const MIN_WIDTH: usize = 4;

/// A table whose columns stay where they are.
pub struct Table {
    widths: [usize; HEADER.len()],
    columns: usize,
    /// Whether cells are cut to the width of their column.
    is_fitted: bool,
    has_header: bool,
}

impl Table {
    /// A table with columns for these tasks, as wide as the terminal at most.
    pub fn of(tasks: &[Task], at: DateTime<Utc>, width: Option<usize>) -> Self {
        let mut widths = HEADER.map(|name| name.len().max(MIN_WIDTH));
        for task in tasks {
            for (width, cell) in widths.iter_mut().zip(task.row(at)) {
                *width = cell.width().max(*width);
            }
        }
        Self {
            columns: width.map_or(widths.len(), |width| fitted(&mut widths, width)),
            widths,
            is_fitted: width.is_some(),
            has_header: false,
        }
    }

    /// The rows of tasks, and at first the header.
    pub fn draw(&mut self, tasks: &[Task], at: DateTime<Utc>) -> String {
        let header = (!std::mem::replace(&mut self.has_header, true)).then(|| HEADER.map(ToOwned::to_owned));
        let rows = header.into_iter().chain(tasks.iter().map(|task| task.row(at)));
        rows.fold(String::new(), |mut text, row| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(self.widths).take(self.columns) {
                let cell = if self.is_fitted {
                    fit(cell, width)
                } else {
                    cell.into()
                };
                let room = (width + GAP).saturating_sub(cell.width()).max(GAP);
                let _ = write!(line, "{cell}{}", " ".repeat(room));
            }
            let _ = writeln!(text, "{}", line.trim_end());
            text
        })
    }
}

/// Narrows the widest columns until all fit. Returns the number of columns to draw.
fn fitted(widths: &mut [usize; HEADER.len()], width: usize) -> usize {
    let taken = |widths: &[usize]| widths.iter().map(|width| width + GAP).sum::<usize>() - GAP;
    let all = widths.len();
    if taken(widths) <= width {
        return all;
    }
    let widths = &mut widths[..all - 1];
    while taken(widths) > width
        && let Some(widest) = widths.iter_mut().max()
        && *widest > MIN_WIDTH
    {
        *widest -= 1;
    }
    all - 1
}

impl Task {
    fn row(&self, at: DateTime<Utc>) -> [String; HEADER.len()] {
        let target = self.target.as_ref().and_then(|target| target.name.as_deref());
        [
            age(at - self.created),
            age(at - self.modified),
            self.kind.clone(),
            self.unique_name.clone(),
            target.unwrap_or_default().to_owned(),
            self.launcher.clone(),
            format!("{} %", self.percent_complete),
            self.progress.clone().unwrap_or_default(),
            self.id.clone(),
        ]
        .map(|cell| harmless(&cell).into_owned())
    }
}

/// A length of time in its largest unit that has two of them.
fn age(age: TimeDelta) -> String {
    match age.num_seconds().max(0) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds @ 7200..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// The beginning of a text that has room in this many columns.
pub fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut taken = 1;
    let room = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken <= width
    };
    text.chars()
        .take_while(room)
        .chain(['…'])
        .collect::<String>()
        .into()
}

/// A text that does nothing to a terminal: control characters, and those that turn the direction of what follows, become
/// escapes. They are the same escapes as in JSON, so that a JSON text stays equal.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(acts) {
        return text.into();
    }
    let escaped = text
        .chars()
        .fold(String::with_capacity(text.len()), |mut escaped, c| {
            if acts(c) {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            } else {
                escaped.push(c);
            }
            escaped
        });
    escaped.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(name: &str, progress: &str) -> Task {
        let task = json!({
            "id": "0123456789abcdef", "uniqueName": name, "type": "QUARTZ", "target": null, "launcher": "sweep",
            "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T01:59:00Z", "percentComplete": 7,
            "progress": progress,
        });
        serde_json::from_value(task).expect("a task")
    }

    fn drawn(tasks: &[Task], width: Option<usize>) -> Vec<String> {
        let at = "2026-01-01T02:00:00Z".parse().expect("a time");
        Table::of(tasks, at, width)
            .draw(tasks, at)
            .lines()
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn a_table_fits_its_terminal() {
        let tasks = [
            task("Nightly backup of everything", "Copying"),
            task("身份刷新", ""),
        ];
        assert_eq!(
            drawn(&tasks, None),
            [
                "AGE   SEEN  TYPE    NAME                          TARGET  LAUNCHER  DONE  PROGRESS  ID",
                "2h    60s   QUARTZ  Nightly backup of everything          sweep     7 %   Copying   0123456789abcdef",
                "2h    60s   QUARTZ  身份刷新                              sweep     7 %             0123456789abcdef",
            ]
        );
        assert_eq!(
            drawn(&tasks, Some(70)),
            [
                "AGE   SEEN  TYPE    NAME              TARGET  LAUNCHER  DONE  PROGRESS",
                "2h    60s   QUARTZ  Nightly backup …          sweep     7 %   Copying",
                "2h    60s   QUARTZ  身份刷新                  sweep     7 %",
            ]
        );
        for width in [1, 40, 60, 79, 80, 120] {
            let widest = drawn(&tasks, Some(width)).iter().map(|line| line.width()).max();
            assert!(widest <= Some(width.max(46)), "{width}: {widest:?}");
        }
    }

    #[test]
    fn nothing_in_a_task_acts_on_the_terminal() {
        let hostile = task("\u{1b}]0;title\u{7}\n\u{9b}2J", "\u{202e}txt");
        let lines = drawn(&[hostile], None);
        assert_eq!(lines.len(), 2);
        assert!(
            lines[1].contains(r"\u001b]0;title\u0007\u000a\u009b2J"),
            "{}",
            lines[1]
        );
        assert!(lines[1].contains(r"\u202etxt"), "{}", lines[1]);
        // Of JSON the meaning stays.
        let value = json!({ "a": "\u{9b}\u{7f}\u{202e}é" });
        let text = value.to_string();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&harmless(&text)).ok(),
            Some(value)
        );
    }
}
