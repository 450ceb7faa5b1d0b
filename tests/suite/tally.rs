//! The tally: in every snapshot it equals `count(*)`, after any statement at any isolation level. Its revisions move with
//! every change to a pending task, and to any task.

mod backups;
mod concurrent;
mod past_triggers;
mod room;
pub mod verify;

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use task_status::store::tally;
use tokio::sync::Mutex;

use crate::support::database::{TestDatabase, rewritten};
use crate::support::service::Service;
use crate::support::tasks;

/// The content of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Observation {
    counted: i64,
    tallied: i64,
    /// By hour and by minute of creation: counted, and tallied.
    spans: [(Option<String>, Option<String>); 2],
    /// The revision, and a digest of every column: of the pending tasks, and of all.
    states: [(i64, String); 2],
}

impl Observation {
    /// Whether both revisions are others.
    fn has_moved_from(&self, before: &Self) -> bool {
        std::iter::zip(&self.states, &before.states).all(|(now, before)| now.0 != before.0)
    }
}

/// Reads everything in one snapshot.
async fn observe(connection: &mut PgConnection) -> Observation {
    let row = sqlx::query(
        "select
            (select count(*) from task_status where completion_status is null),
            (select sum(pending)::bigint from task_status_tally),
            (select sum(revision)::bigint from task_status_tally),
            (select md5(coalesce(string_agg(task::text, ' ' order by id), ''))
             from task_status as task where completion_status is null),
            counted.by_hour, tallied.by_hour, counted.by_minute, tallied.by_minute,
            (select sum(table_revision)::bigint from task_status_tally),
            (select md5(coalesce(string_agg(task::text, ' ' order by id), '')) from task_status as task)
         from (select
                (select string_agg(since || ': ' || n, ', ' order by since) from (
                    select date_trunc('hour', created, 'UTC') as since, count(*) as n
                    from task_status where completion_status is null group by 1) as hours) as by_hour,
                (select string_agg(since || ': ' || n, ', ' order by since) from (
                    select date_trunc('minute', created, 'UTC') as since, count(*) as n
                    from task_status where completion_status is null group by 1) as minutes) as by_minute
            ) as counted,
            (select
                (select string_agg(since || ': ' || n, ', ' order by since) from (
                    select since, sum(pending) as n from (
                        select date_trunc('hour', minute, 'UTC') as since, pending from task_status_pending_delta
                        union all
                        select hour, pending from task_status_pending_hour
                    ) as numbers group by 1 having sum(pending) <> 0) as hours) as by_hour,
                (select string_agg(since || ': ' || n, ', ' order by since) from (
                    select since, sum(pending) as n from (
                        select minute as since, pending from task_status_pending_delta
                        union all
                        select minute, pending from task_status_pending_minute
                    ) as numbers group by 1 having sum(pending) <> 0) as minutes) as by_minute
            ) as tallied",
    )
    .fetch_one(connection)
    .await
    .unwrap();
    Observation {
        counted: row.get(0),
        tallied: row.get(1),
        spans: [(row.get(4), row.get(5)), (row.get(6), row.get(7))],
        states: [(row.get(2), row.get(3)), (row.get(8), row.get(9))],
    }
}

/// The observed revisions: each stands for one state of the pending tasks, or of all.
#[derive(Default)]
struct Revisions([HashMap<i64, String>; 2]);

impl Revisions {
    fn check(&mut self, observation: &Observation) {
        assert_eq!(observation.counted, observation.tallied, "{observation:?}");
        for (counted, tallied) in &observation.spans {
            assert_eq!(counted, tallied, "{observation:?}");
        }
        for (known, (revision, digest)) in std::iter::zip(&mut self.0, &observation.states) {
            let known = known.entry(*revision).or_insert_with(|| digest.clone());
            assert_eq!(known, digest, "one revision for two states: {observation:?}");
        }
    }
}

