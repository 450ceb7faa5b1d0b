//! The API over TLS: responses, refusals, and the renewal of certificates at run time.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use reqwest::tls::{TlsInfo, Version};
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::certificates::{Authority, Issued};
use crate::support::database::TestDatabase;
use crate::support::program::{self, Program, as_text, command};
use crate::support::service::{Answer, PENDING_TASKS};
use crate::support::{TIMEOUT, until};

/// The real program, serving `localhost` over TLS.
struct Secured {
    program: Program,
    authority: Authority,
    issued: Issued,
    folder: TempDir,
    port: u16,
    health: String,
    _database: TestDatabase,
}

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const UNREACHABLE: &str = "postgres://user:secret@127.0.0.1:1/name";

impl Secured {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let issued = authority.issue("localhost");
        write(folder.path(), &issued);
        Self::start_in(folder, authority, issued).await
    }

    async fn start_in(folder: TempDir, authority: Authority, issued: Issued) -> Self {
        let database = TestDatabase::new().await;
        database.insert(&["a"]).await;
        let mut command = serve(
            &database.url(),
            &folder.path().join(CERTIFICATE),
            &folder.path().join(KEY),
        );
        // A shutdown must not depend on this time limit.
        command.args(["--admin-listen", "127.0.0.1:0", "--shutdown-timeout", "1h"]);
        let mut program = Program::start(command);
        let (api, health) = (program.listening("API").await, program.listening("health").await);
        assert_eq!([&api["scheme"], &health["scheme"]], ["https", "http"]);
        let port = api["address"]
            .as_str()
            .unwrap()
            .rsplit_once(':')
            .unwrap()
            .1
            .parse()
            .unwrap();
        program.logged("the database is up").await;
        Self {
            program,
            authority,
            issued,
            folder,
            port,
            health: format!("http://{}", health["address"].as_str().unwrap()),
            _database: database,
        }
    }

    fn url(&self, target: &str) -> String {
        format!("https://localhost:{}{target}", self.port)
    }

    /// The certificate that a new connection gets.
    async fn certificate(&self) -> Vec<u8> {
        let client = self.authority.client().build().unwrap();
        let response = client.get(self.url(PENDING_TASKS)).send().await.unwrap();
        assert_eq!(response.status(), 200);
        peer_certificate(&response)
    }

    /// A connection after the handshake.
    fn connect(&self, protocols: &[&str]) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.authority.roots())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(client, self.connect_without_tls());
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    fn connect_without_tls(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }
}

fn serve(url: &str, certificate: &Path, key: &Path) -> Command {
    let mut command = program::serve(url, &["--auth", "none", "--tls-cert"]);
    command.arg(certificate).arg("--tls-key").arg(key);
    command
}

fn write(folder: &Path, issued: &Issued) {
    fs::write(folder.join(CERTIFICATE), issued.pem()).unwrap();
    fs::write(folder.join(KEY), issued.key_pem()).unwrap();
}

fn peer_certificate(response: &reqwest::Response) -> Vec<u8> {
    let info = response.extensions().get::<TlsInfo>().unwrap();
    info.peer_certificate().unwrap().to_owned()
}

