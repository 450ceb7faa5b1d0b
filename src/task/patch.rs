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
use crate::messages::cause::Cause;

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
mod tests;