/// Statements on about `n` of twenty tasks.
fn statement() -> impl Strategy<Value = String> {
    let which = (0..20_u8, 1..20_u8).prop_map(|(first, many)| {
        format!("id in (select 't' || (({first} + n) % 20) from generate_series(1, {many}) n)")
    });
    let insert = (0..20_u8, 1..20_u8, 0..3_u8).prop_map(|(first, many, completed)| {
        format!(
            "insert into task_status as task (id, type, unique_name, launcher, completion_status)
             select 't' || (({first} + n) % 20), 'QPOC', 'n', 'l', case when n % 3 < {completed} then 'ERROR' end
             from generate_series(1, {many}) n"
        )
    });
    let set = prop_oneof![
        Just("progress = coalesce(progress, '') || '.'"),
        Just("modified = modified"),
        Just("completion_status = 'SUCCESS'"),
        Just("completion_status = null, completed = null"),
        Just(
            "completion_status = case when completion_status is null then 'ERROR' end, completed = case when completion_status is null then now() end"
        ),
        Just("created = created - interval '1 day'"),
        Just("created = created + random() * interval '2 hours'"),
    ];
    prop_oneof![
        4 => insert.clone().prop_map(|insert| insert + " on conflict do nothing"),
        4 => insert.clone().prop_map(|insert| insert
            + " on conflict (id) do update set completion_status = excluded.completion_status, completed = excluded.completed"),
        2 => insert.clone().prop_map(|insert| insert
            + " on conflict (id) do update set progress = 'again' where task.completion_status is null"),
        // Fails if the task exists: nothing of it may be counted.
        2 => insert.clone(),
        4 => (set, which.clone()).prop_map(|(set, which)| format!("update task_status set {set} where {which}")),
        2 => which.clone().prop_map(|which| format!("update task_status set id = id || '.' where {which}")),
        2 => which.clone().prop_map(|which| format!("delete from task_status where {which}")),
        1 => Just("delete from task_status where id like '%.'".to_owned()),
        1 => Just("truncate task_status".to_owned()),
        // Three commands on one table in one statement.
        2 => (which.clone(), which.clone()).prop_map(|(moved, touched)| format!(
            "with moved as (delete from task_status where {moved} returning id),
                  touched as (update task_status set progress = 'touched' where {touched} returning id)
             insert into task_status (id, type, unique_name, launcher)
             select id || '-' || count(*) over () || random(), 'QPOC', 'n', 'l' from moved")),
        2 => which.prop_map(|which| format!(
            "merge into task_status as task
             using (select 't' || n as id from generate_series(0, 25) n) as given on task.id = given.id and {}
             when matched and task.completion_status is null then update set completion_status = 'WARNING'
             when matched then delete
             when not matched and not exists (select from task_status as other where other.id = given.id)
                 then insert (id, type, unique_name, launcher) values (given.id, 'QPOC', 'merged', 'l')",
            which.replace("id in", "task.id in"))),
        1 => Just("set local session_replication_role = replica; delete from task_status where id in (select id from task_status order by id limit 2); set local session_replication_role = origin".to_owned()),
        1 => Just("COPY".to_owned()),
        2 => Just("select task_status_fold_pending(), task_status_fold_tally()".to_owned()),
    ]
}

/// A transaction: its isolation level, its statements, and whether it commits.
fn transaction() -> impl Strategy<Value = (&'static str, Vec<(String, Option<bool>)>, bool)> {
    let level = prop_oneof![
        3 => Just("read committed"),
        1 => Just("repeatable read"),
        1 => Just("serializable"),
    ];
    // A statement, and whether it is inside a savepoint that is released (true) or rolled back to (false).
    let statements = prop::collection::vec((statement(), prop::option::of(any::<bool>())), 1..6);
    (level, statements, prop::bool::weighted(0.8))
}

async fn copy(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut copy = connection
        .copy_in_raw("copy task_status (id, type, unique_name, launcher, completed, completion_status) from stdin (null 'N')")
        .await?;
    copy.send(
        format!(
            "c{0}\tQPOC\tn\tl\tN\tN\nd{0}\tQPOC\tn\tl\t2026-01-01\tERROR\n",
            uuid::Uuid::new_v4()
        )
        .as_bytes(),
    )
    .await?;
    copy.finish().await.map(drop)
}

async fn run(connection: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    match statement {
        "COPY" => copy(connection).await,
        sql => connection.execute(AssertSqlSafe(sql.to_owned())).await.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tally_is_the_count_after_any_sequence_of_statements() {
    let database = TestDatabase::new().await;
    let state = Mutex::new((
        database.connect().await,
        database.connect().await,
        Revisions::default(),
    ));
    let runtime = tokio::runtime::Handle::current();
    let config = Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    };
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&prop::collection::vec(transaction(), 1..6), |transactions| {
                runtime.block_on(async {
                    let (writer, observer, revisions) = &mut *state.lock().await;
                    for (level, statements, commits) in transactions {
                        let before = observe(observer).await;
                        let truncates = statements.iter().any(|(sql, _)| sql.starts_with("truncate"));
                        writer
                            .execute(AssertSqlSafe(format!("begin isolation level {level}")))
                            .await
                            .unwrap();
                        for (statement, savepoint) in statements {
                            writer.execute("savepoint before").await.unwrap();
                            let done = run(writer, &statement).await;
                            if done.is_err() || savepoint == Some(false) {
                                writer.execute("rollback to savepoint before").await.unwrap();
                            }
                            // A transaction sees its own tally too.
                            let within = observe(writer).await;
                            assert_eq!(within.counted, within.tallied, "{level}: {statement}");
                            for (counted, tallied) in within.spans {
                                assert_eq!(counted, tallied, "{level}: {statement}");
                            }
                        }
                        // TRUNCATE blocks all other sessions.
                        if !truncates {
                            assert_eq!(observe(observer).await, before, "seen before it is committed");
                        }
                        writer
                            .execute(if commits { "commit" } else { "rollback" })
                            .await
                            .unwrap();
                        let after = observe(observer).await;
                        if !commits {
                            assert_eq!(after, before);
                        }
                        revisions.check(&after);
                    }
                });
                Ok(())
            })
            .unwrap();
    });
    assert!(
        state.lock().await.2.0[0].len() > 100,
        "few revisions were observed"
    );
}

