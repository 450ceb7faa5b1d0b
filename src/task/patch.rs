//! Changes a task status by JSON Patch (RFC 6902), whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{
    AddOperation, CopyOperation, MoveOperation, Patch, PatchErrorKind, PatchOperation, RemoveOperation,
    ReplaceOperation, TestOperation,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{CompletionStatus, TaskStatus, limits, report};
use crate::cause::Cause;

/// What a patch may change, and whatever is below. `modified` is the server's; the rest is what the task *is*.
pub const MUTABLE: [&str; 10] = [
    "completionStatus",
    "completed",
    "launched",
    "messages",
    "returns",
    "attributes",
    "progress",
    "percentComplete",
    "description",
    "target",
];
/// The most operations of one patch.
pub const MAX_OPERATIONS: usize = 100;

/// A patch that names only what may be changed.
#[derive(Debug, Clone)]
pub struct TaskPatch(Patch);

impl TaskPatch {
    /// Reads a patch.
    ///
    /// # Errors
    /// It is no array of operations, or an operation would change what is immutable: one cause for each.
    pub fn read(value: Value) -> Result<Self, Vec<Cause>> {
        let Value::Array(operations) = value else {
            return Err(vec![Cause::NotAnArray {
                pointer: String::new(),
            }]);
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(vec![Cause::TooManyItems {
                pointer: String::new(),
                limit: MAX_OPERATIONS,
            }]);
        }
        let mut causes = Vec::new();
        let mut patch = Vec::new();
        for (index, operation) in operations.into_iter().enumerate() {
            match read_operation(operation) {
                Some(operation) => {
                    for pointer in changed(&operation)
                        .into_iter()
                        .filter(|pointer| !is_mutable(pointer))
                    {
                        causes.push(Cause::Immutable {
                            pointer: pointer.to_string(),
                            allowed: MUTABLE.map(|name| format!("/{name}")).join(", "),
                        });
                    }
                    patch.push(operation);
                }
                None => causes.push(Cause::NotAPatchOperation {
                    pointer: format!("/{index}"),
                }),
            }
        }
        if causes.is_empty() {
            Ok(Self(Patch(patch)))
        } else {
            Err(causes)
        }
    }

    /// The task as the patch leaves it, modified `now` unless it has a later sign of life. What the patch does not name
    /// stays as it is, to the byte.
    ///
    /// # Errors
    /// An operation's target is not there, a `test` fails, or the outcome is no task.
    pub fn apply(&self, task: &TaskStatus, now: DateTime<Utc>) -> Result<TaskStatus, Vec<Cause>> {
        let named: BTreeSet<&str> = self.0.iter().flat_map(pointers).map(first_token).collect();
        let mut document = members(task, &named).map_err(|cause| vec![cause])?;
        let mut copied = 0;
        for operation in &self.0.0 {
            if let PatchOperation::Copy(copy) = operation {
                // A copy of what holds earlier copies doubles the document with every operation.
                copied += copy
                    .from
                    .resolve(&document)
                    .map_or(0, |source| source.to_string().len());
                if copied > limits::JSON_BYTES {
                    let pointer = copy.path.to_string();
                    return Err(vec![Cause::JsonTooLarge {
                        pointer,
                        limit: limits::JSON_BYTES,
                    }]);
                }
            }
            json_patch::patch(&mut document, std::slice::from_ref(operation)).map_err(|error| {
                let pointer = error.path.to_string();
                vec![match error.kind {
                    PatchErrorKind::TestFailed => Cause::TestFailed { pointer },
                    _ => Cause::PatchTargetMissing { pointer },
                }]
            })?;
        }
        let changed: BTreeSet<&str> = self.0.iter().flat_map(changed).map(first_token).collect();
        merged(task, document, &changed, now)
    }
}

/// The members of a task that a patch names, with those that every task has and those that end it.
fn members(task: &TaskStatus, named: &BTreeSet<&str>) -> Result<Value, Cause> {
    const ALWAYS: [&str; 6] = [
        "id",
        "type",
        "uniqueName",
        "launcher",
        "completionStatus",
        "completed",
    ];
    // The empty token is the whole task.
    let whole = named.contains("");
    // A task that came from the table can be written as JSON, and its members read as they stand.
    let wire = serde_json::to_string(task).unwrap_or_default();
    let raw: BTreeMap<&str, &RawValue> = serde_json::from_str(&wire).unwrap_or_default();
    raw.into_iter()
        .filter(|(key, _)| whole || named.contains(key) || ALWAYS.contains(key))
        .map(|(key, raw)| match serde_json::from_str(raw.get()) {
            Ok(value) => Ok((key.to_owned(), value)),
            // Nested deeper than is read: it can be kept, and not be patched.
            Err(_) => Err(Cause::JsonTooLarge {
                pointer: format!("/{key}"),
                limit: limits::JSON_BYTES,
            }),
        })
        .collect::<Result<serde_json::Map<_, _>, _>>()
        .map(Value::Object)
}

