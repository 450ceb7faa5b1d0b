//! The contenders, and how each is started.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::data::DataSet;
use crate::http::Client;
use crate::process::{Server, command};
use crate::tools::Tools;
use crate::{Error, machine};

/// The time limit for the first response of a server.
const START: Duration = Duration::from_mins(1);
/// The metrics of the service are on the same port of this address.
pub const METRICS_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// The database connections of each contender, over all its processes: the default of the service.
pub const DATABASE_CONNECTIONS: usize = 10;

/// A program that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contender {
    /// `task-status serve`.
    Service,
    /// A handler of axum that queries with sqlx, without tally and cache.
    PlainAxum,
    /// `FastAPI` and asyncpg.
    FastApi,
    /// Fastify and pg.
    Fastify,
    /// A handler of axum with a static response.
    Bare,
    /// PostgreSQL alone: pgbench queries the page.
    Pgbench,
}

/// A running contender.
#[derive(Debug)]
pub struct Running {
    pub contender: Contender,
    pub address: SocketAddr,
    pub server: Server,
}

impl Contender {
    /// The alternatives to the service.
    pub const PEERS: [Self; 3] = [Self::PlainAxum, Self::FastApi, Self::Fastify];
    pub const ALL: [Self; 6] = [
        Self::Service,
        Self::PlainAxum,
        Self::FastApi,
        Self::Fastify,
        Self::Bare,
        Self::Pgbench,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "task-status",
            Self::PlainAxum => "plain axum",
            Self::FastApi => "FastAPI",
            Self::Fastify => "Fastify",
            Self::Bare => "static",
            Self::Pgbench => "pgbench",
        }
    }

    /// Starts it on a data set. Peers compress only with `gzip`, as even an unused layer has a cost.
    pub async fn start(self, tools: &Tools, data: &DataSet, gzip: bool) -> Result<Running, Error> {
        let address = free_address()?;
        let mut command = match self {
            Self::Service => service(tools, address),
            Self::PlainAxum => command(tools.programs.join("plain-axum")),
            Self::FastApi => fastapi(tools, address),
            Self::Fastify => fastify(tools),
            Self::Bare | Self::Pgbench => {
                return Err(Error::NotReady {
                    server: self.name(),
                    log: tools.file("none"),
                });
            }
        };
        let processes = if self == Self::PlainAxum {
            1
        } else {
            machine::cores()
        };
        for (name, value) in environment(data) {
            command.env(name, value);
        }
        command
            .env("BENCH_PORT", address.port().to_string())
            .env("BENCH_WORKERS", machine::cores().to_string())
            .env("BENCH_POOL", DATABASE_CONNECTIONS.div_ceil(processes).to_string())
            .env("BENCH_PAGE_SQL", &tools.page);
        if gzip {
            command.env("BENCH_GZIP", "1");
        }
        self.launch(tools, command, address).await
    }

    /// Starts a handler with the response of the service to one request.
    pub async fn start_bare(
        tools: &Tools,
        service: SocketAddr,
        target: &str,
        gzip: bool,
    ) -> Result<Running, Error> {
        let address = free_address()?;
        let mut command = command(tools.programs.join("static-page"));
        command.args([address.port().to_string(), service.to_string(), target.to_owned()]);
        if gzip {
            command.arg("gzip");
        }
        Self::Bare.launch(tools, command, address).await
    }

    async fn launch(
        self,
        tools: &Tools,
        mut command: Command,
        address: SocketAddr,
    ) -> Result<Running, Error> {
        let log = tools.file(&format!("{}.log", self.name().replace(' ', "-")));
        let mut running = Running {
            contender: self,
            address,
            server: Server::start(&mut command, log)?,
        };
        let deadline = Instant::now() + START;
        // If it has ended, another program may use its port.
        while running.server.has_ended() || !running.is_ready().await {
            if running.server.has_ended() || Instant::now() > deadline {
                let log = running.server.log.clone();
                return Err(Error::NotReady {
                    server: self.name(),
                    log,
                });
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(running)
    }
}

impl Running {
    async fn is_ready(&self) -> bool {
        let Some(mut client) = Client::connect(self.address).await else {
            return false;
        };
        let answer = client.get("/task-status/pending-tasks?limit=1", &[]).await;
        answer.is_ok_and(|answer| answer.status.is_success())
    }

    /// A connection to it.
    pub async fn client(&self) -> Result<Client, Error> {
        let log = self.server.log.clone();
        let server = self.contender.name();
        Client::connect(self.address)
            .await
            .ok_or(Error::NotReady { server, log })
    }
}

/// The service with its defaults, except for settings that would change the data, and for two that let a single client
/// have a thousand requests in flight, and more long polls.
fn service(tools: &Tools, address: SocketAddr) -> Command {
    let metrics = SocketAddr::new(METRICS_HOST, address.port());
    let mut service = command(tools.programs.join("task-status"));
    service
        .args(["serve", "--auth", "none", "--retention", "off"])
        .args(["--max-concurrent-requests", "2000"])
        .args(["--max-connections-per-address", "8000"])
        .args(["--listen", &address.to_string()])
        .args(["--metrics-listen", &metrics.to_string()]);
    service
}

fn fastapi(tools: &Tools, address: SocketAddr) -> Command {
    let mut uvicorn = command(tools.python("uvicorn"));
    uvicorn
        .args(["app:app", "--loop", "uvloop", "--http", "httptools"])
        .args(["--no-access-log", "--log-level", "warning", "--host", "127.0.0.1"])
        .args(["--port", &address.port().to_string()])
        .args(["--workers", &machine::cores().to_string()])
        .current_dir(&tools.fastapi);
    uvicorn
}

fn fastify(tools: &Tools) -> Command {
    let mut node = command("node");
    node.arg("server.mjs")
        .env("NODE_ENV", "production")
        .current_dir(&tools.fastify);
    node
}

/// The address of the database, for the service and in the variables of PostgreSQL's clients.
pub fn environment(data: &DataSet) -> Vec<(&'static str, String)> {
    let sockets = data
        .options
        .get_socket()
        .map_or_else(String::new, |path| path.display().to_string());
    vec![
        ("DATABASE_URL", data.url.clone()),
        ("PGHOST", sockets),
        ("PGPORT", data.options.get_port().to_string()),
        ("PGUSER", data.options.get_username().to_owned()),
        ("PGDATABASE", data.database.clone()),
    ]
}

/// A free address.
pub fn free_address() -> Result<SocketAddr, Error> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(any).and_then(|listener| listener.local_addr());
    listener.map_err(Error::io("find a free port"))
}
