//! The bare handler: a static copy of one response of the service, as an upper bound for any server.
//!
//! `static-page PORT SERVICE TARGET [gzip]`

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use task_status_bench::http::Client;
use task_status_bench::{peer, row, verify};

#[derive(Debug)]
struct Page {
    headers: HeaderMap,
    body: Bytes,
    tag: Option<HeaderValue>,
    /// The headers of a 304.
    short_headers: HeaderMap,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, service, target, form @ ..] = arguments.as_slice() else {
        return Err("static-page PORT SERVICE TARGET [gzip]".into());
    };
    let form = if form.is_empty() {
        row::Form::Plain
    } else {
        row::Form::Gzip
    };
    let page = copy(service.parse()?, target, form).await?;
    let app = Router::new()
        .route("/task-status/pending-tasks", get(answer))
        .with_state(Arc::new(page));
    peer::serve(app, port.parse()?).await?;
    Ok(())
}

/// Requests the page from the service once.
async fn copy(service: SocketAddr, target: &str, form: row::Form) -> Result<Page, Box<dyn Error>> {
    let mut client = Client::connect(service)
        .await
        .ok_or("the service does not listen")?;
    let answer = client.get(target, &verify::headers(form, None)).await?;
    let mut headers = answer.headers;
    // The server adds these itself.
    for name in [header::CONTENT_LENGTH, header::DATE, header::CONNECTION] {
        headers.remove(name);
    }
    let mut short_headers = headers.clone();
    short_headers.remove(header::CONTENT_TYPE);
    Ok(Page {
        tag: headers.get(header::ETAG).cloned(),
        headers,
        body: answer.body,
        short_headers,
    })
}

async fn answer(State(page): State<Arc<Page>>, request: HeaderMap) -> Response {
    let given = request.get(header::IF_NONE_MATCH);
    if given.is_some() && given == page.tag.as_ref() {
        return (StatusCode::NOT_MODIFIED, page.short_headers.clone()).into_response();
    }
    (page.headers.clone(), page.body.clone()).into_response()
}
