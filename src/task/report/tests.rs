use serde_json::json;

use super::*;

fn now() -> DateTime<Utc> {
    time("2026-01-02T03:04:05.678901Z").expect("a time")
}

fn task(value: &Value, path_id: Option<&str>) -> Result<TaskStatus, Vec<Violation>> {
    Ok(read(value, path_id)?.into_task(now()))
}

fn violations(value: &Value) -> Vec<Violation> {
    read(value, None).expect_err("violations")
}

#[test]
fn all_but_three_fields_have_defaults() {
    let least = json!({ "type": "quartz", "uniqueName": "n", "launcher": "l" });
    let task = task(&least, Some("a")).expect("a task");
    let wire = serde_json::to_value(&task).expect("JSON");
    assert_eq!(
        wire,
        json!({
            "id": "a", "type": "QUARTZ", "uniqueName": "n", "description": "", "parentName": null, "launcher": "l",
            "target": null, "created": "2026-01-02T03:04:05.678Z", "modified": "2026-01-02T03:04:05.678Z",
            "launched": null, "completed": null, "completionStatus": null, "messages": [], "returns": [],
            "attributes": {}, "progress": null, "percentComplete": 0
        })
    );
    let again = read(&wire, None).expect("a task").into_task(DateTime::default());
    assert_eq!(serde_json::to_value(&again).expect("JSON"), wire);
}

#[test]
fn every_violation_is_reported_at_once() {
    let all = violations(&json!({
        "id": "v1", "uniqueName": 1, "target": { "id": "t", "type": "ROLE" }, "created": "yesterday",
        "messages": [{ "type": "LOUD" }], "returns": {}, "attributes": [], "percentComplete": 100.5, "lancher": "x",
        "completed": "2026-01-01T00:00:00Z", "future": true
    }));
    let mut pointers: Vec<String> = all.iter().map(|violation| format!("{violation:?}")).collect();
    pointers.sort();
    assert_eq!(all.len(), 12, "{pointers:#?}");
}

#[test]
fn a_status_without_a_time_completes_now_but_not_vice_versa() {
    let base = json!({ "id": "a", "type": "QPOC", "uniqueName": "n", "launcher": "l" });
    let with = |key: &str, value: &str| {
        let mut report = base.clone();
        report[key] = value.into();
        task(&report, None)
    };
    for name in ["TempError", "TEMP_ERROR"] {
        let completed = with("completionStatus", name).expect("a task");
        assert_eq!(completed.completion_status, Some(CompletionStatus::TempError));
        assert_eq!(completed.completed, Some(now()));
    }
    assert_eq!(
        with("completed", "2026-01-01T00:00:00Z").expect_err("a fault"),
        [Problem::CompletedWithoutStatus.at("/completed")]
    );
}

#[test]
fn times_are_read_in_all_documented_forms() {
    for text in [
        "2026-01-02T03:04:05.678Z",
        "2026-01-02t05:04:05.678999+02:00",
        "2026-01-02 03:04:05.678000+00:00",
        "2026-01-02T03:04:05.678",
    ] {
        assert_eq!(time(text), Some(now()), "{text}");
    }
    for text in [
        "",
        "2026-01-02",
        "2026-13-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0000-12-31T00:00:00Z",
        "now",
    ] {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn values_that_postgresql_cannot_store_are_refused() {
    let base = |attributes: Value| json!({ "id": "a", "type": "QPOC", "uniqueName": "n", "launcher": "l", "attributes": attributes });
    for attributes in [json!({ "a": ["\0"] }), json!({ "\0": 1 })] {
        assert_eq!(
            violations(&base(attributes)),
            [Problem::NulCharacter.at("/attributes")]
        );
    }
    let large = json!({ "a": "x".repeat(limits::JSON_BYTES) });
    assert_eq!(
        violations(&base(large)),
        [Problem::JsonTooLarge {
            limit: limits::JSON_BYTES
        }
        .at("/attributes")]
    );
}