/// A response with a body of known length. The connection stays open.
fn ask(stream: &mut (impl Read + Write), target: &str) -> String {
    write!(stream, "GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&bytes[..read]);
        let text = String::from_utf8(answer.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        if length.unwrap().parse::<usize>().unwrap() == body.len() {
            return text;
        }
    }
}

#[tokio::test]
async fn responses_over_tls_are_the_same_plus_hsts() {
    let secured = Secured::start().await;
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let only = secured
            .authority
            .client()
            .tls_version_min(version)
            .tls_version_max(version)
            .build()
            .unwrap();
        for (name, target) in [
            ("page", "/task-status/pending-tasks?limit=0&count=true"),
            ("unknown_path", "/nowhere"),
        ] {
            let response = only.get(secured.url(target)).send().await.unwrap();
            assert_eq!(
                response.extensions().get::<TlsInfo>().unwrap().version(),
                Some(version)
            );
            insta::assert_snapshot!(name, Answer::read(response).await.snapshot());
        }
    }
    // Health is for this machine or pod and stays plain.
    let ready = reqwest::get(format!("{}/readyz", secured.health)).await.unwrap();
    assert_eq!(ready.status(), 200);
    assert!(!ready.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn http_1_1_is_the_only_protocol_offered() {
    let secured = Secured::start().await;
    let agreed = |protocols: &[&str]| {
        let stream = secured.connect(protocols)?;
        Ok::<_, std::io::Error>(stream.conn.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(agreed(&["h2", "http/1.1"]).unwrap(), Some(b"http/1.1".to_vec()));
    assert_eq!(agreed(&[]).unwrap(), None);
    let refused = agreed(&["h2"]).unwrap_err().to_string();
    assert_eq!(refused, "received fatal alert: NoApplicationProtocol");
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_refuses() {
    let secured = Secured::start().await;
    let stranger = Authority::new().client().build().unwrap();
    let error = stranger.get(secured.url(PENDING_TASKS)).send().await.unwrap_err();
    let reason = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
        .last()
        .unwrap()
        .to_string();
    assert!(reason.starts_with("invalid peer certificate: "), "{reason}");
}

#[tokio::test]
async fn plain_http_is_refused_on_the_tls_port() {
    let secured = Secured::start().await;
    for request in ["GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "GARBAGE\r\n\r\n"] {
        let mut stream = secured.connect_without_tls();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        // A fatal alert record.
        let [21, 3, _, 0, 2, fatal, _] = answer[..] else {
            panic!("{answer:?}")
        };
        assert_eq!(fatal, 2);
    }
}

#[tokio::test]
async fn an_invalid_http_message_inside_tls_gets_an_error_body() {
    let secured = Secured::start().await;
    for (request, status, detail_code) in [
        (
            "GARBAGE\r\n\r\n".to_owned(),
            "400 Bad Request",
            "400.0 Bad request syntax",
        ),
        (
            format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200)),
            "431 Request Header Fields Too Large",
            "431 Request header fields too large",
        ),
    ] {
        let mut stream = secured.connect(&[]).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // Fails without `close_notify`: the response could have been truncated.
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["detailCode"], detail_code, "{answer}");
        let tracking_id = body["trackingId"].as_str().unwrap();
        assert!(
            head.contains(&format!("\r\nSlpt-Request-Id: {tracking_id}\r\n")),
            "{answer}"
        );
    }
}

/// On the connection of a request that had content.
#[tokio::test]
async fn curl_may_send_quotation_marks_as_they_are() {
    let secured = Secured::start().await;
    let authority = secured.folder.path().join("authority.pem");
    fs::write(&authority, secured.authority.pem()).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--globoff", "--cacert"])
        .arg(&authority)
        .args(["--request", "PUT", "--json"])
        .arg(r#"{"type":"QPOC","uniqueName":"\"","launcher":"l"}"#)
        .arg(secured.url("/task-status/b"))
        .args(["--next", "--silent", "--globoff", "--cacert"])
        .arg(&authority)
        .args(["--write-out", "%{num_connects}"])
        .arg(secured.url(r#"/task-status?filters=uniqueName+eq+"\"""#));
    let output = curl.output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.contains(r#"[{"id":"b""#) && output.ends_with("]0"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_drops_no_connection() {
    // Kubernetes mounts a secret as links into a folder that is itself a link, and swaps that link.
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority = Authority::new();
    let [first, second] = ["first", "second"].map(|name| {
        let issued = authority.issue("localhost");
        fs::create_dir(path(name)).unwrap();
        write(&path(name), &issued);
        issued
    });
    symlink("first", path("..data")).unwrap();
    for name in [CERTIFICATE, KEY] {
        symlink(Path::new("..data").join(name), path(name)).unwrap();
    }
    symlink("second", path("..data_tmp")).unwrap();
    let [from, to] = [path("..data_tmp"), path("..data")];
    let mut secured = Secured::start_in(folder, authority, first).await;
    assert_eq!(&secured.certificate().await, &**secured.issued.certificate.der());

    let mut kept = secured.connect(&[]).unwrap();
    let page = |answer: String| {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let before = page(ask(&mut kept, PENDING_TASKS));
    assert!(before.starts_with(r#"[{"id":"a","#), "{before}");

    fs::rename(from, to).unwrap();
    // Meanwhile each new connection is served, with either certificate.
    let renewed = second.certificate.der().to_vec();
    until("new connections see the renewed certificate", async || {
        secured.certificate().await == renewed
    })
    .await;
    secured.program.logged("the renewed certificate is in use").await;
    assert_eq!(page(ask(&mut kept, PENDING_TASKS)), before);
    let said = secured.program.log();
    assert!(!said.contains("WARN"), "{said}");
}

#[tokio::test]
async fn a_broken_pair_is_logged_once_and_the_last_one_stays() {
    let mut secured = Secured::start().await;
    let old = secured.issued.certificate.der().to_vec();
    let new = secured.authority.issue("localhost");
    let path = |name: &str| secured.folder.path().join(name);
    let (certificate, key) = (path(CERTIFICATE), path(KEY));

    fs::write(&certificate, new.pem()).unwrap();
    let said = secured.program.logged("does not belong to").await;
    assert!(said.contains("cannot use the changed certificate"), "{said}");
    assert_eq!(secured.certificate().await, old);

    fs::remove_file(&key).unwrap();
    let said = secured.program.logged("cannot read").await;
    assert!(said.contains("No such file or directory"), "{said}");
    assert_eq!(secured.certificate().await, old);

    fs::write(key.with_extension("new"), new.key_pem()).unwrap();
    fs::rename(key.with_extension("new"), &key).unwrap();
    secured.program.logged("the renewed certificate is in use").await;
    assert_eq!(secured.certificate().await, new.certificate.der().to_vec());
    let said = secured.program.log();
    let warnings = said.lines().filter(|line| line.contains("WARN")).count();
    assert_eq!(warnings, 2, "{said}");
}

#[tokio::test]
async fn an_unusable_pair_prevents_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority = Authority::new();
    let [issued, other] = ["localhost", "localhost"].map(|name| authority.issue(name));
    write(folder.path(), &issued);
    let in_pem =
        |label: &str, content: &str| format!("-----BEGIN {label}-----\n{content}\n-----END {label}-----\n");
    for (name, text) in [
        ("empty", String::new()),
        ("other.key", other.key_pem()),
        ("locked.key", in_pem("ENCRYPTED PRIVATE KEY", "AAAA")),
        ("cut.crt", issued.pem()[..200].to_owned()),
        ("cut.key", issued.key_pem()[..100].to_owned()),
        ("odd.crt", in_pem("CERTIFICATE", "AAAA")),
        ("odd.key", in_pem("PRIVATE KEY", "AAAA")),
    ] {
        fs::write(path(name), text).unwrap();
    }
    let mut said = String::new();
    for (certificate, key) in [
        ("missing", KEY),
        (CERTIFICATE, "missing"),
        (".", KEY),
        ("empty", KEY),
        (CERTIFICATE, "empty"),
        (KEY, KEY),
        (CERTIFICATE, CERTIFICATE),
        (CERTIFICATE, "locked.key"),
        ("cut.crt", KEY),
        (CERTIFICATE, "cut.key"),
        ("odd.crt", KEY),
        (CERTIFICATE, "odd.key"),
        (CERTIFICATE, "other.key"),
    ] {
        let refusal = refused(serve(UNREACHABLE, &path(certificate), &path(key)));
        writeln!(said, "--tls-cert {certificate} --tls-key {key}\n{refusal}").unwrap();
    }
    for half in ["--tls-cert", "--tls-key"] {
        let refusal = refused(command(&["serve", "--auth", "none", half, "file"]));
        writeln!(said, "{half} alone\n{refusal}").unwrap();
    }
    insta::assert_snapshot!(said.replace(&format!("{}/", folder.path().display()), ""));
}

/// The stderr of a program that does not start.
fn refused(mut command: Command) -> String {
    command.env("DATABASE_URL", UNREACHABLE);
    let output = as_text(&mut command).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn silent_clients_do_not_delay_the_shutdown() {
    let mut secured = Secured::start().await;
    let _silent = secured.connect_without_tls();
    let mut begun = secured.connect_without_tls();
    // The head of a record without the rest.
    begun.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    // Connections are accepted in order, so the others are accepted too.
    let _agreed = secured.connect(&[]).unwrap();
    let mut asked = secured.connect(&[]).unwrap();
    ask(&mut asked, PENDING_TASKS);
    // Heads without an end, of the first and of a second request.
    let mut first = secured.connect(&[]).unwrap();
    let mut second = secured.connect(&[]).unwrap();
    ask(&mut second, PENDING_TASKS);
    for begun in [&mut first, &mut second] {
        begun.write_all(b"GET / HTTP/1.1\r\nhost: local").unwrap();
    }
    // Until they have arrived.
    ask(&mut asked, PENDING_TASKS);
    secured.program.stop();
    let said = secured.program.log();
    assert!(said.contains("stopped"), "{said}");
}