#[tokio::test]
async fn each_revision_moves_only_with_its_tasks() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher, completion_status)
             values ('done', 'QPOC', 'n', 'l', 'ERROR');
             insert into task_status (id, type, unique_name, launcher) values ('pending', 'QPOC', 'n', 'l')",
        )
        .await;
    let mut connection = database.connect().await;
    let before = observe(&mut connection).await;
    let mut known = before.clone();
    for sql in [
        "insert into task_status (id, type, unique_name, launcher, completion_status) values ('more', 'QPOC', 'n', 'l', 'ERROR')",
        "update task_status set progress = 'x' where completion_status is not null",
        "delete from task_status where id = 'more'",
    ] {
        connection.execute(sql).await.unwrap();
        let after = observe(&mut connection).await;
        assert_eq!(after.states[0], before.states[0], "{sql}");
        assert_ne!(after.states[1].0, known.states[1].0, "{sql}");
        known = after;
    }
    for sql in [
        "update task_status set progress = 'x' where false",
        "delete from task_status where false",
        "insert into task_status (id, type, unique_name, launcher) values ('pending', 'QPOC', 'n', 'l') on conflict do nothing",
        "select task_status_fold_tally()",
        "select task_status_fold_pending()",
        "vacuum full task_status_tally",
    ] {
        connection.execute(sql).await.unwrap();
        assert_eq!(observe(&mut connection).await, known, "{sql}");
    }
    connection
        .execute("update task_status set progress = 'x' where id = 'pending'")
        .await
        .unwrap();
    assert!(observe(&mut connection).await.has_moved_from(&known));
}

#[tokio::test]
async fn truncate_is_refused_if_its_snapshot_could_be_old() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    for level in ["repeatable read", "serializable"] {
        connection
            .execute(AssertSqlSafe(format!("begin isolation level {level}")))
            .await
            .unwrap();
        let error = connection.execute("truncate task_status").await.unwrap_err();
        let error = error.as_database_error().unwrap();
        assert_eq!(error.code().as_deref(), Some("0A000"));
        assert_eq!(
            error.message(),
            format!("task_status cannot be truncated at the isolation level \"{level}\"")
        );
        connection.execute("rollback").await.unwrap();
    }
    connection.execute("truncate task_status").await.unwrap();
}

#[tokio::test]
async fn concurrent_writers_neither_block_nor_fail_each_other() {
    let database = TestDatabase::new().await;
    let insert = |id: &str| AssertSqlSafe(tasks::insert(&[id]));
    // An open transaction holds every slot.
    let mut holder = database.connect().await;
    holder.execute("begin").await.unwrap();
    holder
        .execute("select pg_advisory_xact_lock(1952541804, slot::integer) from task_status_tally")
        .await
        .unwrap();
    for level in ["read committed", "repeatable read", "serializable"] {
        let mut writer = database.connect().await;
        writer.execute("set lock_timeout = '1ms'").await.unwrap();
        writer
            .execute(AssertSqlSafe(format!("begin isolation level {level}")))
            .await
            .unwrap();
        writer.execute("select 1").await.unwrap();
        writer.execute(insert(level)).await.unwrap();
        writer.execute("commit").await.unwrap();
    }
    holder.execute("commit").await.unwrap();

    // Its snapshot is older than the last change of every slot.
    let mut old = database.connect().await;
    for level in ["repeatable read", "serializable"] {
        old.execute(AssertSqlSafe(format!("begin isolation level {level}")))
            .await
            .unwrap();
        let seen = observe(&mut old).await;
        holder
            .execute("update task_status_tally set pending = pending")
            .await
            .unwrap();
        holder.execute(insert(&format!("since {level}"))).await.unwrap();
        assert_eq!(observe(&mut old).await, seen);
        old.execute(insert(&format!("old {level}"))).await.unwrap();
        old.execute("commit").await.unwrap();
    }
    let observation = observe(&mut old).await;
    assert_eq!((observation.counted, observation.tallied), (7, 7));
}

