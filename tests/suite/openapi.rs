//! The description of the API against the responses of its operations.

mod answers;
mod description;

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::program::{Program, command};
use crate::support::service::Service;
use description::Description;

/// The schema of OpenAPI 3.1 documents by the OpenAPI Initiative (Apache-2.0), of 2022-10-07.
const OPENAPI_3_1: &str = include_str!("../openapi/schema-3.1.json");

/// The output of the program, which needs no database.
fn printed(arguments: &[&str]) -> String {
    let mut program = Program::start(command(&[&["openapi"], arguments].concat()));
    assert!(program.wait().success(), "{}", program.log());
    program.output() + "\n"
}

#[tokio::test]
async fn the_program_prints_the_served_document() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let served = service.get("/openapi.json").await;
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert_eq!(served.body, printed(&[]));
}

#[test]
fn the_committed_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let document = printed(&[]);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == document,
        "docs/openapi.json is out of date; renew it and read the difference: \
         UPDATE=1 cargo test --test suite openapi::the_committed_document_is_current"
    );
}

#[test]
fn the_servers_are_the_base_paths() {
    let document: Value = serde_json::from_str(&printed(&["--base-paths", "/a,/b/c"])).unwrap();
    let urls: Vec<&str> = document["servers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|server| server["url"].as_str().unwrap())
        .collect();
    assert_eq!(urls, [".", "./a", "./b/c"]);
}

#[test]
fn the_document_is_valid() {
    let description = Description::read(&printed(&[]));
    let schema: Value = serde_json::from_str(OPENAPI_3_1).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&description.document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    for (place, schema) in description.schemas() {
        assert!(jsonschema::meta::is_valid(schema), "{place}: {schema}");
    }
    let mut ids = BTreeSet::new();
    for path in description.paths() {
        for method in description.methods(&path) {
            let id = description.operation(&method, &path).unwrap().id;
            assert!(ids.insert(id.clone()), "{id} twice");
        }
    }
    for reference in description.references() {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.document.pointer(pointer).is_some(), "{reference}");
    }
    // The page does not render links in Markdown.
    assert!(!description.text.contains("](http"), "no link leads out");
}

#[test]
fn every_operation_on_tasks_has_a_versioned_form() {
    let description = Description::read(&printed(&[]));
    let paths = &description.document["paths"];
    for path in description.paths() {
        let Some(rest) = path
            .strip_prefix("/task-status")
            .filter(|rest| !rest.starts_with("/v1"))
        else {
            continue;
        };
        let versioned = &paths[format!("/task-status/v1{rest}")];
        for method in description.methods(&path) {
            let method = method.to_lowercase();
            for part in [
                "tags",
                "summary",
                "parameters",
                "requestBody",
                "responses",
                "security",
            ] {
                assert_eq!(
                    versioned[&method][part], paths[&path][&method][part],
                    "{method} {path}: {part}"
                );
            }
        }
    }
}

/// At the root and under the base paths.
#[tokio::test]
async fn the_described_operations_are_the_routed_ones() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let description = Description::read(&service.get("/openapi.json").await.body);
    let servers = ["", "/beta", "/v2024", "/v2025", "/v2026", "/latest"];
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY",
    ];
    for path in description.paths() {
        let concrete = path.replace("{id}", "an-id");
        let targets = servers.map(|server| format!("{server}{concrete}"));
        for target in targets {
            for method in methods {
                let described = description.operation(method, &path).is_some();
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let answer = service.request(method.clone(), &target, &[]).await;
                let routed = answer.status != StatusCode::METHOD_NOT_ALLOWED;
                assert_eq!(routed, described, "{method} {target}: {answer:?}");
                if !routed {
                    let allow: BTreeSet<&str> = answer.header("allow").unwrap().split(',').collect();
                    let expected: BTreeSet<String> = description.methods(&path).into_iter().collect();
                    assert_eq!(allow, expected.iter().map(String::as_str).collect(), "{target}");
                }
            }
        }
    }
}

/// The page is one file, and its policy forbids loading anything.
#[tokio::test]
async fn the_page_loads_nothing() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let page = service.get("/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    for outside in ["https://", " src=", " url(", "@import", "import "] {
        assert!(!page.body.contains(outside), "{outside} in the page");
    }
    let embedded = page
        .body
        .split_once("type=\"application/json\">")
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .map(|(json, _)| serde_json::from_str::<Value>(json).unwrap());
    assert_eq!(embedded, Some(service.get("/openapi.json").await.json()));
}

/// Every example of a request is accepted, and every example of a response fits its schema.
#[tokio::test]
async fn every_example_is_valid() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let description = Description::read(&service.get("/openapi.json").await.body);
    let example = json!({ "type": "QUARTZ", "uniqueName": "Big Task", "launcher": "sweep" });
    for operation in description.operations() {
        for content in operation.answered() {
            for example in description.examples(content) {
                description.assert_valid(&content["schema"], &example, &operation.id);
            }
        }
        let target = operation.path.replace("{id}", "id12345");
        for (media_type, sent) in operation.sent() {
            let examples = description.examples(sent);
            assert!(!examples.is_empty(), "{} has no example", operation.id);
            for content in examples {
                description.assert_valid(&sent["schema"], &content, &operation.id);
                service
                    .send(
                        Method::PUT,
                        "/task-status/id12345",
                        "application/json",
                        example.to_string(),
                    )
                    .await;
                let filter = if operation.id == "clearTaskStatuses" {
                    "?filters=id+isnull"
                } else {
                    ""
                };
                let content = content
                    .as_str()
                    .map_or_else(|| content.to_string(), str::to_owned);
                let answer = service
                    .send(
                        operation.method(),
                        &format!("{target}{filter}"),
                        media_type,
                        content.clone(),
                    )
                    .await;
                assert!(answer.status.is_success(), "{content}: {answer:?}");
                assert!(!answer.body.contains("\"error\""), "{content}: {answer:?}");
            }
        }
        for (name, place, schema) in operation.parameters() {
            assert!(
                schema.get("examples").is_some(),
                "{name} of {} has no example",
                operation.id
            );
            for value in schema["examples"].as_array().unwrap() {
                description.assert_valid(&schema, value, &format!("{name} of {}", operation.id));
                if place == "query" && operation.method() == Method::GET {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let encoded = utf8_percent_encode(&text, NON_ALPHANUMERIC);
                    // The one parameter that has to be given.
                    let field = if operation.path.ends_with("/suggestions") && name != "field" {
                        "field=id&"
                    } else {
                        ""
                    };
                    let target = format!("{}?{field}{name}={encoded}", operation.path);
                    let answer = service.get(&target).await;
                    assert!(answer.status.is_success(), "{name}={text}: {answer:?}");
                }
            }
        }
    }
}