/// The task with the members that were changed, which are checked as those of a report.
fn merged(
    task: &TaskStatus,
    document: Value,
    changed: &BTreeSet<&str>,
    now: DateTime<Utc>,
) -> Result<TaskStatus, Vec<Cause>> {
    const ENDS: [&str; 2] = ["completionStatus", "completed"];
    // The names are not the patch's to change, so they need not satisfy what a report must.
    let mut report = json!({ "id": "-", "type": "QUARTZ", "uniqueName": "", "launcher": "" });
    if let Value::Object(members) = document {
        for (key, value) in members {
            if changed.contains(key.as_str()) || ENDS.contains(&key.as_str()) {
                report[key] = value;
            }
        }
    }
    let read = report::read(&report, None, now)?;
    let mut patched = task.clone();
    patched.modified = task.modified.max(now);
    patched.completion_status = read.completion_status;
    patched.completed = read.completed;
    for key in changed {
        match *key {
            "launched" => patched.launched = read.launched,
            "messages" => patched.messages.clone_from(&read.messages),
            "returns" => patched.returns.clone_from(&read.returns),
            "attributes" => patched.attributes.clone_from(&read.attributes),
            "progress" => patched.progress.clone_from(&read.progress),
            "percentComplete" => patched.percent_complete = read.percent_complete,
            "description" => patched.description.clone_from(&read.description),
            "target" => patched.target.clone_from(&read.target),
            // Those that end the task are above, and no others are mutable.
            _ => {}
        }
    }
    Ok(patched)
}

/// Reads a patch that completes a task and does nothing else, as the documented way to clear one does: the status, and
/// the time if there is one.
///
/// # Errors
/// It is no such patch.
pub fn completion(content: Value) -> Result<(CompletionStatus, Option<DateTime<Utc>>), Vec<Cause>> {
    const ALLOWED: [&str; 2] = ["/completionStatus", "/completed"];
    let TaskPatch(patch) = TaskPatch::read(content)?;
    // Read as the members of a task, of which only these two matter.
    let mut members = json!({ "id": "-", "type": "QUARTZ", "uniqueName": "", "launcher": "" });
    let mut causes = Vec::new();
    for operation in patch.0 {
        let (path, value) = match operation {
            PatchOperation::Add(operation) => (operation.path, operation.value),
            PatchOperation::Replace(operation) => (operation.path, operation.value),
            other => (other.path().to_buf(), Value::Null),
        };
        match ALLOWED.iter().find(|allowed| **allowed == path.as_str()) {
            Some(allowed) if !value.is_null() => members[&allowed[1..]] = value,
            _ => causes.push(Cause::Immutable {
                pointer: path.to_string(),
                allowed: ALLOWED.join(", "),
            }),
        }
    }
    if !causes.is_empty() {
        return Err(causes);
    }
    let timed = members.get("completed").is_some();
    let completed = report::read(&members, None, Utc::now())?;
    let status = completed.completion_status.ok_or_else(|| {
        vec![Cause::FieldRequired {
            pointer: ALLOWED[0].to_owned(),
        }]
    })?;
    Ok((status, completed.completed.filter(|_| timed)))
}

/// Reads an operation, without what it has beyond the standard. By hand, because serde reads a choice by the value of a
/// member through a buffer that has no place for integers beyond 64 bits.
fn read_operation(value: Value) -> Option<PatchOperation> {
    let Value::Object(mut members) = value else {
        return None;
    };
    let pointer = |key: &str| PointerBuf::parse(members.get(key)?.as_str()?).ok();
    let (from, path) = (pointer("from"), pointer("path")?);
    let value = members.remove("value");
    let operation = match members.get("op")?.as_str()? {
        "add" => PatchOperation::Add(AddOperation { path, value: value? }),
        "remove" => PatchOperation::Remove(RemoveOperation { path }),
        "replace" => PatchOperation::Replace(ReplaceOperation { path, value: value? }),
        "move" => PatchOperation::Move(MoveOperation { from: from?, path }),
        "copy" => PatchOperation::Copy(CopyOperation { from: from?, path }),
        "test" => PatchOperation::Test(TestOperation { path, value: value? }),
        _ => return None,
    };
    Some(operation)
}

