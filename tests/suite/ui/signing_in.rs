//! Credentials of the page: a pasted token, an `OpenID` Connect issuer, a gateway's session; and where the page may be.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use task_status::auth::caller::{READ, WRITE};
use task_status::auth::key_source::KeySource;
use task_status::auth::keys::KeySet;
use task_status::http::connections::ConnectionLimits;
use task_status::http::server;
use task_status::http::stop::Stop;

use super::named;
use crate::support::TIMEOUT;
use crate::support::browser::Browser;
use crate::support::database::TestDatabase;
use crate::support::gateway::Gateway;
use crate::support::identity::{AUDIENCE, claims, seconds_from_now, shared_rsa};
use crate::support::program::{Program, serve};
use crate::support::service::{Service, Setup};

/// A script that pastes a token.
fn paste(token: &str) -> String {
    format!(
        "await page.getByRole('textbox', {{ name: 'Access token' }}).fill('{token}');
         await page.getByRole('button', {{ name: 'Use this token' }}).click();"
    )
}

/// Everything that the browser keeps.
const KEPT: &str = "return JSON.stringify([await context.storageState(), page.url(), await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }])])";

#[tokio::test]
async fn a_pasted_token_is_used_until_it_ends_and_kept_nowhere() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let keys = json!({ "keys": [shared_rsa().jwk("key")] }).to_string();
    let keys = KeySource::fixed(KeySet::from_jwks(keys.as_bytes()).unwrap());
    let service = Service::with_keys(&database, keys).await;
    let Some(mut browser) = Browser::open(&format!("http://{}", service.address)).await else {
        return;
    };
    browser
        .run(
            "await page.getByRole('alert').filter({ hasText: 'You are not signed in.' }).waitFor();
             await page.getByRole('alert').getByRole('button', { name: 'Sign in' }).click()",
        )
        .await;
    let reader = shared_rsa().token("key", &claims(&[READ]));
    browser.run(&paste(&reader)).await;
    browser.run(&named(&["n"])).await;
    let kept = browser.run(KEPT).await;
    let (_, signature) = reader.rsplit_once('.').unwrap();
    assert!(!kept.as_str().unwrap().contains(signature), "{kept}");

    // A token that may write, and ends: the leeway of clocks is 30 s.
    let mut brief = claims(&[WRITE]);
    brief["exp"] = seconds_from_now(-25).into();
    browser.run("await page.reload(); await page.getByRole('alert').getByRole('button', { name: 'Sign in' }).click()").await;
    browser.run(&paste(&shared_rsa().token("key", &brief))).await;
    browser
        .run("await page.getByRole('button', { name: 'Clear all that match' }).waitFor()")
        .await;
    database
        .execute("update task_status set progress = 'still', modified = now()")
        .await;
    browser
        .run("await page.getByRole('alert').getByRole('button', { name: 'Sign in again' }).waitFor()")
        .await;
    // What was shown stays.
    browser.run(&named(&["n"])).await;
}

/// An issuer at which everybody is signed in already.
struct Issuer {
    url: String,
    /// The challenge of the only code that was given out.
    challenge: Mutex<Option<String>>,
}

impl Issuer {
    fn start() -> Arc<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let issuer = Arc::new(Self {
            url: format!("http://localhost:{}", listener.local_addr().unwrap().port()),
            challenge: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route(
                "/jwks",
                get(async || Json(json!({ "keys": [shared_rsa().jwk("key")] }))),
            )
            .with_state(Arc::clone(&issuer));
        let limits = ConnectionLimits::of(100);
        tokio::spawn(server::serve(
            listener,
            routes,
            limits,
            None,
            Stop::default(),
            TIMEOUT,
        ));
        issuer
    }
}

/// The members of a form or a query.
fn members(text: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{text}")).unwrap();
    url.query_pairs().into_owned().collect()
}

const FOR_ALL: [(&str, &str); 1] = [("access-control-allow-origin", "*")];

async fn discovery(State(issuer): State<Arc<Issuer>>) -> impl IntoResponse {
    let url = &issuer.url;
    let document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
    });
    (FOR_ALL, Json(document))
}

async fn authorize(State(issuer): State<Arc<Issuer>>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let asked = members(&query.unwrap());
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "dashboard"),
        ("scope", "openid idn:task-management:write"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{asked:?}");
    }
    let challenge = asked["code_challenge"].clone();
    issuer.challenge.lock().unwrap().replace(challenge);
    let (back, state) = (&asked["redirect_uri"], &asked["state"]);
    Redirect::to(&format!("{back}?code=the-code&state={state}"))
}

