//! Switchovers and network failures, with one address and with several hosts: no response comes from a former primary, and no acknowledged write is lost.

use std::time::{Duration, Instant};

use reqwest::Method;
use sqlx::{Connection, PgConnection};
use task_status::auth::Authenticator;
use task_status::auth::proxies::Proxies;
use task_status::http::middleware::authorize::Authorizer;
use task_status::store::database::Limits;
use task_status::store::hosts::Hosts;
use task_status::store::schema::{self, Schema};
use task_status::store::{Database, tally, task};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::node::Node;
use crate::support::program::{self, Program, serve};
use crate::support::proxy::{Proxy, Route};
use crate::support::service::{LIMITS, PENDING_TASKS, Service, Setup, watched};
use crate::support::{TIMEOUT, eventually, until};

/// The connections of [`LIMITS`] that are not for pages alone.
const BESIDE_PAGES: u32 = LIMITS.max_connections - 1;

async fn service(proxy: &Proxy, node: &Node) -> Service {
    serving(proxy.options(&node.options())).await
}

async fn serving(hosts: impl Into<Hosts>) -> Service {
    let limits = Limits {
        acquire_timeout: Duration::from_secs(3),
        statement_timeout: Duration::from_secs(2),
        ..LIMITS
    };
    let database = watched(hosts, limits, Schema::Migrate);
    database.wait_until_up().await;
    let proxies = Proxies::new(vec!["127.0.0.1".parse().unwrap()]);
    let authorizer = Authorizer::new(Authenticator::Open, proxies, None);
    Service::on(database, Setup::with_authorizer(authorizer))
}

