//! `task-status demo`: a private PostgreSQL, sample tasks that keep moving, and the API on this machine.
//!
//! `sample` generates tasks, `simulation` acts as the executors that report them, `identity` issues tokens.

mod identity;
mod sample;
mod simulation;

use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::task::spawn_blocking;

use super::CommandError;
use super::maintenance::keep_tally;
use super::serve::{api, bound, close, pending_tasks};
use crate::auth::proxies::Proxies;
use crate::cli::args::{ADMIN_CONNECTIONS, AccessError, ConfigError, DemoArgs};
use crate::http::connections::ConnectionLimits;
use crate::http::middleware::authorize::Authorizer;
use crate::http::middleware::hosts::AllowedHosts;
use crate::http::router;
use crate::http::routes::health::Readiness;
use crate::http::routes::metrics::Metrics;
use crate::http::server;
use crate::http::stop::Stop;
use crate::store::Database;
use crate::store::database::Limits;
use crate::store::schema::Schema;
use identity::{CLIENT_ID, IdentityProvider};
use private_postgres::{self, PrivatePostgres};

const DATABASE_NAME: &str = "demo";
const LIMITS: Limits = Limits {
    max_connections: 10,
    acquire_timeout: Duration::from_secs(3),
    statement_timeout: Duration::from_secs(5),
};
/// The most connections at a time.
const CONNECTIONS: usize = 500;
/// How long the demo waits for requests in flight when it stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs the demo until a signal, then stops everything that it started.
pub async fn run(args: DemoArgs) -> Result<(), CommandError> {
    let api = listen_on_first_free(&args.addresses()?)?;
    let apart = |address: Option<SocketAddr>| {
        address
            .map(|address| listen_on_first_free(&[address]))
            .transpose()
    };
    let listeners = Listeners {
        api,
        health: apart(args.admin_listen)?,
        metrics: apart(args.metrics_listen)?,
    };
    let stop = Stop::on_signal(Duration::ZERO).map_err(CommandError::Signals)?;

    let settings = private_postgres::Settings {
        bin_dir: args.pg_bin_dir.clone(),
        data_dir: args.data_dir.clone(),
        durable: true,
        max_connections: 50,
        tcp_port: None,
        options: Vec::new(),
    };
    let postgres = spawn_blocking(move || private_postgres::start(&settings)).await??;
    let result = tokio::select! {
        result = run_on(&args, &postgres, listeners, stop.clone()) => result,
        error = postgres.exited() => Err(error.into()),
    };
    let stopped = spawn_blocking(move || postgres.stop()).await?;
    result.and(stopped.map_err(CommandError::from))
}

/// Listeners, and the addresses they are bound to.
struct Listeners {
    api: (TcpListener, SocketAddr),
    health: Option<(TcpListener, SocketAddr)>,
    metrics: Option<(TcpListener, SocketAddr)>,
}

/// Runs the demo on a running PostgreSQL.
async fn run_on(
    args: &DemoArgs,
    postgres: &PrivatePostgres,
    listeners: Listeners,
    stop: Stop,
) -> Result<(), CommandError> {
    make_database(postgres)
        .await
        .map_err(CommandError::DemoDatabase)?;
    let options = postgres.connect_options().database(DATABASE_NAME);
    let database = Database::new(options, LIMITS);
    let provider = Arc::new(IdentityProvider::new());
    let authenticator = provider
        .authenticator()
        .map_err(|error| ConfigError::from(AccessError::Secret(error)))?;
    let authorizer = Authorizer::new(authenticator, Proxies::default(), None);
    let pending = pending_tasks(&args.api, &database, &stop);
    let metrics = Metrics::default();
    let readiness = Readiness {
        database: database.clone(),
        authorizer,
        pending: pending.clone(),
        stop: stop.clone(),
    };
    let app = api(
        &args.api,
        AllowedHosts::Loopback,
        None,
        readiness.clone(),
        vec![Arc::clone(&provider).route()],
        metrics.requests.clone(),
    );

    let (listener, address) = listeners.api;
    let health = router::health(readiness);
    let scraped = router::metrics(database.clone(), pending.clone(), metrics.clone());
    let mut apart = Vec::new();
    for (listening, app, name, path) in [
        (listeners.health, health, "Health", "readyz"),
        (listeners.metrics, scraped, "Metrics", "metrics"),
    ] {
        if let Some((listener, address)) = listening {
            apart.push((name, format!("http://{address}/{path}")));
            let limits = ConnectionLimits::of(ADMIN_CONNECTIONS);
            // Ends with the program.
            tokio::spawn(server::serve(
                listener,
                app,
                limits,
                None,
                stop.clone(),
                SHUTDOWN_TIMEOUT,
            ));
        }
    }

    let serve_tasks = async {
        let prepare = async {
            database.wait_until_up().await;
            Box::pin(simulation::begin(&database, args.pending, args.history)).await
        };
        let Some(tasks) = stop.closing.run_until_cancelled(prepare).await.transpose()? else {
            return Ok(());
        };
        announce(postgres, address, &provider, args.api.ui, &apart);
        let limits = ConnectionLimits::of(CONNECTIONS);
        let serving = server::serve(listener, app, limits, None, stop.clone(), SHUTDOWN_TIMEOUT);
        tokio::select! {
            result = serving => result.map_err(CommandError::Server),
            result = simulation::run(&database, tasks) => result.map_err(CommandError::from),
        }
    };
    let result = tokio::select! {
        result = serve_tasks => result,
        result = database.watch(Schema::Migrate) => result.map_err(CommandError::from),
        never = keep_tally(&database, &pending, &metrics.checks) => match never {},
    };
    close(&database, SHUTDOWN_TIMEOUT).await;
    result
}

