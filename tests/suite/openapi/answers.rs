//! Every operation responds with each described status.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use sqlx::PgConnection;
use task_status::auth::issuer::{Grant, Issuer};
use task_status::auth::key_source::KeySource;
use task_status::auth::keys::KeySet;
use task_status::auth::proxies::Proxies;
use task_status::auth::rate::Limiter;
use task_status::http::middleware::authorize::Authorizer;
use task_status::http::middleware::hosts::AllowedHosts;
use task_status::store::Database;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::description::{Description, Operation};
use crate::support::TIMEOUT;
use crate::support::database::TestDatabase;
use crate::support::identity::{AUDIENCE, ISSUER, access};
use crate::support::service::{Answer, LIMITS, Service, Setup};

const JSON: &str = "application/json";
const PATCH: &str = "application/json-patch+json";
const NDJSON: &str = "application/x-ndjson";

/// A valid request: target, media type, content.
fn request(operation: &Operation) -> (String, &'static str, String) {
    let task = json!({ "type": "QUARTZ", "uniqueName": "Big Task", "launcher": "sweep" });
    let clear = json!([{ "op": "replace", "path": "/completionStatus", "value": "Error" }]).to_string();
    let target = operation.path.replace("{id}", "a");
    match operation.id.as_str() {
        "reportTaskStatus" | "reportTaskStatuses" => (target, JSON, task.to_string()),
        "updateTaskStatus" => (target, PATCH, clear),
        "getTaskStatusSuggestions" | "getTaskStatusSuggestionsHeaders" => {
            (target + "?field=launcher", "", String::new())
        }
        "clearTaskStatuses" => (target + "?filters=id+eq+%22none%22", PATCH, clear),
        _ => (target, "", String::new()),
    }
}

/// How often an operation responded with a status.
struct Seen<'a> {
    description: &'a Description,
    answers: BTreeMap<(String, String), usize>,
}

impl Seen<'_> {
    fn see(&mut self, id: &str, answer: &Answer) {
        let operations = self.description.operations();
        let operation = operations.iter().find(|operation| operation.id == id).unwrap();
        self.description.assert_described(operation, answer);
        *self
            .answers
            .entry((id.to_owned(), answer.status.as_str().to_owned()))
            .or_default() += 1;
    }
}

async fn send(
    service: &Service,
    operation: &Operation,
    target: &str,
    headers: &[(&str, &str)],
    content: String,
) -> Answer {
    service
        .send_with(operation.method(), target, headers, content)
        .await
}

#[tokio::test]
async fn every_described_status_occurs_as_described() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let description = Description::read(&service.get("/openapi.json").await.body);
    let mut seen = Seen {
        description: &description,
        answers: BTreeMap::new(),
    };

    reports(&service, &mut seen).await;
    reads(&service, &mut seen).await;
    changes(&service, &mut seen).await;
    for operation in description.operations() {
        let (target, media_type, content) = request(&operation);
        let headers = [("Content-Type", media_type)];
        let answer = send(&service, &operation, &target, &headers, content).await;
        seen.see(&operation.id, &answer);
    }
    common_refusals(&service, &mut seen).await;
    slow_content(&service, &mut seen).await;
    unauthorized_callers(&database, &mut seen).await;

    // 500 for a policy that fails, 503 without a database.
    database
        .execute(
            "create function fail() returns boolean language plpgsql as $$ begin raise 'failed'; end $$;
             create policy fails on task_status using (fail());
             create policy fails on task_status_tally using (fail());
             alter table task_status enable row level security;
             alter table task_status_tally enable row level security",
        )
        .await;
    let unavailable = Service::on(
        Database::new(database.service_options(), LIMITS),
        Setup::default(),
    );
    for operation in description.operations() {
        if operation.path.starts_with("/task-status") {
            for service in [&service, &unavailable] {
                let (target, media_type, content) = request(&operation);
                let answer = send(
                    service,
                    &operation,
                    &target,
                    &[("Content-Type", media_type)],
                    content,
                )
                .await;
                seen.see(&operation.id, &answer);
            }
        }
    }

    for operation in description.operations() {
        for status in operation.statuses() {
            let key = (operation.id.clone(), status);
            assert!(seen.answers.contains_key(&key), "{key:?} was never answered");
        }
    }
}

/// Callers that are not authenticated, not permitted, or over a limit.
async fn unauthorized_callers(database: &TestDatabase, seen: &mut Seen<'_>) {
    let by_secret = || access(KeySource::fixed(KeySet::from_secret(&[1; 32]).unwrap()));
    let rate = Limiter::new("1/1h".parse().unwrap());
    let mut strict = Setup::with_authenticator(by_secret());
    strict.api.allowed_hosts = AllowedHosts::Loopback;
    let strict = Service::with(database, strict).await;
    let busy = TestDatabase::new().await;
    let (full, _held) = without_permits(&busy).await;
    let limited = Setup::with_authorizer(Authorizer::new(by_secret(), Proxies::default(), Some(rate)));
    let limited = Service::with(database, limited).await;
    assert_eq!(limited.get("/docs").await.status, 200);
    let grant = Grant {
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        lifetime: TIMEOUT,
        ..Grant::default()
    };
    let without_scopes = Issuer::from_secret(&[1; 32]).token(&grant).unwrap();
    let authorization = format!("Bearer {without_scopes}");
    let authorized = [("Authorization", authorization.as_str())];
    for operation in seen.description.operations() {
        let (target, _, content) = request(&operation);
        for (service, headers) in [
            (&strict, &[][..]),
            (&strict, &authorized),
            (&strict, &[("Host", "evil.example")]),
            (&limited, &[]),
            (&full, &authorized),
        ] {
            let answer = send(service, &operation, &target, headers, content.clone()).await;
            seen.see(&operation.id, &answer);
        }
    }
}