async fn report(service: &Service, id: &str, progress: &str) -> u16 {
    let task = format!(r#"{{"type":"QPOC","uniqueName":"n","launcher":"l","progress":"{progress}"}}"#);
    let stored = service
        .send(
            Method::PUT,
            &format!("/task-status/{id}"),
            "application/json",
            task,
        )
        .await;
    if stored.status.is_success() {
        assert_eq!(
            stored.json()["progress"],
            progress,
            "the response is older than its write"
        );
    }
    stored.status.as_u16()
}

/// Checks that the pending tasks are the acknowledged ones. Returns false on 503.
async fn expect_fresh(service: &Service, number: usize) -> bool {
    let page = service.get(&format!("{PENDING_TASKS}?count=true")).await;
    if page.status == 503 {
        return false;
    }
    assert_eq!(page.total_count(), i64::try_from(number).ok(), "{page:?}");
    assert_eq!(page.ids().len(), number);
    true
}

/// A number that a node returns.
async fn ask(node: &Node, sql: &'static str) -> Option<i64> {
    let mut connection = PgConnection::connect_with(&node.options()).await.ok()?;
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.ok()
}

async fn caught_up(standby: &Node, number: i64) {
    until("the standby is current", async || {
        ask(standby, "select count(*) from task_status").await == Some(number)
    })
    .await;
}

/// Waits until no session of the service is with a node.
async fn has_left(node: &Node) {
    let sessions = "select count(*) from pg_stat_activity where application_name = 'task-status'";
    until("the service has left", async || {
        ask(node, sessions).await == Some(0)
    })
    .await;
}

/// Writes one task after the other, and checks that each response has every acknowledged one. Returns their number.
async fn keep_writing(service: &Service, stop: &watch::Sender<bool>) -> i64 {
    let (mut acknowledged, mut doubtful) = (0, 0);
    for number in 0.. {
        let target = format!("w{number}");
        let is_acknowledged = report(service, &target, "p").await == 201;
        if is_acknowledged {
            acknowledged += 1;
        } else {
            doubtful += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let page = service.get(&format!("{PENDING_TASKS}?count=true&limit=1")).await;
        if let Some(count) = page.total_count() {
            let possible = acknowledged..=acknowledged + doubtful;
            assert!(possible.contains(&count), "{count} is not in {possible:?}");
        }
        let task = service
            .get(&format!("/task-status/{target}"))
            .await
            .status
            .as_u16();
        assert!(task == 503 || task == 200 || !is_acknowledged, "{task}");
        if *stop.borrow() {
            break;
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_the_one_that_takes_writes_is_used() {
    let old = Node::primary();
    let new = Node::standby_of(&old);
    let dead = Proxy::start(Route::Swallow).await;
    let nodes = vec![dead.options(&old.options()), new.options(), old.options()];
    let service = std::sync::Arc::new(serving(Hosts::new(nodes, None)).await);
    let stop = watch::Sender::new(false);
    let writing = tokio::spawn({
        let (service, stop) = (service.clone(), stop.clone());
        async move { keep_writing(&service, &stop).await }
    });
    until("writes reach the standby", async || {
        ask(&new, "select count(*) from task_status").await > Some(20)
    })
    .await;
    old.stop();
    let before = ask(&new, "select count(*) from task_status").await;
    let promoted = Instant::now();
    new.promote();
    until("writes reach the new primary", async || {
        ask(&new, "select count(*) from task_status").await > before
    })
    .await;
    println!(
        "writes again {} ms after the promotion",
        promoted.elapsed().as_millis()
    );

    // The former primary comes back as one that takes writes. The service stays where it is.
    let before = ask(&new, "select count(*) from task_status").await;
    old.start();
    let left_behind = ask(&old, "select count(*) from task_status").await;
    until("writes reach the new primary", async || {
        ask(&new, "select count(*) from task_status").await > before.map(|number| number + 20)
    })
    .await;
    stop.send_replace(true);
    let acknowledged = writing.await.unwrap();
    assert_eq!(ask(&old, "select count(*) from task_status").await, left_behind);
    has_left(&old).await;
    let stored = ask(&new, "select count(*) from task_status").await;
    assert!(stored >= Some(acknowledged), "{stored:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_primary_that_lives_on_is_left() {
    let old = Node::primary();
    let new = Node::standby_of(&old);
    let proxy = Proxy::start(Route::To(old.socket())).await;
    let service = service(&proxy, &old).await;
    assert_eq!(report(&service, "t0", "before").await, 201);
    caught_up(&new, 1).await;
    new.promote();
    proxy.set(Route::To(new.socket()));
    // Without a request: no new connection of the pool shows where the address leads.
    has_left(&old).await;
    until("a write succeeds", async || {
        report(&service, "t1", "after").await == 201
    })
    .await;
    assert!(expect_fresh(&service, 2).await);
    assert_eq!(ask(&old, "select count(*) from task_status").await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_takes_several_hosts_and_waits_for_one_that_takes_writes() {
    let old = Node::primary();
    let (first, second) = (Node::standby_of(&old), Node::standby_of(&old));
    let run = |arguments: &[&str], nodes: &[&Node]| {
        let mut command = program::command(arguments);
        command.env("DATABASE_URL", Node::url(nodes)).output().unwrap()
    };
    let migrated = run(&["migrate"], &[&first, &old]);
    assert!(migrated.status.success(), "{migrated:?}");
    let verified = run(&["verify"], &[&first, &second, &old]);
    assert!(verified.status.success(), "{verified:?}");
    let refused = run(&["verify"], &[&first, &second]);
    let said = program::output_of(&refused);
    assert_eq!(said.matches("the server is a standby").count(), 2, "{said}");
    caught_up(&second, 0).await;

    let url = Node::url(&[&first, &second])
        + "&target_session_attrs=read-write&connect_timeout=2&sslpassword=hunter2";
    let mut program = Program::start(serve(&url, &["--auth", "none"]));
    let pending = program.url().await + PENDING_TASKS;
    let waiting = program.logged("waiting for the database").await;
    assert_eq!(waiting.matches("the server is a standby").count(), 2, "{waiting}");
    assert_eq!(reqwest::get(&pending).await.unwrap().status(), 503);
    second.promote();
    program.logged("the database is up").await;
    assert_eq!(reqwest::get(&pending).await.unwrap().status(), 204);
    program.stop();
    let ignored = program.logged("ignoring").await;
    assert!(ignored.contains("sslpassword"), "{ignored}");
    assert!(!program.log().contains("hunter2"), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_switchover_every_response_is_of_the_new_primary() {
    let old = Node::primary();
    let standby = Node::standby_of(&old);
    let proxy = Proxy::start(Route::To(old.socket())).await;
    let service = service(&proxy, &old).await;
    for number in 0..3 {
        assert_eq!(report(&service, &format!("t{number}"), "before").await, 201);
    }
    assert!(expect_fresh(&service, 3).await);
    caught_up(&standby, 3).await;

    // The standby is promoted, and the proxy still leads to a standby.
    old.stop();
    standby.promote();
    let returned = Node::standby_of(&standby);
    proxy.set(Route::To(returned.socket()));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        assert_eq!(report(&service, "t0", "on a standby").await, 503);
        assert!(!expect_fresh(&service, 3).await, "a response from a standby");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    proxy.set(Route::To(standby.socket()));
    let switched = Instant::now();
    until("a write succeeds", async || {
        report(&service, "t3", "after").await == 201
    })
    .await;
    println!(
        "writes again {} ms after the proxy was switched",
        switched.elapsed().as_millis()
    );
    for number in 4..20 {
        assert_eq!(report(&service, &format!("t{number}"), "after").await, 201);
        assert!(expect_fresh(&service, number + 1).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_drops_packets_is_abandoned() {
    let node = Node::primary();
    let proxy = Proxy::start(Route::To(node.socket())).await;
    let service = service(&proxy, &node).await;
    assert_eq!(report(&service, "t0", "before").await, 201);
    // Busy clients, so that packets are lost at every stage of a session.
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (client, url) = (
            reqwest::Client::new(),
            format!("http://{}{PENDING_TASKS}", service.address),
        );
        clients.spawn(async move {
            loop {
                let _ = client.get(&url).send().await;
                // Refusals come at once: without a pause they leave a small machine no time for the checks.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    for round in 1..6 {
        proxy.set(Route::Swallow);
        until("the outage is detected", async || {
            !expect_fresh(&service, round).await
        })
        .await;
        // New connections work. The old ones stay open and dead.
        proxy.set(Route::To(node.socket()));
        let healed = Instant::now();
        until("pages are confirmed", async || {
            expect_fresh(&service, round).await
        })
        .await;
        println!(
            "pages again {} ms after new connections work",
            healed.elapsed().as_millis()
        );
        let write = async || report(&service, &format!("t{round}"), "after").await;
        let mut written = write().await;
        if written == 503 {
            // A check that takes over a second, on a busy machine, is an outage too.
            until("the database is up", async || service.database.is_up()).await;
            written = write().await;
        }
        assert!(matches!(written, 200 | 201), "{written}");
        until("pages are confirmed", async || {
            expect_fresh(&service, round + 1).await
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_balancer_that_closes_connections_counts_as_an_outage() {
    let node = Node::primary();
    let proxy = Proxy::start(Route::Close).await;
    let database = Database::new(proxy.options(&node.options()), LIMITS);
    let watch = tokio::spawn({
        let database = database.clone();
        async move { database.watch(Schema::Migrate).await }
    });
    let service = Service::on(database, Setup::default());
    for _ in 0..20 {
        assert_eq!(service.get(PENDING_TASKS).await.status, 503);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!watch.is_finished(), "the service waits for its database");
    proxy.set(Route::To(node.socket()));
    until("the database is up", async || {
        service.get(PENDING_TASKS).await.status == 204
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_of_the_tally_leaves_a_standby() {
    let primary = Node::primary();
    let standby = Node::standby_of(&primary);
    let proxy = Proxy::start(Route::To(primary.socket())).await;
    let service = service(&proxy, &primary).await;
    assert_eq!(report(&service, "t0", "before").await, 201);
    assert!(expect_fresh(&service, 1).await);
    // New connections lead to the standby for a moment, in which the session ends.
    proxy.set(Route::To(standby.socket()));
    let mut admin = PgConnection::connect_with(&primary.options()).await.unwrap();
    let ended: i64 = sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where query like '%is_standby%task_status_tally%' and pid <> pg_backend_pid()",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(ended, 1);
    assert!(
        !expect_fresh(&service, 1).await,
        "a page that a standby has confirmed"
    );
    proxy.set(Route::To(primary.socket()));
    eventually("pages are confirmed", async || {
        expect_fresh(&service, 1).await.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_network_costs_no_connection_of_the_pool() {
    let node = Node::primary();
    let proxy = Proxy::start(Route::To(node.socket())).await;
    let service = service(&proxy, &node).await;
    assert_eq!(report(&service, "t0", "before").await, 201);
    for _ in 0..3 {
        let mut clients = JoinSet::new();
        for number in 1..=12 {
            // Each is a client of its own, with a share of the connections.
            let request = reqwest::Client::new()
                .get(format!("http://{}/task-status/t0", service.address))
                .header("X-Forwarded-For", format!("192.0.2.{number}"));
            clients.spawn(async move {
                while let Some(request) = request.try_clone() {
                    let _ = request.send().await;
                }
            });
        }
        eventually("every connection is in use", async || {
            let mut admin = PgConnection::connect_with(&node.options()).await.ok()?;
            let used: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity where query like '%where id = $1%'",
            )
            .fetch_one(&mut admin)
            .await
            .ok()?;
            (used >= i64::from(BESIDE_PAGES)).then_some(())
        })
        .await;
        proxy.set(Route::Swallow);
        eventually("the network is known to be dead", async || {
            (!service.database.is_up()).then_some(())
        })
        .await;
        proxy.set(Route::To(node.socket()));
        clients.shutdown().await;
        service.database.wait_until_up().await;
        // All of them can be had at once again.
        let mut leases = Vec::new();
        for _ in 0..BESIDE_PAGES {
            leases.push(
                eventually("a connection is free", async || {
                    service.database.connection().await.ok()
                })
                .await,
            );
        }
        for lease in leases {
            lease.finish().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_in_the_background_gives_up_on_a_dead_network() {
    let node = Node::primary();
    let proxy = Proxy::start(Route::To(node.socket())).await;
    let service = service(&proxy, &node).await;
    let mut admin = PgConnection::connect_with(&node.options()).await.unwrap();
    let mut lock = admin.begin().await.unwrap();
    sqlx::raw_sql("lock table task_status_pending_delta in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    let database = service.database.clone();
    let folding = tokio::spawn(async move { tally::fold(&database).await });
    let mut observer = PgConnection::connect_with(&node.options()).await.unwrap();
    eventually("the fold waits for the lock", async || {
        let waiting: i64 = sqlx::query_scalar("select count(*) from pg_locks where not granted")
            .fetch_one(&mut observer)
            .await
            .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    proxy.set(Route::Swallow);
    // The statement ends on the server, and the response is lost.
    lock.rollback().await.unwrap();
    assert!(folding.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_dies_during_the_start_does_not_stop_it() {
    let node = Node::primary();
    schema::migrate(&node.options()).await.unwrap();
    for delay in [8, 16, 32, 64] {
        let proxy = Proxy::start(Route::To(node.socket())).await;
        let database = Database::new(proxy.options(&node.options()), LIMITS);
        let watched = database.clone();
        let watch = tokio::spawn(async move { watched.watch(Schema::Expect).await });
        tokio::time::sleep(Duration::from_millis(delay)).await;
        proxy.set(Route::Swallow);
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.set(Route::To(node.socket()));
        tokio::time::timeout(Duration::from_secs(40), database.wait_until_up())
            .await
            .unwrap();
        watch.abort();
    }
}

#[tokio::test]
async fn a_standby_is_refused_by_prune() {
    let primary = Node::primary();
    schema::migrate(&primary.options()).await.unwrap();
    let standby = Node::standby_of(&primary);
    let mut prune = program::command(&["prune", "--older-than", "90d"]);
    prune.env("DATABASE_URL", Node::url(&[&standby]));
    let mut prune = Program::start(prune);
    assert!(!prune.wait().success());
    assert!(prune.log().contains("the server is a standby"), "{}", prune.log());
}

#[tokio::test]
async fn a_commit_that_waits_for_a_standby_is_given_up() {
    let node = Node::primary();
    let service = serving(node.options()).await;
    assert_eq!(report(&service, "a", "1").await, 201);
    let mut other = PgConnection::connect_with(&node.options()).await.unwrap();
    for statement in [
        "alter system set synchronous_standby_names = 'away'",
        "select pg_reload_conf()",
    ] {
        sqlx::query(statement).execute(&mut other).await.unwrap();
    }
    until("commits wait", async || {
        let names = sqlx::query_scalar::<_, String>("show synchronous_standby_names");
        names.fetch_one(&mut other).await.unwrap() == "away"
    })
    .await;
    let change = task::change(&service.database, "a", |task| {
        let mut task = task.clone();
        task.percent_complete = 1;
        Ok::<_, ()>(task)
    });
    let outcome = tokio::time::timeout(TIMEOUT, change).await;
    assert!(outcome.expect("it is given up").unwrap_err().is_outage());
}
