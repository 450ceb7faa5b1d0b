//! Pages of pending tasks from memory: they equal the query byte for byte, and conditional requests get 304.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use sqlx::{Connection, Executor};
use task_status::http::state::EmptyStatus;
use task_status::listing::filter::Filter;
use task_status::listing::page::{Limit, Offset};
use task_status::listing::sorters::Sorters;
use task_status::pending::page::ListQuery;
use task_status::pending::{Pending, PendingConfig};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::database::TestDatabase;
use crate::support::service::{Answer, PENDING_TASKS, Service, Setup};
use crate::support::tasks;
use crate::support::{decoded, eventually, until};

/// The same list with a filter for which the counts by time of creation are of no use: its pages are found by skipping.
const STRAIGHT: &str = "/task-status?filters=completionStatus+isnull+and+pr+id";

const PENDING_INDEX: &str = "task_status_pending_idx";

async fn insert(database: &TestDatabase, number: usize) {
    database
        .insert_many(number, "'t' || n", "n / 3 * interval '1 second'")
        .await;
}

#[derive(Debug, Clone)]
enum Step {
    Write(&'static str),
    /// Order, offset, limit, count, whether from the cursor of a link.
    Read(&'static str, usize, usize, bool, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let write = prop_oneof![
        Just(tasks::insert_many(7, "gen_random_uuid()", "(now() - '2026-01-01Z')").leak() as &str),
        Just(tasks::insert_many(3, "gen_random_uuid()", "random() * interval '1 hour'").leak() as &str),
        Just(
            "update task_status set progress = coalesce(progress, '') || '.' where id in (select id from task_status where completion_status is null order by random() limit 2)"
        ),
        Just(
            "update task_status set completion_status = 'SUCCESS' where id in (select id from task_status where completion_status is null order by random() limit 3)"
        ),
        Just(
            "update task_status set completion_status = null, completed = null where id in (select id from task_status where completion_status is not null order by random() limit 3)"
        ),
        Just(
            "update task_status set created = created + interval '1 minute' where id in (select id from task_status order by random() limit 3)"
        ),
        Just(
            "update task_status set id = id || '+' where id in (select id from task_status order by random() limit 3)"
        ),
        Just(
            "do $$ declare task task_status; begin
                for task in select * from task_status order by random() limit 3 loop
                    delete from task_status where id = task.id;
                    task.progress := random();
                    insert into task_status select task.*;
                    update task_status set progress = progress || '!' where id = task.id;
                end loop;
             end $$"
        ),
        Just("delete from task_status where id in (select id from task_status order by random() limit 5)"),
        Just("delete from task_status where completion_status is not null"),
    ];
    let order = prop_oneof![3 => Just("created"), 2 => Just("-created"), 1 => Just("-uniqueName,modified")];
    // Some pages are requested again and again, others once.
    let offset = prop_oneof![2 => Just(0), 2 => 0..130_usize, 2 => (0..13_usize).prop_map(|page| page * 10)];
    let limit = prop_oneof![1 => 0..=250_usize, 2 => Just(10), 1 => Just(250)];
    prop_oneof![
        1 => write.prop_map(Step::Write),
        5 => (order, offset, limit, any::<bool>(), any::<bool>())
            .prop_map(|(order, offset, limit, count, after)| Step::Read(order, offset, limit, count, after)),
    ]
}

/// The resource that serves this order from memory.
fn from_memory(order: &str) -> String {
    match order {
        "created" => format!("{PENDING_TASKS}?"),
        "-created" => "/task-status?filters=completionStatus+isnull&".to_owned(),
        order => format!("/task-status?filters=completionStatus+isnull&sorters={order}&"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_from_memory_equals_the_query_byte_for_byte() {
    let database = TestDatabase::new().await;
    insert(&database, 100).await;
    let service = Service::with(&database, Setup::with_empty_status(EmptyStatus::Ok)).await;
    let state = Mutex::new((database.connect().await, HashMap::<String, String>::new()));
    let runtime = tokio::runtime::Handle::current();
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let check = async |step: Step| {
        let (writer, bodies) = &mut *state.lock().await;
        let (order, offset, limit, count, after) = match step {
            Step::Write(sql) => {
                writer.execute(sql).await.unwrap();
                return;
            }
            Step::Read(order, offset, limit, count, after) => (order, offset, limit, count, after),
        };
        let mut range = format!("offset={offset}&limit={limit}&count={count}");
        let straight = format!("{STRAIGHT}&sorters={order}&");
        if after {
            let link = service.get(&format!("{straight}{range}")).await.next();
            let Some((_, cursor)) = link.as_ref().and_then(|link| link.split_once("after=")) else {
                return;
            };
            range = format!("after={cursor}&limit={limit}&count={count}");
        }
        let expected = service.get(&format!("{straight}{range}")).await;
        let target = format!("{}{range}", from_memory(order));
        // The second time it is in memory.
        for _ in 0..2 {
            let answer = service.get(&target).await;
            assert_eq!(
                (answer.status, &answer.body),
                (expected.status, &expected.body),
                "{target}"
            );
            assert_eq!(answer.total_count(), expected.total_count(), "{target}");
            let cursor = |answer: &Answer| {
                answer
                    .next()
                    .map(|link| link.split("after=").nth(1).unwrap().to_owned())
            };
            assert_eq!(cursor(&answer), cursor(&expected), "{target}");
            let etag = answer.etag();
            let known = bodies.entry(etag.clone()).or_insert_with(|| answer.body.clone());
            assert_eq!(*known, answer.body, "one tag for two bodies");
            let again = service
                .request(Method::GET, &target, &[("If-None-Match", &etag)])
                .await;
            assert_eq!(
                (again.status, again.body.as_str()),
                (StatusCode::NOT_MODIFIED, "")
            );
        }
    };
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&prop::collection::vec(step(), 1..20), |steps| {
                runtime.block_on(async {
                    for step in steps {
                        check(step).await;
                    }
                });
                Ok(())
            })
            .unwrap();
    });
    assert!(state.lock().await.1.len() > 50, "too few pages");
}

#[tokio::test]
async fn a_304_carries_the_current_headers() {
    let database = TestDatabase::new().await;
    insert(&database, 3).await;
    let service = Service::start(&database).await;
    let targets = [
        format!("{PENDING_TASKS}?limit=2&count=true"),
        "/task-status?filters=completionStatus+isnull&sorters=created&limit=2&count=true".to_owned(),
    ];
    let headers = |answer: &Answer| {
        ["cache-control", "vary", "etag", "x-total-count", "link"]
            .map(|name| answer.header(name).map(str::to_owned))
    };
    let mut tags = Vec::new();
    for target in &targets {
        let first = service.get(target).await;
        let [cache_control, vary, etag, total, link] = headers(&first);
        assert_eq!(cache_control.as_deref(), Some("private, no-cache"));
        assert_eq!(vary.as_deref(), Some("accept-encoding"));
        assert_eq!(total.as_deref(), Some("3"));
        assert!(link.is_some());
        let etag = etag.unwrap();
        for method in [Method::GET, Method::HEAD] {
            for condition in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
                let known = service
                    .request(method.clone(), target, &[("If-None-Match", &condition)])
                    .await;
                assert_eq!(
                    (known.status, known.body.as_str()),
                    (StatusCode::NOT_MODIFIED, "")
                );
                assert_eq!(headers(&known), headers(&first));
                assert_eq!(known.header("content-length"), None);
            }
            let other = service
                .request(method.clone(), target, &[("If-None-Match", "\"x\"")])
                .await;
            assert_eq!(other.status, StatusCode::OK);
        }
        tags.push(etag);
    }
    assert_eq!(tags[0], tags[1], "the same bytes");