/// A service whose only permit a request holds until the lock ends.
async fn without_permits(database: &TestDatabase) -> (Service, (TcpStream, PgConnection)) {
    let mut setup = Setup::default();
    setup.api.bounds.requests = 1.try_into().unwrap();
    let full = Service::with(database, setup).await;
    let lock = database.lock().await;
    let mut blocked = TcpStream::connect(full.address).await.unwrap();
    let head = b"GET /task-status HTTP/1.1\r\nhost: x\r\n\r\n";
    blocked.write_all(head).await.unwrap();
    database.until_blocked(1, "task_status").await;
    (full, (blocked, lock))
}

/// Refusals that are the same for every operation.
async fn common_refusals(service: &Service, seen: &mut Seen<'_>) {
    let fields: Vec<String> = (0..101).map(|number| format!("x-{number}")).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|name| (name.as_str(), "x")).collect();
    for operation in seen.description.operations() {
        let (target, media_type, content) = request(&operation);
        let typed = [("Content-Type", media_type)];
        let join = if target.contains('?') { '&' } else { '?' };
        let long = format!("{target}{join}x={}", "x".repeat(16 * 1024));
        seen.see(
            &operation.id,
            &send(service, &operation, &long, &typed, content.clone()).await,
        );
        seen.see(
            &operation.id,
            &send(service, &operation, &target, &fields, content.clone()).await,
        );
        if operation.statuses().contains(&"400".to_owned())
            && !operation.path.contains("{id}")
            && !operation.has_content()
        {
            let bad = format!("{target}{join}limit=x&count=x&stuckAfter=x");
            seen.see(
                &operation.id,
                &send(service, &operation, &bad, &typed, content.clone()).await,
            );
        }
        if operation.has_content() {
            for (media_type, content) in [
                (media_type, "no JSON".to_owned()),
                ("text/plain", content),
                (media_type, "x".repeat(1024 * 1024 + 1)),
            ] {
                let typed = [("Content-Type", media_type)];
                seen.see(
                    &operation.id,
                    &send(service, &operation, &target, &typed, content).await,
                );
            }
        }
    }
}

/// Reads an empty list, then reports tasks in every way.
async fn reports(service: &Service, seen: &mut Seen<'_>) {
    let put = |content: &'static str| service.send(Method::PUT, "/task-status/a", JSON, content);
    seen.see(
        "getPendingTasks",
        &service.get("/task-status/pending-tasks?count=true").await,
    );
    let head = service
        .request(Method::HEAD, "/task-status/pending-tasks", &[])
        .await;
    seen.see("getPendingTaskHeaders", &head);
    let least = r#"{"type": "quartz", "uniqueName": "n", "launcher": "l"}"#;
    seen.see("reportTaskStatus", &put(least).await);
    let again = put(
        r#"{"id": "a", "type": "QPOC", "uniqueName": "n", "launcher": "l", "target": {"id": "t", "name": "T"},
            "messages": [{"type": "warn", "key": "k", "parameters": ["p", {}]}, {"type": "INFO", "key": "k",
                "localizedText": {"locale": "fr", "message": "m"}}],
            "returns": [{"name": "n", "attributeName": "a"}], "attributes": {"a": 1}, "percentComplete": 50.0,
            "taskDefinitionSummary": {"id": "i", "uniqueName": "u", "parentName": "p"}}"#,
    )
    .await;
    seen.see("reportTaskStatus", &again);
    let post =
        |media_type, content: &'static str| service.send(Method::POST, "/task-status", media_type, content);
    seen.see("reportTaskStatuses", &post(JSON, least).await);
    for content in [
        r#"{"id": "b", "type": "quartz", "uniqueName": "n", "launcher": "l"}"#,
        r#"[{"id": "b", "type": "quartz", "uniqueName": "n", "launcher": "l"}]"#,
        "[]",
    ] {
        seen.see("reportTaskStatuses", &post(JSON, content).await);
        seen.see("reportTaskStatuses", &post(JSON, content).await);
    }
    let lines =
        "{\"id\": \"b\", \"type\": \"quartz\", \"uniqueName\": \"n\", \"launcher\": \"l\"}\nno JSON\n";
    seen.see("reportTaskStatuses", &post(NDJSON, lines).await);
}

