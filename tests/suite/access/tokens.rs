//! Broken and valid tokens on every route.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use task_status::auth::caller::{ALL, READ, WRITE};
use task_status::auth::jws::{Algorithm, SigningKey};

use super::*;
use crate::support::identity::{AUDIENCE, FAST, ISSUER, IssuerServer, Key, claims, seconds_from_now, sign};

const MALFORMED: &str = "The bearer token is not a signed JSON Web Token.";
const KIND: &str = "The bearer token is not an access token, or needs an extension that is not supported.";
const ALGORITHM: &str = "The bearer token is signed with an algorithm that its key is not meant for.";
const SIGNATURE: &str = "The bearer token is not signed with a trusted key.";
const EXPIRED: &str = "The bearer token has expired.";
const NOT_YET: &str = "The bearer token is not valid yet.";
const FROM: &str = "The bearer token is not from a trusted issuer.";
const FOR: &str = "The bearer token is not meant for this service.";
const NO_EXP: &str = "The claim exp of the bearer token is missing or is not a time.";
const NONE: &str = "The header Authorization with a bearer token is missing.";

/// A name, a value of `Authorization`, and the expected cause.
type Case = (&'static str, Option<String>, &'static str);

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn token_of(claims: &Value) -> String {
    shared_rsa().token(KEY_ID, claims)
}

fn changed(name: &str, value: Value) -> String {
    let mut claims = claims(&[ALL]);
    claims[name] = value;
    token_of(&claims)
}

fn without(name: &str) -> String {
    let mut claims = claims(&[ALL]);
    claims.as_object_mut().unwrap().remove(name);
    token_of(&claims)
}

/// A token with one different header field and a valid signature.
fn header_changed(name: &str, value: Value) -> String {
    let mut header = json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" });
    header[name] = value;
    shared_rsa().sign(&header, &claims(&[ALL]))
}

/// A token signed with the public key as a shared secret: algorithm confusion (RFC 8725, 2.1).
fn public_key_as_secret(secret: &[u8]) -> String {
    let header = json!({ "alg": "HS256", "kid": KEY_ID });
    let key = SigningKey::from_secret(secret);
    sign(&key, Algorithm::HS256, &header, &claims(&[ALL]))
}

fn tampered() -> String {
    let read = token_of(&claims(&[READ]));
    let parts: Vec<&str> = read.split('.').collect();
    format!("{}.{}.{}", parts[0], encode(&claims(&[ALL])), parts[2])
}

fn cut(token: &str, parts: usize) -> String {
    token.split('.').take(parts).collect::<Vec<_>>().join(".")
}