    let full = format!("{PENDING_TASKS}?limit=3");
    assert_eq!(service.get(&full).await.header("link"), None);

    // One more at the end: the same page, another count, another page after it.
    database.insert(&["u"]).await;
    assert!(service.get(&full).await.header("link").is_some());
    let known = service
        .request(Method::GET, &targets[0], &[("If-None-Match", &tags[0])])
        .await;
    assert_eq!(
        (known.status, known.total_count()),
        (StatusCode::NOT_MODIFIED, Some(4))
    );
    // A change to a task of the page.
    database
        .execute("update task_status set progress = 'x' where id = 't1'")
        .await;
    let changed = service
        .request(Method::GET, &targets[0], &[("If-None-Match", &tags[0])])
        .await;
    assert_eq!((changed.status, changed.ids().len()), (StatusCode::OK, 2));
}

#[tokio::test]
async fn an_empty_list_has_a_tag() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let target = format!("{PENDING_TASKS}?count=true");
    let answer = service.get(&target).await;
    assert_eq!(
        (answer.status, answer.total_count()),
        (StatusCode::NO_CONTENT, Some(0))
    );
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    // The tag allows a long poll for the first task.
    let etag = answer.header("etag").unwrap();
    let known = service
        .request(Method::GET, &target, &[("If-None-Match", etag)])
        .await;
    assert_eq!(
        (known.status, known.total_count()),
        (StatusCode::NOT_MODIFIED, Some(0))
    );
    let other = Service::with(&database, Setup::with_empty_status(EmptyStatus::Ok))
        .await
        .get(PENDING_TASKS)
        .await;
    assert_eq!((other.status, other.body.as_str()), (StatusCode::OK, "[]"));
    assert_eq!(other.header("etag"), Some(etag));
}

