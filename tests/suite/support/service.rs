//! The service in this process, with its own port and database role, and HTTP clients for it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use task_status::auth::Authenticator;
use task_status::auth::key_source::KeySource;
use task_status::auth::proxies::Proxies;
use task_status::http::connections::ConnectionLimits;
use task_status::http::middleware::Middleware;
use task_status::http::middleware::authorize::Authorizer;
use task_status::http::middleware::hosts::AllowedHosts;
use task_status::http::request_metrics::RequestMetrics;
use task_status::http::router::{self, ApiConfig};
use task_status::http::routes::health::Readiness;
use task_status::http::routes::ui::DashboardConfig;
use task_status::http::server::{self, App};
use task_status::http::shares::Bounds;
use task_status::http::state::{AppState, EmptyStatus};
use task_status::http::stop::Stop;
use task_status::pending::{Pending, PendingConfig};
use task_status::store::Database;
use task_status::store::database::Limits;
use task_status::store::hosts::Hosts;
use task_status::store::schema::Schema;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::database::TestDatabase;
use super::identity;
use super::pgbouncer::PgBouncer;
use super::{TIMEOUT, give_clients_cryptography};

pub const PENDING_TASKS: &str = "/task-status/pending-tasks";

/// Limits that a test reaches only on purpose.
pub const LIMITS: Limits = Limits {
    max_connections: 5,
    acquire_timeout: TIMEOUT,
    statement_timeout: TIMEOUT,
};

/// The settings that tests change.
pub struct Setup {
    pub empty_status: EmptyStatus,
    pub pending: PendingConfig,
    pub api: ApiConfig,
}

impl Default for Setup {
    fn default() -> Self {
        Self::with_authorizer(Authorizer::new(Authenticator::Open, Proxies::default(), None))
    }
}

impl Setup {
    /// The defaults with this authorizer.
    pub fn with_authorizer(authorizer: Authorizer) -> Self {
        let base_paths = ["/beta", "/v2024", "/v2025", "/v2026", "/latest"].map(|path| path.parse().unwrap());
        Self {
            empty_status: EmptyStatus::NoContent,
            pending: PendingConfig::default(),
            api: ApiConfig {
                base_paths: base_paths.to_vec(),
                allowed_hosts: AllowedHosts::Any,
                cors_origins: Vec::new(),
                bounds: Bounds {
                    requests: 1000.try_into().unwrap(),
                    streams: 100.try_into().unwrap(),
                },
                authorizer,
                metrics: RequestMetrics::default(),
                health: None,
                dashboard: Some(DashboardConfig::default()),
            },
        }
    }

    /// The defaults with this authenticator.
    pub fn with_authenticator(authenticator: Authenticator) -> Self {
        Self::with_authorizer(Authorizer::new(authenticator, Proxies::default(), None))
    }

    pub fn with_empty_status(empty_status: EmptyStatus) -> Self {
        Self {
            empty_status,
            ..Self::default()
        }
    }
}

/// A running service. It ends with the test's runtime.
pub struct Service {
    pub address: SocketAddr,
    pub database: Database,
    /// `None` unless the routes are those of the API.
    pub authorizer: Option<Authorizer>,
    /// Likewise.
    pub pending: Option<Pending>,
    client: reqwest::Client,
    /// Between the service and its database.
    _pooler: Option<PgBouncer>,
}

/// A database that is watched as by the program.
pub fn watched(hosts: impl Into<Hosts>, limits: Limits, schema: Schema) -> Database {
    let database = Database::new(hosts, limits);
    let watched = database.clone();
    tokio::spawn(async move { watched.watch(schema).await.unwrap() });
    database
}

