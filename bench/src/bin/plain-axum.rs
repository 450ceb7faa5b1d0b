//! The pending tasks in plain axum and sqlx: every request queries the page as JSON from PostgreSQL, and counts all
//! pending tasks.

use std::error::Error;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, PgPool, Row};
use task_status_bench::tools::PAGE;
use task_status_bench::{peer, wrk};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

#[derive(Debug, Deserialize)]
struct Parameters {
    #[serde(default)]
    offset: u32,
    #[serde(default = "most")]
    limit: u8,
    #[serde(default)]
    count: bool,
}

#[derive(Debug, Clone)]
struct App {
    pool: PgPool,
    counted: &'static str,
}

const fn most() -> u8 {
    250
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let size = peer::number("BENCH_POOL")?;
    let pool = PgPoolOptions::new()
        .min_connections(size)
        .max_connections(size)
        // It would add a round trip to every request.
        .test_before_acquire(false)
        .connect_with(PgConnectOptions::new_without_pgpass().ssl_mode(PgSslMode::Disable))
        .await?;
    let counted = wrk::counted(PAGE).leak();
    let mut app = Router::new()
        .route("/task-status/pending-tasks", get(pending_tasks))
        .with_state(App { pool, counted });
    if std::env::var_os("BENCH_GZIP").is_some() {
        let gzip = CompressionLayer::new()
            .gzip(true)
            .quality(CompressionLevel::Precise(6));
        app = app.layer(gzip);
    }
    peer::serve(app, peer::number("BENCH_PORT")?).await?;
    Ok(())
}

#[expect(clippy::disallowed_types, reason = "a plain handler uses it")]
type Query = axum::extract::Query<Parameters>;

async fn pending_tasks(State(app): State<App>, axum::extract::Query(parameters): Query) -> Response {
    match page(&app, &parameters).await {
        Ok(response) => response,
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

async fn page(app: &App, parameters: &Parameters) -> Result<Response, sqlx::Error> {
    let statement = if parameters.count { app.counted } else { PAGE };
    let row = sqlx::query(AssertSqlSafe(statement))
        .bind(i64::from(parameters.limit.min(most())))
        .bind(i64::from(parameters.offset))
        .fetch_one(&app.pool)
        .await?;
    let body: String = row.try_get("body")?;
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    if parameters.count {
        let total: i64 = row.try_get("total")?;
        response
            .headers_mut()
            .insert("x-total-count", HeaderValue::from(total));
    }
    Ok(response)
}