/// The headers and the bytes of a response in a coding.
async fn coded(service: &Service, method: Method, target: &str, accepted: &str) -> (HeaderMap, Vec<u8>) {
    let answer = service
        .response(method, target, &[("Accept-Encoding", accepted)])
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    (answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_page_is_compressed_as_negotiated_with_its_own_tag() {
    let database = TestDatabase::new().await;
    insert(&database, 100).await;
    let service = Service::start(&database).await;
    let plain = service.get(PENDING_TASKS).await;
    let plain_tag = plain.header("etag").unwrap().trim_matches('"').to_owned();
    for (accepted, coding) in [
        ("gzip", "gzip"),
        ("gzip;q=0.5, br", "br"),
        ("gzip, br, zstd", "zstd"),
        ("*;q=0.1", "zstd"),
    ] {
        let (headers, encoded) = coded(&service, Method::GET, PENDING_TASKS, accepted).await;
        assert_eq!(headers["content-encoding"], coding);
        assert_eq!(headers["vary"], "accept-encoding");
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["content-length"], encoded.len().to_string().as_str());
        let tag = format!("\"{plain_tag}-{coding}\"");
        assert_eq!(headers["etag"], tag.as_str());
        assert!(encoded.len() < plain.body.len() / 5);
        let decoded = decoded(Some(coding), &encoded);
        assert!(decoded == plain.body.as_bytes(), "{coding}");
        // The same again, and for HEAD.
        assert_eq!(
            coded(&service, Method::GET, PENDING_TASKS, accepted).await.1,
            encoded
        );
        let (head, none) = coded(&service, Method::HEAD, PENDING_TASKS, accepted).await;
        assert!(none.is_empty());
        for name in ["content-encoding", "content-length", "etag"] {
            assert_eq!(head[name], headers[name], "{name}");
        }
        // The same content in another coding is known too, and what a proxy has made of its tag.
        for suffix in ["", "-gzip", "-zstd", "--br"] {
            let condition = format!("W/\"{plain_tag}{suffix}\"");
            let headers = [("Accept-Encoding", accepted), ("If-None-Match", &condition)];
            let response = service.response(Method::GET, PENDING_TASKS, &headers).await;
            assert_eq!(response.status(), 304, "{coding} {condition}");
            assert_eq!(response.headers()["etag"], tag.as_str());
        }
    }
    for (target, accepted) in [
        (PENDING_TASKS.to_owned(), "deflate"),
        (PENDING_TASKS.to_owned(), "identity, gzip;q=0.5"),
        // Too short to compress.
        (format!("{PENDING_TASKS}?limit=1"), "gzip"),
    ] {
        let (headers, body) = coded(&service, Method::GET, &target, accepted).await;
        assert!(!headers.contains_key("content-encoding"), "{target} {accepted}");
        assert!(body.starts_with(b"[{"));
        assert_eq!(headers["vary"], "accept-encoding");
    }
}

#[tokio::test]
async fn the_description_is_compressed_and_tagged() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for target in ["/openapi.json", "/docs"] {
        let plain = service.get(target).await;
        let mut tags = vec![plain.etag()];
        for coding in ["gzip", "br", "zstd"] {
            let (headers, encoded) = coded(&service, Method::GET, target, coding).await;
            assert_eq!(headers["content-encoding"], coding);
            assert_eq!(headers["vary"], "accept-encoding");
            assert_eq!(headers["content-type"], plain.headers["content-type"]);
            assert!(
                encoded.len() < plain.body.len() / 5,
                "{coding}: {}",
                encoded.len()
            );
            assert!(
                decoded(Some(coding), &encoded) == plain.body.as_bytes(),
                "{coding}"
            );
            let etag = headers["etag"].to_str().unwrap().to_owned();
            assert!(!tags.contains(&etag));
            for method in [Method::GET, Method::HEAD] {
                let conditions = [("Accept-Encoding", coding), ("If-None-Match", &etag)];
                let known = service.request(method, target, &conditions).await;
                assert_eq!((known.status.as_u16(), known.body.as_str()), (304, ""));
                assert_eq!(known.header("etag"), Some(etag.as_str()));
                assert_eq!(known.header("cache-control"), Some("private, no-cache"));
                let policy = "content-security-policy";
                assert_eq!(known.header(policy), plain.header(policy));
            }
            tags.push(etag);
        }
    }
}

