//! Identity headers: those of the gateway count, those of other clients do not.

use crate::support::tasks;
use axum::http::HeaderName;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use task_status::auth::Authenticator;
use task_status::auth::caller::{READ, WRITE};
use task_status::auth::gateway::{Gateway, GatewaySecret, IdentityHeaders, SEPARATORS};
use task_status::auth::permissions::PermissionMap;
use task_status::auth::proxies::Proxies;

use super::*;

const SECRET: &str = "correct horse battery staple of the gateway";

fn named() -> IdentityHeaders {
    IdentityHeaders::Named {
        scopes: HeaderName::from_static("x-auth-scopes"),
        separators: SEPARATORS,
        client: HeaderName::from_static("x-auth-client"),
        levels: Some(HeaderName::from_static("x-auth-levels")),
    }
}

fn gateway(addresses: Option<&str>, secret: Option<&str>, headers: IdentityHeaders) -> Setup {
    Setup::with_authenticator(Authenticator::Gateway(Gateway {
        addresses: addresses.map(|network| Proxies::new(vec![network.parse().unwrap()])),
        secret: secret
            .map(|secret| GatewaySecret::new(HeaderName::from_static("x-gateway-secret"), &secret.into())),
        headers,
        permissions: PermissionMap::default(),
    }))
}

async fn answer(service: &Service, headers: &[(&str, &str)]) -> (u16, Vec<String>) {
    let answer = service.request(Method::GET, "/task-status", headers).await;
    let causes = (answer.status == 401).then(|| answer.causes());
    (answer.status.as_u16(), causes.unwrap_or_default())
}

#[tokio::test]
async fn the_headers_of_the_gateway_grant_permissions() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let service = Service::with(&database, gateway(Some("127.0.0.0/8"), None, named())).await;
    for (scopes, levels, reads, writes) in [
        (READ, None, true, false),
        (WRITE, None, true, true),
        ("openid", None, false, false),
        (WRITE, Some("HELPDESK"), true, false),
        (WRITE, Some("ORG_ADMIN,HELPDESK"), true, true),
    ] {
        let mut headers = vec![("X-Auth-Scopes", scopes), ("X-Auth-Client", "ci")];
        headers.extend(levels.map(|levels| ("X-Auth-Levels", levels)));
        let read = service
            .request(Method::GET, "/task-status/t", &headers)
            .await
            .status;
        assert_eq!(read.as_u16(), if reads { 200 } else { 403 }, "{scopes}");
        headers.push(("Content-Type", "application/json"));
        let write = service
            .send_with(Method::PUT, "/task-status/t", &headers, tasks::REPORT)
            .await
            .status;
        assert_eq!(write.as_u16(), if writes { 200 } else { 403 }, "{scopes}");
    }
}

#[tokio::test]
async fn forged_headers_are_ignored() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let before = rows(&database).await;
    let elsewhere = Service::with(&database, gateway(Some("10.0.0.0/8"), None, named())).await;
    let secret = Service::with(&database, gateway(None, Some(SECRET), named())).await;
    let both = Service::with(&database, gateway(Some("10.0.0.0/8"), Some(SECRET), named())).await;
    let forged = [
        ("X-Auth-Scopes", WRITE),
        ("X-Auth-Client", "admin"),
        ("X-Auth-Levels", "ORG_ADMIN"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1"),
        ("X-Real-IP", "10.0.0.1"),
        ("Authorization", "Bearer x"),
    ];
    let with_secret = |text: &'static str| [&forged[..], &[("X-Gateway-Secret", text)]].concat();
    for (service, headers) in [
        (&elsewhere, forged.to_vec()),
        (&elsewhere, with_secret(SECRET)),
        (&secret, forged.to_vec()),
        (&secret, with_secret("")),
        (&secret, with_secret(&SECRET[1..])),
        (
            &secret,
            with_secret("CORRECT HORSE BATTERY STAPLE OF THE GATEWAY"),
        ),
        (&both, with_secret(SECRET)),
    ] {
        for (method, target) in operations() {
            let answer = service.request(method.clone(), &target, &headers).await;
            assert_eq!(answer.status, 401, "{method} {target} {headers:?}");
            assert_eq!(
                answer.header("www-authenticate"),
                Some(r#"Bearer realm="task-status""#)
            );
            if method != Method::HEAD {
                assert_eq!(
                    answer.causes(),
                    ["The request does not come through the gateway."]
                );
            }
        }
    }
    assert_eq!(rows(&database).await, before);
    assert_eq!(answer(&secret, &with_secret(SECRET)).await.0, 200);
}

#[tokio::test]
async fn identity_headers_smuggled_through_the_gateway_are_refused() {
    let database = TestDatabase::new().await;
    let service = Service::with(&database, gateway(Some("127.0.0.1"), None, named())).await;
    let no_identity = (
        401,
        vec!["The gateway sent no identity of the caller.".to_owned()],
    );
    assert_eq!(answer(&service, &[]).await, no_identity);
    assert_eq!(
        answer(&service, &[("X-Auth-Scopes", ""), ("X-Auth-Client", "")]).await,
        no_identity
    );
    assert_eq!(
        answer(&service, &[("X-Auth-Levels", "ORG_ADMIN")]).await,
        no_identity
    );
    for name in ["x-auth-scopes", "x-auth-client", "x-auth-levels"] {
        let appended = [("X-Auth-Client", "ci"), (name, READ), (name, WRITE)];
        let ambiguous = format!("The header {name} cannot be read or is repeated.");
        assert_eq!(answer(&service, &appended).await, (401, vec![ambiguous]));
    }
}

#[tokio::test]
async fn envoy_and_istio_forward_the_claims() {
    let database = TestDatabase::new().await;
    let payload = IdentityHeaders::Payload(HeaderName::from_static("x-jwt-payload"));
    let service = Service::with(&database, gateway(Some("127.0.0.1"), None, payload)).await;
    let encoded = |claims: serde_json::Value| URL_SAFE_NO_PAD.encode(claims.to_string());
    for (claims, status) in [
        (json!({ "iss": "i", "sub": "s", "scope": READ, "exp": 1 }), 200),
        (json!({ "scp": [WRITE], "authorities": ["HELPDESK"] }), 200),
        (json!({ "scp": [WRITE], "authorities": ["OTHER"] }), 403),
        // Only U+0020 separates scopes (RFC 6749, section 3.3).
        (json!({ "scope": format!("other {READ}") }), 200),
        (json!({ "scope": format!("other\u{2003}{READ}") }), 403),
        (json!({ "scope": format!("other\t{READ}") }), 403),
        (json!({}), 403),
        (json!([]), 401),
    ] {
        let encoded = encoded(claims.clone());
        assert_eq!(
            answer(&service, &[("x-jwt-payload", &encoded)]).await.0,
            status,
            "{claims}"
        );
    }
    assert_eq!(answer(&service, &[("X-Auth-Scopes", READ)]).await.0, 401);
}
