//! Authentication, authorization and limits on every route.

mod audit;
mod gateway;
mod identity_providers;
mod issuer;
mod limits;
mod nginx;
mod routes;
mod tokens;

use reqwest::Method;
use task_status::auth::key_source::KeySource;
use task_status::auth::keys::KeySet;

use crate::support::database::TestDatabase;
use crate::support::identity::{access, shared_rsa};
use crate::support::service::{Answer, Service, Setup};
use crate::support::tasks;

/// The id of the only key of [`service`].
const KEY_ID: &str = "key-1";

/// A service that trusts the shared RSA key, and has the task `t`.
async fn service(database: &TestDatabase) -> Service {
    database.insert(&["t"]).await;
    Service::with_keys(database, keys()).await
}

fn keys() -> KeySource {
    let jwks = serde_json::json!({ "keys": [shared_rsa().jwk(KEY_ID)] }).to_string();
    KeySource::fixed(KeySet::from_jwks(jwks.as_bytes()).unwrap())
}

/// A token of the shared key with these scopes.
fn token(scopes: &[&str]) -> String {
    shared_rsa().token(KEY_ID, &crate::support::identity::claims(scopes))
}

/// Method and path of every operation on tasks, at the root and under a base path.
fn operations() -> Vec<(Method, String)> {
    let text = task_status::http::router::description(&[]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/task-status") {
            continue;
        }
        for method in item.as_object().unwrap().keys().filter(|key| *key != "servers") {
            let path = path.replace("{id}", "t");
            for form in [path.clone(), format!("/v2025{path}")] {
                operations.push((method.to_uppercase().parse().unwrap(), form));
            }
        }
    }
    assert!(operations.len() > 20, "{operations:?}");
    operations
}

/// Sends a request with valid content.
async fn ask(service: &Service, method: &Method, target: &str, authorization: Option<&str>) -> Answer {
    let content = match *method {
        Method::PATCH => r#"[{"op":"replace","path":"/completionStatus","value":"Error"}]"#,
        Method::PUT | Method::POST => tasks::REPORT,
        _ => "",
    };
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(authorization.map(|authorization| ("Authorization", authorization)));
    service.send_with(method.clone(), target, &headers, content).await
}

fn is_write(method: &Method) -> bool {
    ![Method::GET, Method::HEAD].contains(method)
}

/// The content of the table, to check that it is unchanged.
async fn rows(database: &TestDatabase) -> String {
    database
        .value("select coalesce(string_agg(task_status::text, ';' order by id), '') from task_status")
        .await
}
