use super::*;
use crate::task::report::Report;

fn task() -> TaskStatus {
    let value = json!({
        "id": "a", "type": "QUARTZ", "uniqueName": "n", "launcher": "l", "created": "2026-01-01T00:00:00Z",
        "modified": "2026-01-01T00:00:00Z", "attributes": { "a/b": 1 }
    });
    report::read(&value, None).expect("a task").into_task(now())
}

fn now() -> DateTime<Utc> {
    report::time("2026-02-03T04:05:06.789Z").expect("a time")
}

fn apply(patch: Value) -> Result<Value, Vec<Violation>> {
    let patched = TaskPatch::read(patch)?.apply(&task())?;
    Ok(serde_json::to_value(stored(patched)).expect("JSON"))
}

/// The task as the database completes it.
fn stored(patched: TaskStatus) -> TaskStatus {
    Report::from(patched).into_task(now())
}

#[test]
fn the_documented_patch_clears_a_pending_task() {
    let cleared = apply(json!([
        { "op": "replace", "path": "/completionStatus", "value": "Error" },
        { "op": "replace", "path": "/completed", "value": "2024-05-17T19:33:16.470Z" }
    ]))
    .expect("a task");
    assert_eq!(cleared["completionStatus"], "ERROR");
    assert_eq!(cleared["completed"], "2024-05-17T19:33:16.470Z");
    assert_eq!(cleared["created"], "2026-01-01T00:00:00.000Z");
    assert_eq!(cleared["percentComplete"], 0);
}

#[test]
fn everything_below_a_mutable_member_is_mutable() {
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
fn numbers_of_any_length_are_accepted_everywhere() {
    let patch = r#"[{ "op": "add", "path": "/attributes/n", "value": [23086171647905911275520, 1e30], "x": 99999999999999999999 }]"#;
    let patched = apply(serde_json::from_str(patch).expect("JSON")).expect("a task");
    assert_eq!(
        patched["attributes"]["n"][0].to_string(),
        "23086171647905911275520"
    );
}

#[test]
fn changing_an_immutable_member_is_refused() {
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
            let violations = apply(json!([operation])).expect_err("a violation");
            assert!(
                violations == [immutable(&PointerBuf::parse(path).expect("a pointer"), &MUTABLE)],
                "{violations:?}"
            );
        }
    }
}

#[test]
fn a_failed_test_and_a_missing_target_are_distinguished() {
    let failed = apply(json!([{ "op": "test", "path": "/progress", "value": "x" }]));
    assert_eq!(
        failed.expect_err("a violation"),
        [Problem::TestFailed.at("/progress")]
    );
    let missing = apply(json!([{ "op": "remove", "path": "/attributes/x" }]));
    assert_eq!(
        missing.expect_err("a violation"),
        [Problem::PatchTargetMissing.at("/attributes/x")]
    );
    for operation in [
        json!(1),
        json!({}),
        json!({ "op": "replace", "path": "/progress" }),
        json!({ "op": "x", "path": "/progress" }),
        json!({ "op": "remove", "path": "progress" }),
    ] {
        assert_eq!(
            apply(json!([operation])).expect_err("a violation"),
            [Problem::NotAPatchOperation.at("/0")]
        );
    }
}

#[test]
fn copies_of_copies_are_bounded() {
    let copy = |n: i32| json!({ "op": "copy", "from": "/attributes", "path": format!("/attributes/x{n}") });
    let violations = apply((0..30).map(copy).collect()).expect_err("a violation");
    assert!(
        matches!(
            &violations[..],
            [Violation {
                problem: Problem::JsonTooLarge { .. },
                ..
            }]
        ),
        "{violations:?}"
    );
}

#[test]
fn no_operation_nests_deeper_than_is_stored() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
    let path = "/attributes".to_owned() + &"/a".repeat(60);
    let add = |path: &str, levels| json!({ "op": "add", "path": path, "value": nested(levels) });
    let copy = |op| json!({ "op": op, "from": "/attributes/a", "path": path });
    assert!(apply(json!([add("/attributes", limits::JSON_DEPTH)])).is_ok());
    for operations in [
        json!([add("/attributes", limits::JSON_DEPTH + 1)]),
        json!([add("/attributes", 60), add(&path, 66)]),
        json!([add("/attributes", 67), copy("copy")]),
        // Much deeper with each operation, if it were not refused.
        [vec![add("/attributes", 125)], vec![copy("copy"); 10]]
            .concat()
            .into(),
    ] {
        let violations = apply(operations).expect_err("a violation");
        assert!(
            matches!(
                &violations[..],
                [Violation {
                    problem: Problem::JsonTooDeep { limit: 125 },
                    ..
                }]
            ),
            "{violations:?}"
        );
    }
    assert!(apply(json!([add("/attributes", 60), add(&path, 65)])).is_ok());
}

