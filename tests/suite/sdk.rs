//! The official TypeScript SDK against the service: each of its calls, and its paginator.
//!
//! `tests/sdk` has the calling programs and the pinned packages.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use task_status::http::state::EmptyStatus;

use crate::demo::Demo;
use crate::support::database::TestDatabase;
use crate::support::packages::{NODE, NPM, Packages};
use crate::support::program::Program;
use crate::support::service::{Service, Setup};

/// The packages to install, and the programs with their shared code.
const FILES: [(&str, &str); 6] = [
    ("package-lock.json", include_str!("../sdk/package-lock.json")),
    ("package.json", include_str!("../sdk/package.json")),
    ("client.mjs", include_str!("../sdk/client.mjs")),
    ("demo.mjs", include_str!("../sdk/demo.mjs")),
    ("pending-tasks.mjs", include_str!("../sdk/pending-tasks.mjs")),
    ("task-management.mjs", include_str!("../sdk/task-management.mjs")),
];

/// The installed SDK.
struct Sdk(Packages);

impl Sdk {
    fn installed() -> Option<Self> {
        Packages::installed("sdk", &NODE, &FILES, &NPM).map(Self)
    }

    /// The result of each call of a program, by its name.
    async fn ask(&self, program: &str, service: SocketAddr) -> Value {
        let mut node = Command::new("node");
        node.args([program, &format!("http://{service}")]);
        self.run(node).await
    }

    /// The output of a program in the SDK's folder.
    async fn run(&self, mut node: Command) -> Value {
        node.current_dir(&self.0.folder).stdin(Stdio::null());
        let mut node = Program::start(node);
        // The service runs on this thread.
        tokio::task::spawn_blocking(move || {
            let ended = node.wait();
            assert!(ended.success(), "{ended}: {}", node.log());
            let output = node.output();
            serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error} in {output:?}"))
        })
        .await
        .unwrap()
    }
}

/// Pending tasks that share seconds and are inserted out of order. Returns the ids as listed.
async fn insert_pending(database: &TestDatabase, number: usize) -> Vec<String> {
    database
        .execute(&format!(
            "insert into task_status (id, type, unique_name, launcher, created)
             select lpad(n::text, 3, '0'), 'QUARTZ', 'Task', 'tests', timestamptz '2026-01-01 00:00:00Z' + n / 3 * interval '1 second'
             from generate_series(1, {number}) n order by md5(n::text)"
        ))
        .await;
    (1..=number).map(|n| format!("{n:03}")).collect()
}

/// The result of a refused call: the error of the SDK with the error body and the tracking id of the request.
fn refused() -> Value {
    let text = |text: &str| json!([{ "locale": "en-US", "localeOrigin": "DEFAULT", "text": text }]);
    json!({
        "error": "AxiosError",
        "status": 400,
        "totalCount": null,
        "data": {
            "detailCode": "400.1 Bad Request Content",
            "trackingId": "0123456789abcdef0123456789abcdef",
            "messages": text("The request was syntactically correct but its content is semantically invalid."),
            "causes": text("“limit” must be an integer from 0 to 250, not “251”."),
        },
    })
}

#[tokio::test]
async fn every_call_gives_the_pending_tasks() {
    let Some(sdk) = Sdk::installed() else { return };
    let database = TestDatabase::new().await;
    let ids = insert_pending(&database, 600).await;
    let service = Service::start(&database).await;
    assert_eq!(
        sdk.ask("pending-tasks.mjs", service.address).await,
        json!({
            "plain": { "status": 200, "totalCount": null, "data": ids[..250] },
            "everyParameter": { "status": 200, "totalCount": "600", "data": ids[590..597] },
            "uncounted": { "status": 200, "totalCount": null, "data": ids[..1] },
            "head": { "status": 200, "totalCount": "600", "data": "" },
            "refused": refused(),
            "v2024": { "status": 200, "totalCount": "600", "data": ids[590..597] },
            "v2024Head": { "status": 200, "totalCount": "600", "data": "" },
            "paginated": { "status": 200, "totalCount": null, "data": ids },
            "paginatedEvenly": { "status": 200, "totalCount": "600", "data": ids },
        })
    );
}

