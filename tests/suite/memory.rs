//! The memory of large responses.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use task_status::pending::PendingConfig;

use crate::support::database::TestDatabase;
use crate::support::service::{PENDING_TASKS, Service, Setup};
use crate::support::until;

const MIB: usize = 1024 * 1024;

/// Forty pending tasks of a megabyte each, and a service with room for fifty.
async fn service(database: &TestDatabase) -> Service {
    let numbers: Vec<String> = (10..50).map(|number| format!("t{number}")).collect();
    let ids: Vec<&str> = numbers.iter().map(String::as_str).collect();
    database.insert(&ids).await;
    database
        .execute("update task_status set attributes = jsonb_build_object('a', repeat('x', 1000000))")
        .await;
    let setup = Setup {
        pending: PendingConfig {
            response_memory: 50 * MIB,
            cache_bytes: MIB as u64,
            ..PendingConfig::default()
        },
        ..Setup::default()
    };
    Service::with(database, setup).await
}

#[tokio::test]
async fn a_large_page_is_complete_or_refused() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    for list in ["/task-status?sorters=created&", "/task-status/pending-tasks?"] {
        let page = service.get(&format!("{list}limit=20&count=true")).await;
        assert_eq!(page.total_count(), Some(40));
        assert_eq!(page.ids().len(), 20);
        assert!(page.next().is_some());
        let length = page.header("content-length").map(str::to_owned);
        assert_eq!(length, Some(page.body.len().to_string()));
        let whole = service.get(list).await;
        assert_eq!(whole.status, StatusCode::BAD_REQUEST, "{list}");
        let limit = 25 * MIB;
        assert_eq!(
            whole.causes(),
            [format!(
                "The response would have more than {limit} bytes. Ask for fewer tasks with “limit”."
            )]
        );
    }
}

#[tokio::test]
async fn clients_that_do_not_read_take_no_more_than_the_budget() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    for target in ["/task-status?limit=20", "/task-status/pending-tasks?limit=20"] {
        let mut unread = Vec::new();
        let refused = loop {
            match service.response(Method::GET, target, &[]).await {
                response if response.status() == StatusCode::OK => unread.push(response),
                response => break response,
            }
        };
        assert_eq!(unread.len(), 2);
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "1");
        let body: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
        assert_eq!(body["causes"][0]["text"], "The memory for responses is in use.");
        // Small responses need no room.
        assert_eq!(service.get("/task-status?limit=0&count=true").await.status, 200);
        drop(unread);
        until("there is room again", async || {
            service.get(target).await.status == 200
        })
        .await;
    }
}

#[tokio::test]
async fn a_page_that_is_too_large_to_keep_is_confirmed_without_reading_it() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let target = format!("{PENDING_TASKS}?limit=10");
    let page = service.get(&target).await;
    let tag = page.etag();
    let hits = || service.pending.as_ref().unwrap().cache_stats().hits.get();
    let before = hits();
    for _ in 0..3 {
        let same = service
            .request(Method::GET, &target, &[("If-None-Match", &tag)])
            .await;
        assert_eq!(
            (same.status, same.etag()),
            (StatusCode::NOT_MODIFIED, tag.clone())
        );
    }
    assert_eq!(hits(), before + 3);
    assert_eq!(service.get(&target).await.body, page.body);
    database
        .execute("update task_status set attributes = '{}' where id = 't10'")
        .await;
    let other = service
        .request(Method::GET, &target, &[("If-None-Match", &tag)])
        .await;
    assert_eq!(other.ids().len(), 10);
    assert_ne!(other.etag(), tag);
}

#[tokio::test]
async fn results_of_lines_that_are_not_read_take_no_more_than_the_budget() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let client = reqwest::Client::new();
    let mut unread = Vec::new();
    // The fourth has no room for its results: it waits for the client to read.
    for _ in 0..4 {
        let lines = client
            .post(format!("http://{}/task-status", service.address))
            .header("content-type", "application/x-ndjson")
            .body("x\n".repeat(60_000));
        unread.push(lines.send().await.unwrap());
    }
    let page = async || service.get("/task-status?limit=10").await.status;
    until("the results wait in memory", async || {
        page().await == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    drop(unread);
    until("there is room again", async || page().await == StatusCode::OK).await;
}
