//! The examples of tasks, made by the code that reads and writes real ones, so that they cannot go stale.

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use crate::http::etag::ETag;
use crate::http::routes::summary::STUCK_AFTER;
use crate::listing::cursor::Cursor;
use crate::listing::sorters::Sorters;
use crate::listing::summary::{Group, Groups, PendingSummary, Summary};
use crate::task::{CompletionStatus, TaskStatus, report};

/// The report of a task that has ended, with every field.
pub fn whole_report() -> Value {
    json!({
        "type": "QUARTZ",
        "uniqueName": "Big Task",
        "description": "A Really Big Task",
        "parentName": "Parent Task",
        "launcher": "sweep",
        "target": {
            "id": "c6dc37bf508149b28ce5b7d90ca4bbf9",
            "type": "APPLICATION",
            "name": "Active Directory [source]"
        },
        "created": "2020-07-11T21:23:15.000Z",
        "modified": "2020-07-11T21:23:15.000Z",
        "launched": "2020-07-11T21:23:15.000Z",
        "completed": "2020-07-11T21:23:15.000Z",
        "completionStatus": "SUCCESS",
        "messages": [{
            "type": "INFO",
            "localizedText": { "locale": "en-US", "message": "Error has occurred!" },
            "key": "akey",
            "parameters": [{ "name": "value" }]
        }],
        "returns": [{ "name": "label", "attributeName": "identityCount" }],
        "attributes": { "identityCount": 0 },
        "progress": "Started",
        "percentComplete": 100,
        "taskDefinitionSummary": {
            "id": "2c91808475b4334b0175e1dff64b63c5",
            "uniqueName": "Cloud Account Aggregation",
            "description": "Aggregates from the specified application.",
            "parentName": "Cloud Account Aggregation",
            "executor": "sailpoint.task.ServiceTaskExecutor",
            "arguments": {}
        }
    })
}

/// A report of the required fields only.
pub fn least_report() -> Value {
    json!({ "type": "QUARTZ", "uniqueName": "Big Task", "launcher": "sweep" })
}

/// The same with its id.
pub fn identified_report() -> Value {
    let mut report = least_report();
    report["id"] = ID.into();
    report
}

/// Newline-delimited JSON.
pub fn lines() -> String {
    format!("{}\n", identified_report())
}

/// The response to an array of tasks.
pub fn outcomes() -> Value {
    json!([{ "id": ID, "outcome": "CREATED" }, { "id": "id12346", "outcome": "REPLACED" }])
}

/// The response to newline-delimited JSON.
pub fn result_lines() -> String {
    let task = json!({ "line": 1, "id": ID, "outcome": "CREATED" });
    let summary = json!({ "created": 1, "replaced": 0, "superseded": 0, "refused": 0 });
    format!("{task}\n{summary}\n")
}

/// The summary of two tasks.
pub fn summary() -> Value {
    let as_of = DateTime::from_timestamp(1_769_860_799, 0).unwrap_or_default();
    let minute = as_of - TimeDelta::seconds(59);
    let mut summary = Summary::new(as_of, STUCK_AFTER);
    let one = |value: Option<&str>| Groups {
        values: vec![Group {
            value: value.map(str::to_owned),
            count: 1,
        }],
        rest: 0,
    };
    summary.pending = PendingSummary {
        count: 1,
        oldest_created: Some(minute),
        stuck: 0,
        by_type: one(Some("QUARTZ")),
        by_kind: one(Some("CLOUD_ACCOUNT_AGGREGATION")),
        by_launcher: one(Some("sweep")),
        by_target: one(None),
    };
    summary.add_started(minute, 2);
    summary.add_ended(minute, CompletionStatus::Success, 1);
    json!(summary)
}

/// The documented way to clear a pending task.
pub fn clear() -> Value {
    json!([
        { "op": "replace", "path": "/completionStatus", "value": "ERROR" },
        { "op": "replace", "path": "/completed", "value": "2024-05-17T19:33:16.470Z" }
    ])
}

/// An executor's report of progress, unless the task was cleared meanwhile.
pub fn progress() -> Value {
    json!([
        { "op": "test", "path": "/completionStatus", "value": null },
        { "op": "replace", "path": "/progress", "value": "Aggregating accounts" },
        { "op": "replace", "path": "/percentComplete", "value": 60 }
    ])
}

/// The id of the example.
pub const ID: &str = "id12345";
/// The tracking id of every example.
pub const TRACKING_ID: &str = "e7eab60924f64aa284175b9fa3309599";

/// A task that has ended: the contract's own example.
pub fn completed() -> Value {
    served(&whole_report())
}

/// The same task while it is pending.
pub fn pending() -> Value {
    served(&pending_report())
}

/// The report while it is pending.
pub fn pending_report() -> Value {
    let mut report = whole_report();
    report["completed"] = Value::Null;
    report["completionStatus"] = Value::Null;
    report["percentComplete"] = 40.into();
    report
}

/// The cursor of a page that ends with the example.
pub fn cursor(order: &Sorters) -> String {
    read(&whole_report()).map_or_else(String::new, |task| Cursor::after(&task, order).encode())
}

/// The tag of the example.
pub fn etag() -> String {
    let bytes = read(&whole_report())
        .and_then(|task| serde_json::to_vec(&task).ok())
        .unwrap_or_default();
    ETag::from_bytes(&bytes).to_string()
}

/// A report as it is served afterwards.
pub fn served(report: &Value) -> Value {
    read(report)
        .and_then(|task| serde_json::to_value(task).ok())
        .unwrap_or_default()
}

fn read(report: &Value) -> Option<TaskStatus> {
    // The current time would change the document.
    let report = report::read(report, Some(ID)).ok()?;
    Some(report.into_task(DateTime::UNIX_EPOCH))
}
