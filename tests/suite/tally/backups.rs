//! Backups: what has the right counts when it is restored, and what needs `verify --repair`.

use std::fs;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use task_status::store::tally;

use super::past_triggers::two_databases;
use super::{Observation, observe};
use crate::support::node::Node;
use crate::support::{tasks, until};

/// Tasks, with changes that are folded and others that are not.
fn contents() -> Vec<String> {
    vec![
        tasks::insert_many(30, "n", "n * interval '1 hour'"),
        "update task_status set completion_status = 'ERROR' where id::int > 20".into(),
        "select task_status_fold_tally(), task_status_fold_pending()".into(),
        "begin isolation level repeatable read; update task_status set progress = 'x' where id = '1'; commit".into(),
        "begin isolation level repeatable read; update task_status set completion_status = 'ERROR' where id = '2'; commit".into(),
    ]
}

async fn execute(connection: &mut PgConnection, statements: &[String]) {
    for sql in statements {
        connection.execute(AssertSqlSafe(sql.clone())).await.unwrap();
    }
}

async fn connect(node: &Node, database: &str) -> PgConnection {
    let options = node.options().database(database);
    PgConnection::connect_with(&options).await.unwrap()
}

/// Runs one of PostgreSQL's programs on a database, and returns if it succeeds.
fn run(node: &Node, program: &str, database: &str, arguments: &[&str]) -> bool {
    let sockets = node.path("");
    let connection = ["-h", &sockets, "-U", "postgres", "-d", database];
    node.client(program, &[&connection[..], arguments].concat())
        .success()
}

/// Dumps `theirs` with these options, and restores it into another database.
fn copy(node: &Node, database: &str, options: &[&str], number: usize) -> bool {
    let file = node.path(&format!("{database}{number}"));
    assert!(
        run(node, "pg_dump", "theirs", &[options, &["-f", &file]].concat()),
        "{database}"
    );
    if options.iter().any(|option| option.starts_with("-F")) {
        let options: Vec<&str> = options
            .iter()
            .copied()
            .filter(|option| !option.starts_with("-F"))
            .collect();
        run(node, "pg_restore", database, &[&options[..], &[&file]].concat())
    } else {
        run(
            node,
            "psql",
            database,
            &["-v", "ON_ERROR_STOP=0", "-q", "-f", &file],
        )
    }
}

/// A writer that adds a row to the tally is counted, and one that takes a slot.
async fn expect_counting(connection: &mut PgConnection, name: &str) {
    for isolation in ["repeatable read", "read committed"] {
        let sql = format!(
            "begin isolation level {isolation};
             update task_status set completion_status = 'ERROR'
             where id = (select min(id) from task_status where completion_status is null);
             commit"
        );
        let before = observe(connection).await;
        execute(connection, &[sql]).await;
        let after = observe(connection).await;
        assert_eq!(
            (after.counted, after.tallied),
            (before.counted - 1, before.tallied - 1),
            "{name}"
        );
        assert!(after.has_moved_from(&before), "{name}");
    }
}