#[tokio::test]
async fn folding_keeps_the_sums() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let mut writer = database.connect().await;
    writer
        .execute("set default_transaction_isolation = 'repeatable read'")
        .await
        .unwrap();
    let rows = "select count(*) from task_status_tally";
    let deltas = "select count(*) from task_status_pending_delta";
    for number in 0..100 {
        let insert = tasks::insert(&[&number.to_string()]);
        writer.execute(AssertSqlSafe(insert)).await.unwrap();
    }
    assert_eq!(database.value::<i64>(rows).await, 164);
    let before = observe(&mut writer).await;
    assert_eq!(database.value::<i64>(deltas).await, 100);
    assert_eq!(tally::fold(&service.database).await.unwrap(), 200);
    assert_eq!(database.value::<i64>(rows).await, 65);
    assert_eq!(database.value::<i64>(deltas).await, 0);
    assert_eq!(observe(&mut writer).await, before);
    assert_eq!(
        tally::fold(&service.database).await.unwrap(),
        0,
        "few rows are not folded"
    );
    // Rows that cancel out are gone after the second fold.
    database.execute("delete from task_status").await;
    tally::fold(&service.database).await.unwrap();
    tally::fold(&service.database).await.unwrap();
    assert_eq!(database.value::<i64>(deltas).await, 0);
    let folded = "select (select count(*) from task_status_pending_minute) + (select count(*) from task_status_pending_hour)";
    assert_eq!(database.value::<i64>(folded).await, 0);
}

/// The count and the tally after a TRUNCATE during a fold of two rows.
async fn truncated_during_a_fold(database: &TestDatabase) -> (i64, i64) {
    let mut folder = database.connect().await;
    for id in ["a", "b"] {
        let insert = tasks::insert(&[id]);
        let insert = format!("begin isolation level repeatable read; {insert}; commit");
        folder.execute(AssertSqlSafe(insert)).await.unwrap();
    }
    folder
        .execute("begin; select task_status_fold_tally(), task_status_fold_pending()")
        .await
        .unwrap();
    let mut truncater = database.connect().await;
    let truncated = tokio::spawn(async move {
        truncater.execute("truncate task_status").await.unwrap();
    });
    database.until_blocked(1, "truncate").await;
    folder.execute("commit").await.unwrap();
    truncated.await.unwrap();
    let observation = observe(&mut folder).await;
    (observation.counted, observation.tallied)
}

#[tokio::test]
async fn truncate_waits_for_a_running_fold() {
    let database = TestDatabase::new().await;
    assert_eq!(truncated_during_a_fold(&database).await, (0, 0));
}

#[tokio::test]
async fn without_its_lock_truncate_leaves_folded_rows() {
    let database = TestDatabase::new().await;
    let lock = "lock table task_status_tally, task_status_pending_delta, task_status_pending_minute, task_status_pending_hour
        in share row exclusive mode;";
    database
        .execute(&rewritten("task_status_count_truncate", lock, ""))
        .await;
    assert_eq!(truncated_during_a_fold(&database).await, (0, 2));
}

