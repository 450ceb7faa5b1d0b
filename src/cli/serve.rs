//! `task-status serve`: the API on the PostgreSQL of `DATABASE_URL`.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::maintenance::{keep_retention, keep_tally};
use super::socket::Socket;
use super::systemd::{self, Sockets};
use super::{CommandError, descriptors};
use crate::cli::args::{ADMIN_CONNECTIONS, ApiArgs, ConfigError, ServeArgs};
use crate::http::connections::ConnectionLimits;
use crate::http::middleware::authorize::Authorizer;
use crate::http::middleware::hosts::AllowedHosts;
use crate::http::request_metrics::RequestMetrics;
use crate::http::route::Route;
use crate::http::router::{self, ApiConfig};
use crate::http::routes::health::Readiness;
use crate::http::routes::metrics::Metrics;
use crate::http::routes::ui::{DashboardConfig, OidcClient};
use crate::http::server::{self, App};
use crate::http::state::AppState;
use crate::http::stop::Stop;
use crate::http::tls::Tls;
use crate::pending::Pending;
use crate::store::Database;
use crate::store::database::START_PATIENCE;

/// How often a server that starts looks whether it has the keys of tokens.
const KEYS_INTERVAL: Duration = Duration::from_millis(50);

/// Serves until a signal. The API listens when requests can be answered, or cannot be by any replica: then they get 503.
pub async fn run(args: ServeArgs) -> Result<(), CommandError> {
    args.check()?;
    let (hosts, standbys) = (args.database.hosts()?, args.read_database.hosts()?);
    let authorizer = args.access.authorizer().await.map_err(ConfigError::from)?;
    let tls = match args.tls.files()? {
        Some(files) => Some(Tls::open(files).await?),
        None => None,
    };
    let stop = Stop::on_signal(args.drain_delay).map_err(CommandError::Signals)?;

    let mut database = Database::new(hosts, (&args.limits).into());
    if let Some(standbys) = &standbys {
        database = database.with_standbys(standbys);
    }
    let mut servers = JoinSet::new();
    let mut serve = |socket: Socket,
                     name: &'static str,
                     app: App,
                     limits: ConnectionLimits,
                     tls: Option<&Tls>,
                     ready: BoxFuture<'static, ()>| {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (stop, grace) = (stop.clone(), args.shutdown_timeout);
        let tls = tls.map(Tls::config);
        servers.spawn(async move {
            if stop.draining.run_until_cancelled(ready).await.is_none() {
                // Nobody was told to come, so nobody is asked to go elsewhere.
                stop.at_once();
                return Ok(());
            }
            let (listener, address) = socket.listen()?;
            tracing::info!(%address, scheme, "listening: {name}");
            let serving = server::serve(listener, app, limits, tls, stop, grace);
            serving.await.map_err(CommandError::Server)
        });
    };
    let pending = pending_tasks(&args.api, &database, &stop);
    let readiness = Readiness {
        database: database.clone(),
        authorizer: authorizer.clone(),
        pending: pending.clone(),
        stop: stop.clone(),
    };
    let metrics = Metrics::default();
    let app = api(
        &args.api,
        args.access.hosts(),
        args.access.oidc(),
        readiness.clone(),
        Vec::new(),
        metrics.requests.clone(),
    );
    let mut passed = Sockets::passed().map_err(CommandError::Sockets)?;
    let [health, metrics_sockets] = ["health", "metrics"].map(|name| passed.take(|other| other == name));
    let health = Socket::of(health, args.admin_listen)?;
    let metrics_sockets = Socket::of(metrics_sockets, args.metrics_listen)?;
    let of_standbys = standbys.map_or(0, |standbys| standbys.count() * database.connections().max);
    let limits = args.connections(descriptors::raise().saturating_sub(of_standbys));
    let until_ready = until_ready(database.clone(), authorizer.clone()).shared();
    for socket in Socket::of(passed.take(|_| true), Some(args.listen))? {
        serve(
            socket,
            "API",
            app.clone(),
            limits.clone(),
            tls.as_ref(),
            until_ready.clone().boxed(),
        );
    }
    let limits = ConnectionLimits::of(ADMIN_CONNECTIONS);
    for socket in health {
        let app = router::health(readiness.clone()).into();
        serve(socket, "health", app, limits.clone(), None, Box::pin(ready(())));
    }
    for socket in metrics_sockets {
        let app = router::metrics(database.clone(), pending.clone(), metrics.clone()).into();
        serve(socket, "metrics", app, limits.clone(), None, Box::pin(ready(())));
    }

    let result = tokio::select! {
        result = all(&mut servers) => result,
        result = database.watch(args.schema()) => result.map_err(CommandError::from),
        never = authorizer.watch() => match never {},
        never = keep_retention(&database, args.retention, &metrics.retention) => match never {},
        never = follow(tls) => match never {},
        never = keep_tally(&database, &pending, &metrics.checks) => match never {},
        never = tell_systemd(&stop) => match never {},
    };
    // Shut down in order: requests in flight are answered first, then database connections are closed.
    stop.at_once();
    let result = result.and(all(&mut servers).await);
    close(&database, args.shutdown_timeout).await;
    tracing::info!("stopped");
    result
}

/// Tells systemd when the service stops.
async fn tell_systemd(stop: &Stop) -> Infallible {
    stop.draining.cancelled().await;
    systemd::notify("STOPPING=1");
    pending().await
}

/// Waits until requests can be answered, but not for ever for what no replica can reach.
async fn until_ready(database: Database, authorizer: Authorizer) {
    let keys = async {
        while !authorizer.is_ready() {
            sleep(KEYS_INTERVAL).await;
        }
    };
    let _ = tokio::join!(
        database.wait_until_up_or_unreachable(),
        timeout(START_PATIENCE, keys)
    );
    systemd::notify("READY=1");
}

/// Reloads renewed certificates while polled.
async fn follow(tls: Option<Tls>) -> Infallible {
    match tls {
        Some(tls) => tls.follow().await,
        None => pending().await,
    }
}

/// The pending tasks. Long polls are answered when nothing is accepted any more: their clients would come back.
pub(super) fn pending_tasks(args: &ApiArgs, database: &Database, stop: &Stop) -> Pending {
    Pending::new(database.clone(), args.into(), stop.closing.clone())
}

/// The router of the API.
pub(super) fn api(
    args: &ApiArgs,
    allowed_hosts: AllowedHosts,
    oidc: Option<OidcClient>,
    readiness: Readiness,
    extra_routes: Vec<Route>,
    metrics: RequestMetrics,
) -> App {
    let state = AppState {
        database: readiness.database.clone(),
        pending: readiness.pending.clone(),
        empty_status: args.empty_status,
        request_timeout: args.request_timeout,
        asked: Arc::default(),
    };
    let config = ApiConfig {
        base_paths: args.paths.base_paths.clone(),
        allowed_hosts,
        cors_origins: args.cors_origins.clone(),
        bounds: args.into(),
        authorizer: readiness.authorizer.clone(),
        health: args.health_on_api.then_some(readiness.stop),
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
async fn all(servers: &mut JoinSet<Result<(), CommandError>>) -> Result<(), CommandError> {
    while let Some(ended) = servers.join_next().await {
        ended??;
    }
    Ok(())
}