#[test]
fn members_that_a_patch_does_not_name_stay_the_same_to_the_byte() {
    let raw = |text: String| RawValue::from_string(text).expect("JSON");
    let mut stored = task();
    // Stored by SQL; a report of it would be refused.
    stored.unique_name = "x".repeat(600);
    stored.messages = raw(r#"[{"extra": 1,  "key": "k"}]"#.to_owned());
    stored.attributes = raw(format!(r#"{{"deep": {}{}}}"#, "[".repeat(200), "]".repeat(200)));
    let patch = json!([{ "op": "replace", "path": "/completionStatus", "value": "Error" }]);
    let patched = TaskPatch::read(patch)
        .expect("a patch")
        .apply(&stored)
        .expect("a task");
    assert_eq!(patched.completion_status, Some(CompletionStatus::Error));
    assert_eq!(patched.unique_name, stored.unique_name);
    assert_eq!(patched.messages.get(), stored.messages.get());
    assert_eq!(patched.attributes.get(), stored.attributes.get());
}

#[test]
fn a_completion_is_a_status_and_optionally_a_time() {
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
            completion(patch.clone()).map_err(|violations| violations.len()),
            Err(1),
            "{patch}"
        );
    }
}

#[test]
fn setting_both_to_null_reopens_a_task() {
    let done = TaskPatch::read(json!([{ "op": "replace", "path": "/completionStatus", "value": "SUCCESS" }]))
        .expect("a patch")
        .apply(&task())
        .expect("a task");
    let done = stored(done);
    let patch = |value: Value| TaskPatch::read(value).expect("a patch").apply(&done);
    let status = json!({ "op": "replace", "path": "/completionStatus", "value": null });
    let time = json!({ "op": "replace", "path": "/completed", "value": null });
    assert_eq!(
        patch(json!([status])).expect_err("a violation"),
        [Problem::CompletedWithoutStatus.at("/completed")]
    );
    let reopened = patch(json!([status, time])).expect("a task");
    assert_eq!((reopened.completion_status, reopened.completed), (None, None));
}

mod fuzz {
    use proptest::prelude::*;

    use super::*;

    /// Any JSON, deep and broad enough to reach every reader.
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
        /// A patch that is accepted leaves a task that can be read back and keeps its identity.
        #[test]
        fn any_patch_is_refused_or_leaves_a_task(operations in prop::collection::vec(operation(), 0..5)) {
            if let Ok(patched) = apply(Value::from(operations)) {
                let before = serde_json::to_value(task()).expect("JSON");
                for key in ["id", "type", "uniqueName", "parentName", "launcher", "created"] {
                    prop_assert_eq!(&patched[key], &before[key], "{}", key);
                }
                prop_assert_eq!(patched["completed"].is_null(), patched["completionStatus"].is_null());
                let again = report::read(&patched, None).expect("a task").into_task(now());
                prop_assert_eq!(serde_json::to_value(&again).expect("JSON"), patched);
            }
        }

        #[test]
        fn no_content_panics(content in json()) {
            let _ = TaskPatch::read(content.clone());
            let _ = completion(content.clone());
            let _ = report::read(&content, Some("a"));
        }

        /// A task that is read is written and read back the same.
        #[test]
        fn any_members_are_refused_or_make_a_task(
            members in prop::collection::btree_map(
                prop::sample::select(vec!["description", "target", "created", "completed", "completionStatus", "messages",
                    "returns", "attributes", "progress", "percentComplete", "taskDefinitionSummary", "launched"]),
                json(), 0..5),
        ) {
            let mut object = json!({ "id": "a", "type": "QPOC", "uniqueName": "n", "launcher": "l" });
            for (key, value) in members {
                object[key] = value;
            }
            if let Ok(report) = report::read(&object, None) {
                let wire = serde_json::to_value(report.into_task(now())).expect("JSON");
                let again = report::read(&wire, None).expect("a task").into_task(now());
                prop_assert_eq!(serde_json::to_value(&again).expect("JSON"), wire);
            }
        }
    }
}
