//! Changes a task status by JSON Patch (RFC 6902), whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{
    AddOperation, CopyOperation, MoveOperation, PatchErrorKind, PatchOperation, RemoveOperation,
    ReplaceOperation, TestOperation,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::json::is_deeper;
use super::violation::{Problem, Violation};
use super::{CompletionStatus, TaskStatus, limits, report};

/// Defines the members that a patch may change, with everything below them. The server sets `modified`; the other
/// members identify the task.
macro_rules! mutable {
    ($($name:literal => $field:ident),* $(,)?) => {
        pub const MUTABLE: [&str; [$($name),*].len()] = [$($name),*];

        /// Moves a member from one task to the other.
        fn take(name: &str, to: &mut TaskStatus, from: &mut TaskStatus) {
            match name {
                $($name => std::mem::swap(&mut to.$field, &mut from.$field),)*
                _ => {}
            }
        }
    };
}

mutable! {
    "completionStatus" => completion_status,
    "completed" => completed,
    "launched" => launched,
    "messages" => messages,
    "returns" => returns,
    "attributes" => attributes,
    "progress" => progress,
    "percentComplete" => percent_complete,
    "description" => description,
    "target" => target,
}

/// The members that complete a task. They depend on each other, so they are always read together.
const ENDS: [&str; 2] = ["completionStatus", "completed"];
/// The largest number of operations of a patch.
pub const MAX_OPERATIONS: usize = 100;

/// A patch that changes only mutable members. As text, since it waits for the database: parsed, it may be many times as
/// large.
#[derive(Debug, Clone)]
pub struct TaskPatch(String);

impl TaskPatch {
    /// Reads a patch, and reports every operation that is invalid or would change an immutable member.
    pub fn read(value: Value) -> Result<Self, Vec<Violation>> {
        let text = value.to_string();
        let Value::Array(operations) = value else {
            return Err(Problem::NotAnArray.into());
        };
        if operations.len() > MAX_OPERATIONS {
            let limit = MAX_OPERATIONS;
            return Err(Problem::TooManyItems { limit }.into());
        }
        let mut violations = Vec::new();
        for (index, operation) in operations.into_iter().enumerate() {
            let Some(operation) = read_operation(operation) else {
                violations.push(Problem::NotAPatchOperation.at("").inside(index));
                continue;
            };
            let immutable = changed(&operation)
                .into_iter()
                .filter(|pointer| !is_mutable(pointer));
            violations.extend(immutable.map(|pointer| self::immutable(pointer, &MUTABLE)));
        }
        if violations.is_empty() {
            Ok(Self(text))
        } else {
            Err(violations)
        }
    }

    fn operations(&self) -> Result<Vec<PatchOperation>, Vec<Violation>> {
        // Content was parsed before, so it is not too deep; a value that was made here may be.
        let operations: Vec<Value> =
            serde_json::from_str(&self.0).map_err(|_| vec![too_deep(String::new())])?;
        Ok(operations.into_iter().filter_map(read_operation).collect())
    }

    /// The patched task. Members that the patch does not name stay the same to the byte; the database sets `modified`,
    /// and `completed` if the patch sets a status without it.
    pub fn apply(&self, task: &TaskStatus) -> Result<TaskStatus, Vec<Violation>> {
        let operations = self.operations()?;
        let named: BTreeSet<&str> = operations.iter().flat_map(pointers).map(first_token).collect();
        let mut document = members(task, &named).map_err(|violation| vec![violation])?;
        let mut copied = 0;
        for operation in &operations {
            let (target, value) = (operation.path(), placed(operation, &document));
            // The task itself is no part of the stored value.
            let levels = (limits::JSON_DEPTH + 1).checked_sub(target.count());
            if value.is_some_and(|value| levels.is_none_or(|levels| is_deeper(value, levels))) {
                return Err(vec![too_deep(target.to_string())]);
            }
            if let PatchOperation::Copy(copy) = operation {
                // Copying a value that holds earlier copies doubles the document with every operation.
                copied += copy
                    .from
                    .resolve(&document)
                    .map_or(0, |source| source.to_string().len());
                if copied > limits::JSON_BYTES {
                    return Err(vec![too_large(copy.path.to_string())]);
                }
            }
            json_patch::patch(&mut document, std::slice::from_ref(operation)).map_err(|error| {
                let problem = match error.kind {
                    PatchErrorKind::TestFailed => Problem::TestFailed,
                    _ => Problem::PatchTargetMissing,
                };
                vec![problem.at(error.path.to_string())]
            })?;
        }
        let changed: BTreeSet<&str> = operations.iter().flat_map(changed).map(first_token).collect();
        merged(task, document, &changed)
    }
}