async fn expect_equal(connection: &mut PgConnection, expected: &Observation, name: &str) {
    assert!(tally::check(connection).await.unwrap().is_clean(), "{name}");
    assert_eq!(&observe(connection).await, expected, "{name}");
    expect_counting(connection, name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_dump_has_the_right_counts_and_one_of_rows_is_repaired() {
    let (node, [mut theirs, mut ours]) = two_databases().await;
    execute(&mut theirs, &contents()).await;
    let dumped = observe(&mut theirs).await;
    theirs.close().await.unwrap();
    for sql in [
        "create database empty",
        "create database migrated template ours",
        "create database copied template theirs",
    ] {
        if sql.ends_with("ours") {
            ours.close().await.unwrap();
            ours = connect(&node, "postgres").await;
        }
        ours.execute(sql).await.unwrap();
    }
    expect_equal(&mut connect(&node, "copied").await, &dumped, "copied").await;

    for (name, dumps) in [
        ("plain", &[&[][..]][..]),
        ("inserted", &[&["--inserts"]]),
        ("archive", &[&["-Fc"]]),
        ("folder", &[&["-Fd", "-j2"]]),
        (
            "sections",
            &[
                &["-Fc", "--section=pre-data"],
                &["-Fc", "--section=data"],
                &["-Fc", "--section=post-data"],
            ],
        ),
    ] {
        ours.execute(AssertSqlSafe(format!("create database {name} template empty")))
            .await
            .unwrap();
        for (number, &options) in dumps.iter().enumerate() {
            assert!(copy(&node, name, options, number), "{name}");
        }
        expect_equal(&mut connect(&node, name).await, &dumped, name).await;
    }

    for (name, template, dumps) in [
        (
            "schema_then_rows",
            "empty",
            &[&["--schema-only"][..], &["--data-only"]][..],
        ),
        ("rows_archive", "migrated", &[&["-Fc", "--data-only"]]),
        (
            "rows_archive_without_triggers",
            "migrated",
            &[&["-Fc", "--data-only", "--disable-triggers"]],
        ),
        ("rows_plain", "migrated", &[&["--data-only"]]),
        (
            "rows_plain_without_triggers",
            "migrated",
            &[&["--data-only", "--disable-triggers"]],
        ),
        ("rows_inserted", "migrated", &[&["--inserts", "--data-only"]]),
        (
            "rows_inserted_without_triggers",
            "migrated",
            &[&["--inserts", "--data-only", "--disable-triggers"]],
        ),
        (
            "rows_of_tasks",
            "migrated",
            &[&["--data-only", "--table=task_status"]],
        ),
    ] {
        ours.execute(AssertSqlSafe(format!(
            "create database {name} template {template}"
        )))
        .await
        .unwrap();
        for (number, options) in dumps.iter().enumerate() {
            // Some rows are refused, which ends neither program.
            copy(&node, name, options, number);
        }
        let mut connection = connect(&node, name).await;
        let restored = observe(&mut connection).await;
        assert_eq!(restored.counted, dumped.counted, "{name}");
        let is_right = tally::check(&mut connection).await.unwrap().is_right();
        assert_eq!(is_right, name == "rows_of_tasks", "{name}");
        let check = tally::repair(&mut connection).await.unwrap();
        for trigger in check.disabled_triggers {
            let enable = format!("alter table task_status enable always trigger {trigger}");
            execute(&mut connection, &[enable]).await;
        }
        assert!(tally::check(&mut connection).await.unwrap().is_clean(), "{name}");
        assert!(observe(&mut connection).await.has_moved_from(&restored), "{name}");
        expect_counting(&mut connection, name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_backup_has_the_right_counts_of_the_point_that_it_is_recovered_to() {
    let node = Node::primary();
    // Its folder belongs to the account of the server.
    let archive = node.path("");
    let mut primary = connect(&node, "postgres").await;
    for sql in [
        "alter system set archive_mode = on".to_owned(),
        format!("alter system set archive_command = 'cp %p {archive}%f'"),
    ] {
        execute(&mut primary, &[sql]).await;
    }
    node.stop();
    node.start();
    task_status::store::schema::migrate(&node.options())
        .await
        .unwrap();
    let mut primary = connect(&node, "postgres").await;
    primary
        .execute(AssertSqlSafe(tasks::insert(&["0"])))
        .await
        .unwrap();
    let backup = Node::copy_of(&node, "--no-manifest");
    execute(&mut primary, &contents()).await;
    let wanted = observe(&mut primary).await;
    primary
        .execute("select pg_create_restore_point('wanted')")
        .await
        .unwrap();
    execute(
        &mut primary,
        &["delete from task_status".into(), "select pg_switch_wal()".into()],
    )
    .await;
    until("the log is archived", async || {
        sqlx::query_scalar(
            "select last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) from pg_stat_archiver",
        )
        .fetch_one(&mut primary)
        .await
        .unwrap()
    })
    .await;
    for (file, lines) in [
        ("data/recovery.signal", String::new()),
        (
            "data/postgresql.auto.conf",
            format!(
                "restore_command = 'cp {archive}%f %p'\nrecovery_target_name = wanted\nrecovery_target_action = promote\n"
            ),
        ),
    ] {
        fs::write(backup.path(file), lines).unwrap();
    }
    backup.start();
    let mut recovered = connect(&backup, "postgres").await;
    until("the recovery has ended", async || {
        sqlx::query_scalar("select not pg_is_in_recovery()")
            .fetch_one(&mut recovered)
            .await
            .unwrap()
    })
    .await;
    expect_equal(&mut recovered, &wanted, "base backup").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logical_copy_is_repaired_before_it_serves() {
    let (node, [mut theirs, mut ours]) = two_databases().await;
    execute(&mut theirs, &contents()).await;
    for sql in [
        "create publication tasks for table task_status",
        "select pg_create_logical_replication_slot('tasks', 'pgoutput')",
    ] {
        theirs.execute(sql).await.unwrap();
    }
    let subscription = format!(
        "create subscription tasks connection 'host={} user=postgres dbname=theirs' publication tasks
         with (create_slot = false, slot_name = tasks)",
        node.path("")
    );
    execute(&mut ours, &[subscription]).await;
    let synchronized = "select every(srsubstate = 'r') from pg_subscription_rel";
    until("the tasks are copied", async || {
        sqlx::query_scalar(synchronized)
            .fetch_one(&mut ours)
            .await
            .unwrap()
    })
    .await;
    assert!(tally::check(&mut ours).await.unwrap().is_right());
    theirs
        .execute("delete from task_status where id = '3'")
        .await
        .unwrap();
    until("a change is replicated", async || {
        observe(&mut ours).await.counted == 18
    })
    .await;
    assert!(!tally::check(&mut ours).await.unwrap().is_right());
    for sql in [
        "alter subscription tasks disable",
        "alter subscription tasks set (slot_name = none)",
        "drop subscription tasks",
    ] {
        ours.execute(sql).await.unwrap();
    }
    tally::repair(&mut ours).await.unwrap();
    assert!(tally::check(&mut ours).await.unwrap().is_clean());
    expect_counting(&mut ours, "logical copy").await;
}
