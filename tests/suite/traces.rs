//! Traces: what the collector gets, and that one which fails changes nothing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::database::TestDatabase;
use crate::support::program::{Program, refused, serve};
use crate::support::service::{Answer, PENDING_TASKS};
use crate::support::{eventually, until};

/// A span as it was exported, with its attributes by name.
#[derive(Debug, Clone)]
struct Span {
    name: String,
    id: String,
    parent: String,
    kind: i64,
    is_error: bool,
    links: Vec<String>,
    attributes: BTreeMap<String, Value>,
}

/// A collector that takes OTLP in JSON.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(HeaderMap, Value)>>>);

impl Collector {
    /// With its URL.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let take = async |State(collector): State<Self>, headers: HeaderMap, body: Bytes| {
            let body = serde_json::from_slice(&body).unwrap();
            collector.0.lock().unwrap().push((headers, body));
            Json(json!({ "partialSuccess": {} }))
        };
        let app = Router::new()
            .route("/at/v1/traces", post(take))
            .with_state(collector.clone());
        (collector, serving(app).await + "/at/")
    }

    /// All spans of a trace, by their parents.
    fn spans(&self, trace: &str) -> Vec<Span> {
        let exports = self.0.lock().unwrap();
        let spans = exports.iter().flat_map(|(_, body)| list(&body["resourceSpans"]));
        let spans = spans
            .flat_map(|spans| list(&spans["scopeSpans"]))
            .flat_map(|spans| list(&spans["spans"]));
        spans
            .filter(|span| trace.is_empty() || span["traceId"] == trace)
            .map(span)
            .collect()
    }

    /// The trace of a request once it has ended: a line for each span, indented below its parent, in order of their ends.
    async fn tree(&self, trace: &str) -> (String, Span) {
        let root = eventually("the span of the request", async || {
            self.spans(trace).into_iter().find(|span| span.kind == SERVER)
        })
        .await;
        let mut text = String::new();
        draw(&self.spans(trace), &root, 0, &mut text);
        (text, root)
    }
}

const SERVER: i64 = 2;
const AT_ONCE: &str = "20";
const AT_THE_END: &str = "3600000";

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn span(span: &Value) -> Span {
    let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
    let attributes = list(&span["attributes"]).map(|attribute| {
        let value = attribute["value"]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .clone();
        (attribute["key"].as_str().unwrap().to_owned(), value)
    });
    Span {
        name: text("name"),
        id: text("spanId"),
        parent: text("parentSpanId"),
        kind: span["kind"].as_i64().unwrap(),
        is_error: span["status"]["code"] == 2,
        links: list(&span["links"])
            .map(|link| link["spanId"].as_str().unwrap().to_owned())
            .collect(),
        attributes: attributes.collect(),
    }
}

fn draw(spans: &[Span], parent: &Span, depth: usize, text: &mut String) {
    writeln!(text, "{}{}", "  ".repeat(depth), parent.name).unwrap();
    for child in spans.iter().filter(|span| span.parent == parent.id) {
        draw(spans, child, depth + 1, text);
    }
}

async fn serving(app: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    url
}