async fn token(State(issuer): State<Arc<Issuer>>, form: String) -> impl IntoResponse {
    let asked = members(&form);
    let verifier = &asked["code_verifier"];
    let challenge = issuer.challenge.lock().unwrap().take();
    let is_proof = challenge == Some(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
    if !is_proof || asked["code"] != "the-code" || asked["client_id"] != "dashboard" {
        return (
            StatusCode::BAD_REQUEST,
            FOR_ALL,
            Json(json!({ "error": "invalid_grant" })),
        );
    }
    let mut claims = claims(&[WRITE]);
    claims["iss"] = issuer.url.as_str().into();
    let token = shared_rsa().token("key", &claims);
    (
        StatusCode::OK,
        FOR_ALL,
        Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 300 })),
    )
}

#[tokio::test]
async fn people_sign_in_at_an_issuer_with_code_and_proof() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let issuer = Issuer::start();
    let jwks = format!("{}/jwks", issuer.url);
    let arguments = [
        "--auth",
        "jwt",
        "--jwt-jwks-url",
        &jwks,
        "--jwt-issuer",
        &issuer.url,
        "--jwt-audience",
        AUDIENCE,
        "--ui-oidc-issuer",
        &issuer.url,
        "--ui-oidc-client-id",
        "dashboard",
        "--ui-oidc-scope",
        "openid idn:task-management:write",
    ];
    let mut program = Program::start(serve(&database.url(), &arguments));
    let url = program.url().await;
    program.logged("the database is up").await;
    // The view survives the way to the issuer and back.
    let Some(mut browser) = Browser::open(&format!("{url}/?filters=pr+id")).await else {
        return;
    };
    browser
        .run(&format!(
            "origins.add('{}');
             await page.getByRole('alert').getByRole('button', {{ name: 'Sign in' }}).click();
             await page.getByRole('button', {{ name: /^Sign in with localhost/ }}).click();",
            issuer.url
        ))
        .await;
    browser.run(&named(&["n"])).await;
    browser.run("await page.getByRole('button', { name: 'Clear all that match' }).waitFor(); await page.getByRole('button', { name: 'Sign out somebody' }).waitFor()").await;
    assert_eq!(
        browser.run("return new URL(page.url()).search").await,
        "?filters=pr+id"
    );
    let kept = browser.run(KEPT).await;
    assert!(!kept.as_str().unwrap().contains("eyJ"), "{kept}");
    // A code that this page did not ask for is not used.
    browser.run("await page.goto('/?code=stolen&state=guessed'); await page.getByText(/Signing in with .* has failed/).or(page.getByRole('alert')).first().waitFor()").await;
    assert_eq!(browser.run("return new URL(page.url()).search").await, "");
}

#[tokio::test]
async fn the_page_works_behind_a_prefix_that_a_gateway_strips_or_keeps() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let mut setup = Setup::default();
    // A path that is listed twice is one.
    setup
        .api
        .base_paths
        .extend(["/tasks", "/tasks"].map(|path| path.parse().unwrap()));
    let service = Service::with(&database, setup).await;
    let server = |_: &Path, front| {
        format!(
            "server {{
                 listen 127.0.0.1:{front};
                 location /stripped/ {{ proxy_pass http://{service}/; }}
                 location /tasks {{ proxy_pass http://{service}; proxy_set_header Host $http_host; }}
             }}",
            service = service.address
        )
    };
    let Some(nginx) = Gateway::nginx(server).await else {
        return;
    };
    for prefix in ["stripped/", "tasks", "tasks/?filters=pr+id"] {
        let Some(mut browser) = Browser::open(&nginx.url(&format!("/{prefix}"))).await else {
            return;
        };
        browser.run(&named(&["n"])).await;
        database
            .execute("update task_status set percent_complete = percent_complete + 1, modified = now()")
            .await;
        let percent: i32 = database.value("select percent_complete from task_status").await;
        browser
            .run(&format!(
                "await page.getByRole('row', {{ name: /{percent}%/ }}).waitFor()"
            ))
            .await;
        browser
            .run(
                "await page.getByRole('link', { name: 'n', exact: true }).click();
                 await page.getByRole('complementary', { name: 'n', exact: true }).waitFor();
                 await page.reload();
                 await page.getByRole('complementary', { name: 'n', exact: true }).waitFor();
                 await page.keyboard.press('Escape');
                 await page.getByRole('link', { name: 'API', exact: true }).click();
                 await page.getByRole('link', { name: 'Dashboard' }).click();",
            )
            .await;
        browser.run(&named(&["n"])).await;
    }
}
