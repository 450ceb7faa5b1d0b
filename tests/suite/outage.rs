//! A database that is down, goes down, is slow, and comes back.

use std::time::{Duration, Instant};

use private_postgres::{self, PrivatePostgres};
use reqwest::Method;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use task_status::store::database::Limits;
use task_status::store::schema::Schema;
use task_status::telemetry::error_chain;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::database::TestDatabase;
use crate::support::program::{Program, serve};
use crate::support::service::{LIMITS, PENDING_TASKS, Service, Setup, watched};
use crate::support::{TIMEOUT, eventually, tasks, until};

/// A private server that can be stopped and started.
async fn start_postgres(folder: &TempDir) -> PrivatePostgres {
    let data_dir = Some(folder.path().join("pg"));
    tokio::task::spawn_blocking(|| {
        private_postgres::start(&private_postgres::Settings {
            bin_dir: None,
            data_dir,
            durable: false,
            max_connections: 20,
            tcp_port: None,
            options: Vec::new(),
        })
    })
    .await
    .unwrap()
    .unwrap()
}

async fn stop(postgres: PrivatePostgres) {
    tokio::task::spawn_blocking(|| postgres.stop())
        .await
        .unwrap()
        .unwrap();
}

fn service(options: PgConnectOptions, limits: Limits) -> Service {
    Service::on(watched(options, limits, Schema::Migrate), Setup::default())
}

#[tokio::test]
async fn a_database_that_goes_down_is_503_at_once_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = start_postgres(&folder).await;
    // Longer than the test: a request that waited for a connection would fail it.
    let limits = Limits {
        acquire_timeout: TIMEOUT * 10,
        ..LIMITS
    };
    let service = service(postgres.connect_options(), limits);

    let before = service.get(PENDING_TASKS).await;
    assert!([204, 503].contains(&before.status.as_u16()), "{before:?}");
    service.database.wait_until_up().await;
    assert_eq!(service.get(PENDING_TASKS).await.status, 204);

    stop(postgres).await;
    // The first request may be in flight when the database goes down.
    until("the database is known to be down", async || {
        service.get(PENDING_TASKS).await.status == 503
    })
    .await;
    insta::assert_snapshot!("database_down.en-US", service.get(PENDING_TASKS).await.snapshot());
    let french = service
        .request(Method::GET, PENDING_TASKS, &[("Accept-Language", "fr")])
        .await;
    insta::assert_snapshot!("database_down.fr", french.snapshot());

    let postgres = start_postgres(&folder).await;
    until("the database is back", async || {
        service.get(PENDING_TASKS).await.status == 204
    })
    .await;
    stop(postgres).await;
}

#[tokio::test]
async fn requests_that_wait_for_a_connection_are_released_when_the_database_goes() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = start_postgres(&folder).await;
    let limits = Limits {
        max_connections: 1,
        acquire_timeout: TIMEOUT * 10,
        ..LIMITS
    };
    let service = service(postgres.connect_options(), limits);
    service.database.wait_until_up().await;
    let held = service.database.connection().await.unwrap();
    let requests: Vec<_> = (0..10)
        .map(|_| tokio::spawn(reqwest::get(format!("http://{}{PENDING_TASKS}", service.address))))
        .collect();
    stop(postgres).await;
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), 503);
    }
    drop(held);
}

#[tokio::test]
async fn a_slow_statement_is_503_and_cancelled() {
    let database = TestDatabase::new().await;
    let limits = Limits {
        statement_timeout: Duration::from_millis(50),
        ..LIMITS
    };
    let service = service(database.service_options(), limits);
    service.database.wait_until_up().await;
    let mut holder = database.lock().await;
    assert_eq!(service.get(PENDING_TASKS).await.status, 503);
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    until("statements end in time", async || {
        service.get(PENDING_TASKS).await.status == 204
    })
    .await;
    assert!(service.database.is_up());
}

#[tokio::test]
async fn the_program_starts_without_its_database_and_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = start_postgres(&folder).await;
    let url = postgres.url("postgres");
    stop(postgres).await;

    let mut program = Program::start(serve(&url, &["--auth", "none"]));
    let url = program.url().await + PENDING_TASKS;

    let waiting = program.logged("waiting for the database").await;
    assert!(waiting.contains("No such file or directory"), "{waiting}");
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 503);

    let postgres = start_postgres(&folder).await;
    program.logged("the database is up").await;
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 204);
    program.stop();
    stop(postgres).await;
}

#[tokio::test]
async fn missing_tables_are_an_outage() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    database
        .execute("drop table task_status cascade; drop table task_status_tally")
        .await;
    for target in [PENDING_TASKS, "/task-status", "/task-status/a"] {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(service.request(method, target, &[]).await.status, 503, "{target}");
        }
    }
    let report = service
        .send(Method::PUT, "/task-status/a", "application/json", tasks::REPORT)
        .await;
    assert_eq!(report.status, 503, "{report:?}");
}

