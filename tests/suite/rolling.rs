//! Replicas that are restarted, and replaced by new ones, under load: no request fails, and no acknowledged write is lost.
//!
//! The load is of all kinds, over kept connections: through a proxy, with the configuration of docs/operations.md, or
//! without one. `TASK_STATUS_ROLLING_ROUNDS` sets the number of rounds.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use reqwest::{Method, Response};
use sqlx::{Connection, Executor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixDatagram};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use crate::docs::block;
use crate::support::database::TestDatabase;
use crate::support::gateway::Gateway;
use crate::support::program::{Program, command, serve, with_socket};
use crate::support::service::{Answer, PENDING_TASKS};
use crate::support::{TIMEOUT, give_clients_cryptography, until};

const OPERATIONS: &str = include_str!("../../docs/operations.md");
const HEADING: &str = "## Rolling restarts";
/// The clients of each kind.
const CLIENTS: usize = 2;
/// Between the requests of a client.
const PAUSE: Duration = Duration::from_millis(5);

/// The requests that a client sends over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    NotModified,
    LongPoll,
    Put,
    Patch,
    Stream,
}

const KINDS: [Kind; 6] = [
    Kind::Page,
    Kind::NotModified,
    Kind::LongPoll,
    Kind::Put,
    Kind::Patch,
    Kind::Stream,
];

/// A server on fixed addresses.
struct Replica {
    api: String,
    health: String,
    program: Option<Program>,
}

impl Replica {
    fn new() -> Self {
        // Not 127.0.0.1: clients there take free ports too, while a replica restarts.
        let free = [(); 2].map(|()| TcpListener::bind("127.0.0.2:0").unwrap());
        let [api, health] = free.map(|listener| listener.local_addr().unwrap().to_string());
        Self {
            api,
            health,
            program: None,
        }
    }

    /// Starts, and waits until it listens.
    async fn start(&mut self, database: &TestDatabase, arguments: &[&str]) {
        let addresses = ["--listen", &self.api, "--admin-listen", &self.health];
        let mut command = command(&[&["serve", "--auth", "none"], &addresses[..], arguments].concat());
        command.env("DATABASE_URL", database.url());
        let program = self.program.insert(Program::start(command));
        program.listening("API").await;
    }

    /// Waits until a client has used it.
    async fn used(&mut self) {
        self.program.as_mut().unwrap().logged("answered").await;
    }

    async fn stop(&mut self) {
        stop(self.program.take().unwrap()).await;
    }
}

/// Stops a program, which must succeed, while clients go on.
async fn stop(mut program: Program) {
    spawn_blocking(move || program.stop()).await.unwrap();
}

/// A client with a connection of its own.
struct Client {
    kind: Kind,
    id: String,
    /// The proxy, or all servers: if one does not accept a connection, the next one is taken.
    urls: Vec<String>,
    http: reqwest::Client,
    tag: Option<String>,
    round: usize,
    succeeded: usize,
    failures: Vec<String>,
    /// The progress of its task that was acknowledged last.
    acknowledged: Option<String>,
}

impl Client {
    fn new(kind: Kind, number: usize, urls: &[String]) -> Self {
        Self {
            kind,
            id: format!("{kind:?}-{number}"),
            urls: urls.to_vec(),
            http: reqwest::Client::new(),
            tag: None,
            round: number,
            succeeded: 0,
            failures: Vec::new(),
            acknowledged: None,
        }
    }

    async fn run(mut self, has_ended: Arc<AtomicBool>) -> Self {
        while !has_ended.load(Ordering::Relaxed) {
            self.round += 1;
            match self.ask().await {
                Ok(()) => self.succeeded += 1,
                Err(error) => self.failures.push(format!("{:?}: {error}", self.kind)),
            }
            sleep(PAUSE).await;
        }
        self
    }

