//! The service behind a real `PgBouncer`.

use task_status::store::database::Limits;
use task_status::store::schema::Schema;
use task_status::store::session::Pooling;

use crate::support::database::TestDatabase;
use crate::support::pgbouncer::{self, PgBouncer};
use crate::support::program::{Program, command, refused, serve};
use crate::support::service::{LIMITS, PENDING_TASKS, Service, Setup, watched};
use crate::support::until;

const TRANSACTION_MODE: &str = "pool_mode = transaction\nmax_prepared_statements = 100";

/// Transaction mode without prepared statements: the only one before 1.21, and a setting of later versions.
fn without_prepared_statements() -> &'static str {
    match pgbouncer::program() {
        Some((_, true)) => "pool_mode = transaction\nmax_prepared_statements = 0",
        _ => "pool_mode = transaction",
    }
}

async fn service(bouncer: &PgBouncer) -> Service {
    let limits = Limits {
        max_connections: 20,
        ..LIMITS
    };
    let database = watched(bouncer.options(), limits, Schema::Expect);
    database.wait_until_up().await;
    Service::on(database, Setup::default())
}

async fn transaction_mode(database: &TestDatabase) -> Option<PgBouncer> {
    match pgbouncer::program() {
        Some((_, true)) => Some(PgBouncer::start(database.service_options(), TRANSACTION_MODE).await),
        found => {
            println!("left out: no PgBouncer that keeps track of prepared statements: {found:?}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_not_mixed_up_in_transaction_mode() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher)
             select launcher || n, 'QPOC', 'Task', launcher from generate_series(1, 50) n, unnest(array['a', 'b']) launcher",
        )
        .await;
    let Some(bouncer) = transaction_mode(&database).await else {
        return;
    };
    let service = std::sync::Arc::new(service(&bouncer).await);
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let service = service.clone();
            tokio::spawn(async move {
                let launcher = if client % 2 == 0 { "a" } else { "b" };
                for _ in 0..50 {
                    let target = format!("/task-status?filters=launcher+eq+%22{launcher}%22");
                    let ids = service.get(&target).await.ids();
                    assert_eq!(ids.len(), 50);
                    assert!(
                        ids.iter().all(|id| id.starts_with(launcher)),
                        "{launcher}: {ids:?}"
                    );
                }
            })
        })
        .collect();
    let clearing = {
        let service = service.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                let cleared = service
                    .send(
                        reqwest::Method::PATCH,
                        "/task-status?filters=launcher+eq+%22nobody%22",
                        "application/json-patch+json",
                        r#"[{"op":"replace","path":"/completionStatus","value":"Error"}]"#,
                    )
                    .await;
                assert_eq!(cleared.json()["completed"], 0);
            }
        })
    };
    for client in clients {
        client.await.unwrap();
    }
    clearing.await.unwrap();
    assert_eq!(service.get(PENDING_TASKS).await.ids().len(), 100);
}

#[tokio::test]
async fn the_pooling_mode_is_detected() {
    let database = TestDatabase::new().await;
    assert_eq!(
        Pooling::detect(&database.service_options()).await.unwrap(),
        Pooling::None
    );
    if pgbouncer::program().is_none() {
        println!("left out: no PgBouncer");
        return;
    }
    let session_mode = PgBouncer::start(
        database.service_options(),
        "pool_mode = session\ndefault_pool_size = 10",
    )
    .await;
    assert_eq!(
        Pooling::detect(&session_mode.options()).await.unwrap(),
        Pooling::None
    );
    for order in 0..2 {
        let settings = format!("{}\nserver_round_robin = {order}", without_prepared_statements());
        let bouncer = PgBouncer::start(database.service_options(), &settings).await;
        let error = Pooling::detect(&bouncer.options()).await.unwrap_err();
        assert!(error.to_string().contains("max_prepared_statements"), "{error}");
    }
    if let Some(bouncer) = transaction_mode(&database).await {
        assert_eq!(
            Pooling::detect(&bouncer.options()).await.unwrap(),
            Pooling::Transaction
        );
    }
}