#[tokio::test]
async fn writes_of_a_role_without_other_privileges_are_counted() {
    let database = TestDatabase::new().await;
    let role = format!("task_status_test_{}", uuid::Uuid::new_v4().simple());
    if let Err(error) = database.try_execute(&format!("create role {role}")).await {
        // An existing server may not allow it.
        eprintln!("not tested with another role: {error}");
        return;
    }
    database
        .execute(&format!(
            "grant select, insert, update, delete, truncate on task_status to {role};
             create schema theirs authorization {role}"
        ))
        .await;
    let mut theirs = database.connect().await;
    theirs
        .execute(AssertSqlSafe(format!("set role {role}")))
        .await
        .unwrap();
    theirs
        .execute(
            "create table theirs.task_status_tally (slot bigint, pending bigint, revision bigint);
             create temporary table task_status_tally (slot bigint, pending bigint, revision bigint);
             do $$
             declare
                 trap record;
             begin
                 for trap in
                     select format('(%s)', pg_get_function_arguments(oid)) as arguments, proname as name from pg_proc
                     where pronamespace = 'pg_catalog'::regnamespace and (
                         proname in ('count', 'floor', 'random', 'starts_with', 'current_setting', 'pg_backend_pid',
                             'pg_try_advisory_xact_lock', 'date_bin')
                         or proname in ('sum', 'min', 'max')
                             and proargtypes[0] in ('integer'::regtype, 'bigint'::regtype, 'timestamptz'::regtype))
                         and pg_get_function_arguments(oid) <> '\"any\"'
                 loop
                     execute format('create function theirs.%I%s returns text language sql return 1 / 0',
                         trap.name, trap.arguments);
                 end loop;
                 for trap in
                     select oid, oprname as name, oprleft::regtype as l, oprright::regtype as r, oprresult::regtype as result
                     from pg_operator
                     where oprnamespace = 'pg_catalog'::regnamespace
                         and oprleft::regtype::text || oprright::regtype::text
                             ~ '^(boolean|integer|bigint|numeric|double precision|text|timestamp with time zone)+$'
                 loop
                     execute format('create function theirs.trap_%s(%s, %s) returns %s language plpgsql
                         as $trap$ begin raise ''a trap''; end $trap$', trap.oid, trap.l, trap.r, trap.result);
                     execute format('create operator theirs.%s (leftarg = %s, rightarg = %s, function = theirs.trap_%s)',
                         trap.name, trap.l, trap.r, trap.oid);
                 end loop;
             end $$;
             set search_path = pg_temp, theirs, pg_catalog, public",
        )
        .await
        .unwrap();
    let trapped = theirs.execute("select 1 + 1").await.unwrap_err();
    assert_eq!(trapped.as_database_error().unwrap().message(), "a trap");
    // All slots but the last are taken.
    let mut other = database.connect().await;
    other
        .execute("select pg_advisory_lock(1952541804, slot) from generate_series(0, 62) as slot")
        .await
        .unwrap();
    for sql in [
        "insert into task_status (id, type, unique_name, launcher) select n, 'QPOC', 'n', 'l' from generate_series(1, 9) n",
        "update task_status set completion_status = 'ERROR' where id operator(pg_catalog.<) '3'",
        "delete from task_status where id operator(pg_catalog.>) '7'",
        "update task_status set created = created operator(pg_catalog.-) interval '1 hour' where id operator(pg_catalog.>) '5'",
        "update task_status set progress = 'x'",
        "begin isolation level repeatable read; delete from task_status where id operator(pg_catalog.=) '7'; commit",
    ] {
        theirs.execute(sql).await.unwrap();
    }
    let mut connection = database.connect().await;
    let observation = observe(&mut connection).await;
    assert_eq!((observation.counted, observation.tallied), (4, 4));
    theirs.execute("truncate task_status").await.unwrap();
    assert_eq!(observe(&mut connection).await.tallied, 0);

    for sql in [
        "update public.task_status_tally set pending = 7",
        "insert into public.task_status_tally (pending, revision) values (7, 7)",
        "create table trap (completion_status text);
         create trigger trap after insert on trap referencing new table as new_rows
             for each statement execute function public.task_status_count_insert()",
    ] {
        let error = theirs.execute(sql).await.unwrap_err();
        assert_eq!(
            error.as_database_error().unwrap().code().as_deref(),
            Some("42501"),
            "{sql}"
        );
    }
    theirs.close().await.unwrap();
    database
        .execute(&format!("drop owned by {role} cascade; drop role {role}"))
        .await;
}

#[tokio::test]
async fn a_report_that_equals_the_stored_task_changes_nothing() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let row = "select ctid::text || ' ' || (select sum(revision) from task_status_tally) from task_status";
    let report = async |progress| {
        let report = serde_json::json!({
            "type": "QPOC", "uniqueName": "n", "launcher": "l", "progress": progress,
            "created": "2026-01-01T00:00:00Z", "modified": "2026-01-02T00:00:00Z",
        });
        let answer = service
            .send(
                reqwest::Method::PUT,
                "/task-status/a",
                "application/json",
                report.to_string(),
            )
            .await;
        (answer.status.as_u16(), database.value::<String>(row).await)
    };
    let (created, first) = report("1").await;
    let (repeated, second) = report("1").await;
    let (replaced, third) = report("2").await;
    assert_eq!([created, repeated, replaced], [201, 200, 200]);
    assert_eq!(first, second);
    assert_ne!(second, third);
}
