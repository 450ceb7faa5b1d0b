//! TLS between the service and PostgreSQL: what each `sslmode` of `DATABASE_URL` accepts, and the error messages.
//!
//! The tests start a PostgreSQL that requires TLS over TCP. They are skipped if PostgreSQL was built without TLS.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;

use private_postgres::{self, PrivatePostgres};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tempfile::NamedTempFile;
use tokio::sync::OnceCell;

use crate::support::certificates::{Authority, Issued};
use crate::support::program::{self, Program, as_text};
use crate::support::service::PENDING_TASKS;
use crate::support::{eventually, until};

/// A PostgreSQL whose certificate is for `localhost` and not for 127.0.0.1.
struct Server {
    postgres: PrivatePostgres,
    port: u16,
    authority: Authority,
}

/// The user that needs a client certificate. `postgres` needs only TLS.
const CERTIFIED: &str = "certified";

impl Server {
    /// `None` if this PostgreSQL was built without TLS.
    async fn start() -> Option<Self> {
        let (postgres, port) = tokio::task::spawn_blocking(listening).await.unwrap();
        let authority = Authority::new();
        let server = Self {
            postgres,
            port,
            authority,
        };
        server.use_certificate(&server.authority.issue("localhost")).await;
        server.write("root.crt", &server.authority.pem()).await;
        let rules = "local all all trust\n\
                     hostssl all certified 127.0.0.1/32 cert\n\
                     hostssl all all 127.0.0.1/32 trust";
        server.write("pg_hba.conf", rules).await;
        server
            .execute(&format!("create role {CERTIFIED} superuser login"))
            .await;
        server.execute("alter system set ssl_ca_file = 'root.crt'").await;
        if let Err(error) = server.try_execute("alter system set ssl = on").await {
            let message = error.to_string();
            let of_debian = server.postgres.bin_dir().starts_with("/usr/lib/postgresql");
            assert!(
                message.contains("SSL is not supported by this build") && !of_debian,
                "{message}"
            );
            eprintln!("not tested with TLS to PostgreSQL: {message}");
            return None;
        }
        server.reload().await;
        Some(server)
    }

    /// A server for all tests that do not change it. It is never dropped and ends with this process.
    async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<Server>> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await.as_ref()
    }

    async fn use_certificate(&self, issued: &Issued) {
        self.write("server.crt", &issued.pem()).await;
        self.write("server.key", &issued.key_pem()).await;
    }

    /// Writes a file in the data folder, owned by the account of the server.
    async fn write(&self, name: &str, text: &str) {
        let write = format!(
            "copy (select unnest(string_to_array($text${text}$text$, e'\\n'))) to program 'umask 077 && cat > {name}'"
        );
        self.execute(&write).await;
    }

    /// Reloads settings and files, and waits until new connections use them.
    async fn reload(&self) {
        self.execute("select pg_reload_conf()").await;
        let url = self.url("localhost", "postgres", "sslmode=require");
        eventually("the server speaks TLS", async || {
            PgConnection::connect(&url).await.ok()?.close().await.ok()
        })
        .await;
    }

    async fn execute(&self, sql: &str) {
        if let Err(error) = self.try_execute(sql).await {
            panic!("{error}: {sql}");
        }
    }

    /// Runs SQL over the socket, without TLS.
    async fn try_execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.postgres.connect_options()).await?;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await;
        connection.close().await?;
        done.map(drop)
    }

    /// The TLS versions of the service's sessions with a database.
    async fn sessions(&self, database: &str) -> Vec<Option<String>> {
        let mut connection = PgConnection::connect_with(&self.postgres.connect_options())
            .await
            .unwrap();
        let rows = sqlx::query(
            "select version from pg_stat_ssl join pg_stat_activity using (pid)
             where application_name = 'task-status' and datname = $1",
        )
        .bind(database)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        connection.close().await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn url(&self, host: &str, database: &str, parameters: &str) -> String {
        self.url_as("postgres", host, database, parameters)
    }

    /// With a password, which must not appear in any output.
    fn url_as(&self, user: &str, host: &str, database: &str, parameters: &str) -> String {
        let port = self.port;
        format!("postgres://{user}:hunter2@{host}:{port}/{database}?{parameters}")
    }
}

