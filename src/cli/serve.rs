//! `task-status serve`: the API on the PostgreSQL of `DATABASE_URL`.

use std::convert::Infallible;
use std::future::pending;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::maintenance::{keep_retention, keep_tally};
use super::{CommandError, descriptors};
use crate::cli::args::{ADMIN_CONNECTIONS, ApiArgs, ConfigError, ServeArgs};
use crate::http::connections::ConnectionLimits;
use crate::http::middleware::authorize::Authorizer;
use crate::http::middleware::hosts::AllowedHosts;
use crate::http::request_metrics::RequestMetrics;
use crate::http::route::Route;
use crate::http::router::{self, ApiConfig};
use crate::http::routes::metrics::Metrics;
use crate::http::routes::ui::{DashboardConfig, OidcClient};
use crate::http::server;
use crate::http::state::AppState;
use crate::http::tls::Tls;
use crate::pending::Pending;
use crate::store::Database;

/// Serves until a signal. Until the database can be reached, requests get 503.
pub async fn run(args: ServeArgs) -> Result<(), CommandError> {
    args.check()?;
    let hosts = args.database.hosts()?;
    let authorizer = args.access.authorizer().await.map_err(ConfigError::from)?;
    let tls = match args.tls.files()? {
        Some(files) => Some(Tls::open(files).await?),
        None => None,
    };
    let stop = server::stop_on_signal().map_err(CommandError::Signals)?;

    let database = Database::new(hosts, (&args.limits).into());
    let mut servers = JoinSet::new();
    let mut serve =
        |address: SocketAddr, name: &str, app: Router, limits: ConnectionLimits, tls: Option<&Tls>| {
            let listener =
                TcpListener::bind(address).map_err(|source| CommandError::Listen { address, source })?;
            let scheme = if tls.is_some() { "https" } else { "http" };
            tracing::info!(address = %bound(&listener, address), scheme, "listening: {name}");
            let (stop, grace) = (stop.clone(), args.shutdown_timeout);
            let tls = tls.map(Tls::config);
            servers.spawn(server::serve(listener, app, limits, tls, stop, grace));
            Ok::<_, CommandError>(())
        };
    let pending = pending_tasks(&args.api, &database, &stop);
    let metrics = Metrics::default();
    let app = api(
        &args.api,
        args.access.hosts(),
        args.access.oidc(),
        authorizer.clone(),
        pending.clone(),
        Vec::new(),
        metrics.requests.clone(),
    );
    let limits = args.connections(descriptors::raise());
    serve(args.listen, "API", app, limits, tls.as_ref())?;
    let limits = ConnectionLimits::of(ADMIN_CONNECTIONS);
    if let Some(address) = args.admin_listen {
        let app = router::health(database.clone(), authorizer.clone(), pending.clone());
        serve(address, "health", app, limits.clone(), None)?;
    }
    if let Some(address) = args.metrics_listen {
        let app = router::metrics(database.clone(), pending.clone(), metrics.clone());
        serve(address, "metrics", app, limits, None)?;
    }

    let result = tokio::select! {
        result = all(&mut servers) => result,
        result = database.watch(args.schema()) => result.map_err(CommandError::from),
        never = authorizer.watch() => match never {},
        never = keep_retention(&database, args.retention, &metrics.retention) => match never {},
        never = follow(tls) => match never {},
        never = keep_tally(&database, &pending, &metrics.checks) => match never {},
    };
    // Shut down in order: requests in flight are answered first, then database connections are closed.
    stop.cancel();
    let result = result.and(all(&mut servers).await);
    close(&database, args.shutdown_timeout).await;
    tracing::info!("stopped");
    result
}

/// Reloads renewed certificates while polled.
async fn follow(tls: Option<Tls>) -> Infallible {
    match tls {
        Some(tls) => tls.follow().await,
        None => pending().await,
    }
}

/// The pending tasks. Long polls are answered when `stop` is cancelled.
pub(super) fn pending_tasks(args: &ApiArgs, database: &Database, stop: &CancellationToken) -> Pending {
    Pending::new(database.clone(), args.into(), stop.clone())
}

/// The router of the API.
pub(super) fn api(
    args: &ApiArgs,
    allowed_hosts: AllowedHosts,
    oidc: Option<OidcClient>,
    authorizer: Authorizer,
    pending: Pending,
    extra_routes: Vec<Route>,
    metrics: RequestMetrics,
) -> Router {
    let state = AppState {
        database: pending.database(),
        pending,
        empty_status: args.empty_status,
        request_timeout: args.request_timeout,
    };
    let config = ApiConfig {
        base_paths: args.paths.base_paths.clone(),
        allowed_hosts,
        cors_origins: args.cors_origins.clone(),
        bounds: args.into(),
        health: args.health_on_api,
        authorizer,
        metrics,
        dashboard: args.ui.then_some(DashboardConfig { oidc }),
    };
    router::api(state, &config, extra_routes)
}

/// The address of a listener, with the real port if port 0 was requested.
pub(super) fn bound(listener: &TcpListener, requested: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(requested)
}

/// Closes the connections to the database; running statements have `grace` to finish.
pub(super) async fn close(database: &Database, grace: Duration) {
    if tokio::time::timeout(grace, database.close()).await.is_err() {
        tracing::warn!("statements that were still running were cut off");
    }
}

/// Waits for every server, or for the first failure.
async fn all(servers: &mut JoinSet<std::io::Result<()>>) -> Result<(), CommandError> {
    while let Some(ended) = servers.join_next().await {
        ended?.map_err(CommandError::Server)?;
    }
    Ok(())
}
