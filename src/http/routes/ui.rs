//! The dashboard: a page for browsers at the root and at every base path, and its files below `ui/`.
//!
//! The files are those of the folder `ui/`, embedded. They hold nothing of anybody, so they are public: the page asks the
//! API for tasks as any client does.

use std::str::FromStr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use serde_json::json;
use thiserror::Error;
use tower::ServiceExt;

use crate::auth::{Authenticator, is_this_machine};
use crate::http::error::ApiError;
use crate::http::extract::JSON;
use crate::http::fixed_content::FixedContent;
use crate::http::middleware::cors::Origin;
use crate::http::openapi::DESCRIPTION;
use crate::http::routes::docs::{HTML, guards};
use crate::pending::digest::Digest;

/// The name of the page among the files.
const PAGE: &str = "index.html";

macro_rules! embedded {
    ($($path:literal)*) => { [$(($path, include_bytes!(concat!("../../../ui/", $path)))),*] };
}

/// The files of the dashboard: all of `ui/` that browsers need.
#[rustfmt::skip]
const FILES: &[(&str, &[u8])] = &embedded![
    "act.js" "api.js" "chart.js" "filter.js" "filterbar.js" "freshness.js" "i18n.js" "icon.svg" "index.html"
    "json.js" "list.js" "live.js" "main.js" "menus.js" "now.js" "parts.js" "signin.js" "state.js" "storage.js"
    "style.css" "task.js" "text/de.js" "text/en.js" "text/es.js" "text/fr.js" "text/it.js" "text/ja.js"
    "text/ko.js" "text/nl.js" "text/pt-BR.js" "text/zh-CN.js" "vendor/preact.js"
];

/// For files whose URL has the version: they never change.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The settings of the dashboard.
#[derive(Debug, Default, Clone)]
pub struct DashboardConfig {
    /// The issuer at which people sign in.
    pub oidc: Option<OidcClient>,
}

/// The dashboard as a client of an `OpenID` Connect issuer.
#[derive(Debug, Clone)]
pub struct OidcClient {
    pub issuer: OidcIssuer,
    pub client_id: String,
    pub scope: String,
}

/// The URL of an `OpenID` Connect issuer, as it is in the tokens' `iss`.
#[derive(Debug, Clone)]
pub struct OidcIssuer {
    url: String,
    origin: String,
}

/// The string is not the URL of an issuer.
#[derive(Debug, Error)]
#[error(
    "an issuer is an https URL without a query, or an http URL of this machine: https://login.example.com/realms/ops"
)]
pub struct OidcIssuerError;

impl FromStr for OidcIssuer {
    type Err = OidcIssuerError;

    /// `OpenID` Connect Core 1.0, section 2, and plain HTTP for trials.
    fn from_str(text: &str) -> Result<Self, OidcIssuerError> {
        let url = reqwest::Url::parse(text).map_err(|_| OidcIssuerError)?;
        let is_private =
            url.scheme() == "https" || url.scheme() == "http" && url.host_str().is_some_and(is_this_machine);
        let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let origin = url.origin().ascii_serialization();
        // The policy of the page names it: nothing that could end its directive.
        if !is_private || !is_bare || origin.parse::<Origin>().is_err() || origin.contains([';', ',', '\'']) {
            return Err(OidcIssuerError);
        }
        Ok(Self {
            url: text.to_owned(),
            origin,
        })
    }
}

/// The dashboard, ready to be served.
#[derive(Debug, Clone)]
pub struct Dashboard(Arc<Served>);

#[derive(Debug)]
struct Served {
    /// The `Content-Security-Policy` of the page.
    policy: String,
    /// The settings of the service that the page needs.
    config: String,
    /// The segment of URLs that changes with the files.
    version: String,
    /// By path.
    files: Vec<(&'static str, FixedContent)>,
}

impl Dashboard {
    pub fn new(config: &DashboardConfig, authenticator: &Authenticator) -> Self {
        let all: Vec<u8> = FILES.iter().flat_map(|(_, content)| *content).copied().collect();
        let version = Digest::of(&all).to_string();
        let files = FILES.iter().map(|(path, content)| {
            let content = match *path {
                PAGE => {
                    let page = String::from_utf8_lossy(content);
                    page.replace("\"ui/", &format!("\"ui/{version}/")).into()
                }
                _ => Bytes::from_static(content),
            };
            (*path, FixedContent::new(media_type(path), content))
        });
        let (auth, can_write) = match authenticator {
            Authenticator::Open | Authenticator::JwtForWrites(_) => ("none", Some(true)),
            Authenticator::Gateway(_) => ("gateway", None),
            Authenticator::Jwt(_) => ("jwt", None),
        };
        let oidc = config.oidc.as_ref();
        let issuer_origin = oidc.map_or_else(String::new, |oidc| format!(" {}", oidc.issuer.origin));
        Self(Arc::new(Served {
            policy: format!(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{issuer_origin}; \
                 img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                 require-trusted-types-for 'script'"
            ),
            config: json!({
                "version": env!("CARGO_PKG_VERSION"),
                "auth": auth,
                "oidc": oidc.map(|oidc| json!({ "issuer": oidc.issuer.url, "clientId": oidc.client_id, "scope": oidc.scope })),
                "canWrite": can_write,
            })
            .to_string(),
            files: files.collect(),
            version,
        }))
    }