/// On a free port. If another process takes it first, on the next one.
fn listening() -> (PrivatePostgres, u16) {
    loop {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let settings = private_postgres::Settings {
            bin_dir: None,
            data_dir: None,
            durable: false,
            max_connections: 50,
            tcp_port: Some(port),
            options: Vec::new(),
        };
        match private_postgres::start(&settings) {
            Ok(postgres) => return (postgres, port),
            Err(private_postgres::Error::NotStarted { log_tail, .. })
                if log_tail.contains("Address already in use") => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn serve(url: &str) -> Command {
    program::serve(url, &["--auth", "none"])
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn root(file: &NamedTempFile) -> String {
    format!("sslrootcert={}", file.path().display())
}

/// A client certificate as parameters of the URL, and its files.
fn own(issued: &Issued) -> (String, [NamedTempFile; 2]) {
    let files = [file(&issued.pem()), file(&issued.key_pem())];
    let [certificate, key] = files.each_ref().map(|file| file.path().display());
    (format!("sslcert={certificate}&sslkey={key}"), files)
}

#[tokio::test]
async fn every_encrypting_mode_uses_tls() {
    let Some(server) = Server::shared().await else {
        return;
    };
    let ca = file(&server.authority.pem());
    let root = root(&ca);
    let (own, _files) = own(&server.authority.issue(CERTIFIED));
    for (database, user, host, parameters) in [
        (
            "verify_full",
            "postgres",
            "localhost",
            format!("sslmode=verify-full&{root}"),
        ),
        // The certificate is for another name.
        (
            "verify_ca",
            "postgres",
            "127.0.0.1",
            format!("sslmode=verify-ca&{root}"),
        ),
        ("require", "postgres", "127.0.0.1", "sslmode=require".to_owned()),
        ("prefer", "postgres", "127.0.0.1", "sslmode=prefer".to_owned()),
        ("unset", "postgres", "127.0.0.1", String::new()),
        (
            "system_roots",
            "postgres",
            "localhost",
            "sslmode=verify-full".to_owned(),
        ),
        (
            "with_own_certificate",
            CERTIFIED,
            "localhost",
            format!("sslmode=verify-full&{root}&{own}"),
        ),
    ] {
        server.execute(&format!("create database {database}")).await;
        let mut command = serve(&server.url_as(user, host, database, &parameters));
        if database == "system_roots" {
            command.env("SSL_CERT_FILE", ca.path());
        }
        let mut program = Program::start(command);
        let url = program.url().await + PENDING_TASKS;
        program.logged("the database is up").await;

        assert_eq!(reqwest::get(url).await.unwrap().status(), 204);
        // At least the watching connection and that of the request.
        let sessions = server.sessions(database).await;
        let secured = sessions
            .iter()
            .all(|version| version.as_deref() == Some("TLSv1.3"));
        assert!(sessions.len() >= 2 && secured, "{database}: {sessions:?}");
        program.stop();
    }
}

#[tokio::test]
async fn an_untrusted_or_unencrypted_server_ends_the_program() {
    let Some(server) = Server::shared().await else {
        return;
    };
    let stranger = Authority::new();
    let [ca, other] = [&server.authority, &stranger].map(|authority| file(&authority.pem()));
    let [root, other_root] = [&ca, &other].map(root);
    let (own_of_stranger, _files) = own(&stranger.issue(CERTIFIED));
    let mut said = String::new();
    for (what, user, host, parameters) in [
        (
            "another authority",
            "postgres",
            "localhost",
            format!("sslmode=verify-full&{other_root}"),
        ),
        (
            "another authority, any name",
            "postgres",
            "localhost",
            format!("sslmode=verify-ca&{other_root}"),
        ),
        (
            "the system's authorities",
            "postgres",
            "localhost",
            "sslmode=verify-full".to_owned(),
        ),
        (
            "another name",
            "postgres",
            "127.0.0.1",
            format!("sslmode=verify-full&{root}"),
        ),
        ("no TLS", "postgres", "127.0.0.1", "sslmode=disable".to_owned()),
        (
            "no TLS at first",
            "postgres",
            "127.0.0.1",
            "sslmode=allow".to_owned(),
        ),
        (
            "no certificate of one's own",
            CERTIFIED,
            "localhost",
            format!("sslmode=verify-full&{root}"),
        ),
        (
            "a certificate of another authority",
            CERTIFIED,
            "localhost",
            format!("sslmode=verify-full&{root}&{own_of_stranger}"),
        ),
        (
            "an authority that is not asked",
            "postgres",
            "localhost",
            format!("sslmode=require&{root}"),
        ),
        (
            "a file that is not there",
            "postgres",
            "localhost",
            "sslmode=verify-full&sslrootcert=/nowhere/ca.pem".to_owned(),
        ),
    ] {
        let refusal = refused(&server.url_as(user, host, "postgres", &parameters));
        writeln!(said, "{what}:\n{refusal}").unwrap();
    }
    // Over the socket the same server speaks no TLS.
    let url = server.postgres.url("postgres") + "?sslmode=require";
    write!(said, "a server without TLS:\n{}", refused(&url)).unwrap();
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!(said);
}

/// The stderr of a failing program, without line numbers of PostgreSQL's source.
fn refused(url: &str) -> String {
    let output = as_text(&mut serve(url))
        .args(["--log", "error"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    said.lines()
        .map(|line| line.split(" at line ").next().unwrap().to_owned() + "\n")
        .collect()
}

#[tokio::test]
async fn an_untrusted_certificate_is_an_outage_until_replaced() {
    let Some(server) = Server::start().await else {
        return;
    };
    let ca = file(&server.authority.pem());
    let parameters = format!("sslmode=verify-full&{}", root(&ca));
    let mut program = Program::start(serve(&server.url("localhost", "postgres", &parameters)));
    let url = program.url().await + PENDING_TASKS;

    program.logged("the database is up").await;
    let status = async || reqwest::get(&url).await.unwrap().status().as_u16();
    assert_eq!(status().await, 204);

    server.use_certificate(&Authority::new().issue("localhost")).await;
    server.reload().await;
    server
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'task-status'",
        )
        .await;
    eventually("the certificate is not trusted", async || {
        let status = status().await;
        assert!([204, 503].contains(&status), "{status}");
        (program.log().contains("the database is down") && status == 503).then_some(())
    })
    .await;
    program.logged("invalid peer certificate").await;

    server.use_certificate(&server.authority.issue("localhost")).await;
    server.reload().await;
    until("the certificate is trusted again", async || status().await == 204).await;
    program.stop();
}
