//! The bounds of connections, held by the real program under a small limit of file descriptors.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use crate::support::certificates::Authority;
use crate::support::database::TestDatabase;
use crate::support::program::{Program, serve, with_descriptors};
use crate::support::service::PENDING_TASKS;
use crate::support::{TIMEOUT, until};

/// The program and its addresses.
struct Bounded {
    program: Program,
    address: SocketAddr,
    health: String,
    _database: TestDatabase,
}

impl Bounded {
    async fn start(soft: u32, hard: u32, arguments: &[&str]) -> Self {
        let database = TestDatabase::new().await;
        database.insert(&["t"]).await;
        let always = ["--auth", "none", "--admin-listen", "127.0.0.1:0"];
        let command = serve(&database.url(), &[&always, arguments].concat());
        let mut program = Program::start(with_descriptors(&command, soft, hard));
        let address = program.listening("API").await["address"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let health = program.url_of("health").await;
        program.logged("the database is up").await;
        Self {
            program,
            address,
            health,
            _database: database,
        }
    }

    /// How often the program has logged a text.
    fn said(&self, text: &str) -> usize {
        self.program.log().matches(text).count()
    }

    /// Asks on a connection that has been idle for so long. Returns when it did, and what came then until the end.
    async fn asked_after(&self, idle: Duration) -> (Duration, std::io::Result<String>) {
        // The server's time begins later.
        let begun = Instant::now();
        let mut stream = self.kept().await;
        sleep(idle).await;
        let asked = begun.elapsed();
        let answer = async {
            // In two parts, as a request with content: the second one fails if the first was answered with a reset.
            stream.write_all(b"GET /nowhere HTTP/1.1\r\n").await?;
            stream
                .write_all(b"host: localhost\r\nconnection: close\r\n\r\n")
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok(answer)
        };
        (asked, answer.await)
    }

    /// A connection that has had a response, and stays open.
    async fn kept(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream
            .write_all(b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        let answered = tokio::time::timeout(TIMEOUT, stream.read_u8()).await;
        assert_eq!(answered.unwrap().unwrap(), b'H');
        stream
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects from an address, and asks 40 times for more than buffers hold, without ever reading. The program may close
/// the connection at any time.
async fn never_read(
    from: [u8; 4],
    to: SocketAddr,
    tls: Option<TlsConnector>,
) -> std::io::Result<Box<dyn Stream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(to).await?;
    let mut stream: Box<dyn Stream> = match tls {
        Some(tls) => Box::new(tls.connect("localhost".try_into().unwrap(), stream).await?),
        None => Box::new(stream),
    };
    let requests = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(40);
    stream.write_all(requests.as_bytes()).await?;
    Ok(stream)
}

/// 300 such clients from this many addresses.
fn crowd(addresses: u8, to: SocketAddr, tls: Option<&TlsConnector>) -> JoinSet<()> {
    (0..300_u16)
        .map(|number| {
            let last = u8::try_from(number % u16::from(addresses)).unwrap();
            let tls = tls.cloned();
            async move {
                let _kept = never_read([127, 0, 0, 2 + last], to, tls).await;
                std::future::pending::<()>().await;
            }
        })
        .collect()
}

/// The files of a certificate, and who has issued it.
fn certified(folder: &TempDir) -> Authority {
    let authority = Authority::new();
    let issued = authority.issue("localhost");
    fs::write(folder.path().join("tls.crt"), issued.pem()).unwrap();
    fs::write(folder.path().join("tls.key"), issued.key_pem()).unwrap();
    authority
}

/// Another client is served beside those that never read, whether they come from one address or from many.
async fn others_are_served(folder: &TempDir, tls: Option<&Authority>) {
    let [certificate, key] =
        ["tls.crt", "tls.key"].map(|name| folder.path().join(name).display().to_string());
    let timeout = ["--write-timeout", "5s"];
    let files = ["--tls-cert", &certificate, "--tls-key", &key];
    let arguments = if tls.is_some() {
        [&timeout[..], &files[..]].concat()
    } else {
        timeout.to_vec()
    };
    let mut bounded = Bounded::start(256, 256, &arguments).await;
    let (url, client) = match tls {
        Some(authority) => (
            format!("https://localhost:{}{PENDING_TASKS}", bounded.address.port()),
            authority.client().build().unwrap(),
        ),
        None => (
            format!("http://{}{PENDING_TASKS}", bounded.address),
            reqwest::Client::new(),
        ),
    };
    let connector = tls.map(|authority| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(authority.roots())
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    });
    for (addresses, said) in [
        (1, "closed a connection: the address has as many as it may"),
        (8, "new connections wait: there are as many as may be"),
    ] {
        let crowd = crowd(addresses, bounded.address, connector.as_ref());
        bounded.program.logged(said).await;
        // A connection may be closed for another one just when its request is sent.
        let ok =
            |answer: reqwest::Result<reqwest::Response>| answer.is_ok_and(|answer| answer.status() == 200);
        until("another client is served", async || {
            ok(client.get(&url).timeout(TIMEOUT).send().await)
        })
        .await;
        let ready = format!("{}/readyz", bounded.health);
        until("the service is ready", async || ok(reqwest::get(&ready).await)).await;
        drop(crowd);
    }
    bounded.program.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_never_read_keep_no_other_out() {
    others_are_served(&tempfile::tempdir().unwrap(), None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_never_read_keep_no_other_out_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = certified(&folder);
    others_are_served(&folder, Some(&authority)).await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let bounded = Bounded::start(256, 256, &["--write-timeout", "5s"]).await;
    let descriptors = format!("/proc/{}/fd", bounded.program.pid());
    let open = || fs::read_dir(&descriptors).unwrap().count();
    let before = open();
    let mut stalled = Vec::new();
    for _ in 0..20 {
        stalled.push(never_read([127, 0, 0, 1], bounded.address, None).await.unwrap());
    }
    until("the connections are open", async || open() >= before + 20).await;
    // Idle connections would stay for longer than this test waits.
    until("the connections are closed", async || open() <= before + 5).await;
}

#[tokio::test]
async fn a_request_to_a_connection_that_is_being_closed_is_never_reset() {
    let bounded = Bounded::start(2048, 2048, &["--idle-timeout", "1s"]).await;
    // Around the timeout, and around the end of the margin.
    let times = (0..400)
        .map(|number| Duration::from_millis(if number < 100 { 950 } else { 1900 } + number % 100 * 3));
    let mut outcomes = [0, 0];
    for (asked, answer) in join_all(times.map(|idle| bounded.asked_after(idle))).await {
        // Begins within the first response, of which one byte was read.
        let answer = answer.unwrap_or_else(|error| panic!("asked after {asked:?}: {error}"));
        let answered = answer.contains("HTTP/1.1 404 Not Found\r\n");
        assert!(
            answered || asked > Duration::from_millis(1900),
            "{asked:?}: {answer}"
        );
        outcomes[usize::from(answered)] += 1;
    }
    let [closed, answered] = outcomes;
    assert!(closed > 0 && answered > 0, "{outcomes:?}");
}

#[tokio::test]
async fn idle_connections_make_room_for_new_ones() {
    let few = [
        "--max-client-connections",
        "4",
        "--max-connections-per-address",
        "9",
    ];
    let bounded = Bounded::start(256, 256, &few).await;
    let mut kept = Vec::new();
    for _ in 0..12 {
        kept.push(bounded.kept().await);
    }
}

#[tokio::test]
async fn unfinished_handshakes_make_room_for_new_ones() {
    let folder = tempfile::tempdir().unwrap();
    let authority = certified(&folder);
    let [certificate, key] =
        ["tls.crt", "tls.key"].map(|name| folder.path().join(name).display().to_string());
    let few = [
        "--max-client-connections",
        "4",
        "--max-connections-per-address",
        "99",
        "--tls-cert",
        &certificate,
        "--tls-key",
        &key,
    ];
    let bounded = Bounded::start(256, 256, &few).await;
    let mut silent = Vec::new();
    // If each four of them took the time of a handshake, it would be longer than the client waits.
    for _ in 0..40 {
        silent.push(TcpStream::connect(bounded.address).await.unwrap());
    }
    let url = format!("https://localhost:{}{PENDING_TASKS}", bounded.address.port());
    let client = authority.client().build().unwrap();
    let served = client.get(&url).timeout(TIMEOUT).send().await.unwrap();
    assert_eq!(served.status(), 200);
}

#[tokio::test]
async fn without_descriptors_the_program_says_so_and_goes_on() {
    let many = [
        "--max-client-connections",
        "1000",
        "--max-connections-per-address",
        "1000",
    ];
    let mut bounded = Bounded::start(64, 64, &many).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(bounded.address).await.unwrap());
    }
    let said = "cannot accept connections; trying again";
    let line: Value = serde_json::from_str(&bounded.program.logged(said).await).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["error"], "Too many open files (os error 24)");
    // Tried far more often than it is said.
    until("it is said again", async || bounded.said(said) > 1).await;
    drop(silent);
    // 503 as long as there is no descriptor for a connection to the database.
    until("another client is served", async || {
        let response = reqwest::get(format!("http://{}{PENDING_TASKS}", bounded.address)).await;
        response.is_ok_and(|response| response.status() == 200)
    })
    .await;
    assert!(bounded.said(said) < 20, "{}", bounded.program.log());
}

#[tokio::test]
async fn the_limit_of_descriptors_is_raised() {
    let bounded = Bounded::start(64, 300, &[]).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", bounded.program.pid())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>()[3..5], ["300", "300"]);
}
