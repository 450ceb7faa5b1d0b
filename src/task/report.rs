//! Reads a task status from JSON: forgiving in form, strict in meaning, and every violation is reported at once.
//!
//! `id`, `type`, `uniqueName` and `launcher` are required, everything else has a default; the database sets those of times.
//! Texts of parts that other programs leave out or send as null are read as empty, since the contract has no null there.
//! Enumerations are read in any case, times in the forms of [`time`]. A task that is read satisfies the constraints of the
//! table, except that only the database knows whether `modified` is too far ahead.

use chrono::{DateTime, Datelike, NaiveDateTime, SubsecRound, Utc};
use serde_json::{Value, json};

use super::fields::{Fields, Read, bounded_depth, integer, list, object, one_of, shown, text};
use super::violation::{Problem, Violation};
use super::{CompletionStatus, Target, TargetType, TaskDefinitionSummary, TaskStatus, TaskType, limits};

pub use super::fields::MAX_VIOLATIONS;

/// The language of a text that names none (BCP 47).
const UNDETERMINED: &str = "und";
/// Ids that are routes of the API, or that clients resolve before they send a path.
pub const RESERVED_IDS: [&str; 6] = ["pending-tasks", "suggestions", "summary", "v1", ".", ".."];

/// A task as it is reported. Times that a report does not give are the database's: the clocks of the program's replicas
/// may differ, and order nothing.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its `created` and `modified` mean nothing. With a status and no `completed`, the task ends now.
    pub task: TaskStatus,
    pub created: Option<DateTime<Utc>>,
    pub modified: Option<DateTime<Utc>>,
}

impl Report {
    /// The task, with `now` for the times that are not given.
    pub fn into_task(self, now: DateTime<Utc>) -> TaskStatus {
        let now = now.trunc_subsecs(3);
        TaskStatus {
            created: self.created.unwrap_or(now),
            modified: self.modified.unwrap_or(now),
            completed: self
                .task
                .completion_status
                .map(|_| self.task.completed.unwrap_or(now)),
            ..self.task
        }
    }
}

impl From<TaskStatus> for Report {
    fn from(task: TaskStatus) -> Self {
        Self {
            created: Some(task.created),
            modified: Some(task.modified),
            task,
        }
    }
}

/// Reads a report. `path_id` is the id in the request's path, which the content may repeat; without it the content must
/// have the id.
pub fn read(value: &Value, path_id: Option<&str>) -> Result<Report, Vec<Violation>> {
    let mut fields = Fields::new(value)?;
    let completed = fields.optional("completed", moment);
    let completion_status = fields.optional("completionStatus", one_of(CompletionStatus::ALL));
    if completed.is_some() && fields.get("completionStatus").is_none() {
        fields.refuse("completed", Problem::CompletedWithoutStatus);
    }
    let task = TaskStatus {
        id: match path_id {
            Some(path_id) => same_id(path_id, &mut fields),
            None => fields.required("id", id),
        },
        r#type: fields.required("type", one_of(TaskType::ALL)),
        unique_name: fields.required("uniqueName", text(limits::NAME)),
        description: fields
            .optional("description", text(limits::TEXT))
            .unwrap_or_default(),
        parent_name: fields.optional("parentName", text(limits::NAME)),
        launcher: fields.required("launcher", text(limits::NAME)),
        target: fields.part("target", target),
        created: DateTime::default(),
        modified: DateTime::default(),
        launched: fields.optional("launched", moment),
        completed,
        completion_status,
        messages: fields.stored("messages", list(message)),
        returns: fields.stored("returns", list(return_details)),
        attributes: fields.stored("attributes", object),
        progress: fields.optional("progress", text(limits::TEXT)),
        percent_complete: fields
            .optional("percentComplete", integer(0, 100))
            .unwrap_or_default(),
        task_definition_summary: fields.optional("taskDefinitionSummary", task_definition_summary),
    };
    let report = Report {
        task,
        created: fields.optional("created", moment),
        modified: fields.optional("modified", moment),
    };
    fields.refuse_slips();
    fields.finish(report)
}