#[tokio::test]
async fn a_table_that_is_away_is_told_by_readiness() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let health = service.health();
    for (statement, status, body) in [
        (
            "alter table task_status rename to elsewhere",
            503,
            "the database lacks a table, a function or a privilege\n",
        ),
        ("alter table elsewhere rename to task_status", 200, "ok\n"),
    ] {
        database.execute(statement).await;
        until(body, async || {
            let ready = health.get("/readyz").await;
            (ready.status.as_u16(), ready.body.as_str()) == (status, body)
        })
        .await;
    }
}

#[tokio::test]
async fn a_schema_that_was_never_seen_is_not_ok() {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1);
    let health = service(options, LIMITS).health();
    let checks = "[+]shutdown ok
[-]database failed: the database is not available
[-]schema failed: it has not been looked at yet
[-]pages failed: the database does not confirm pages
[+]keys ok
readyz check failed
";
    let ready = health.get("/readyz?verbose").await;
    assert_eq!((ready.status.as_u16(), ready.body.as_str()), (503, checks));
}

#[tokio::test]
async fn a_session_that_has_lost_its_prepared_statements_is_replaced() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let limits = Limits {
        max_connections: 1,
        ..LIMITS
    };
    let service = service(database.service_options(), limits);
    service.database.wait_until_up().await;
    assert_eq!(service.get("/task-status/a").await.status, 200);
    let mut session = service.database.connection().await.unwrap();
    sqlx::raw_sql("deallocate all")
        .execute(&mut *session)
        .await
        .unwrap();
    session.finish().await.unwrap();
    assert_eq!(service.get("/task-status/a").await.status, 503);
    assert_eq!(service.get("/task-status/a").await.status, 200);
}

#[tokio::test]
async fn the_log_of_an_outage_counts_what_repeats() {
    const READS: usize = 400;
    const WRITES: usize = 40;
    let mut program = Program::start(serve("postgres://u@127.0.0.1:1/d", &["--auth", "none"]));
    let api = program.url().await;
    let begun = Instant::now();
    let client = reqwest::Client::new();
    for number in 0..READS + WRITES {
        let request = if number % (READS / WRITES + 1) == 0 {
            client
                .put(format!("{api}/task-status/t{number}"))
                .header("Content-Type", "application/json")
                .body(tasks::REPORT)
        } else {
            client.get(format!("{api}{PENDING_TASKS}"))
        };
        assert_eq!(request.send().await.unwrap().status(), 503);
    }
    until("every request is counted", async || {
        let told: u64 = lines(&program)
            .iter()
            .map(|line| match line["message"].as_str() {
                Some("failed") => 1,
                Some("repeated") if line["event"].as_str().unwrap().contains("known to be down") => {
                    line["times"].as_u64().unwrap()
                }
                _ => 0,
            })
            .sum();
        told == (READS + WRITES) as u64
    })
    .await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    program.stop();
    let (audit, other): (Vec<Value>, Vec<Value>) = lines(&program)
        .into_iter()
        .partition(|line| line["target"] == "task_status::audit");
    assert_eq!(audit.len(), WRITES, "{}", program.log());
    // At most, a line that begins and a line that counts in each second, and those of start and stop.
    assert!(other.len() <= 2 * seconds + 10, "{}", program.log());
}

fn lines(program: &Program) -> Vec<Value> {
    let log = program.log();
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn too_many_clients_are_told_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = start_postgres(&folder).await;
    let limits = Limits {
        acquire_timeout: Duration::from_secs(1),
        ..LIMITS
    };
    let service = service(postgres.connect_options(), limits);
    service.database.wait_until_up().await;
    let mut others = Vec::new();
    while let Ok(other) = PgConnection::connect_with(&postgres.connect_options()).await {
        others.push(other);
    }
    let mut held = Vec::new();
    let refused = loop {
        match service.database.connection().await {
            Ok(lease) => held.push(lease),
            Err(error) => break error_chain(&error),
        }
    };
    assert!(refused.contains("too many clients"), "{refused}");
    // Its own session is enough to know that the database is up.
    assert!(service.database.is_up());
    drop(others);
    eventually("a connection is free", async || {
        service.database.connection().await.ok()
    })
    .await;
    // All in use but the one for pages: nothing else is to be told.
    while held.len() < LIMITS.max_connections as usize - 1 {
        held.push(
            eventually("a connection is free", async || {
                service.database.connection().await.ok()
            })
            .await,
        );
    }
    let error = eventually("another reason", async || {
        let error = error_chain(&service.database.connection().await.err()?);
        (!error.contains("too many clients")).then_some(error)
    })
    .await;
    assert!(error.contains("pool timed out"), "{error}");
    drop(held);
    stop(postgres).await;
}

/// A server of an old version, as far as a client sees at the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_server_is_refused_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "postgres://u@{}/d?sslmode=disable",
        listener.local_addr().unwrap()
    );
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        assert!(client.read(&mut [0; 1024]).await.unwrap() > 0);
        let messages = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0013.4\0Z\0\0\0\x05I";
        client.write_all(messages).await.unwrap();
        // Open until the program closes it.
        client.read(&mut [0; 1024]).await
    });
    let mut program = Program::start(serve(&url, &["--auth", "none"]));
    assert!(!program.wait().success());
    let reason = "the server is PostgreSQL 13, and the program needs 15 or newer";
    assert!(program.log().contains(reason), "{}", program.log());
}