/// Reads pages and single tasks.
async fn reads(service: &Service, seen: &mut Seen<'_>) {
    let etag = service.get("/task-status/a").await.etag();
    for target in ["?limit=1&count=true", "?limit=0", "?offset=99"] {
        for (path, id) in [
            ("/task-status", "getTaskStatusList"),
            ("/task-status/pending-tasks", "getPendingTasks"),
        ] {
            seen.see(id, &service.get(&format!("{path}{target}")).await);
            let head = service
                .request(Method::HEAD, &format!("{path}{target}"), &[])
                .await;
            let id = if id == "getPendingTasks" {
                "getPendingTaskHeaders".to_owned()
            } else {
                format!("{id}Headers")
            };
            seen.see(&id, &head);
        }
    }
    known_pages(service, seen).await;
    for method in [Method::GET, Method::HEAD] {
        let id = if method == Method::GET {
            "getTaskStatus"
        } else {
            "getTaskStatusHeaders"
        };
        for (target, headers) in [
            ("/task-status/a", &[][..]),
            ("/task-status/a", &[("If-None-Match", etag.as_str())]),
            ("/task-status/none", &[]),
            ("/task-status/%zz", &[]),
        ] {
            seen.see(id, &service.request(method.clone(), target, headers).await);
        }
    }
}

/// Reads what the client has already.
async fn known_pages(service: &Service, seen: &mut Seen<'_>) {
    for (target, ids) in [
        (
            "/task-status?filters=completionStatus+isnull&count=true",
            ["getTaskStatusList", "getTaskStatusListHeaders"],
        ),
        (
            "/task-status/pending-tasks?count=true",
            ["getPendingTasks", "getPendingTaskHeaders"],
        ),
        ("/openapi.json", ["getOpenApi", "getOpenApiHeaders"]),
        ("/docs", ["getDocs", "getDocsHeaders"]),
        (
            "/task-status/summary",
            ["getTaskStatusSummary", "getTaskStatusSummaryHeaders"],
        ),
        (
            "/task-status/suggestions?field=launcher",
            ["getTaskStatusSuggestions", "getTaskStatusSuggestionsHeaders"],
        ),
    ] {
        let etag = service.get(target).await.etag();
        for (method, id) in [Method::GET, Method::HEAD].into_iter().zip(ids) {
            let known = service.request(method, target, &[("If-None-Match", &etag)]).await;
            assert_eq!(known.status, 304);
            seen.see(id, &known);
        }
    }
}

/// Clears and changes tasks.
async fn changes(service: &Service, seen: &mut Seen<'_>) {
    let etag = service.get("/task-status/a").await.etag();
    let dry = "/task-status?dryRun=true&filters=id+isnull";
    let clear = r#"[{"op": "replace", "path": "/completionStatus", "value": "Error"}]"#;
    seen.see(
        "clearTaskStatuses",
        &service.send(Method::PATCH, dry, PATCH, clear).await,
    );
    let patch = async |target: &str, if_match: &str, content: &'static str| {
        let headers = [("Content-Type", PATCH), ("If-Match", if_match)];
        service.send_with(Method::PATCH, target, &headers, content).await
    };
    seen.see("updateTaskStatus", &patch("/task-status/a", &etag, clear).await);
    seen.see("updateTaskStatus", &patch("/task-status/a", &etag, clear).await);
    seen.see("updateTaskStatus", &patch("/task-status/none", "*", clear).await);
    seen.see("updateTaskStatus", &patch("/task-status/a", "*", "{}").await);
    let elsewhere = patch("/task-status?filters=pr+id", &etag, clear).await;
    seen.see("clearTaskStatuses", &elsewhere);
    let content = r#"{"type": "quartz", "uniqueName": "n", "launcher": "l"}"#;
    for (method, target, id) in [
        (Method::PUT, "/task-status/a", "reportTaskStatus"),
        (Method::POST, "/task-status", "reportTaskStatuses"),
    ] {
        let headers = [("Content-Type", JSON), ("If-Match", "\"x\"")];
        seen.see(id, &service.send_with(method, target, &headers, content).await);
    }
}

/// Announces content and never sends it. The requests run concurrently, as each lasts until the timeout.
async fn slow_content(service: &Service, seen: &mut Seen<'_>) {
    let operations = seen.description.operations();
    let slow = operations.iter().filter(|operation| operation.has_content());
    let answers = slow.map(async |operation| {
        let (target, media_type, _) = request(operation);
        let method = operation.method();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {media_type}\r\n\
             content-length: 9\r\n\r\n["
        );
        (&operation.id, parse(&service.raw(head.as_bytes()).await))
    });
    for (id, answer) in join_all(answers).await {
        seen.see(id, &answer);
    }
}

/// Parses a raw response.
fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (status, fields) = head.split_once("\r\n").unwrap();
    let fields = fields.lines().map(|line| line.split_once(": ").unwrap());
    Answer {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: fields
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().unwrap(),
                    value.parse::<HeaderValue>().unwrap(),
                )
            })
            .collect::<HeaderMap>(),
        body: body.to_owned(),
    }
}
