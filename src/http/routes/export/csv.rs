//! Tasks as CSV (RFC 4180).
//!
//! CSV is for spreadsheets, which take a cell that begins with a sign such as `=` for a formula, and texts of tasks come from
//! anywhere. So such a cell has an apostrophe in front, as OWASP recommends. So does a cell that begins with an apostrophe:
//! whoever removes one from the beginning of each cell that has one gets the exact texts back.

use std::borrow::Cow;

use crate::task::{TaskStatus, written};

/// The characters at the beginning of a cell that make it a formula in some spreadsheet or language, and the apostrophe.
const GUARDED: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\''];
/// Characters for which a cell is quoted. Spreadsheets of some languages separate cells by semicolons.
const QUOTED: [char; 6] = ['"', ',', ';', '\t', '\r', '\n'];

type Cell<'a> = Option<Cow<'a, str>>;

/// A name and a value.
type Column = (&'static str, fn(&TaskStatus) -> Cell<'_>);

/// The columns. Their names are those of JSON.
const COLUMNS: [Column; 20] = [
    ("id", |task| text(&task.id)),
    ("type", |task| text(task.r#type.name())),
    ("uniqueName", |task| text(&task.unique_name)),
    ("description", |task| text(&task.description)),
    ("parentName", |task| text(task.parent_name.as_ref()?)),
    ("launcher", |task| text(&task.launcher)),
    ("target.id", |task| text(&task.target.as_ref()?.id)),
    ("target.type", |task| text(task.target.as_ref()?.r#type?.name())),
    ("target.name", |task| text(&task.target.as_ref()?.name)),
    ("created", |task| Some(written(&task.created).into())),
    ("modified", |task| Some(written(&task.modified).into())),
    ("launched", |task| Some(written(&task.launched?).into())),
    ("completed", |task| Some(written(&task.completed?).into())),
    ("completionStatus", |task| text(task.completion_status?.name())),
    ("messages", |task| text(task.messages.get())),
    ("returns", |task| text(task.returns.get())),
    ("attributes", |task| text(task.attributes.get())),
    ("progress", |task| text(task.progress.as_ref()?)),
    ("percentComplete", |task| {
        Some(task.percent_complete.to_string().into())
    }),
    ("taskDefinitionSummary", |task| {
        let summary = task.task_definition_summary.as_ref()?;
        Some(serde_json::to_string(summary).ok()?.into())
    }),
];

#[expect(clippy::unnecessary_wraps, reason = "a cell may be empty")]
fn text(text: &str) -> Cell<'_> {
    Some(text.into())
}

/// The header row.
pub(super) fn header() -> Vec<u8> {
    let names = COLUMNS.map(|(name, _)| name);
    (names.join(",") + "\r\n").into()
}

/// Appends the row of a task.
pub(super) fn push(task: &TaskStatus, csv: &mut Vec<u8>) {
    for (index, (_, value)) in COLUMNS.iter().enumerate() {
        if index > 0 {
            csv.push(b',');
        }
        if let Some(value) = value(task) {
            push_cell(&value, csv);
        }
    }
    csv.extend(b"\r\n");
}

/// An empty text is quoted, unlike a missing one.
fn push_cell(text: &str, csv: &mut Vec<u8>) {
    let guard = if text.starts_with(GUARDED) { "'" } else { "" };
    if text.is_empty() || text.contains(QUOTED) {
        csv.push(b'"');
        csv.extend(guard.as_bytes());
        csv.extend(text.replace('"', "\"\"").as_bytes());
        csv.push(b'"');
    } else {
        csv.extend(guard.as_bytes());
        csv.extend(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        for (text, cell) in [
            ("", "\"\""),
            ("a b", "a b"),
            ("é😀", "é😀"),
            ("a,b", "\"a,b\""),
            ("a;b", "\"a;b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=1+1", "'=1+1"),
            (
                "=HYPERLINK(\"http://evil\",\"x\")",
                "\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\"",
            ),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("＝1", "'＝1"),
            ("'=1", "''=1"),
            ("a=1", "a=1"),
        ] {
            let mut csv = Vec::new();
            push_cell(text, &mut csv);
            assert_eq!(String::from_utf8(csv).as_deref(), Ok(cell));
        }
    }
}