#[tokio::test]
async fn an_empty_list_works_for_every_call_and_with_status_200_for_the_paginator() {
    let Some(sdk) = Sdk::installed() else { return };
    let database = TestDatabase::new().await;
    for empty_status in [EmptyStatus::NoContent, EmptyStatus::Ok] {
        let (status, data) = match empty_status {
            EmptyStatus::NoContent => (204, json!("")),
            EmptyStatus::Ok => (200, json!([])),
        };
        let paginated = |total: Value| match empty_status {
            // The SDK expects an array, hence the setting.
            EmptyStatus::NoContent => json!({ "error": "TypeError" }),
            EmptyStatus::Ok => json!({ "status": 200, "totalCount": total, "data": [] }),
        };
        let service = Service::with(&database, Setup::with_empty_status(empty_status)).await;
        assert_eq!(
            sdk.ask("pending-tasks.mjs", service.address).await,
            json!({
                "plain": { "status": status, "totalCount": null, "data": data },
                "everyParameter": { "status": status, "totalCount": "0", "data": data },
                "uncounted": { "status": status, "totalCount": null, "data": data },
                "head": { "status": status, "totalCount": "0", "data": "" },
                "refused": refused(),
                "v2024": { "status": status, "totalCount": "0", "data": data },
                "v2024Head": { "status": status, "totalCount": "0", "data": "" },
                "paginated": paginated(Value::Null),
                "paginatedEvenly": paginated(json!("0")),
            })
        );
    }
}

#[tokio::test]
async fn tasks_are_listed_shown_changed_and_paged_through() {
    let Some(sdk) = Sdk::installed() else { return };
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher, created, completion_status, target_id, target_type, target_name)
             select lpad(n::text, 3, '0'), 'QUARTZ', 'Task', 'tests', timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second',
                 case when n > 200 then null when n % 2 = 0 then 'SUCCESS' else 'WARNING' end,
                 'source-' || n % 100, 'APPLICATION', 'Source'
             from generate_series(1, 300) n",
        )
        .await;
    let service = Service::start(&database).await;
    let summary = sdk.ask("task-management.mjs", service.address).await;

    let ids = |ids: &[&str], total: Option<&str>| json!({ "status": 200, "totalCount": total, "data": ids });
    assert_eq!(summary["list"], ids(&["300", "299", "298"], Some("300")));
    assert_eq!(summary["filtered"], ids(&["200", "198", "196"], Some("100")));
    assert_eq!(summary["pendingOfSource"], ids(&["201"], Some("1")));
    let refusal = |call: &str| {
        let refusal = &summary[call];
        (refusal["status"].clone(), refusal["data"]["detailCode"].clone())
    };
    assert_eq!(
        refusal("unreadable"),
        (json!(400), json!("400.1 Bad Request Content"))
    );
    assert_eq!(refusal("missing"), (json!(404), json!("404 Not found")));
    assert_eq!(
        refusal("immutable"),
        (json!(400), json!("400.1 Bad Request Content"))
    );
    let task = |status: Value, completed: Value| json!({ "status": 200, "totalCount": null, "data": { "id": "300", "completionStatus": status, "completed": completed } });
    assert_eq!(summary["get"], task(Value::Null, Value::Null));
    assert_eq!(
        summary["patch"],
        task("ERROR".into(), "2024-05-17T19:33:16.470Z".into())
    );
    assert_eq!(summary["patched"], summary["patch"]);
    let all: Vec<String> = (1..=300).map(|n| format!("{n:03}")).collect();
    assert_eq!(summary["paginated"]["data"], json!(all));
}

#[tokio::test]
async fn three_variables_are_enough_for_the_demo() {
    let Some(sdk) = Sdk::installed() else { return };
    let mut demo = Demo::start(&["--listen", "127.0.0.1:0"]).await;
    let mut node = Command::new("node");
    node.arg("demo.mjs");
    for name in ["SAIL_BASE_URL", "SAIL_CLIENT_ID", "SAIL_CLIENT_SECRET"] {
        node.env(name, demo.variable(name));
    }
    let summary = sdk.run(node).await;
    let status = |status: Value| json!({ "status": 200, "totalCount": null, "data": status });
    assert_eq!(summary["read"], status(Value::Null));
    let refusal = |call: &str| {
        let refusal = &summary[call];
        (refusal["status"].clone(), refusal["data"]["detailCode"].clone())
    };
    assert_eq!(refusal("refused"), (json!(403), json!("403 Forbidden")));
    assert_eq!(refusal("unknown"), (json!(401), json!("401 Unauthorized")));
    assert_eq!(summary["unchanged"], status(Value::Null));
    assert_eq!(summary["written"], status("TERMINATED".into()));
    assert_eq!(summary["changed"], status("TERMINATED".into()));
    assert!(summary["paginated"]["data"].as_u64().unwrap() > 250, "{summary}");
    demo.stop().await;
}
