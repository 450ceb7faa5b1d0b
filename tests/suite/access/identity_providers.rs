//! Tokens and headers as identity providers and gateways issue them, with the settings of docs/authentication.md.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use task_status::auth::caller::READ;

use super::*;
use crate::docs::AUTHENTICATION;
use crate::support::identity::{IssuerServer, seconds_from_now};
use crate::support::program::{Program, serve};

/// The settings in a row of a table.
fn settings(row: &str) -> Vec<&'static str> {
    let begin = format!("| {row} | `--");
    let line = AUTHENTICATION.lines().find(|line| line.starts_with(&begin));
    let line = line.unwrap_or_else(|| panic!("no row {row}"));
    let settings = line.rsplit('|').nth(1).unwrap().trim().trim_matches('`');
    settings.split(' ').collect()
}

/// `serve` with these settings.
async fn start(database: &TestDatabase, arguments: &[&str]) -> (Program, String) {
    let mut program = Program::start(serve(&database.url(), arguments));
    let url = program.url().await;
    program.logged("the database is up").await;
    (program, url)
}

/// The statuses of a read and of a write.
async fn statuses(url: &str, headers: &[(&str, &str)]) -> (u16, u16) {
    let client = reqwest::Client::new();
    let read = client.get(format!("{url}/task-status"));
    let write = client
        .put(format!("{url}/task-status/t"))
        .header("Content-Type", "application/json")
        .body(tasks::REPORT);
    let status = async |mut request: reqwest::RequestBuilder| {
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    (status(read).await, status(write).await)
}

const READS: (u16, u16) = (200, 403);
const WRITES: (u16, u16) = (200, 200);
const NOTHING: (u16, u16) = (403, 403);
const REFUSED: (u16, u16) = (401, 401);

/// An issuer: its row, the header and claims of a token that may read, and changes to it with what they permit.
type Issuer = (&'static str, Value, Value, Vec<(&'static str, Value, (u16, u16))>);