#[tokio::test]
async fn a_pooler_with_few_sessions_can_be_enough() {
    if pgbouncer::program().is_none() {
        println!("left out: no PgBouncer");
        return;
    }
    let database = TestDatabase::new().await;
    for size in [2, 5] {
        let settings = format!("pool_mode = session\ndefault_pool_size = {size}");
        let bouncer = PgBouncer::start(database.service_options(), &settings).await;
        assert_eq!(Pooling::detect(&bouncer.options()).await.unwrap(), Pooling::None);
    }
    let bouncer = PgBouncer::start(
        database.service_options(),
        &format!("{}\ndefault_pool_size = 1", without_prepared_statements()),
    )
    .await;
    let error = Pooling::detect(&bouncer.options()).await.unwrap_err();
    assert!(error.to_string().contains("max_prepared_statements"), "{error}");
}

#[tokio::test]
async fn a_pooler_without_prepared_statements_is_refused_at_the_start() {
    if pgbouncer::program().is_none() {
        println!("left out: no PgBouncer");
        return;
    }
    let database = TestDatabase::new().await;
    let bouncer = PgBouncer::start(database.service_options(), without_prepared_statements()).await;
    let mut program = Program::start(serve(&bouncer.url(), &["--auth", "none"]));
    assert!(!program.wait().success());
    assert!(program.log().contains("pool_mode = session"), "{}", program.log());
}

#[tokio::test]
async fn commands_that_need_a_session_refuse_a_transaction_pooler() {
    let database = TestDatabase::new().await;
    let Some(bouncer) = transaction_mode(&database).await else {
        return;
    };
    let prune = ["prune", "--older-than", "90d"];
    for arguments in [&["migrate"][..], &["verify"], &["export"], &prune] {
        let mut command = command(arguments);
        command.env("DATABASE_URL", bouncer.url());
        let said = refused(command);
        assert!(
            said.contains("this command needs a session of its own"),
            "{arguments:?}: {said}"
        );
    }
}

#[tokio::test]
async fn a_pooler_that_comes_back_in_another_mode_is_noticed() {
    if pgbouncer::program().is_none() {
        println!("left out: no PgBouncer");
        return;
    }
    let session_mode = "pool_mode = session\ndefault_pool_size = 10";
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let mut bouncer = PgBouncer::start(database.service_options(), session_mode).await;
    let mut program = Program::start(serve(&bouncer.url(), &["--auth", "none"]));
    let url = program.url().await + PENDING_TASKS;
    let status = async || reqwest::get(&url).await.unwrap().status().as_u16();
    program.logged("the database is up").await;
    assert_eq!(status().await, 200);
    bouncer.stop();
    program.logged("the database is down").await;
    bouncer.restart(without_prepared_statements()).await;
    program
        .logged("the pooler runs the statements of one connection in several sessions")
        .await;
    assert_eq!(status().await, 503);
    bouncer.restart(session_mode).await;
    until("pages are sent again", async || status().await == 200).await;
}

#[tokio::test]
async fn summaries_suggestions_and_exports_work_in_transaction_mode() {
    let database = TestDatabase::new().await;
    database
        .insert_many(500, "n::text", "n * interval '1 second'")
        .await;
    let Some(bouncer) = transaction_mode(&database).await else {
        return;
    };
    let service = service(&bouncer).await;
    for _ in 0..3 {
        let filtered = "/task-status/summary?filters=launcher+eq+%22l%22";
        for target in ["/task-status/summary", filtered] {
            assert_eq!(service.get(target).await.json()["pending"]["count"], 500);
        }
        let suggested = service
            .get("/task-status/suggestions?field=id&prefix=49&limit=3")
            .await;
        assert_eq!(suggested.body, r#"["49","490","491"]"#);
        let accept = [("Accept", "application/x-ndjson")];
        let export = service
            .request(reqwest::Method::GET, "/task-status?sorters=-uniqueName", &accept)
            .await;
        assert_eq!(export.body.lines().count(), 500);
    }
}