/// Each broken in one way.
#[expect(clippy::too_many_lines, reason = "a table")]
fn broken() -> Vec<Case> {
    let good = token_of(&claims(&[ALL]));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other_key = Key::other_rsa();
    let elliptic = Key::p256();
    let own_key = json!({ "alg": "RS256", "kid": KEY_ID, "jwk": other_key.jwk(KEY_ID) });
    let own_url = json!({ "alg": "RS256", "kid": KEY_ID, "jku": "http://127.0.0.1:1/jwks" });
    let modulus = shared_rsa().jwk(KEY_ID)["n"].as_str().unwrap().to_owned();
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let mut rows: Vec<Case> = vec![
        ("none", None, NONE),
        ("an empty header", Some(String::new()), NONE),
        ("another scheme", Some(format!("Basic {good}")), NONE),
        ("no scheme", Some(good.clone()), NONE),
        (
            "another scheme that begins alike",
            Some(format!("BearerX {good}")),
            NONE,
        ),
        ("the scheme alone", Some("Bearer".to_owned()), NONE),
        ("an empty token", Some("Bearer ".to_owned()), NONE),
        ("two tokens", bearer(&format!("{good} {good}")), MALFORMED),
        (
            "two tokens and a comma",
            bearer(&format!("{good}, {good}")),
            MALFORMED,
        ),
    ];
    let malformed = [
        ("a word", "token".to_owned()),
        ("dots", "..".to_owned()),
        ("no signature", cut(&good, 2)),
        ("a fourth part", format!("{good}.x")),
        ("a fifth part", format!("{good}.x.y")),
        ("padding", format!("{}==.x.y", cut(&good, 1))),
        ("a header that is no base64", format!("!!!.{}", &good[4..])),
        (
            "a header that is no JSON",
            format!("{}.x.y", URL_SAFE_NO_PAD.encode("alg")),
        ),
        (
            "a header that is an array",
            format!("{}.x.y", encode(&json!(["RS256"]))),
        ),
        ("no algorithm", header_changed("alg", Value::Null)),
        ("a number for an algorithm", header_changed("alg", json!(256))),
        ("a number for a key id", header_changed("kid", json!(1))),
        ("claims that are an array", token_of(&json!([1]))),
        ("a client that is an object", changed("client_id", json!({}))),
        ("a scope that is a number", changed("scope", json!(1))),
        (
            "an expiry that is a text",
            changed("exp", json!(seconds_from_now(300).to_string())),
        ),
    ];
    let signature_wrong = [
        ("claims changed", tampered()),
        (
            "another key of the same id",
            other_key.token(KEY_ID, &claims(&[ALL])),
        ),
        ("an unknown key id", other_key.token("other", &claims(&[ALL]))),
        (
            "the good key by another id",
            shared_rsa().token("other", &claims(&[ALL])),
        ),
        (
            "no key id and another key",
            other_key.sign(&json!({ "alg": "RS256" }), &claims(&[ALL])),
        ),
        ("an empty signature", format!("{message}.")),
        ("half a signature", format!("{message}.{}", &signature[..168])),
        (
            "signed by the key in its own header",
            other_key.sign(&own_key, &claims(&[ALL])),
        ),
        (
            "signed by a key at its own URL",
            other_key.sign(&own_url, &claims(&[ALL])),
        ),
        (
            "signed as RS256 and said to be PS256",
            header_changed("alg", "PS256".into()),
        ),
        (
            "signed as RS256 and said to be RS512",
            header_changed("alg", "RS512".into()),
        ),
    ];
    let algorithm_wrong = [
        ("alg none", header_changed("alg", "none".into())),
        (
            "alg none and no signature",
            format!(
                "{}.{}.",
                encode(&json!({ "alg": "none" })),
                encode(&claims(&[ALL]))
            ),
        ),
        ("alg NONE", header_changed("alg", "NONE".into())),
        ("an unknown algorithm", header_changed("alg", "RS1".into())),
        (
            "an algorithm in lower case",
            header_changed("alg", "rs256".into()),
        ),
        ("ES256 with an RSA key", elliptic.token(KEY_ID, &claims(&[ALL]))),
        (
            "HS256 with the public key in PEM",
            public_key_as_secret(shared_rsa().public_pem.as_bytes()),
        ),
        ("HS256 with the modulus", public_key_as_secret(modulus.as_bytes())),
        ("HS256 with an empty secret", public_key_as_secret(b"")),
    ];
    let times_and_names = [
        ("expired", changed("exp", json!(seconds_from_now(-60))), EXPIRED),
        ("expired long ago", changed("exp", json!(0)), EXPIRED),
        ("expired before 1970", changed("exp", json!(-1)), EXPIRED),
        ("no expiry", without("exp"), NO_EXP),
        ("an expiry of null", changed("exp", Value::Null), NO_EXP),
        (
            "not valid yet",
            changed("nbf", json!(seconds_from_now(120))),
            NOT_YET,
        ),
        (
            "another issuer",
            changed("iss", json!("https://issuer.example.evil")),
            FROM,
        ),
        (
            "an issuer with a slash",
            changed("iss", json!(format!("{ISSUER}/"))),
            FROM,
        ),
        ("no issuer", without("iss"), FROM),
        ("an issuer that is a number", changed("iss", json!(1)), FROM),
        ("another audience", changed("aud", json!("other")), FOR),
        (
            "other audiences",
            changed("aud", json!(["other", "Task-Status"])),
            FOR,
        ),
        ("no audience", without("aud"), FOR),
        ("an empty audience", changed("aud", json!([])), FOR),
        (
            "a critical extension",
            header_changed("crit", json!(["exp"])),
            KIND,
        ),
        (
            "an empty list of critical extensions",
            header_changed("crit", json!([])),
            KIND,
        ),
        (
            "an identity token of another kind",
            header_changed("typ", json!("dpop+jwt")),
            KIND,
        ),
        ("a logout token", header_changed("typ", json!("logout+jwt")), KIND),
        ("an ID token of Cognito", changed("token_use", json!("id")), KIND),
        ("an ID token of Keycloak", changed("typ", json!("ID")), KIND),
    ];
    rows.extend(malformed.map(|(name, token)| (name, bearer(&token), MALFORMED)));
    rows.extend(signature_wrong.map(|(name, token)| (name, bearer(&token), SIGNATURE)));
    rows.extend(algorithm_wrong.map(|(name, token)| (name, bearer(&token), ALGORITHM)));
    rows.extend(times_and_names.map(|(name, token, cause)| (name, bearer(&token), cause)));
    rows
}