/// A time in any form of RFC 3339, or as `YYYY-MM-DD HH:MM:SS.ffffff+00:00`, cut to the millisecond. Years 1 to 9999.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    let moment = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z"))
        .map(|moment| moment.to_utc())
        // Without an offset it is UTC, as every official client assumes.
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|moment| moment.and_utc())
        })
        .ok()?;
    (1..=9999)
        .contains(&moment.year())
        .then(|| moment.trunc_subsecs(3))
}

fn moment(value: &Value) -> Read<DateTime<Utc>> {
    let given = || Problem::NotATime { given: shown(value) };
    Ok(value.as_str().and_then(time).ok_or_else(given)?)
}

fn id(value: &Value) -> Read<String> {
    let given = text(limits::ID)(value)?;
    if given.is_empty() || RESERVED_IDS.contains(&given.as_str()) {
        return Err(Problem::ReservedId { given }.into());
    }
    Ok(given)
}

/// The id in the path, unless the content has another.
fn same_id(path_id: &str, fields: &mut Fields<'_>) -> String {
    fields.optional("id", |value| match value {
        Value::String(given) if given == path_id => Ok(()),
        Value::String(given) => Err(Problem::IdDiffers { given: given.clone() }.into()),
        _ => Err(Problem::NotAString.into()),
    });
    id(&Value::from(path_id)).unwrap_or_else(|violations| {
        fields.refuse("id", violations);
        String::new()
    })
}

fn target(value: &Value) -> Read<Target> {
    let mut fields = Fields::new(value)?;
    let target = Target {
        id: fields.optional("id", text(limits::ID)).unwrap_or_default(),
        r#type: fields.optional("type", one_of(TargetType::ALL)),
        name: fields.optional("name", text(limits::NAME)).unwrap_or_default(),
    };
    fields.finish(target)
}

fn task_definition_summary(value: &Value) -> Read<TaskDefinitionSummary> {
    bounded_depth(value)?;
    let mut fields = Fields::new(value)?;
    let summary = TaskDefinitionSummary {
        id: fields.required("id", text(limits::ID)),
        unique_name: fields.required("uniqueName", text(limits::NAME)),
        description: fields.optional("description", text(limits::TEXT)),
        parent_name: fields
            .optional("parentName", text(limits::NAME))
            .unwrap_or_default(),
        executor: fields.optional("executor", text(limits::NAME)),
        arguments: fields.stored("arguments", object),
    };
    fields.finish(summary)
}

fn message(value: &Value) -> Read<Value> {
    const SEVERITIES: &[(&str, &str)] = &[("INFO", "INFO"), ("WARN", "WARN"), ("ERROR", "ERROR")];
    let mut fields = Fields::new(value)?;
    let message = json!({
        "type": fields.required("type", one_of(SEVERITIES)),
        "localizedText": fields.part("localizedText", localized_text),
        "key": fields.optional("key", text(limits::TEXT)).unwrap_or_default(),
        "parameters": fields.optional("parameters", list(parameter)),
    });
    fields.finish(message)
}

fn localized_text(value: &Value) -> Read<Value> {
    let mut fields = Fields::new(value)?;
    let localized = json!({
        "locale": fields
            .optional("locale", text(limits::NAME))
            .unwrap_or_else(|| UNDETERMINED.to_owned()),
        "message": fields.optional("message", text(limits::JSON_BYTES)).unwrap_or_default(),
    });
    fields.finish(localized)
}

fn parameter(value: &Value) -> Read<Value> {
    match value {
        Value::Object(_) | Value::String(_) => Ok(value.clone()),
        Value::Null => Ok("".into()),
        _ => Err(Problem::NotAnObject.into()),
    }
}

fn return_details(value: &Value) -> Read<Value> {
    let mut fields = Fields::new(value)?;
    let details = json!({
        "name": fields.optional("name", text(limits::TEXT)).unwrap_or_default(),
        "attributeName": fields.required("attributeName", text(limits::TEXT)),
    });
    fields.finish(details)
}

#[cfg(test)]
mod tests;