#[expect(clippy::too_many_lines, reason = "a table")]
fn issuers() -> Vec<Issuer> {
    let (now, later) = (seconds_from_now(0), seconds_from_now(300));
    let jwt = json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID });
    let bare = json!({ "alg": "RS256", "kid": KEY_ID });
    vec![
        (
            "Amazon Cognito",
            bare.clone(),
            json!({
                "sub": "CLIENT", "token_use": "access", "scope": "tasks/read", "auth_time": now,
                "iss": "https://cognito-idp.REGION.amazonaws.com/POOL", "exp": later, "iat": now, "version": 2,
                "jti": "6a4c1b0e-0f6b-4f34-8f5c-2b9d6a3a2f11", "client_id": "CLIENT",
            }),
            vec![
                ("scope", json!("openid tasks/write"), WRITES),
                ("scope", json!("tasks-read read tasks"), NOTHING),
                ("client_id", json!("other"), REFUSED),
                ("client_id", Value::Null, REFUSED),
                ("token_use", json!("id"), REFUSED),
                ("aud", json!("other"), REFUSED),
                ("aud", json!("CLIENT"), READS),
            ],
        ),
        (
            "Microsoft Entra ID, applications",
            json!({ "typ": "JWT", "alg": "RS256", "x5t": KEY_ID, "kid": KEY_ID }),
            json!({
                "aud": "api://tasks", "iss": "https://sts.windows.net/TENANT/", "iat": now, "nbf": now, "exp": later,
                "aio": "k2BgYJh7", "appid": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "appidacr": "1",
                "idp": "https://sts.windows.net/TENANT/", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
                "rh": "0.AAAA", "roles": ["Tasks.Read"], "sub": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
                "tid": "TENANT", "uti": "xyz", "ver": "1.0",
            }),
            vec![
                ("roles", json!(["Tasks.Read", "Tasks.Write"]), WRITES),
                ("roles", Value::Null, NOTHING),
                ("scp", json!("Tasks.Write"), READS),
                ("aud", json!("https://graph.microsoft.com"), REFUSED),
                ("iss", json!("https://sts.windows.net/OTHER/"), REFUSED),
            ],
        ),
        (
            "Microsoft Entra ID, users",
            jwt.clone(),
            json!({
                "aud": "APPLICATION", "iss": "https://login.microsoftonline.com/TENANT/v2.0", "iat": now, "nbf": now,
                "exp": later, "aio": "AXQAi", "azp": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "azpacr": "0",
                "name": "Ada Lovelace", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
                "preferred_username": "ada@example.com", "rh": "0.AAAA", "scp": "Tasks.Read User.Read",
                "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": "TENANT", "uti": "xyz", "ver": "2.0",
            }),
            vec![
                ("scp", json!("User.Read Tasks.Write"), WRITES),
                // A role of the user does not widen what the application was granted.
                ("roles", json!(["Tasks.Write"]), READS),
            ],
        ),
        (
            "Auth0",
            json!({ "typ": "at+jwt", "alg": "RS256", "kid": KEY_ID }),
            json!({
                "iss": "https://DOMAIN/", "sub": "CLIENT@clients",
                "aud": ["https://tasks.example/", "https://DOMAIN/userinfo"], "iat": now, "exp": later,
                "gty": "client-credentials", "azp": "CLIENT", "scope": "openid write:tasks",
                "permissions": ["read:tasks"],
            }),
            vec![
                ("permissions", json!(["read:tasks", "write:tasks"]), WRITES),
                ("permissions", json!([]), NOTHING),
                ("aud", json!(["https://DOMAIN/userinfo"]), REFUSED),
            ],
        ),
        (
            "Keycloak, roles of the realm",
            jwt.clone(),
            keycloak(now, later),
            vec![
                ("realm_access", json!({ "roles": ["task-writer"] }), WRITES),
                ("realm_access", json!({ "roles": ["writer"] }), NOTHING),
                ("realm_access", Value::Null, NOTHING),
                ("typ", json!("ID"), REFUSED),
            ],
        ),
        (
            "Keycloak, roles of a client",
            json!({ "typ": "application/at+jwt", "alg": "RS256", "kid": KEY_ID }),
            keycloak(now, later),
            vec![
                (
                    "resource_access",
                    json!({ "tasks": { "roles": ["writer"] } }),
                    WRITES,
                ),
                (
                    "resource_access",
                    json!({ "other": { "roles": ["writer"] } }),
                    NOTHING,
                ),
            ],
        ),
        (
            "Okta",
            bare,
            json!({
                "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
                "iss": "https://DOMAIN/oauth2/default", "aud": "api://default", "iat": now, "exp": later,
                "cid": "0oabhx", "uid": "00uid4", "scp": ["openid", "tasks.read"], "auth_time": now,
                "sub": "ada@example.com",
            }),
            vec![
                ("scp", json!(["tasks.write"]), WRITES),
                ("scp", json!(["tasks"]), NOTHING),
            ],
        ),
        (
            "Google, service accounts",
            jwt.clone(),
            json!({
                "aud": "https://tasks.example", "azp": "112010400000000710080", "exp": later, "iat": now,
                "email": "reader@PROJECT.iam.gserviceaccount.com", "email_verified": true,
                "iss": "https://accounts.google.com", "sub": "112010400000000710080",
            }),
            vec![
                ("email", json!("writer@PROJECT.iam.gserviceaccount.com"), WRITES),
                ("email", json!("reader@OTHER.iam.gserviceaccount.com"), NOTHING),
            ],
        ),
        (
            "roles in a claim of your own",
            jwt,
            json!({
                "iss": "https://issuer.example", "aud": "tasks", "sub": "ada", "exp": later,
                "https://tasks.example/roles": ["reader"],
            }),
            vec![("https://tasks.example/roles", json!(["writer"]), WRITES)],
        ),
    ]
}

fn keycloak(now: i64, later: i64) -> Value {
    json!({
        "exp": later, "iat": now, "jti": "trrtcc:312ee6b2", "iss": "https://HOST/realms/REALM",
        "aud": ["tasks", "account"], "sub": "36fa0f91-f94d-4a0c-afed-6b7d952e47da", "typ": "Bearer", "azp": "ci",
        "acr": "1", "allowed-origins": ["/*"],
        "realm_access": { "roles": ["offline_access", "uma_authorization", "task-reader"] },
        "resource_access": { "account": { "roles": ["view-profile"] }, "tasks": { "roles": ["reader"] } },
        "scope": "email profile", "clientHost": "192.0.2.1", "email_verified": false,
        "preferred_username": "service-account-ci", "clientAddress": "192.0.2.1", "client_id": "ci",
    })
}

#[tokio::test]
async fn tokens_of_common_issuers_permit_what_the_documented_settings_say() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, json!({ "keys": [shared_rsa().jwk(KEY_ID)] }).to_string()).unwrap();
    let base = ["--auth", "jwt", "--jwt-key-file", keys.to_str().unwrap()];
    for (issuer, header, claims, changes) in issuers() {
        let (_program, url) = start(&database, &[&base[..], &settings(issuer)].concat()).await;
        let permits = async |claims: &Value| {
            let authorization = format!("Bearer {}", shared_rsa().sign(&header, claims));
            statuses(&url, &[("Authorization", &authorization)]).await
        };
        assert_eq!(permits(&claims).await, READS, "{issuer}");
        for (name, value, expected) in changes {
            let mut changed = claims.clone();
            changed[name] = value;
            assert_eq!(permits(&changed).await, expected, "{issuer}: {changed}");
        }
        // A scope that the issuer does not know would not help the client.
        let mut without = claims.clone();
        for name in [
            "scope",
            "scp",
            "roles",
            "permissions",
            "realm_access",
            "resource_access",
            "email",
        ] {
            without.as_object_mut().unwrap().remove(name);
        }
        without
            .as_object_mut()
            .unwrap()
            .remove("https://tasks.example/roles");
        let refused = reqwest::Client::new()
            .get(format!("{url}/task-status"))
            .bearer_auth(shared_rsa().sign(&header, &without))
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), 403, "{issuer}");
        let challenge = r#"Bearer realm="task-status", error="insufficient_scope""#;
        assert_eq!(refused.headers()["www-authenticate"], challenge, "{issuer}");
    }
}