    async fn ask(&mut self) -> Result<(), String> {
        let progress = self.round.to_string();
        let task = format!("/task-status/{}", self.id);
        let report = format!(
            r#"{{"id":"{}","type":"QPOC","uniqueName":"n","launcher":"l","progress":"{progress}"}}"#,
            self.id
        );
        let patch = format!(r#"[{{"op":"replace","path":"/progress","value":"{progress}"}}]"#);
        let (method, target, media_type, content) = match self.kind {
            Kind::Page => (Method::GET, PENDING_TASKS, None, None),
            Kind::NotModified | Kind::LongPoll => (Method::GET, task.as_str(), None, None),
            Kind::Put => (Method::PUT, task.as_str(), Some("application/json"), Some(report)),
            Kind::Patch => (
                Method::PATCH,
                task.as_str(),
                Some("application/json-patch+json"),
                Some(patch),
            ),
            Kind::Stream => (
                Method::POST,
                "/task-status",
                Some("application/x-ndjson"),
                Some(report),
            ),
        };
        let mut headers = HeaderMap::new();
        headers.extend(media_type.map(|media_type| (CONTENT_TYPE, HeaderValue::from_static(media_type))));
        let known = self
            .tag
            .as_deref()
            .filter(|_| content.is_none() && self.kind != Kind::Page);
        headers.extend(known.map(|tag| (IF_NONE_MATCH, tag.parse().unwrap())));
        if self.kind == Kind::LongPoll {
            headers.insert("Prefer", HeaderValue::from_static("wait=2"));
        }
        let expected = if known.is_some() { 304 } else { 200 };
        let response = self
            .send(&method, target, &headers, &content.unwrap_or_default())
            .await?;
        let answer = (response.status(), response.headers().get(ETAG).cloned());
        let body = response.text().await.map_err(|error| format!("{error:?}"))?;
        if answer.0 != expected || self.kind == Kind::Stream && !body.ends_with("\"refused\":0}\n") {
            return Err(format!("{} {body}", answer.0));
        }
        self.tag = answer.1.map(|tag| tag.to_str().unwrap().to_owned());
        if method != Method::GET {
            self.acknowledged = Some(progress);
        }
        Ok(())
    }

    /// Sends a request to the first server that accepts the connection. With several servers it repeats, as a proxy does,
    /// what is safe to repeat.
    async fn send(
        &self,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
        content: &str,
    ) -> Result<Response, String> {
        let mut refused = String::new();
        for number in 0..self.urls.len() {
            let url = &self.urls[(self.round + number) % self.urls.len()];
            let request = self.http.request(method.clone(), format!("{url}{target}"));
            let request = request.headers(headers.clone()).body(content.to_owned());
            match request.send().await {
                Ok(response) => return Ok(response),
                Err(error) if error.is_connect() || method.is_idempotent() => refused = format!("{error:?}"),
                Err(error) => return Err(format!("{error:?}")),
            }
        }
        Err(refused)
    }
}

/// The text of the documentation with other addresses.
fn configuration(language: &str, listens: &str, port: u16, replicas: &[Replica]) -> String {
    let here = format!("{listens} 127.0.0.1:{port}");
    let mut text = block(OPERATIONS, language, HEADING)
        .replace(&format!("{listens} :80"), &here)
        .replace(&format!("{listens} 80"), &here);
    for (number, replica) in replicas.iter().enumerate() {
        let shown = format!("10.0.0.{}:8080", number + 1);
        let (_, health) = replica.health.split_once(':').unwrap();
        text = text
            .replace(
                &format!("{shown} check port 8081"),
                &format!("{shown} check port {health}"),
            )
            .replace(&shown, &replica.api);
    }
    assert!(!text.contains("10.0.0."), "{text}");
    text
}

/// Restarts two replicas one after the other, and has a third one take the place of one, under the load of clients.
/// `reached` are the URLs of the clients.
async fn rolls(reached: impl AsyncFnOnce(&[Replica]) -> Option<(Vec<String>, Option<Gateway>)>) {
    give_clients_cryptography();
    // HAProxy notices within 2 s, and each connection is used meanwhile.
    let arguments = ["--drain-delay", "3s"];
    let database = TestDatabase::new().await;
    let mut replicas = [Replica::new(), Replica::new(), Replica::new()];
    for replica in &mut replicas[..2] {
        replica.start(&database, &arguments).await;
    }
    let Some((urls, _gateway)) = reached(&replicas).await else {
        return;
    };
    let clients: Vec<Client> = KINDS
        .iter()
        .flat_map(|kind| (0..CLIENTS).map(|number| Client::new(*kind, number, &urls)))
        .collect();
    let ids: Vec<&str> = clients.iter().map(|client| client.id.as_str()).collect();
    database.insert(&ids).await;
    let has_ended = Arc::<AtomicBool>::default();
    let running = clients
        .into_iter()
        .map(|client| client.run(Arc::clone(&has_ended)));
    let running: JoinSet<Client> = running.collect();

    let rounds = std::env::var("TASK_STATUS_ROLLING_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let [first, other, third] = &mut replicas;
    let (mut old, mut spare) = (first, third);
    old.used().await;
    other.used().await;
    for _ in 0..rounds {
        for replica in [&mut *old, &mut *other] {
            replica.stop().await;
            replica.start(&database, &arguments).await;
            replica.used().await;
        }
        spare.start(&database, &arguments).await;
        spare.used().await;
        old.stop().await;
        std::mem::swap(&mut old, &mut spare);
    }

    has_ended.store(true, Ordering::Relaxed);
    let clients = running.join_all().await;
    let failures: Vec<&String> = clients.iter().flat_map(|client| &client.failures).collect();
    let succeeded: usize = clients.iter().map(|client| client.succeeded).sum();
    eprintln!(
        "{} of {} requests failed",
        failures.len(),
        failures.len() + succeeded
    );
    assert!(failures.is_empty(), "{:#?}", &failures[..failures.len().min(20)]);
    for client in &clients {
        assert!(client.succeeded > 1, "{:?}", client.kind);
        if let Some(progress) = &client.acknowledged {
            let stored = format!("select progress from task_status where id = '{}'", client.id);
            assert_eq!(
                &database.value::<String>(&stored).await,
                progress,
                "{}",
                client.id
            );
        }
    }
    old.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx() {
    rolls(async |replicas| {
        let server = |_: &Path, port| configuration("nginx", "listen", port, replicas);
        let gateway = Gateway::nginx(server).await?;
        Some((vec![gateway.url("")], Some(gateway)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_haproxy() {
    rolls(async |replicas| {
        let text = |_: &Path, port| configuration("haproxy", "bind", port, replicas);
        let gateway = Gateway::start("haproxy", text, |command, file, _| {
            command.arg("-db").arg("-f").arg(file);
        });
        let gateway = gateway.await?;
        Some((vec![gateway.url("")], Some(gateway)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_clients_that_know_all_servers() {
    rolls(async |replicas| {
        let urls = replicas.iter().map(|replica| format!("http://{}", replica.api));
        Some((urls.collect(), None))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_drains_says_so_and_serves_on() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let arguments = [
        "--auth",
        "none",
        "--admin-listen",
        "127.0.0.1:0",
        "--drain-delay",
        "1h",
        "--health-on-api",
    ];
    let mut program = Program::start(serve(&database.url(), &arguments));
    let (api, health) = (program.url().await, program.url_of("health").await);
    let get = async |url: String| Answer::read(reqwest::get(url).await.unwrap()).await;
    let client = reqwest::Client::new();
    let kept = Answer::read(client.get(api.clone() + PENDING_TASKS).send().await.unwrap()).await;
    assert_eq!((kept.status.as_u16(), kept.header("connection")), (200, None));
    let held = client
        .get(api.clone() + PENDING_TASKS)
        .header(IF_NONE_MATCH, kept.etag())
        .header("Prefer", "wait=50");
    let held = tokio::spawn(held.send());
    program.signal("TERM");
    program.logged("stopping").await;

    let checks = "[-]shutdown failed: draining\n[+]database ok\n[+]schema ok\n[+]pages ok\n[+]keys ok\nreadyz check failed\n";
    for address in [&health, &api] {
        let ready = get(format!("{address}/readyz")).await;
        assert_eq!((ready.status.as_u16(), ready.body.as_str()), (503, "draining\n"));
        let verbose = get(format!("{address}/readyz?verbose")).await;
        assert_eq!((verbose.status.as_u16(), verbose.body.as_str()), (503, checks));
    }
    let live = get(format!("{health}/livez?verbose")).await;
    assert_eq!(
        (live.status.as_u16(), live.body.as_str()),
        (200, "[+]ping ok\nlivez check passed\n")
    );
    // On a kept connection and on new ones.
    for _ in 0..3 {
        let answer = Answer::read(client.get(api.clone() + PENDING_TASKS).send().await.unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("connection")),
            (200, Some("close"))
        );
    }
    // HTTP/1.0 has two forms of it.
    let mut old = TcpStream::connect(api.trim_start_matches("http://"))
        .await
        .unwrap();
    let request =
        format!("GET {PENDING_TASKS} HTTP/1.0\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n");
    old.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    old.read_to_string(&mut answer).await.unwrap();
    let said: Vec<&str> = answer
        .lines()
        .filter(|line| line.starts_with("HTTP/") || line.starts_with("Connection"))
        .collect();
    assert_eq!(said, ["HTTP/1.0 200 OK", "Connection: close"]);
    assert!(!held.is_finished());
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(130), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_listen_yet_stops_at_once() {
    let database = TestDatabase::empty().await;
    // A name of the program, which migrates as long as it takes.
    let mut holder = database.connect().await;
    holder
        .execute("begin; create table task_status (id text)")
        .await
        .unwrap();
    let arguments = [
        "--auth",
        "none",
        "--admin-listen",
        "127.0.0.1:0",
        "--drain-delay",
        "1h",
    ];
    let mut program = Program::start(serve(&database.url(), &arguments));
    program.listening("health").await;
    program.logged("a migration waits for a lock").await;
    stop(program).await;
    holder.close().await.unwrap();
}

/// Makes a connection for one request, which must be answered. An error is one of connecting.
async fn knock(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut answer = String::new();
    let request = b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_connection_that_could_be_made_is_answered() {
    let database = TestDatabase::new().await;
    let mut program = Program::start(serve(&database.url(), &["--auth", "none"]));
    let address = program.listening("API").await["address"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: JoinSet<()> = (0..16)
        .map(|_| {
            let answered = Arc::clone(&answered);
            async move {
                while knock(address).await.is_ok() {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .collect();
    until("clients are answered", async || {
        answered.load(Ordering::Relaxed) > 100
    })
    .await;
    stop(program).await;
    clients.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_socket_of_systemd_no_connection_is_refused() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    let told = async |state: &str| {
        let mut message = [0; 32];
        let length = timeout(TIMEOUT, systemd.recv(&mut message))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(str::from_utf8(&message[..length]).unwrap(), state);
    };
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut command = serve(&database.url(), &["--auth", "none"]);
    command.env("NOTIFY_SOCKET", &path);
    let has_ended = Arc::new(AtomicBool::new(false));
    let clients: JoinSet<()> = (0..16)
        .map(|_| {
            let has_ended = Arc::clone(&has_ended);
            async move {
                while !has_ended.load(Ordering::Relaxed) {
                    knock(address).await.unwrap();
                    sleep(PAUSE).await;
                }
            }
        })
        .collect();
    for name in ["api", "unknown"] {
        let program = Program::start(with_socket(&command, name, &socket));
        told("READY=1").await;
        knock(address).await.unwrap();
        if name == "unknown" {
            has_ended.store(true, Ordering::Relaxed);
        }
        stop(program).await;
        told("STOPPING=1").await;
    }
    // Those that had connected when the last one ended are answered by the next one.
    let last = Program::start(with_socket(&command, "api", &socket));
    told("READY=1").await;
    clients.join_all().await;
    stop(last).await;
}