#[tokio::test]
async fn a_broken_token_is_refused_on_every_route() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let before = rows(&database).await;
    let operations = operations();
    let broken = broken();
    assert!(broken.len() >= 60);
    for (name, authorization, cause) in &broken {
        for (method, target) in &operations {
            let answer = ask(&service, method, target, authorization.as_deref()).await;
            assert_eq!(answer.status, 401, "{name}: {method} {target}: {answer:?}");
            let challenge = answer.header("www-authenticate").unwrap();
            if *cause == NONE {
                assert_eq!(challenge, r#"Bearer realm="task-status""#, "{name}");
            } else {
                assert_eq!(
                    challenge,
                    format!(
                        r#"Bearer realm="task-status", error="invalid_token", error_description="{cause}""#
                    ),
                    "{name}"
                );
            }
            assert_eq!(answer.header("content-type"), Some("application/json"));
            if *method == Method::HEAD {
                assert_eq!(answer.body, "");
                continue;
            }
            let body = answer.json();
            assert_eq!(body["detailCode"], "401 Unauthorized", "{name}");
            assert_eq!(body["error"], *cause, "{name}");
            assert_eq!(answer.causes(), [*cause], "{name}");
            assert_eq!(body["trackingId"], answer.header("slpt-request-id").unwrap());
        }
    }
    assert_eq!(rows(&database).await, before);
}

#[tokio::test]
async fn a_valid_token_grants_its_scopes_and_roles() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let with = |changes: Value| {
        let mut claims = claims(&[]);
        claims.as_object_mut().unwrap().remove("scope");
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        token_of(&claims)
    };
    let (nothing, reads, writes) = ((false, false), (true, false), (true, true));
    for (claims, rights) in [
        (json!({}), nothing),
        (json!({ "scope": [] }), nothing),
        (json!({ "scope": "openid profile" }), nothing),
        (json!({ "scope": READ }), reads),
        (json!({ "scope": [READ] }), reads),
        (json!({ "scope": [format!("openid {READ}")] }), reads),
        (json!({ "scp": READ }), reads),
        (json!({ "scp": [READ, "x"] }), reads),
        (json!({ "scope": "openid", "scp": [WRITE] }), writes),
        (json!({ "scope": WRITE }), writes),
        (json!({ "scope": ALL }), writes),
        (json!({ "scope": format!(" {READ}  {WRITE} ") }), writes),
        (json!({ "scope": WRITE, "authorities": ["ORG_ADMIN"] }), writes),
        (
            json!({ "scope": WRITE, "authorities": ["SOURCE_SUBADMIN", "x"] }),
            writes,
        ),
        (json!({ "scope": WRITE, "authorities": ["HELPDESK"] }), reads),
        (json!({ "scope": READ, "authorities": ["ORG_ADMIN"] }), reads),
        (json!({ "scope": ALL, "authorities": ["DASHBOARD"] }), nothing),
        (json!({ "scope": ALL, "authorities": [] }), nothing),
        (json!({ "scope": ALL, "authorities": null }), writes),
    ] {
        let authorization = format!("Bearer {}", with(claims.clone()));
        for (method, target) in operations() {
            let needed = if is_write(&method) { WRITE } else { READ };
            let allowed = if is_write(&method) { rights.1 } else { rights.0 };
            let answer = ask(&service, &method, &target, Some(&authorization)).await;
            if allowed {
                // The bulk clear and suggestions are permitted, but their filter or field is missing.
                let is_incomplete = method == Method::PATCH && !target.ends_with("/t");
                let expected: &[u16] = if is_incomplete || target.ends_with("/suggestions") {
                    &[400]
                } else {
                    &[200, 201]
                };
                assert!(
                    expected.contains(&answer.status.as_u16()),
                    "{claims}: {method} {target}: {answer:?}"
                );
                continue;
            }
            assert_eq!(answer.status, 403, "{claims}: {method} {target}: {answer:?}");
            let challenge = answer.header("www-authenticate").unwrap();
            let scope =
                format!(r#"Bearer realm="task-status", error="insufficient_scope", scope="{needed}""#);
            let level = r#"Bearer realm="task-status", error="insufficient_scope", error_description="No user level of the caller allows it.""#;
            let has_scope = claims["scope"] == WRITE || claims["scope"] == ALL;
            assert_eq!(challenge, if has_scope { level } else { &scope }, "{claims}");
            if method != Method::HEAD {
                assert_eq!(
                    answer.json(),
                    json!({
                        "detailCode": "403 Forbidden",
                        "trackingId": answer.header("slpt-request-id").unwrap(),
                        "messages": [{
                            "locale": "en-US",
                            "localeOrigin": "DEFAULT",
                            "text": "The server understood the request but refuses to authorize it.",
                        }],
                        "causes": [],
                    })
                );
            }
        }
    }
}