/// Scans of an index, and entries read. Ends the service: connections report statistics when they close.
async fn read_of(index: &str, database: &TestDatabase, service: &Service) -> (i64, i64) {
    service.database.close().await;
    let of_index = format!("from pg_stat_user_indexes where indexrelname = '{index}'");
    let scans = format!("select idx_scan {of_index}");
    until("statistics", async || database.value::<i64>(&scans).await > 0).await;
    let entries = format!("select idx_tup_read {of_index}");
    (database.value(&scans).await, database.value(&entries).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_share_one_read() {
    let database = TestDatabase::new().await;
    insert(&database, 20_000).await;
    database.execute("vacuum analyze task_status").await;
    let service = Arc::new(Service::start(&database).await);
    let mut holder = database.connect().await;
    holder
        .execute("begin; lock table task_status in access exclusive mode")
        .await
        .unwrap();
    let mut requests = JoinSet::new();
    for _ in 0..40 {
        let service = Arc::clone(&service);
        requests.spawn(async move { service.get(PENDING_TASKS).await });
    }
    database.until_blocked(1, "with tally").await;
    holder.execute("commit").await.unwrap();
    let mut bodies = Vec::new();
    while let Some(answer) = requests.join_next().await {
        bodies.push(answer.unwrap().body);
    }
    // Later requests in other forms.
    for target in ["?count=true", "?offset=0&limit=250", "?x=1"] {
        bodies.push(service.get(&format!("{PENDING_TASKS}{target}")).await.body);
    }
    bodies.push(
        service
            .get("/v2025/task-status?filters=completionStatus+isnull&sorters=created")
            .await
            .body,
    );
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(read_of(PENDING_INDEX, &database, &service).await.0, 1);
}

#[tokio::test]
async fn a_list_is_counted_once_for_all_of_its_pages() {
    let database = TestDatabase::new().await;
    insert(&database, 20_000).await;
    let complete =
        "update task_status set completion_status = 'ERROR' where created < '2026-01-01 00:02:00Z'";
    database.execute(complete).await;
    database.execute("vacuum analyze task_status").await;
    let service = Service::start(&database).await;
    for offset in [0, 100, 200] {
        let filter = "filters=completionStatus+eq+%22ERROR%22";
        let page = service
            .get(&format!(
                "/task-status?{filter}&count=true&limit=50&offset={offset}"
            ))
            .await;
        assert_eq!((page.ids().len(), page.total_count()), (50, Some(359)));
    }
    // Three pages and one count.
    let (scans, _) = read_of("task_status_completion_status_idx", &database, &service).await;
    assert_eq!(scans, 4);
}

#[tokio::test]
async fn a_list_is_read_again_only_if_its_tasks_may_have_changed() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "b", "done"]).await;
    let complete = "update task_status set completion_status = 'ERROR' where id = 'done'";
    database.execute(complete).await;
    let service = Service::start(&database).await;
    let reads = || service.pending.as_ref().unwrap().cache_stats().misses.get();
    let of_pending = [
        "/task-status?filters=completionStatus+isnull",
        "/task-status?filters=id+ne+%22b%22+and+completionStatus+isnull&count=true",
    ];
    let of_all = [
        "/task-status?sorters=-uniqueName&count=true",
        "/task-status?filters=pr+completionStatus",
        "/task-status?filters=completionStatus+isnull+or+id+eq+%22done%22",
    ];
    let known = async |targets: &[&'static str]| {
        let mut known = Vec::new();
        for target in targets {
            known.push((*target, service.get(target).await));
        }
        known
    };
    let (of_pending, of_all) = (known(&of_pending).await, known(&of_all).await);
    let confirmed = async |(target, page): &(&str, Answer)| {
        let headers = [("If-None-Match", &*page.etag())];
        let again = service.request(Method::GET, target, &headers).await;
        if again.status == StatusCode::NOT_MODIFIED {
            let headers = |answer: &Answer| {
                ["etag", "link", "vary", "x-total-count"].map(|name| answer.header(name).map(str::to_owned))
            };
            assert_eq!(headers(&again), headers(page), "{target}");
        }
        again.status == StatusCode::NOT_MODIFIED
    };
    let before = reads();
    for page in of_pending.iter().chain(&of_all) {
        assert!(confirmed(page).await, "{page:?}");
    }
    assert_eq!(reads(), before);
    database
        .execute("update task_status set progress = 'p' where id = 'done'")
        .await;
    for page in &of_pending {
        assert!(confirmed(page).await, "{page:?}");
    }
    assert_eq!(reads(), before);
    for page in &of_all {
        assert!(!confirmed(page).await, "{page:?}");
    }
    database.execute("delete from task_status where id = 'a'").await;
    for page in &of_pending {
        assert!(!confirmed(page).await, "{page:?}");
    }
}