/// A response with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Service {
    /// With the defaults of `serve --auth none`.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::with(database, Setup::default()).await
    }

    pub async fn with(database: &TestDatabase, setup: Setup) -> Self {
        let pooler = PgBouncer::in_between(database.service_options()).await;
        let options = pooler
            .as_ref()
            .map_or(database.service_options(), PgBouncer::options);
        let database = watched(options, LIMITS, Schema::Expect);
        database.wait_until_up().await;
        Self {
            _pooler: pooler,
            ..Self::on(database, setup)
        }
    }

    /// Accepts tokens of these keys.
    pub async fn with_keys(database: &TestDatabase, keys: KeySource) -> Self {
        Self::with(database, Setup::with_authenticator(identity::access(keys))).await
    }

    /// Does not wait for the database.
    pub fn on(database: Database, setup: Setup) -> Self {
        let authorizer = setup.api.authorizer.clone();
        tokio::spawn(async move { authorizer.watch().await });
        let pending = Pending::new(database.clone(), setup.pending, CancellationToken::new());
        let state = AppState {
            database: database.clone(),
            pending: pending.clone(),
            empty_status: setup.empty_status,
            request_timeout: TIMEOUT,
            asked: Arc::default(),
        };
        let service = Self::serve(router::api(state, &setup.api, Vec::new()), database);
        Self {
            authorizer: Some(setup.api.authorizer),
            pending: Some(pending),
            ..service
        }
    }

    /// Any routes inside the layers of the application.
    pub fn layered(database: &TestDatabase, routes: Router, request_timeout: Duration) -> Self {
        let database = Database::new(database.service_options(), LIMITS);
        Self::serve(
            Middleware {
                routes,
                probes: None,
                request_timeout,
                hosts: AllowedHosts::Any.into(),
                cors: None,
                metrics: RequestMetrics::default(),
            },
            database,
        )
    }

    pub fn serve(app: impl Into<App>, database: Database) -> Self {
        give_clients_cryptography();
        let app = app.into();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let limits = ConnectionLimits::of(1000);
        tokio::spawn(server::serve(
            listener,
            app,
            limits,
            None,
            Stop::default(),
            TIMEOUT,
        ));
        Self {
            address,
            database,
            authorizer: None,
            pending: None,
            client: reqwest::Client::new(),
            _pooler: None,
        }
    }

    /// The routes for supervisors of this service, on an address of their own.
    pub fn health(&self) -> Self {
        let readiness = Readiness {
            database: self.database.clone(),
            authorizer: self.authorizer.clone().unwrap(),
            pending: self.pending.clone().unwrap(),
            stop: Stop::default(),
        };
        Self::serve(router::health(readiness), self.database.clone())
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.request(Method::GET, target, &[]).await
    }

    pub async fn request(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Answer {
        Answer::read(self.response(method, target, headers).await).await
    }

    /// A response with an unread body.
    pub async fn response(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::Response {
        self.build(method, target, headers).send().await.unwrap()
    }

    fn build(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let request = self
            .client
            .request(method, format!("http://{}{target}", self.address));
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
    }

    /// Sends content of a media type.
    pub async fn send(
        &self,
        method: Method,
        target: &str,
        media_type: &str,
        content: impl Into<reqwest::Body>,
    ) -> Answer {
        self.send_with(method, target, &[("Content-Type", media_type)], content)
            .await
    }

    pub async fn send_with(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        content: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self.build(method, target, headers).body(content);
        Answer::read(request.send().await.unwrap()).await
    }

    /// Sends raw bytes, and reads until the service closes.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The ids of a page, in order.
    pub fn ids(&self) -> Vec<String> {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let page = self.json();
        let tasks = page.as_array().unwrap_or_else(|| panic!("no array: {self:?}"));
        tasks
            .iter()
            .map(|task| task["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The texts of the causes of an error, in English.
    pub fn causes(&self) -> Vec<String> {
        let body = self.json();
        let causes = body["causes"]
            .as_array()
            .unwrap_or_else(|| panic!("no error: {self:?}"));
        causes
            .iter()
            .map(|cause| cause["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The target of the link to the next page.
    pub fn next(&self) -> Option<String> {
        let link = self.header("link")?;
        Some(
            link.strip_prefix('<')
                .unwrap()
                .strip_suffix(">; rel=\"next\"")
                .unwrap()
                .to_owned(),
        )
    }

    pub fn etag(&self) -> String {
        self.header("etag")
            .unwrap_or_else(|| panic!("no tag: {self:?}"))
            .to_owned()
    }

    pub fn total_count(&self) -> Option<i64> {
        self.header("x-total-count").map(|count| count.parse().unwrap())
    }

    /// The response as a snapshot: status, constant headers, body. The tracking id must be that of the header, and is
    /// replaced.
    pub fn snapshot(&self) -> String {
        let tracking_id = self.header("slpt-request-id").expect("a tracking id").to_owned();
        assert_eq!(tracking_id.len(), 32, "{self:?}");
        let mut text = format!("{}\n", self.status);
        for (name, value) in &self.headers {
            if !["slpt-request-id", "date", "content-length"].contains(&name.as_str()) {
                writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
            }
        }
        if !self.body.is_empty() {
            let body = self.json();
            // A page is an array and has none.
            assert!(body.is_array() || body["trackingId"] == tracking_id.as_str());
            text += "\n";
            text += &serde_json::to_string_pretty(&body)
                .unwrap()
                .replace(&tracking_id, "<tracking id>");
        }
        text
    }
}