#[tokio::test]
async fn headers_of_common_gateways_permit_what_the_documented_settings_say() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let encoded = |groups: &str| {
        // The name brings `+` and `/`, the length `=`.
        let claims = json!({ "name": "ÿþ~~~?>>", "groups": [groups], "sub": "ada" }).to_string();
        let standard = STANDARD.encode(&claims);
        assert!(
            ["+", "/", "="].iter().all(|part| standard.contains(part)),
            "{standard}"
        );
        [
            standard,
            STANDARD_NO_PAD.encode(&claims),
            URL_SAFE_NO_PAD.encode(&claims),
        ]
    };
    let (payload, writing) = (encoded("task-readers"), encoded("task-writers"));
    let payload = payload.map(|payload| format!("X-Userinfo: {payload}"));
    let writing = format!("X-Userinfo: {}", writing[0]);
    for (gateway, requests) in [
        (
            "oauth2-proxy in front, by groups",
            &[
                (
                    "X-Forwarded-User: ada | X-Forwarded-Groups: staff,task-readers",
                    READS,
                ),
                (
                    "X-Forwarded-User: ada | X-Forwarded-Email: ada@example.com | X-Forwarded-Preferred-Username: ada \
                     | X-Forwarded-Access-Token: secret | X-Forwarded-Groups: no task-readers, task-writers",
                    WRITES,
                ),
                (
                    "X-Forwarded-User: ada | X-Forwarded-Groups: no task-readers",
                    NOTHING,
                ),
                (
                    "X-Auth-Request-User: ada | X-Auth-Request-Groups: task-readers",
                    REFUSED,
                ),
            ][..],
        ),
        (
            "oauth2-proxy in front, by mail addresses",
            &[
                ("X-Forwarded-User: 1 | X-Forwarded-Email: ada@example.com", READS),
                (
                    "X-Forwarded-User: 2 | X-Forwarded-Email: bob@example.com",
                    NOTHING,
                ),
            ],
        ),
        (
            "Traefik's ForwardAuth with `authResponseHeaders: [X-Auth-Request-User, X-Auth-Request-Groups]`",
            &[
                (
                    "X-Auth-Request-User: ada | X-Auth-Request-Groups: task-readers",
                    READS,
                ),
                (
                    "X-Auth-Request-User: ada | X-Auth-Request-Groups: idn:task-management:write",
                    NOTHING,
                ),
            ],
        ),
        (
            "Traefik's ForwardAuth or Caddy with Authelia",
            &[("Remote-User: ada | Remote-Groups: dev,task-writers", WRITES)],
        ),
        (
            "Kong, APISIX (`openid-connect`)",
            &[
                (payload[0].as_str(), READS),
                (&payload[1], READS),
                (&payload[2], READS),
                (&writing, WRITES),
                ("X-Userinfo: {}", REFUSED),
            ],
        ),
    ] {
        let base = ["--auth", "gateway", "--trusted-proxies", "127.0.0.1"];
        let (_program, url) = start(&database, &[&base[..], &settings(gateway)].concat()).await;
        for (headers, expected) in requests {
            let sent: Vec<_> = headers
                .split(" | ")
                .map(|header| header.split_once(": ").unwrap())
                .collect();
            assert_eq!(statuses(&url, &sent).await, *expected, "{gateway}: {headers}");
        }
    }
}

#[tokio::test]
async fn keys_of_an_issuer_in_the_cluster_are_fetched_in_the_clear_if_that_is_allowed() {
    let database = TestDatabase::new().await;
    let issuer = IssuerServer::start(&[shared_rsa().jwk(KEY_ID)]);
    let mut serve = serve(
        &database.url(),
        &["--auth", "jwt", "--jwt-audience", "task-status"],
    );
    serve.args([
        "--jwt-jwks-url",
        "http://keycloak.internal/jwks",
        "--jwt-allow-insecure-jwks",
    ]);
    // A proxy stands for the name and the network of the cluster.
    serve.env("http_proxy", issuer.url.trim_end_matches("/jwks"));
    let mut program = Program::start(serve);
    let url = program.url().await;
    program.logged("the database is up").await;
    program.logged("token keys loaded").await;
    let authorization = format!("Bearer {}", token(&[READ]));
    assert_eq!(statuses(&url, &[("Authorization", &authorization)]).await, READS);
}