#[tokio::test]
async fn a_page_is_found_from_the_end_of_another() {
    let database = TestDatabase::new().await;
    insert(&database, 20_000).await;
    database.execute("vacuum analyze task_status").await;
    let service = Service::start(&database).await;
    let mut seen = Vec::new();
    for offset in (0..20_000).step_by(250) {
        seen.extend(
            service
                .get(&format!("{PENDING_TASKS}?offset={offset}"))
                .await
                .ids(),
        );
    }
    assert_eq!(seen.len(), 20_000);
    let page = service
        .get(&format!("{PENDING_TASKS}?offset=19990&limit=20"))
        .await
        .ids();
    assert_eq!(page, seen[19_990..]);
    // Each entry once or twice; from the start for each page it would be 800 000.
    let (_, entries) = read_of(PENDING_INDEX, &database, &service).await;
    assert!(entries < 40_000, "{entries}");
}

#[tokio::test]
async fn a_new_page_is_read_in_one_pass_wherever_it_begins() {
    let database = TestDatabase::new().await;
    insert(&database, 20_000).await;
    database.execute("vacuum analyze task_status").await;
    let service = Service::start(&database).await;
    for offset in [0, 20, 19_000] {
        let page = service.get(&format!("{PENDING_TASKS}?offset={offset}")).await;
        assert_eq!(page.ids().len(), 250);
    }
    // Three pages, and the tasks of a minute, although the end of the first page is known too.
    let (_, entries) = read_of(PENDING_INDEX, &database, &service).await;
    assert!(entries < 1500, "{entries}");
    let one_by_one = "select idx_scan from pg_stat_user_indexes where indexrelname = 'task_status_pkey'";
    assert_eq!(database.value::<i64>(one_by_one).await, 0);
}

