//! A default task in each form that tests write or read.

/// A report without an id, which is in the target.
pub const REPORT: &str = r#"{"type":"QPOC","uniqueName":"n","launcher":"l"}"#;

/// The keys of a task in the order of the reference, each with its default and another value as JSON. A key with an empty
/// default is omitted. A new field is added here.
const KEYS: [(&str, &str, &str); 18] = [
    ("id", "", r#""every/thing é""#),
    ("type", r#""QPOC""#, r#""QUEUED_TASK""#),
    ("uniqueName", r#""n""#, r#""U""#),
    ("description", r#""""#, r#""D""#),
    ("parentName", "null", r#""P""#),
    ("launcher", r#""l""#, r#""L""#),
    ("target", "null", r#"{"id":"t","type":"IDENTITY","name":"T"}"#),
    ("created", "", r#""2026-01-01T00:00:00.001Z""#),
    ("modified", "", r#""2026-01-02T00:00:00.002Z""#),
    ("launched", "null", r#""2026-01-01T12:00:00.000Z""#),
    ("completed", "null", r#""2026-01-02T00:00:00.000Z""#),
    ("completionStatus", "null", r#""TEMPERROR""#),
    (
        "messages",
        "[]",
        r#"[{"type":"WARN","localizedText":{"locale":"fr","message":"é"},"key":"k","parameters":["s",{"a":[1]}]}]"#,
    ),
    ("returns", "[]", r#"[{"name":"n","attributeName":"a"}]"#),
    (
        "attributes",
        "{}",
        r#"{"big":12345678901234567890,"list":[null,true,-0.5],"object":{"\ud83d\ude00":"\\\""}}"#,
    ),
    ("progress", "null", r#""p""#),
    ("percentComplete", "0", "99"),
    (
        "taskDefinitionSummary",
        "",
        r#"{"id":"i","uniqueName":"u","description":null,"parentName":"p","executor":null,"arguments":{"x":1.50}}"#,
    ),
];

/// A task in a response: the defaults except for these keys.
pub fn body(changed: &[(&str, &str)]) -> String {
    members(|key, default, _| {
        let changed = changed.iter().find(|(changed, _)| *changed == key);
        changed.map_or(default, |(_, value)| value)
    })
}

/// A task with a value in every field.
pub fn whole() -> String {
    members(|_, _, value| value)
}

fn members<'a>(value: impl Fn(&'static str, &'static str, &'static str) -> &'a str) -> String {
    let members: Vec<String> = KEYS
        .iter()
        .map(|(key, default, whole)| (key, value(key, default, whole)))
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
