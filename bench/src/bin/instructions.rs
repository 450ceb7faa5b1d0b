//! Counts the instructions of a request with valgrind: of the service, and of a static handler with the same response.
//! They hardly depend on the machine or on what else it does.
//!
//! `instructions [MAX_RATIO]`: fails if a row takes more than so many times what the static handler takes.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use task_status_bench::Error;
use task_status_bench::contender::{environment, free_address};
use task_status_bench::data::{self, DataSet, DataSize};
use task_status_bench::http::Client;
use task_status_bench::process::{Server, command, output};
use task_status_bench::progress::Progress;
use task_status_bench::run::interrupted;
use tokio::task::JoinSet;

const CONNECTIONS: u32 = 16;
/// Requests of each connection, before and while they are counted.
const WARM_UP: u32 = 30;
const COUNTED: u32 = 200;
/// Programs start slowly under valgrind.
const START: Duration = Duration::from_mins(2);

/// The requests: name, target, whether with the tag of the response.
const ROWS: [(&str, &str, bool); 3] = [
    (
        "10-count",
        "/task-status/pending-tasks?limit=10&count=true",
        false,
    ),
    ("250", "/task-status/pending-tasks", false),
    ("304", "/task-status/pending-tasks?limit=10", true),
];
/// Has no counterpart.
const UNKNOWN: &str = "/task-status/pending-tasks/none/x";

#[tokio::main]
async fn main() -> Result<ExitCode, Error> {
    // Whatever has begun ends when it is dropped.
    tokio::select! {
        compared = compare() => compared,
        interrupted = interrupted() => Err(interrupted),
    }
}

async fn compare() -> Result<ExitCode, Error> {
    let bound = std::env::args().nth(1).and_then(|bound| bound.parse().ok());
    let size = DataSize {
        pending: 1000,
        all: 2000,
    };
    let postgres = data::start(None, None).await?;
    let data = DataSet::load(&postgres, size, &mut Progress::new(0)).await?;
    let address = free_address()?;
    let to = address.to_string();
    let serve = ["serve", "--auth", "none", "--retention", "off", "--listen", &to];
    let service = Counted::start("task-status", &serve, &data, address).await?;

    println!("instructions a request: row, task-status, static, ratio");
    let mut is_within = true;
    for (name, target, has_tag) in ROWS {
        let ours = service.count(target, has_tag).await?;
        let address = free_address()?;
        let page = [&*address.port().to_string(), &*to, target];
        let page = Counted::start("static-page", &page, &data, address).await?;
        let bare = page.count(target, has_tag).await?;
        let ratio = ours / bare;
        is_within &= bound.is_none_or(|bound: f64| ratio <= bound);
        println!("{name:10} {ours:8.0} {bare:8.0} {ratio:6.2}");
    }
    println!("{:10} {:8.0}", "unknown", service.count(UNKNOWN, false).await?);
    Ok(if is_within {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A server whose instructions are counted.
struct Counted {
    server: Server,
    address: SocketAddr,
}

impl Counted {
    /// Starts a program that is beside this one. Its log is too, so that `cargo clean` removes it.
    async fn start(
        program: &str,
        arguments: &[&str],
        data: &DataSet,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let this = std::env::current_exe().map_err(Error::io("find the programs of the benchmark"))?;
        let mut valgrind = command("valgrind");
        valgrind
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(this.with_file_name(program))
            .args(arguments)
            .envs(environment(data));
        let log = this.with_file_name(format!("{program}.log"));
        let mut server = Server::start(&mut valgrind, log)?;
        let begun = Instant::now();
        while Client::connect(address).await.is_none() {
            if server.has_ended() || begun.elapsed() > START {
                return Err(Error::NotReady {
                    server: "valgrind",
                    log: server.log.clone(),
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(Self { server, address })
    }

    /// The instructions of a request, on average.
    async fn count(&self, target: &'static str, has_tag: bool) -> Result<f64, Error> {
        let first = load(self.address, target, None, 1).await?;
        let tag = first.filter(|_| has_tag);
        self.load(target, tag.as_ref(), WARM_UP).await?;
        let before = self.instructions().await?;
        self.load(target, tag.as_ref(), COUNTED).await?;
        Ok((self.instructions().await? - before) / f64::from(CONNECTIONS * COUNTED))
    }

    /// Sends so many requests over each connection.
    async fn load(&self, target: &'static str, tag: Option<&String>, requests: u32) -> Result<(), Error> {
        let mut clients = JoinSet::new();
        for _ in 0..CONNECTIONS {
            clients.spawn(load(self.address, target, tag.cloned(), requests));
        }
        for ended in clients.join_all().await {
            ended?;
        }
        Ok(())
    }

    /// The instructions since the start, of all threads.
    async fn instructions(&self) -> Result<f64, Error> {
        let mut control = command("callgrind_control");
        control.args(["-e", &self.server.id().to_string()]);
        let printed = output(control, START).await?;
        // A line for each thread: `Th 1  300,266`.
        let counts = printed.lines().filter_map(|line| {
            let (_, count) = line.trim().strip_prefix("Th ")?.split_once(' ')?;
            count.trim().replace(',', "").parse::<f64>().ok()
        });
        let sum: f64 = counts.sum();
        if sum > 0.0 {
            return Ok(sum);
        }
        Err(Error::NoFigures {
            program: "callgrind_control".to_owned(),
            output: printed,
        })
    }
}

/// Sends requests over one connection. Returns the tag of the last response.
async fn load(
    address: SocketAddr,
    target: &'static str,
    tag: Option<String>,
    requests: u32,
) -> Result<Option<String>, Error> {
    let failed = |why: String| Error::OtherAnswer {
        server: "the counted server",
        target: target.to_owned(),
        why,
    };
    let connected = Client::connect(address).await;
    let mut client = connected.ok_or_else(|| failed("no connection".to_owned()))?;
    let headers: Vec<_> = tag.into_iter().map(|tag| ("if-none-match", tag)).collect();
    let mut found = None;
    for _ in 0..requests {
        let answer = client.get(target, &headers).await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        if answer.status.is_server_error() {
            return Err(failed(answer.status.to_string()));
        }
        found = answer.header("etag").map(str::to_owned);
    }
    Ok(found)
}