#[tokio::test]
async fn memory_is_bounded_by_bytes_and_larger_pages_are_served_too() {
    const PAGES: [(i32, i32); 4] = [(0, 250), (0, 10), (290, 10), (0, 30)];
    let database = TestDatabase::new().await;
    insert(&database, 300).await;
    let service = Service::start(&database).await;
    let settings = PendingConfig {
        cache_bytes: 20_000,
        ..PendingConfig::default()
    };
    let pending = Pending::new(service.database.clone(), settings, CancellationToken::new());
    let page = async |offset: i32, limit: i32| {
        let query = ListQuery {
            filter: Some(Arc::new(Filter::pending())),
            order: Sorters::oldest_first(),
            after: None,
            offset: Offset::new(offset).unwrap(),
            limit: Limit::new(limit).unwrap(),
        };
        let page = pending.page(&query, false).await.unwrap();
        let tasks: Vec<serde_json::Value> =
            serde_json::from_slice(page.content.body.as_ref().unwrap()).unwrap();
        tasks.len()
    };
    let mut most = 0;
    for _ in 0..2 {
        for (offset, limit) in PAGES {
            assert_eq!(page(offset, limit).await, usize::try_from(limit).unwrap());
            most = most.max(pending.cached_bytes());
        }
    }
    assert!((5000..=20_000).contains(&most), "{most}");
    // Deleted tasks leave the cache.
    database.execute("delete from task_status").await;
    for (offset, limit) in PAGES {
        assert_eq!(page(offset, limit).await, 0);
    }
    assert!(pending.cached_bytes() < 4000);
}

#[tokio::test]
async fn an_unconfirmed_page_is_503() {
    let database = TestDatabase::new().await;
    insert(&database, 3).await;
    let setup = Setup {
        pending: PendingConfig {
            timeout: Duration::from_millis(50),
            ..PendingConfig::default()
        },
        ..Setup::default()
    };
    let service = Service::with(&database, setup).await;
    let before = eventually("a page in memory", async || {
        Some(service.get(PENDING_TASKS).await).filter(|answer| answer.status == StatusCode::OK)
    })
    .await;
    let mut holder = database.connect().await;
    holder
        .execute("begin; lock table task_status_tally in access exclusive mode")
        .await
        .unwrap();
    let etag = before.header("etag").unwrap();
    for headers in [&[][..], &[("If-None-Match", etag)]] {
        let refused = service.request(Method::GET, PENDING_TASKS, headers).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(
            refused.causes(),
            ["The database did not confirm in time that the response is current."]
        );
    }
    // Requests that need no memory still succeed.
    assert_eq!(service.get("/task-status/t1").await.status, StatusCode::OK);
    holder.execute("commit").await.unwrap();
    let after = eventually("a page again", async || {
        Some(service.get(PENDING_TASKS).await).filter(|answer| answer.status == StatusCode::OK)
    })
    .await;
    assert_eq!(after.body, before.body);
    holder.close().await.unwrap();
}