    /// A file, which stays current for as long as `version` does.
    async fn file(
        &self,
        path: &str,
        version: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Option<Response>, ApiError> {
        let Some((_, content)) = self.0.files.iter().find(|(known, _)| *known == path) else {
            return Ok(None);
        };
        let immutable = version.filter(|version| *version == self.0.version);
        let caching = immutable.map(|_| [(header::CACHE_CONTROL, IMMUTABLE)]);
        Ok(Some((caching, content.respond(headers).await?).into_response()))
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => HTML,
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "text/plain; charset=utf-8",
    }
}

/// Middleware around 404 at the root and at the base paths: browsers get the page.
pub async fn for_browsers(State(page): State<MethodRouter>, request: Request, next: Next) -> Response {
    if is_of_browser(&request) {
        page.oneshot(request).await.into_response()
    } else {
        next.run(request).await
    }
}

/// Whether a browser asks for a page.
pub fn is_of_browser(request: &Request) -> bool {
    [Method::GET, Method::HEAD].contains(request.method()) && accepts_html(request.headers())
}

/// Whether HTML is named: programs accept `*/*`, browsers that follow a link name it.
fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let (media_type, parameters) = item.split_once(';').unwrap_or((item, ""));
            let is_refused = ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains(&parameters.trim());
            media_type.trim().eq_ignore_ascii_case("text/html") && !is_refused
        })
}

/// The page. Its links are relative, so its URL has to end in a slash.
pub async fn page(
    Extension(dashboard): Extension<Dashboard>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(with_slash) = with_slash(&uri) {
        // Relative: a gateway may have taken off a prefix.
        let location = [(header::LOCATION, with_slash)];
        return Ok((StatusCode::TEMPORARY_REDIRECT, location).into_response());
    }
    let mut response = dashboard
        .file(PAGE, None, &headers)
        .await?
        .ok_or(StatusCode::NOT_FOUND)
        .into_response();
    // Other clients get something else at this path.
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("accept"));
    Ok((guards(&dashboard.0.policy), response).into_response())
}

/// The same page with a slash at the end of its path, as a relative reference; `None` if it has one.
fn with_slash(uri: &Uri) -> Option<String> {
    let (_, last) = uri.path().rsplit_once('/')?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    (!last.is_empty()).then(|| format!("{last}/{query}"))
}

/// The settings of the dashboard
///
/// The version, how callers are authenticated, where they sign in, and whether all of them may write.
#[utoipa::path(get, path = "/ui/config.json", operation_id = "getDashboardConfig", tag = DESCRIPTION, responses((status = 200)))]
pub async fn config(Extension(dashboard): Extension<Dashboard>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, JSON)], dashboard.0.config.clone())
}

/// A file of the dashboard
///
/// Below any version, since replicas of two versions may serve one page for a while, or below none.
#[utoipa::path(get, path = "/ui/{*path}", operation_id = "getDashboardFile", tag = DESCRIPTION, responses((status = 200)))]
pub async fn file(
    Extension(dashboard): Extension<Dashboard>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let path = uri.path().strip_prefix("/ui/").unwrap_or_default();
    let (version, below) = path.split_once('/').unwrap_or(("", path));
    let found = match dashboard.file(path, None, &headers).await? {
        None => dashboard.file(below, Some(version), &headers).await?,
        found => found,
    };
    Ok(found
        .filter(|_| !path.ends_with(PAGE))
        .ok_or(StatusCode::NOT_FOUND)
        .into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_private_and_names_one_origin() {
        for (valid, origin) in [
            ("https://login.example.com", "https://login.example.com"),
            (
                "https://login.example.com:8443/realms/ops",
                "https://login.example.com:8443",
            ),
            ("http://localhost:9000/", "http://localhost:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ] {
            let issuer: OidcIssuer = valid.parse().expect(valid);
            assert_eq!((issuer.url.as_str(), issuer.origin.as_str()), (valid, origin));
        }
        for invalid in [
            "",
            "login.example.com",
            "http://login.example.com",
            "https://login.example.com/?tenant=1",
            "https://login.example.com/#x",
            "https://user@login.example.com",
            "https://login.example.com;script-src/",
            "file:///etc/issuer",
        ] {
            assert!(invalid.parse::<OidcIssuer>().is_err(), "{invalid}");
        }
    }
}
