//! `task-status serve`: the API on the PostgreSQL of `DATABASE_URL`.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use tokio::task::JoinSet;

use super::CommandError;
use crate::app;
use crate::config::{ApiArgs, ServeArgs};
use crate::routes::AppState;
use crate::server;
use crate::store::Database;

/// Serves until a signal says stop. The service answers from the start: until the database is reached, with 503.
///
/// # Errors
/// Settings that do not go together, an address in use, a database where waiting will not help.
pub async fn run(args: ServeArgs) -> Result<(), CommandError> {
    args.check()?;
    let options = args.database.database_url.options()?;
    let stop = server::stop_on_signal().map_err(CommandError::Signals)?;

    let database = Database::new(options, (&args.limits).into());
    let mut servers = JoinSet::new();
    let mut serve = |address: SocketAddr, name: &str, app: Router| {
        let listener = listen(address)?;
        tracing::info!(address = %bound(&listener, address), "listening: {name}");
        servers.spawn(server::serve(listener, app, stop.clone(), args.shutdown_timeout));
        Ok::<_, CommandError>(())
    };
    serve(args.listen, "API", api(&args.api, database.clone()))?;
    if let Some(address) = args.admin_listen {
        serve(address, "health", app::health(database.clone()))?;
    }

    let result = tokio::select! {
        result = all(&mut servers) => result,
        result = database.watch(args.schema()) => result.map_err(CommandError::from),
    };
    // Whatever ended first, the rest ends in order: requests are answered, then connections are closed.
    stop.cancel();
    let result = result.and(all(&mut servers).await);
    close(&database, args.shutdown_timeout).await;
    tracing::info!("stopped");
    result
}

/// The API with its settings.
pub(super) fn api(args: &ApiArgs, database: Database) -> Router {
    let state = AppState {
        database,
        empty_status: args.empty_status,
    };
    app::api(state, &args.base_paths, args.request_timeout)
}

/// Opens an address for listening.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).map_err(|source| CommandError::Listen { address, source })
}

/// The address of a listener with its real port, where 0 was asked for.
pub(super) fn bound(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

/// Closes the connections to the database, and waits no longer than `grace` for statements that run.
pub(super) async fn close(database: &Database, grace: Duration) {
    if tokio::time::timeout(grace, database.close()).await.is_err() {
        tracing::warn!("statements that still ran were cut off");
    }
}

/// Waits for every server; the first failure stops the wait.
async fn all(servers: &mut JoinSet<std::io::Result<()>>) -> Result<(), CommandError> {
    while let Some(ended) = servers.join_next().await {
        ended?.map_err(CommandError::Server)?;
    }
    Ok(())
}