/// The places that an operation changes.
fn changed(operation: &PatchOperation) -> Vec<&Pointer> {
    match operation {
        PatchOperation::Test(_) => vec![],
        PatchOperation::Move(operation) => vec![&operation.from, &operation.path],
        _ => vec![operation.path()],
    }
}

/// The places that an operation refers to.
fn pointers(operation: &PatchOperation) -> Vec<&Pointer> {
    match operation {
        PatchOperation::Move(operation) => vec![&operation.from, &operation.path],
        PatchOperation::Copy(operation) => vec![&operation.from, &operation.path],
        _ => vec![operation.path()],
    }
}

/// The name of the member that a place is in; empty for the whole task. No member's name needs an escape.
fn first_token(pointer: &Pointer) -> &str {
    pointer.as_str().split('/').nth(1).unwrap_or_default()
}

fn is_mutable(pointer: &Pointer) -> bool {
    pointer
        .first()
        .is_some_and(|token| MUTABLE.contains(&token.decoded().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> TaskStatus {
        let value = json!({
            "id": "a", "type": "QUARTZ", "uniqueName": "n", "launcher": "l", "created": "2026-01-01T00:00:00Z",
            "modified": "2026-01-01T00:00:00Z", "attributes": { "a/b": 1 }
        });
        report::read(&value, None, now()).expect("a task")
    }

    fn now() -> DateTime<Utc> {
        report::time("2026-02-03T04:05:06.789Z").expect("a time")
    }

    fn apply(patch: Value) -> Result<Value, Vec<Cause>> {
        let patched = TaskPatch::read(patch)?.apply(&task(), now())?;
        Ok(serde_json::to_value(&patched).expect("JSON"))
    }

    #[test]
    fn the_documented_way_to_clear_a_pending_task_works_to_the_letter() {
        let cleared = apply(json!([
            { "op": "replace", "path": "/completionStatus", "value": "Error" },
            { "op": "replace", "path": "/completed", "value": "2024-05-17T19:33:16.470Z" }
        ]))
        .expect("a task");
        assert_eq!(cleared["completionStatus"], "ERROR");
        assert_eq!(cleared["completed"], "2024-05-17T19:33:16.470Z");
        assert_eq!(cleared["modified"], "2026-02-03T04:05:06.789Z");
        assert_eq!(cleared["created"], "2026-01-01T00:00:00.000Z");
        assert_eq!(cleared["percentComplete"], 0);
    }

    #[test]
    fn below_what_is_mutable_everything_is() {
        let patched = apply(json!([
            { "op": "test", "path": "/id", "value": "a" },
            { "op": "copy", "from": "/uniqueName", "path": "/progress" },
            { "op": "move", "from": "/attributes/a~1b", "path": "/attributes/c" },
            { "op": "add", "path": "/messages/-", "value": { "type": "info", "key": "k" } },
            { "op": "remove", "path": "/description" }
        ]))
        .expect("a task");
        assert_eq!(patched["progress"], "n");
        assert_eq!(patched["attributes"], json!({ "c": 1 }));
        assert_eq!(
            patched["messages"],
            json!([{ "type": "INFO", "localizedText": null, "key": "k", "parameters": null }])
        );
        assert_eq!(patched["description"], "");
    }

    #[test]
    fn numbers_of_any_length_are_taken_wherever_they_stand() {
        let patch = r#"[{ "op": "add", "path": "/attributes/n", "value": [23086171647905911275520, 1e30], "x": 99999999999999999999 }]"#;
        let patched = apply(serde_json::from_str(patch).expect("JSON")).expect("a task");
        assert_eq!(
            patched["attributes"]["n"][0].to_string(),
            "23086171647905911275520"
        );
    }

    #[test]
    fn what_is_immutable_stays() {
        for path in [
            "",
            "/",
            "/id",
            "/type",
            "/created",
            "/modified",
            "/launcher",
            "/uniqueName",
            "/attributesX",
            "/taskDefinitionSummary/id",
        ] {
            for operation in [
                json!({ "op": "replace", "path": path, "value": "x" }),
                json!({ "op": "remove", "path": path }),
                json!({ "op": "move", "from": path, "path": "/attributes/x" }),
                json!({ "op": "copy", "from": "/progress", "path": path }),
            ] {
                let causes = apply(json!([operation])).expect_err("a cause");
                assert!(
                    matches!(&causes[..], [Cause::Immutable { pointer, .. }] if pointer == path),
                    "{causes:?}"
                );
            }
        }
    }

    #[test]
    fn a_failed_test_and_a_missing_target_are_told_apart() {
        let failed = apply(json!([{ "op": "test", "path": "/progress", "value": "x" }]));
        assert_eq!(
            failed.expect_err("a cause"),
            [Cause::TestFailed {
                pointer: "/progress".to_owned()
            }]
        );
        let missing = apply(json!([{ "op": "remove", "path": "/attributes/x" }]));
        assert_eq!(
            missing.expect_err("a cause"),
            [Cause::PatchTargetMissing {
                pointer: "/attributes/x".to_owned()
            }]
        );
        for operation in [
            json!(1),
            json!({}),
            json!({ "op": "replace", "path": "/progress" }),
            json!({ "op": "x", "path": "/progress" }),
            json!({ "op": "remove", "path": "progress" }),
        ] {
            assert_eq!(
                apply(json!([operation])).expect_err("a cause"),
                [Cause::NotAPatchOperation {
                    pointer: "/0".to_owned()
                }]
            );
        }
    }

    #[test]
    fn copies_of_copies_are_bounded() {
        let copy =
            |n: i32| json!({ "op": "copy", "from": "/attributes", "path": format!("/attributes/x{n}") });
        let causes = apply((0..30).map(copy).collect()).expect_err("a cause");
        assert!(matches!(&causes[..], [Cause::JsonTooLarge { .. }]), "{causes:?}");
    }

    #[test]
    fn what_a_patch_does_not_name_stays_to_the_byte() {
        let raw = |text: String| RawValue::from_string(text).expect("JSON");
        let mut stored = task();
        // None of this could be reported, and all of it may be stored.
        stored.unique_name = "x".repeat(600);
        stored.messages = raw(r#"[{"extra": 1,  "key": "k"}]"#.to_owned());
        stored.attributes = raw(format!(r#"{{"deep": {}{}}}"#, "[".repeat(200), "]".repeat(200)));
        stored.modified = now() + chrono::TimeDelta::days(1);
        let patch = json!([{ "op": "replace", "path": "/completionStatus", "value": "Error" }]);
        let patched = TaskPatch::read(patch)
            .expect("a patch")
            .apply(&stored, now())
            .expect("a task");
        assert_eq!(patched.completion_status, Some(CompletionStatus::Error));
        assert_eq!(patched.unique_name, stored.unique_name);
        assert_eq!(patched.messages.get(), stored.messages.get());
        assert_eq!(patched.attributes.get(), stored.attributes.get());
        assert_eq!(patched.modified, stored.modified);
    }

    #[test]
    fn a_completion_is_a_status_and_perhaps_a_time() {
        let status = json!({ "op": "replace", "path": "/completionStatus", "value": "Error" });
        let time = json!({ "op": "add", "path": "/completed", "value": "2026-02-03T04:05:06.789Z" });
        assert_eq!(completion(json!([status])), Ok((CompletionStatus::Error, None)));
        assert_eq!(
            completion(json!([time, status])),
            Ok((CompletionStatus::Error, Some(now())))
        );
        for patch in [
            json!([]),
            json!([time]),
            json!([status, { "op": "replace", "path": "/progress", "value": "x" }]),
            json!([{ "op": "replace", "path": "/completionStatus", "value": null }]),
            json!([{ "op": "replace", "path": "/completionStatus", "value": "DONE" }]),
            json!([status, { "op": "test", "path": "/progress", "value": "x" }]),
            json!([status, { "op": "remove", "path": "/completed" }]),
            json!({}),
        ] {
            assert_eq!(
                completion(patch.clone()).map_err(|causes| causes.len()),
                Err(1),
                "{patch}"
            );
        }
    }

    #[test]
    fn both_null_reopens_and_one_alone_does_not() {
        let done =
            TaskPatch::read(json!([{ "op": "replace", "path": "/completionStatus", "value": "SUCCESS" }]))
                .expect("a patch")
                .apply(&task(), now())
                .expect("a task");
        let patch = |value: Value| TaskPatch::read(value).expect("a patch").apply(&done, now());
        let status = json!({ "op": "replace", "path": "/completionStatus", "value": null });
        let time = json!({ "op": "replace", "path": "/completed", "value": null });
        assert_eq!(
            patch(json!([status])).expect_err("a cause"),
            [Cause::CompletedWithoutStatus {
                pointer: "/completed".to_owned()
            }]
        );
        let reopened = patch(json!([status, time])).expect("a task");
        assert_eq!((reopened.completion_status, reopened.completed), (None, None));
    }

    mod fuzz {
        use proptest::prelude::*;

        use super::*;

        /// Any JSON, of a depth and breadth that finds its way into every reader.
        fn json() -> impl Strategy<Value = Value> {
            let leaf = prop_oneof![
                Just(Value::Null),
                any::<bool>().prop_map(Value::from),
                any::<i64>().prop_map(Value::from),
                any::<f64>().prop_map(Value::from),
                "(\\PC|\0){0,8}".prop_map(Value::from),
                "(INFO|warn|ERROR|SUCCESS|APPLICATION|2026-01-01T00:00:00Z)".prop_map(Value::from),
            ];
            leaf.prop_recursive(4, 24, 4, |inner| {
                let key =
                    "(id|type|name|key|locale|message|parameters|localizedText|attributeName|[a-z/~\0]{0,3})";
                prop_oneof![
                    prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                    prop::collection::btree_map(key, inner, 0..4)
                        .prop_map(|map| Value::Object(map.into_iter().collect())),
                ]
            })
        }

        fn path() -> impl Strategy<Value = String> {
            let first = prop::sample::select(MUTABLE.to_vec());
            let rest = "(/(0|1|-|type|name|id|parameters|a~1b|[a-z~]{0,3})){0,3}";
            prop_oneof![
                (first, rest).prop_map(|(first, rest)| format!("/{first}{rest}")),
                "[/a-zA-Z~01-]{0,12}",
                "(/id|/type|/created|/modified|/uniqueName|)",
            ]
        }

        fn operation() -> impl Strategy<Value = Value> {
            (
                prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test", "x"]),
                path(),
                path(),
                json(),
            )
                .prop_map(
                    |(op, path, from, value)| json!({ "op": op, "path": path, "from": from, "value": value }),
                )
        }

        proptest! {
            /// Whatever a patch says, it is refused or leaves a task that can be read back and is still the same task.
            #[test]
            fn any_patch_leaves_a_task_or_is_refused(operations in prop::collection::vec(operation(), 0..5)) {
                if let Ok(patched) = apply(Value::from(operations)) {
                    let before = serde_json::to_value(task()).expect("JSON");
                    for key in ["id", "type", "uniqueName", "parentName", "launcher", "created"] {
                        prop_assert_eq!(&patched[key], &before[key], "{}", key);
                    }
                    prop_assert_eq!(patched["completed"].is_null(), patched["completionStatus"].is_null());
                    let again = report::read(&patched, None, now()).expect("a task");
                    prop_assert_eq!(serde_json::to_value(&again).expect("JSON"), patched);
                }
            }

            #[test]
            fn any_content_is_a_patch_or_is_refused(content in json()) {
                let _ = TaskPatch::read(content.clone());
                let _ = completion(content.clone());
                let _ = report::read(&content, Some("a"), now());
            }

            /// Any members that are read as a task are a task that the table takes as it is.
            #[test]
            fn any_members_are_a_task_or_are_refused(
                members in prop::collection::btree_map(
                    prop::sample::select(vec!["description", "target", "created", "completed", "completionStatus", "messages",
                        "returns", "attributes", "progress", "percentComplete", "taskDefinitionSummary", "launched"]),
                    json(), 0..5),
            ) {
                let mut object = json!({ "id": "a", "type": "QPOC", "uniqueName": "n", "launcher": "l" });
                for (key, value) in members {
                    object[key] = value;
                }
                if let Ok(task) = report::read(&object, None, now()) {
                    let wire = serde_json::to_value(&task).expect("JSON");
                    let again = report::read(&wire, None, now()).expect("a task");
                    prop_assert_eq!(serde_json::to_value(&again).expect("JSON"), wire);
                }
            }
        }
    }
}
