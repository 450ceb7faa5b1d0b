//! Sources of keys: an issuer that rotates them, fails and recovers; files that change; secrets.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use task_status::auth::caller::READ;
use task_status::auth::jws::{Algorithm, SigningKey};
use task_status::auth::key_source::Pace;
use tokio::time::timeout;

use super::*;
use crate::support::certificates::Authority;
use crate::support::identity::{AUDIENCE, FAST, ISSUER, IssuerServer, Key, claims, sign};
use crate::support::program::{Program, as_text, command, serve};
use crate::support::until;

const LATER: Pace = Pace {
    refetch: Duration::from_hours(1),
    ..FAST
};

async fn status(service: &Service, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    service
        .request(Method::GET, "/task-status", &headers)
        .await
        .status
        .as_u16()
}

#[tokio::test]
async fn the_keys_arrive_when_an_unavailable_issuer_starts() {
    let database = TestDatabase::new().await;
    let key = shared_rsa();
    let issuer = IssuerServer::start(&[]);
    issuer.answer(StatusCode::BAD_GATEWAY, "");
    let service = Service::with_keys(&database, issuer.source(FAST)).await;
    let good = key.token("a", &claims(&[READ]));
    let authorization = format!("Bearer {good}");
    let headers = [("Authorization", authorization.as_str())];
    let answer = service.request(Method::GET, "/task-status", &headers).await;
    insta::assert_snapshot!("no_keys_yet", answer.snapshot());
    // Without a token the keys do not matter.
    assert_eq!(service.get("/task-status").await.status, 401);
    for nonsense in [
        "",
        "{}",
        "[]",
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#,
    ] {
        let asked = issuer.asked();
        issuer.answer(StatusCode::OK, nonsense);
        until("the issuer is asked again", async || issuer.asked() > asked + 1).await;
        assert_eq!(status(&service, &good).await, 503, "{nonsense}");
    }
    issuer.publish(&[key.jwk("a")]);
    until("the issuer's keys are known", async || {
        status(&service, &good).await == 200
    })
    .await;
}

#[tokio::test]
async fn keys_are_kept_while_the_issuer_is_down() {
    let database = TestDatabase::new().await;
    let key = shared_rsa();
    let issuer = IssuerServer::start(&[key.jwk("a")]);
    let pace = Pace {
        refresh: Duration::from_millis(20),
        ..FAST
    };
    let service = Service::with_keys(&database, issuer.source(pace)).await;
    issuer.is_read_by(&service).await;
    let good = key.token("a", &claims(&[READ]));
    for (status_of_issuer, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, ""),
        (StatusCode::OK, "<html>"),
        (StatusCode::FOUND, ""),
    ] {
        let asked = issuer.asked();
        issuer.answer(status_of_issuer, body);
        until("the issuer is asked again", async || issuer.asked() > asked + 2).await;
        assert_eq!(status(&service, &good).await, 200);
        assert_eq!(
            status(&service, &key.token("unknown", &claims(&[READ]))).await,
            401
        );
    }
    issuer.stop();
    assert_eq!(status(&service, &good).await, 200);
    assert_eq!(
        status(&service, &key.token("unknown", &claims(&[READ]))).await,
        401
    );
}

