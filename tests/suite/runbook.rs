//! docs/runbook.md has every alert, and every message that the log can hold at WARN or ERROR.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const RUNBOOK: &str = include_str!("../../docs/runbook.md");
const ALERTS: &str = include_str!("../../deploy/prometheus/task-status.rules.yml");
/// The macros that log at these levels.
const LOGS: [&str; 4] = [
    "tracing::warn!(",
    "tracing::error!(",
    "event!(warn,",
    "event!(error,",
];

#[test]
fn every_alert_has_a_section() {
    let names = ALERTS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: Vec<&str> = names.collect();
    let sections = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## "));
    let sections: Vec<&str> = sections.filter(|title| *title != "Messages of the log").collect();
    assert_eq!(sections, alerts);
}

#[test]
fn every_warning_and_error_of_the_log_has_a_row() {
    let mut logged = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut logged);
    let rows = RUNBOOK.lines().filter_map(|line| line.strip_prefix("| `"));
    let explained: BTreeSet<String> = rows
        .filter_map(|row| Some(row.split_once("` |")?.0.to_owned()))
        .collect();
    assert_eq!(explained, logged);
}

fn read(folder: &Path, logged: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, logged);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for log in LOGS {
            logged.extend(code.split(log).skip(1).map(message));
        }
    }
}

/// The message of a macro's arguments, which is the last string among them, with `…` for values.
fn message(arguments: &str) -> String {
    let (mut message, mut depth, mut rest) = (String::new(), 0, arguments.chars());
    while let Some(next) = rest.next() {
        match next {
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            '"' => {
                let string = string(&mut rest);
                if depth == 0 {
                    message = string;
                }
            }
            _ => {}
        }
    }
    message
}

/// The rest of a string literal.
fn string(rest: &mut std::str::Chars<'_>) -> String {
    let mut string = String::new();
    while let Some(next) = rest.next() {
        match next {
            '"' => break,
            '`' => {}
            '{' => {
                rest.find(|next| *next == '}');
                string.push('…');
            }
            // The line goes on.
            '\\' => {
                let line = rest.as_str().trim_start();
                *rest = line.chars();
            }
            next => string.push(next),
        }
    }
    string
}