/// The program, which sends traces to this collector, after this many milliseconds or when it ends. It has one connection,
/// so that a request finds it opened.
fn traced(database: &TestDatabase, endpoint: &str, delay: &str, more: &[&str]) -> Program {
    let arguments = [
        "--auth",
        "none",
        "--max-connections",
        "1",
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    let mut command = serve(&database.url(), &[&arguments, more].concat());
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hidden")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        .env("OTEL_BSP_SCHEDULE_DELAY", delay);
    Program::start(command)
}

/// A request within a trace of its caller, whose span is `00f067aa0ba902b7`.
fn within(trace: &str, method: Method, url: &str) -> reqwest::RequestBuilder {
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    reqwest::Client::new()
        .request(method, url)
        .header("traceparent", traceparent)
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    Answer::read(request.send().await.unwrap()).await
}

fn trace(number: u8) -> String {
    format!("{number:032x}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_has_the_request_the_barrier_and_each_statement_without_values() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let (collector, endpoint) = Collector::start().await;
    let mut program = traced(&database, &endpoint, AT_ONCE, &[]);
    let url = program.url().await;
    let pending = url.clone() + PENDING_TASKS;
    program.logged("the database is up").await;
    // Opens the connections.
    answer(within(&trace(1), Method::GET, &pending)).await.ids();

    let filter = "?filters=launcher%20eq%20%22canary%22";
    let cold = format!("{url}/v2025/task-status{filter}");
    let response = answer(within(&trace(2), Method::GET, &cold)).await;
    let (tree, root) = collector.tree(&trace(2)).await;
    let (total, traceparent) = response
        .header("server-timing")
        .unwrap()
        .split_once(", ")
        .unwrap();
    assert!(total.starts_with("total;dur="), "{total}");
    assert_eq!(
        traceparent,
        format!("traceparent;desc=\"00-{}-{}-01\"", trace(2), root.id)
    );
    assert_eq!(
        tree,
        "GET /task-status
  freshness check
    select now() as at,
  select pg_is_in_recovery() as is_standby,
  with tally as materialized
"
    );
    assert_eq!(root.parent, "00f067aa0ba902b7");
    let tracking_id = root.attributes["task_status.tracking_id"].clone();
    let expected = json!({
        "http.request.method": "GET", "http.route": "/task-status", "http.response.status_code": "200",
        "url.path": "/v2025/task-status", "task_status.tracking_id": tracking_id,
    });
    assert_eq!(json!(root.attributes), expected);
    let statements = collector.spans(&trace(2));
    let statement = statements
        .iter()
        .find(|span| span.name.starts_with("with"))
        .unwrap();
    assert_eq!(statement.attributes["db.system.name"], "postgresql");
    let text = statement.attributes["db.query.text"].as_str().unwrap();
    assert!(text.contains("from task_status") && text.contains("$1"), "{text}");

    answer(within(&trace(3), Method::GET, &cold)).await;
    assert_eq!(
        collector.tree(&trace(3)).await.0,
        "GET /task-status
  freshness check
    select now() as at,
"
    );

    let body = json!({ "type": "QUARTZ", "uniqueName": "canary", "launcher": "canary" });
    let put = async |id: &str, number: u8| {
        let put = within(&trace(number), Method::PUT, &format!("{url}/task-status/{id}"));
        assert_eq!(answer(put.json(&body)).await.status, 201);
    };
    // The driver asks once for the types.
    put("b", 4).await;
    put("c", 5).await;
    let (tree, root) = collector.tree(&trace(5)).await;
    assert_eq!(
        tree,
        "PUT /task-status/{id}
  select pg_is_in_recovery() as is_standby,
  insert into task_status (id,
  select pg_is_in_recovery() as is_standby,
  select task_status.id::text collate \"C\",
"
    );
    // Its line in the log names the trace.
    let line: Value = serde_json::from_str(&program.logged("/task-status/c").await).unwrap();
    assert_eq!(line["span"]["trace_id"], trace(5));
    assert_eq!(line["span"]["span_id"], root.id);

    database.execute("alter table task_status rename to gone").await;
    let failed = answer(within(&trace(6), Method::GET, &format!("{url}/task-status/a"))).await;
    assert_eq!(failed.status, 503);
    let (_, root) = collector.tree(&trace(6)).await;
    assert_eq!(root.name, "GET /task-status/{id}");
    assert_eq!(root.attributes["error.type"], "database_unavailable");
    assert!(root.is_error);

    program.stop();
    let exports = collector.0.lock().unwrap().clone();
    for (headers, body) in &exports {
        assert_eq!(headers["authorization"], "Bearer hidden");
        assert!(!body.to_string().contains("canary"), "{body}");
        let resource = body["resourceSpans"][0]["resource"]["attributes"].to_string();
        for attribute in [
            "\"task-status\"",
            "deployment.environment.name",
            env!("CARGO_PKG_VERSION"),
        ] {
            assert!(resource.contains(attribute), "{resource}");
        }
    }
    assert!(!program.log().contains("hidden"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_read_belongs_to_one_request_and_others_link_to_it() {
    let database = TestDatabase::new().await;
    let (collector, endpoint) = Collector::start().await;
    let mut program = traced(&database, &endpoint, AT_ONCE, &[]);
    let pending = program.url().await + PENDING_TASKS;
    program.logged("the database is up").await;
    let client = reqwest::Client::new();
    let linked = eventually("a link", async || {
        join_all((0..20).map(|_| answer(client.get(&pending)))).await;
        collector
            .spans("")
            .into_iter()
            .find(|span| !span.links.is_empty())
    })
    .await;
    assert_eq!(linked.name, "freshness check");
    let read_for = eventually("the span of the read", async || {
        collector
            .spans("")
            .into_iter()
            .find(|span| span.id == linked.links[0])
    })
    .await;
    assert_eq!(read_for.name, "freshness check");
    let statements = collector.spans("");
    assert!(statements.iter().any(|span| span.parent == read_for.id));
    assert!(!statements.iter().any(|span| span.parent == linked.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_decides_only_with_a_valid_header() {
    let database = TestDatabase::new().await;
    let (collector, endpoint) = Collector::start().await;
    let mut program = traced(&database, &endpoint, AT_THE_END, &[]);
    let pending = program.url().await + PENDING_TASKS;
    program.logged("the database is up").await;
    let client = reqwest::Client::new();
    let id = trace(7);
    let not_sampled = format!("00-{id}-00f067aa0ba902b7-00");
    let hostile = [
        format!("00-{}-00f067aa0ba902b7-01", trace(0)),
        format!("00-{id}-0000000000000000-01"),
        format!("ff-{id}-00f067aa0ba902b7-01"),
        format!("00-{id}-00f067aa0ba902b7-01-more"),
        format!("00-{id}"),
        format!("00-+{}-00f067aa0ba902b7-01", &id[1..]),
        "0".repeat(10_000),
        "-".repeat(500),
        "äöü".to_owned(),
        String::new(),
    ];
    for header in hostile.iter().chain([&not_sampled]) {
        let request = client.get(&pending).header("traceparent", header.as_bytes());
        let request = request.header("tracestate", "=,".repeat(5000));
        let response = answer(request).await;
        assert_eq!(response.status, 204, "{header}");
        assert_eq!(
            response.header("server-timing").is_some(),
            *header != not_sampled,
            "{header}"
        );
    }
    answer(within(&trace(8), Method::GET, &pending)).await;
    program.stop();
    assert_eq!(collector.spans(&trace(8)).len(), 3);
    assert!(collector.spans(&id).is_empty());
    let requests = collector.spans("").into_iter().filter(|span| span.kind == SERVER);
    assert_eq!(requests.count(), hostile.len() + 1);
}

#[tokio::test]
async fn a_queue_without_bound_is_refused() {
    let database = TestDatabase::new().await;
    let arguments = ["--auth", "none", "--otlp-endpoint", "http://127.0.0.1:4318"];
    for value in ["99999999999999", "0", "-1", "many"] {
        let mut command = serve(&database.url(), &arguments);
        command.env("OTEL_BSP_MAX_QUEUE_SIZE", value);
        let refused = refused(command);
        let said = "OTEL_BSP_MAX_QUEUE_SIZE must be an integer from 1 to 65536";
        assert!(refused.contains(said), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_fails_changes_nothing() {
    let failing = Router::new().fallback(async |headers: HeaderMap| {
        // The form is that of the conventions if no other is chosen.
        if headers["content-type"] == "application/x-protobuf" {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        }
    });
    let refusing = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let refused = format!("http://{}", refusing.local_addr().unwrap());
    drop(refusing);
    let garbage = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let garbled = format!("http://{}", garbage.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = garbage.accept().await {
            // It may have closed.
            let _ = stream.read(&mut [0; 1000]).await;
            let _ = stream.write_all(&[b'\0'; 1000]).await;
        }
    });
    let hanging = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let hung = format!("http://{}", hanging.local_addr().unwrap());

    let tried = async |endpoint: String, is_hanging: bool| {
        let database = TestDatabase::new().await;
        let mut program = traced(
            &database,
            &endpoint,
            AT_ONCE,
            &["--otlp-protocol", "http/protobuf"],
        );
        let (url, metrics) = (program.url().await, program.url_of("metrics").await);
        program.logged("the database is up").await;
        let client = reqwest::Client::new();
        let ask = async || {
            assert_eq!(
                answer(client.get(format!("{url}{PENDING_TASKS}"))).await.status,
                204
            );
        };
        until("failures", async || {
            ask().await;
            let metrics = answer(client.get(format!("{metrics}/metrics"))).await;
            let failed = |line: &str| line.starts_with("task_status_trace_exports_total{result=\"error\"} ");
            let failures = metrics.body.lines().find(|line| failed(line)).unwrap();
            is_hanging || !(failures.ends_with(" 0") || failures.ends_with(" 1"))
        })
        .await;
        program.stop();
        let warnings = program.log().matches("cannot export traces").count();
        // An export that hangs may fail in time.
        assert!(warnings == 1 || is_hanging && warnings == 0, "{}", program.log());
    };
    tokio::join!(
        tried(serving(failing).await, false),
        tried(refused, false),
        tried(garbled, false),
        tried(hung, true),
    );
    drop(hanging);
}