/// The members of a task that a patch names, and those that complete it.
fn members(task: &TaskStatus, named: &BTreeSet<&str>) -> Result<Value, Violation> {
    // The empty token is the whole task.
    let whole = named.contains("");
    // A task from the table can always be written as JSON.
    let wire = serde_json::to_string(task).unwrap_or_default();
    let raw: BTreeMap<&str, &RawValue> = serde_json::from_str(&wire).unwrap_or_default();
    raw.into_iter()
        .filter(|(key, _)| whole || named.contains(key) || ENDS.contains(key))
        .map(|(key, raw)| match serde_json::from_str(raw.get()) {
            Ok(value) => Ok((key.to_owned(), value)),
            Err(_) => Err(too_deep(format!("/{key}"))),
        })
        .collect::<Result<serde_json::Map<_, _>, _>>()
        .map(Value::Object)
}

/// The task with the changed members of the document, which are checked like those of a report.
fn merged(
    task: &TaskStatus,
    document: Value,
    changed: &BTreeSet<&str>,
) -> Result<TaskStatus, Vec<Violation>> {
    let taken = |key: &str| changed.contains(key) || ENDS.contains(&key);
    let mut report = stand_in();
    if let Value::Object(members) = document {
        for (key, value) in members.into_iter().filter(|(key, _)| taken(key)) {
            report[key] = value;
        }
    }
    let mut read = report::read(&report, None)?.task;
    let mut patched = task.clone();
    for name in MUTABLE.into_iter().filter(|name| taken(name)) {
        take(name, &mut patched, &mut read);
    }
    Ok(patched)
}

/// A task with nothing but required members. A patch cannot change these, so the stored ones are not checked again.
fn stand_in() -> Value {
    json!({ "id": "-", "type": "QUARTZ", "uniqueName": "", "launcher": "" })
}

fn too_large(pointer: String) -> Violation {
    let limit = limits::JSON_BYTES;
    Problem::JsonTooLarge { limit }.at(pointer)
}

fn too_deep(pointer: String) -> Violation {
    let limit = limits::JSON_DEPTH;
    Problem::JsonTooDeep { limit }.at(pointer)
}

/// Reads a patch that completes a task and changes nothing else: the status, and the time if it sets one.
pub fn completion(content: Value) -> Result<(CompletionStatus, Option<DateTime<Utc>>), Vec<Violation>> {
    let operations = TaskPatch::read(content)?.operations()?;
    let mut members = stand_in();
    let mut violations = Vec::new();
    for operation in operations {
        let (path, value) = match operation {
            PatchOperation::Add(operation) => (operation.path, operation.value),
            PatchOperation::Replace(operation) => (operation.path, operation.value),
            other => (other.path().to_buf(), Value::Null),
        };
        match ENDS
            .iter()
            .find(|name| path.as_str().strip_prefix('/') == Some(name))
        {
            Some(name) if !value.is_null() => members[*name] = value,
            _ => violations.push(immutable(&path, &ENDS)),
        }
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    let task = report::read(&members, None)?.task;
    let missing = || vec![Problem::Required.at("/completionStatus")];
    Ok((task.completion_status.ok_or_else(missing)?, task.completed))
}

fn immutable(pointer: &Pointer, mutable: &[&str]) -> Violation {
    let allowed: Vec<String> = mutable.iter().map(|name| format!("/{name}")).collect();
    let allowed = allowed.join(", ");
    Problem::Immutable { allowed }.at(pointer.to_string())
}

/// Reads an operation and ignores unknown members. serde would read it through a buffer that cannot hold integers
/// beyond 64 bits, because the variant depends on the value of `op`.
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

/// The value that an operation puts at its path.
fn placed<'a>(operation: &'a PatchOperation, document: &'a Value) -> Option<&'a Value> {
    match operation {
        PatchOperation::Add(operation) => Some(&operation.value),
        PatchOperation::Replace(operation) => Some(&operation.value),
        PatchOperation::Move(operation) => operation.from.resolve(document).ok(),
        PatchOperation::Copy(operation) => operation.from.resolve(document).ok(),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => None,
    }
}

/// The pointers to what an operation changes.
fn changed(operation: &PatchOperation) -> Vec<&Pointer> {
    match operation {
        PatchOperation::Test(_) => vec![],
        PatchOperation::Move(operation) => vec![&operation.from, &operation.path],
        _ => vec![operation.path()],
    }
}

/// The pointers to what an operation reads or changes.
fn pointers(operation: &PatchOperation) -> Vec<&Pointer> {
    match operation {
        PatchOperation::Move(operation) => vec![&operation.from, &operation.path],
        PatchOperation::Copy(operation) => vec![&operation.from, &operation.path],
        _ => vec![operation.path()],
    }
}

/// The member of the task that a pointer leads into; empty for the whole task. No member's name needs an escape.
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