#[tokio::test]
async fn keys_rotate_while_requests_run() {
    let database = TestDatabase::new().await;
    let (old, new) = (shared_rsa(), Key::p256());
    let issuer = IssuerServer::start(&[old.jwk("old")]);
    let service = Service::with_keys(&database, issuer.source(FAST)).await;
    issuer.is_read_by(&service).await;
    let stop = Arc::new(AtomicBool::new(false));
    let service = Arc::new(service);
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (service, stop) = (Arc::clone(&service), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut calls = 0;
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(status(&service, &old.token("old", &claims(&[READ]))).await, 200);
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    assert_eq!(status(&service, &new.token("new", &claims(&[READ]))).await, 401);
    issuer.publish(&[old.jwk("old"), new.jwk("new")]);
    // The first token with the new key is enough.
    assert_eq!(status(&service, &new.token("new", &claims(&[READ]))).await, 200);
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        assert!(caller.await.unwrap() > 0);
    }
    // An unknown key id triggers a refresh. Tokens of the withdrawn key are refused from then on.
    issuer.publish(&[new.jwk("new")]);
    assert_eq!(status(&service, &old.token("none", &claims(&[READ]))).await, 401);
    assert_eq!(status(&service, &old.token("old", &claims(&[READ]))).await, 401);
    assert_eq!(status(&service, &new.token("new", &claims(&[READ]))).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_do_not_flood_the_issuer() {
    let database = TestDatabase::new().await;
    let key = shared_rsa();
    let issuer = IssuerServer::start(&[key.jwk("a")]);
    let service = Arc::new(Service::with_keys(&database, issuer.source(LATER)).await);
    issuer.is_read_by(&service).await;
    let flood = (0..50).map(|number| {
        let service = Arc::clone(&service);
        let unknown = key.token(&format!("unknown-{number}"), &claims(&[READ]));
        tokio::spawn(async move { status(&service, &unknown).await })
    });
    for answered in flood.collect::<Vec<_>>() {
        assert_eq!(answered.await.unwrap(), 401);
    }
    assert_eq!(issuer.asked(), 1);
    // A wrong signature of a known key triggers no refresh.
    let forged = Key::other_rsa().token("a", &claims(&[READ]));
    assert_eq!(status(&service, &forged).await, 401);
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_cancelled_request_does_not_prevent_a_key_refresh() {
    let database = TestDatabase::new().await;
    let (old, new) = (Key::p256(), Key::p256());
    let issuer = IssuerServer::start(&[old.jwk("old")]);
    let pace = Pace {
        refetch: Duration::from_secs(1),
        ..FAST
    };
    let service = Service::with_keys(&database, issuer.source(pace)).await;
    issuer.is_read_by(&service).await;
    issuer.publish(&[old.jwk("old"), new.jwk("new")]);
    issuer.hold(true);
    // Once a refresh is due again, a request triggers it and is cancelled before the issuer responds.
    let mut stranger = 0;
    while issuer.asked() == 1 {
        stranger += 1;
        let unknown = old.token(&format!("unknown-{stranger}"), &claims(&[READ]));
        let _ = timeout(Duration::from_millis(50), status(&service, &unknown)).await;
    }
    issuer.hold(false);
    until("the new key is known", async || {
        status(&service, &new.token("new", &claims(&[READ]))).await == 200
    })
    .await;
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_changed_key_file_is_read_again() {
    let database = TestDatabase::new().await;
    let (first, second) = (Key::p256(), Key::ed25519());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, format!("{}{}", first.public_pem, shared_rsa().public_pem)).unwrap();
    let source = KeySource::file(path.clone()).await.unwrap();
    let service = Service::with_keys(&database, source).await;
    let token = |key: &Key| key.token("whatever", &claims(&[READ]));
    assert_eq!(status(&service, &token(&first)).await, 200);
    assert_eq!(status(&service, &token(shared_rsa())).await, 200);
    assert_eq!(status(&service, &token(&second)).await, 401);
    // The format of the file may change.
    let jwks = json!({ "keys": [second.jwk("second")] }).to_string();
    std::fs::write(&path, jwks).unwrap();
    until("the new key is known", async || {
        status(&service, &second.token("second", &claims(&[READ]))).await == 200
    })
    .await;
    assert_eq!(status(&service, &token(&first)).await, 401);
}

#[tokio::test]
async fn only_the_current_shared_secret_is_accepted() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let (first, second) = ("a".repeat(32), "b".repeat(32));
    std::fs::write(&path, format!("{first}\n")).unwrap();
    let source = KeySource::secret_file(path.clone()).await.unwrap();
    let service = Service::with_keys(&database, source).await;
    let signed = |secret: &str, algorithm: &str| {
        let key = SigningKey::from_secret(secret.as_bytes());
        sign(
            &key,
            Algorithm::HS256,
            &json!({ "alg": algorithm }),
            &claims(&[READ]),
        )
    };
    assert_eq!(status(&service, &signed(&first, "HS256")).await, 200);
    assert_eq!(
        status(&service, &signed(&format!("{first}\n"), "HS256")).await,
        401
    );
    assert_eq!(status(&service, &signed(&first, "HS512")).await, 401);
    std::fs::write(&path, &second).unwrap();
    until("the new secret is known", async || {
        status(&service, &signed(&second, "HS256")).await == 200
    })
    .await;
    assert_eq!(status(&service, &signed(&first, "HS256")).await, 401);
}

#[test]
fn untrustworthy_keys_are_ignored() {
    let refusal = |content: &str| KeySet::from_file(content.as_bytes()).unwrap_err().to_string();
    let key = shared_rsa();
    let no_key = "it holds no supported key for signatures (RSA, P-256, P-384, Ed25519)";
    assert_eq!(
        refusal(&key.private_pem),
        "it holds a private key; only public keys belong here"
    );
    assert_eq!(refusal("secret"), "it is neither a JSON Web Key Set nor PEM");
    assert_eq!(refusal(&key.public_pem.replace("PUBLIC", "PUBIC")), no_key);
    let broken = key.public_pem.replacen("MII", "MIJ", 1);
    assert_eq!(
        refusal(&format!("{}{broken}", key.public_pem)),
        "its key number 2 cannot be read"
    );
    let changed = |name: &str, value: &str| {
        let mut jwk = key.jwk("a");
        jwk[name] = value.into();
        json!({ "keys": [jwk] }).to_string()
    };
    for (name, value) in [
        ("use", "enc"),
        ("alg", "HS256"),
        ("alg", "ES256"),
        ("alg", "RSA-OAEP"),
        ("kty", "oct"),
        ("kty", "EC"),
    ] {
        assert_eq!(refusal(&changed(name, value)), no_key, "{name} {value}");
    }
    let mut signing_only = key.jwk("a");
    signing_only["key_ops"] = json!(["sign"]);
    assert_eq!(refusal(&json!({ "keys": [signing_only] }).to_string()), no_key);
    let many = vec![key.jwk("a"); 51];
    assert_eq!(
        refusal(&json!({ "keys": many }).to_string()),
        "it holds more than 50 keys"
    );
    // Unknown keys are skipped (RFC 7517, section 5).
    let mixed = json!({ "keys": [{ "kty": "AKP", "alg": "ML-DSA-44" }, 1, key.jwk("a")] }).to_string();
    assert_eq!(KeySet::from_file(mixed.as_bytes()).unwrap().count(), 1);
    let short = KeySet::from_secret(&[b'x'; 31]).unwrap_err().to_string();
    assert_eq!(short, "the secret has 31 bytes; at least 32 are needed");
}

#[tokio::test]
async fn an_issuer_needs_a_trusted_certificate() {
    let database = TestDatabase::new().await;
    let key = shared_rsa();
    let authority = Authority::new();
    let issuer = IssuerServer::secured(&[key.jwk("a")], &authority.issue("localhost"));
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    for (trusted, other) in [(true, authority.pem()), (false, Authority::new().pem())] {
        std::fs::write(&roots, other).unwrap();
        let mut serve = serve(
            &database.url(),
            &["--auth", "jwt", "--admin-listen", "127.0.0.1:0"],
        );
        serve.args([
            "--jwt-jwks-url",
            &issuer.url,
            "--jwt-issuer",
            ISSUER,
            "--jwt-audience",
            AUDIENCE,
        ]);
        let mut program = Program::start({
            serve.env("SSL_CERT_FILE", &roots);
            serve
        });
        let (api, health) = (program.url().await, program.url_of("health").await);
        program.logged("the database is up").await;
        program
            .logged(if trusted {
                "token keys loaded"
            } else {
                "cannot refresh the token keys"
            })
            .await;
        let ready = reqwest::get(format!("{health}/readyz")).await.unwrap();
        let (status, said) = (ready.status().as_u16(), ready.text().await.unwrap());
        let asked = reqwest::Client::new()
            .get(format!("{api}/task-status"))
            .bearer_auth(key.token("a", &claims(&[READ])))
            .send()
            .await
            .unwrap();
        if trusted {
            assert_eq!((status, said.as_str()), (200, "ok\n"));
            assert_eq!(asked.status(), 200);
        } else {
            assert_eq!(
                (status, said.as_str()),
                (503, "the keys of tokens are not available\n")
            );
            assert_eq!(asked.status(), 503);
        }
    }
}

#[test]
fn settings_without_usable_keys_end_the_program_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (short, empty) = (file("short", &"x".repeat(31)), file("empty", ""));
    let (private, public) = (
        file("private.pem", &shared_rsa().private_pem),
        file("public.pem", &shared_rsa().public_pem),
    );
    let mut jwk = shared_rsa().jwk("a");
    jwk["d"] = "AQAB".into();
    let private_jwks = file("private.json", &json!({ "keys": [jwk] }).to_string());
    let binary = file("binary", &"\u{fc}".repeat(32));
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    let mut said = String::new();
    for (mode, arguments) in [
        ("jwt", &[][..]),
        ("jwt", &["--jwt-secret-file", &short]),
        ("jwt", &["--jwt-secret-file", &empty]),
        ("jwt", &["--jwt-secret", "hunter2"]),
        ("jwt", &["--jwt-key-file", &missing]),
        ("jwt", &["--jwt-key-file", &empty]),
        ("jwt", &["--jwt-key-file", &private]),
        ("jwt", &["--jwt-key-file", &public, "--jwt-secret-file", &short]),
        ("jwt", &["--jwt-jwks-url", "http://issuer.example/jwks"]),
        ("jwt", &["--jwt-key-file", &public, "--jwt-leeway", "1h"]),
        (
            "jwt",
            &["--jwt-jwks-url", "https://user:hunter2@issuer.example/jwks"],
        ),
        ("jwt", &["--jwt-key-file", &private_jwks]),
        ("gateway", &[]),
        ("gateway", &["--gateway-secret-file", &binary]),
        (
            "gateway",
            &["--trusted-proxies", "10.0.0.0/8", "--gateway-secret-header", "x"],
        ),
        ("none", &["--jwt-leeway", "1m"]),
        (
            "jwt",
            &["--jwt-key-file", &public, "--jwt-audience-claim", "client_id"],
        ),
        ("none", &["--read-values", "tasks.read"]),
        // An empty value would be in many a token.
        (
            "jwt",
            &["--jwt-key-file", &public, "--read-values", "tasks.read,"],
        ),
        (
            "gateway",
            &["--trusted-proxies", "10.0.0.0/8", "--permission-claims", "roles"],
        ),
        ("jwt", &["--jwt-key-file", &public, "--gateway-headers", "envoy"]),
        ("gateway", &["--gateway-secret-file", &short]),
        ("gateway", &["--gateway-secret-file", &missing]),
        (
            "gateway",
            &["--trusted-proxies", "10.0.0.0/8", "--jwt-issuer", "i"],
        ),
        ("none", &["--gateway-secret-file", &short]),
    ] {
        let output = as_text(&mut command(&[&["serve", "--auth", mode], arguments].concat()))
            .env("DATABASE_URL", "postgres://127.0.0.1:1/none")
            .output()
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let refused = String::from_utf8(output.stderr).unwrap();
        assert!(!refused.contains("hunter2"), "{refused}");
        writeln!(said, "--auth {mode} {}\n{refused}", arguments.join(" ")).unwrap();
    }
    let said = said.replace(folder.path().to_str().unwrap(), "");
    insta::assert_snapshot!("settings_that_lead_to_no_keys", said);
}