async fn make_database(postgres: &PrivatePostgres) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(&postgres.connect_options()).await?;
    let exists = sqlx::query_scalar!(
        r#"select exists (select from pg_database where datname = $1) as "exists!""#,
        DATABASE_NAME
    )
    .fetch_one(&mut connection)
    .await?;
    if !exists {
        sqlx::query("create database demo")
            .execute(&mut connection)
            .await?;
    }
    connection.close().await
}

/// Listens on the first address that is free.
fn listen_on_first_free(addresses: &[SocketAddr]) -> Result<(TcpListener, SocketAddr), CommandError> {
    let address = addresses[0];
    let listener = TcpListener::bind(addresses).map_err(|source| CommandError::Listen { address, source })?;
    let address = bound(&listener, address);
    Ok((listener, address))
}

/// Prints on stdout what to try.
fn announce(
    postgres: &PrivatePostgres,
    address: SocketAddr,
    provider: &IdentityProvider,
    has_dashboard: bool,
    apart: &[(&str, String)],
) {
    let base = format!("http://{address}");
    let url = format!("{base}/task-status/pending-tasks");
    let secret = &provider.client_secret;
    let psql = postgres.psql_command(DATABASE_NAME);
    let (bold, plain) = if std::io::stdout().is_terminal() {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    let dashboard = if has_dashboard {
        format!("  {bold}The dashboard{plain}        {base}/\n\n")
    } else {
        String::new()
    };
    let apart = apart
        .iter()
        .map(|(name, url)| format!("  {bold}{name:<20}{plain} {url}\n\n"))
        .collect::<Vec<_>>()
        .concat();
    // Somebody who closes stdout does not want to read it.
    let _ = writeln!(
        std::io::stdout(),
        "
{bold}task-status demo{plain}: PostgreSQL {version}, sample tasks that keep moving. Ctrl-C stops everything.

{dashboard}  {bold}Pending tasks{plain}        {url}
  The ten oldest       curl -s '{url}?limit=10'
  Their number         curl -sI '{url}?count=true' | grep -i x-total-count
  The second page      curl -s '{url}?offset=250&limit=250'
  An error in French   curl -s -H 'Accept-Language: fr' '{url}?limit=1000'
  Watch it move        watch -n1 \"curl -s '{url}?offset=300&limit=8' | grep -oE '(progress|percentComplete).:[^,]*'\"

  {bold}The whole API{plain}        {base}/docs

{apart}  {bold}The official SDKs{plain}    export SAIL_BASE_URL={base} SAIL_CLIENT_ID={CLIENT_ID} SAIL_CLIENT_SECRET={secret}
  Get a write token    token=$(curl -s {base}/oauth/token -d grant_type=client_credentials -d client_id={CLIENT_ID} \\
                         -d client_secret={secret} | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')
  and complete a task  curl -s -X PATCH {base}/task-status/ID -H \"Authorization: Bearer $token\" \\
                         -H 'Content-Type: application/json-patch+json' \\
                         -d '[{{\"op\": \"replace\", \"path\": \"/completionStatus\", \"value\": \"Terminated\"}}]'

  {bold}The table{plain}            {psql}
  and a query          select unique_name, progress, percent_complete from task_status
                       where completion_status is null order by created, id limit 10;
",
        version = postgres.version(),
    );
}
