//! How the dashboard is served: to whom, in which form, for how long.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::Method;

use crate::support::database::TestDatabase;
use crate::support::decoded;
use crate::support::service::{Answer, Service, Setup};

/// The folder of the dashboard.
const UI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ui");

/// What a browser accepts when it opens a page.
const BROWSER: (&str, &str) = (
    "Accept",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
);

async fn page(service: &Service, target: &str) -> Answer {
    service.request(Method::GET, target, &[BROWSER]).await
}

/// The URLs of the files that a page names.
fn files(page: &str) -> Vec<&str> {
    let named = page.split('"').filter(|text| text.starts_with("ui/"));
    named.collect()
}

#[tokio::test]
async fn browsers_get_the_page_at_the_root_and_at_base_paths_and_others_what_they_always_got() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let front = page(&service, "/").await;
    assert_eq!(front.status, 200);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        ),
        ("cache-control", "private, no-cache"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(front.header(name), Some(value));
    }
    for target in [
        "/?filters=type+eq+%22QUARTZ%22",
        "//",
        "/v2025/",
        "/latest/?x=%20",
    ] {
        assert_eq!(page(&service, target).await.body, front.body, "{target}");
    }
    // Its links are relative to a folder. The redirection is relative too: a gateway may have taken off a prefix.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let bare = client
        .get(format!("http://{}/v2025?filters=pr+id", service.address))
        .header(BROWSER.0, BROWSER.1);
    let bare = bare.send().await.unwrap();
    assert_eq!(
        (bare.status().as_u16(), &bare.headers()["location"]),
        (307, &"v2025/?filters=pr+id".parse().unwrap())
    );

    for (method, accept) in [
        (Method::GET, "*/*"),
        (Method::GET, "application/json"),
        (Method::HEAD, "application/json"),
        (Method::POST, BROWSER.1),
    ] {
        for target in ["/", "/v2025/"] {
            let answer = service
                .request(method.clone(), target, &[("Accept", accept)])
                .await;
            assert_eq!(answer.status, 404, "{method} {target} {accept}");
        }
    }
    let head = service.request(Method::HEAD, "/", &[BROWSER]).await;
    assert_eq!(
        (head.status.as_u16(), head.header("etag")),
        (200, front.header("etag"))
    );

    let mut setup = Setup::default();
    setup.api.dashboard = None;
    let service = Service::with(&database, setup).await;
    for target in ["/", "/v2025/", "/ui/config.json", "/ui/any/main.js"] {
        assert_eq!(page(&service, target).await.status, 404, "{target}");
    }
    assert!(!service.get("/docs").await.body.contains("Dashboard"));
}

#[tokio::test]
async fn files_are_kept_for_as_long_as_their_version() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let front = page(&service, "/").await.body;
    let mut wire = 0;
    for file in files(&front) {
        let target = format!("/{file}");
        let answer = service.get(&target).await;
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=31536000, immutable"),
            "{file}"
        );
        for coding in ["zstd", "br", "gzip"] {
            let compressed = service
                .response(Method::GET, &target, &[("Accept-Encoding", coding)])
                .await;
            assert_eq!(compressed.headers()["content-encoding"], coding);
            assert_ne!(compressed.headers()["etag"], *answer.etag());
            let bytes = compressed.bytes().await.unwrap();
            if coding == "gzip" {
                wire += bytes.len();
            }
            assert!(
                decoded(Some(coding), &bytes) == answer.body.as_bytes(),
                "{file} {coding}"
            );
        }
        // Replicas of another version refer to the same files by another name, which may not be kept.
        let other = file.splitn(3, '/').nth(2).unwrap();
        let other = format!("/v2025/ui/0123/{other}");
        let condition = [("If-None-Match", answer.etag())];
        let condition = condition.each_ref().map(|(name, value)| (*name, value.as_str()));
        let unchanged = service.request(Method::GET, &other, &condition).await;
        assert_eq!(unchanged.status, 304, "{file}");
        assert_eq!(
            unchanged.header("cache-control"),
            Some("private, no-cache"),
            "{file}"
        );
    }
    assert!((1..120_000).contains(&wire), "{wire} bytes over the wire");
    assert_eq!(service.get("/ui/any/index.html").await.status, 404);
}

#[test]
fn every_file_of_the_dashboard_is_embedded() {
    let source = include_str!("../../../src/http/routes/ui.rs");
    let list = source
        .split_once("&embedded![")
        .unwrap()
        .1
        .split_once(']')
        .unwrap()
        .0;
    let embedded: BTreeSet<String> = list
        .split_whitespace()
        .map(|name| name.trim_matches('"').to_owned())
        .collect();
    let mut served = BTreeSet::new();
    let mut folders = vec![Path::new(UI).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(UI).unwrap().to_str().unwrap();
            // What the bundle is made of.
            if ["node_modules", "vendor/entry.js"].contains(&name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path.clone());
            } else if [".html", ".js", ".css", ".svg"]
                .iter()
                .any(|ending| name.ends_with(ending))
            {
                served.insert(name.to_owned());
            }
        }
    }
    assert_eq!(embedded, served);
}
