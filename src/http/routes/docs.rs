//! `GET /openapi.json` and `GET /docs`: the description of the API, for programs and for people.
//!
//! The page is one file that holds the document, its style and its script. It works without a network, and its policy
//! forbids it to load anything.

use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::http::error::ApiError;
use crate::http::extract::JSON;
use crate::http::fixed_content::FixedContent;
use crate::http::openapi::DESCRIPTION;

pub(super) const HTML: &str = "text/html; charset=utf-8";

const PAGE: &str = include_str!("../openapi/page/page.html");
const STYLE: &str = include_str!("../openapi/page/page.css");
const SCRIPT: &str = include_str!("../openapi/page/page.js");

/// The way to the dashboard, which is beside this page.
const DASHBOARD: &str = r#"<a class="sibling" href="./">Dashboard</a>"#;

/// The document and the page, made once.
#[derive(Debug, Clone)]
pub struct Published(Arc<Pages>);

#[derive(Debug)]
struct Pages {
    document: FixedContent,
    page: FixedContent,
    policy: String,
}

impl Published {
    /// `has_dashboard` says whether there is a page to link to.
    pub fn new(document: String, has_dashboard: bool) -> Self {
        // Inside a script element only `<` could end it.
        let embedded = document.replace('<', "\\u003c");
        let page = PAGE
            .replace("{style}", STYLE)
            .replace("{script}", SCRIPT)
            .replace("{dashboard}", if has_dashboard { DASHBOARD } else { "" })
            .replace("{document}", &embedded);
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        Self(Arc::new(Pages {
            document: FixedContent::new(JSON, document),
            page: FixedContent::new(HTML, page),
            policy,
        }))
    }
}

/// The description of the API
///
/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenApi",
    tag = DESCRIPTION,
    params(("If-None-Match", Header), ("Accept-Encoding", Header)),
    responses(
        (
            status = 200,
            description = "The document, in OpenAPI 3.1.",
            body = Object,
            headers(("Vary"), ("Content-Encoding"), ("CodedETag"))
        ),
        (
            status = 304,
            description = "The document that the client has is current: see `If-None-Match`.",
            headers(("Vary"), ("CodedETag"))
        )
    )
)]
pub async fn openapi(
    Extension(Published(pages)): Extension<Published>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    pages.document.respond(&request).await
}

/// The description of the API, for people
///
/// A page that shows this document.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "getDocs",
    tag = DESCRIPTION,
    params(("If-None-Match", Header), ("Accept-Encoding", Header)),
    responses(
        (
            status = 200,
            description = "The page. It needs no network.",
            body = String,
            content_type = "text/html",
            headers(
                ("Content-Security-Policy" = String, description = "Lets the page do nothing but run its own script and styles."),
                ("Vary"), ("Content-Encoding"), ("CodedETag")
            )
        ),
        (
            status = 304,
            description = "The page that the client has is current: see `If-None-Match`.",
            headers(
                ("Content-Security-Policy" = String, description = "Lets the page do nothing but run its own script and styles."),
                ("Vary"), ("CodedETag")
            )
        )
    )
)]
pub async fn page(
    Extension(Published(pages)): Extension<Published>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    Ok((guards(&pages.policy), pages.page.respond(&request).await?).into_response())
}

/// The headers that keep a page to itself, whatever it shows.
pub(super) fn guards(policy: &str) -> [(HeaderName, &str); 4] {
    [
        (header::CONTENT_SECURITY_POLICY, policy),
        // For browsers that do not know the policy's frame-ancestors.
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ]
}

/// The name of an allowed text in a policy.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}