#[tokio::test]
async fn every_form_of_a_valid_token_is_accepted() {
    let database = TestDatabase::new().await;
    let (rsa, p256, p384, ed25519) = (shared_rsa(), Key::p256(), Key::p384(), Key::ed25519());
    let issuer = IssuerServer::start(&[
        rsa.jwk("rsa"),
        p256.jwk("p256"),
        p384.jwk("p384"),
        ed25519.jwk("ed25519"),
    ]);
    let service = Service::with_keys(&database, issuer.source(FAST)).await;
    issuer.is_read_by(&service).await;
    let mut tokens = vec![
        p256.token("p256", &claims(&[READ])),
        p384.token("p384", &claims(&[READ])),
        ed25519.token("ed25519", &claims(&[READ])),
    ];
    for algorithm in [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ] {
        tokens.push(rsa.sign_by(algorithm, "rsa", &claims(&[READ])));
    }
    for typ in [None, Some("at+jwt"), Some("application/at+JWT"), Some("jwt")] {
        let header = json!({ "alg": "RS256", "typ": typ });
        tokens.push(rsa.sign(&header, &claims(&[READ])));
    }
    for (name, value) in [
        (
            "exp",
            json!(seconds_from_now(300).to_string().parse::<f64>().unwrap() + 0.5),
        ),
        ("exp", json!(seconds_from_now(-10))),
        ("exp", json!(1e15)),
        ("nbf", json!(seconds_from_now(10))),
        ("nbf", json!(0)),
        ("nbf", Value::Null),
        ("aud", json!(["other", AUDIENCE])),
        ("typ", json!("Bearer")),
        ("token_use", json!("access")),
        // As long as the head of a request may be.
        ("groups", json!("x".repeat(80_000))),
    ] {
        let mut claims = claims(&[READ]);
        claims[name] = value;
        tokens.push(rsa.token("rsa", &claims));
    }
    for token in tokens {
        for authorization in [format!("Bearer {token}"), format!("bearer  {token} ")] {
            let answer = service
                .request(Method::GET, "/task-status", &[("Authorization", &authorization)])
                .await;
            assert_eq!(
                (answer.status.as_u16(), answer.body.as_str()),
                (200, "[]"),
                "{token}"
            );
        }
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let good = format!("Bearer {}", token(&[READ]));
    let twice = [("Authorization", good.as_str()), ("Authorization", good.as_str())];
    let answer = service.request(Method::GET, "/task-status", &twice).await;
    assert_eq!(
        (answer.status.as_u16(), answer.causes()),
        (401, vec![MALFORMED.to_owned()])
    );
}

#[tokio::test]
async fn errors_are_in_the_requested_language() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let expired = changed("exp", json!(1));
    for (name, method, target, language, token) in [
        ("no_token", Method::GET, "/task-status", "fr", None),
        ("expired", Method::GET, "/task-status", "ja", Some(expired)),
        (
            "forbidden",
            Method::PUT,
            "/task-status/t",
            "de",
            Some(token(&[READ])),
        ),
    ] {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("Accept-Language", language)];
        headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        insta::assert_snapshot!(name, service.request(method, target, &headers).await.snapshot());
    }
}
