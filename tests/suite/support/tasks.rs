//! A default task in each form that tests write or read.

/// A report without an id, which is in the target.
pub const REPORT: &str = r#"{"type":"QPOC","uniqueName":"n","launcher":"l"}"#;

/// The keys of a task in the order of the reference, each with its default as JSON. Keys without a default are omitted.
const DEFAULTS: [(&str, &str); 18] = [
    ("id", ""),
    ("type", r#""QPOC""#),
    ("uniqueName", r#""n""#),
    ("description", r#""""#),
    ("parentName", "null"),
    ("launcher", r#""l""#),
    ("target", "null"),
    ("created", ""),
    ("modified", ""),
    ("launched", "null"),
    ("completed", "null"),
    ("completionStatus", "null"),
    ("messages", "[]"),
    ("returns", "[]"),
    ("attributes", "{}"),
    ("progress", "null"),
    ("percentComplete", "0"),
    ("taskDefinitionSummary", ""),
];

/// A task in a response: the defaults except for these keys.
pub fn body(changed: &[(&str, &str)]) -> String {
    let members: Vec<String> = DEFAULTS
        .iter()
        .map(|(key, default)| {
            let changed = changed.iter().find(|(changed, _)| changed == key);
            (key, changed.map_or(*default, |(_, value)| value))
        })
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!(r#""{key}":{value}"#))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// SQL that inserts pending tasks with these ids.
pub fn insert(ids: &[&str]) -> String {
    let rows: Vec<String> = ids
        .iter()
        .map(|id| format!("('{id}', 'QPOC', 'n', 'l')"))
        .collect();
    let rows = rows.join(", ");
    format!("insert into task_status (id, type, unique_name, launcher) values {rows}")
}

/// SQL that inserts pending tasks. Their ids and times of creation after 2026-01-01 are expressions of `n`.
pub fn insert_many(number: usize, id: &str, created: &str) -> String {
    format!(
        "insert into task_status (id, type, unique_name, launcher, created)
         select {id}, 'QPOC', 'n', 'l', timestamptz '2026-01-01Z' + {created} from generate_series(1, {number}) n"
    )
}
