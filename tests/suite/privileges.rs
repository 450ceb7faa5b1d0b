//! The privileges of the service's role in the database, and `migrate --grant-to`.
//!
//! The other tests of the API, `serve`, `import`, `export` and `prune` run as that role too.

use std::process::Command;

use chrono::Utc;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use task_status::task::written;

use crate::support::database::{Role, TestDatabase, quoted};
use crate::support::program::{self, Program, as_text, command, output_of};
use crate::support::until;

/// All objects that are not part of PostgreSQL, each with the privileges of a role and of `PUBLIC`.
const PRIVILEGES: &str = "
    with acls (object, acl) as (
        select case relkind when 'S' then 'sequence ' else 'table ' end || relname,
            coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::\"char\", relowner))
        from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        union all
        select 'column ' || attrelid::regclass || '.' || attname, attacl
        from pg_attribute where attacl is not null and attrelid > 16384
        union all
        select 'function ' || proname, coalesce(proacl, acldefault('f', proowner))
        from pg_proc where pronamespace = 'public'::regnamespace
        union all
        select 'type ' || typname, coalesce(typacl, acldefault('T', typowner))
        from pg_type where typnamespace = 'public'::regnamespace and typrelid = 0 and typelem = 0
        union all
        select 'schema ' || nspname, nspacl
        from pg_namespace where nspname !~ '^pg_|^information_schema$'
        union all
        select 'database', coalesce(datacl, acldefault('d', datdba))
        from pg_database where datname = current_database()
        union all
        select 'member of ' || roleid::regrole, null from pg_auth_members where member = 'ROLE'::regrole
    )
    select object || ': ' || coalesce((
        select string_agg(distinct privilege_type, ', ' order by privilege_type) from aclexplode(acl)
        where grantee in (0, 'ROLE'::regrole)), 'nothing')
    from acls order by object";

/// The privileges of a role, one line for each object.
async fn privileges(database: &TestDatabase, role: &Role) -> Vec<String> {
    let mut connection = database.connect().await;
    let privileges = sqlx::query_scalar(AssertSqlSafe(PRIVILEGES.replace("ROLE", &quoted(role.name()))))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    privileges
}

const EXACTLY: [&str; 28] = [
    "database: CONNECT, TEMPORARY",
    "function task_status_advanced: EXECUTE",
    "function task_status_complete: EXECUTE",
    "function task_status_count_delete: nothing",
    "function task_status_count_insert: nothing",
    "function task_status_count_truncate: nothing",
    "function task_status_count_update: nothing",
    "function task_status_definition_summary_is_valid: EXECUTE",
    "function task_status_fold_pending: EXECUTE",
    "function task_status_fold_tally: EXECUTE",
    "function task_status_hour: EXECUTE",
    "function task_status_json_is_bounded: EXECUTE",
    "function task_status_kind: EXECUTE",
    "function task_status_latest: EXECUTE",
    "function task_status_messages_are_valid: EXECUTE",
    "function task_status_minute: EXECUTE",
    "function task_status_name_target: EXECUTE",
    "function task_status_refuse_ahead: EXECUTE",
    "function task_status_returns_are_valid: EXECUTE",
    "function task_status_shrink_tally: EXECUTE",
    "function task_status_touch: EXECUTE",
    "schema public: USAGE",
    "table _sqlx_migrations: SELECT",
    "table task_status: DELETE, INSERT, SELECT, UPDATE",
    "table task_status_pending_delta: SELECT",
    "table task_status_pending_hour: SELECT",
    "table task_status_pending_minute: SELECT",
    "table task_status_tally: SELECT",
];

fn program(url: &str, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.env("DATABASE_URL", url);
    command
}

/// The output of a run that succeeds.
#[track_caller]
fn run(url: &str, arguments: &[&str]) -> String {
    let output = program(url, arguments).output().unwrap();
    assert!(output.status.success(), "{}", output_of(&output));
    output_of(&output)
}

/// The error of a run that fails.
#[track_caller]
fn refused(url: &str, arguments: &[&str]) -> String {
    let output = as_text(&mut program(url, arguments)).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", output_of(&output));
    let said = output_of(&output);
    said[said.find("error: ").expect("an error")..].to_owned()
}

#[tokio::test]
async fn the_service_role_has_exactly_these_privileges() {
    let database = TestDatabase::new().await;
    assert_eq!(privileges(&database, database.role()).await, EXACTLY);
}

#[tokio::test]
async fn other_statements_of_the_service_role_are_refused() {
    let database = TestDatabase::new().await;
    database.execute("create table secrets (secret text)").await;
    let owner: String = database.value("select quote_ident(current_user)").await;
    let mut connection = PgConnection::connect_with(&database.service_options())
        .await
        .unwrap();
    for sql in [
        "truncate task_status",
        "drop table task_status",
        "alter table task_status add column more text",
        "alter table task_status alter column launcher drop not null",
        "alter table task_status drop constraint task_status_type_check",
        "alter table task_status disable trigger all",
        "alter table task_status owner to current_user",
        "alter table task_status enable row level security",
        "drop trigger task_status_touch on task_status",
        "create trigger mine before insert on task_status for each row execute function task_status_touch()",
        "create rule mine as on insert to task_status do also nothing",
        "create index on task_status (progress)",
        "drop index task_status_pending_idx",
        "comment on table task_status is 'mine'",
        "alter function task_status_kind cost 1",
        "create or replace function task_status_complete() returns trigger language plpgsql as 'begin return null; end'",
        "drop function task_status_touch",
        "insert into task_status_tally (pending, revision) values (1, 1)",
        "update task_status_tally set pending = 0",
        "delete from task_status_tally",
        "truncate task_status_tally",
        "insert into task_status_pending_delta values (now(), 1)",
        "delete from task_status_pending_hour",
        "update task_status_pending_minute set pending = 0",
        "create trigger mine after insert on task_status for each statement execute function task_status_count_truncate()",
        "insert into _sqlx_migrations select 999, '', now(), true, '', 0",
        "update _sqlx_migrations set success = false",
        "delete from _sqlx_migrations",
        "do $$ begin lock table _sqlx_migrations in share mode; end $$",
        "select * from secrets",
        "select * from pg_authid",
        "create table mine ()",
        "create view mine as select 1",
        "create function mine() returns int language sql return 1",
        "create schema mine",
        "create role mine",
        "copy task_status to program 'true'",
        "copy task_status to '/tmp/mine'",
        "alter system set work_mem = '1GB'",
        "set session_replication_role = replica",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([format!("alter role {owner} nologin")])
    {
        let error = sqlx::raw_sql(AssertSqlSafe(sql.clone()))
            .execute(&mut connection)
            .await
            .expect_err(&sql);
        let code = error.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"), "{error}: {sql}");
    }
    // PostgreSQL only warns if it grants nothing.
    sqlx::raw_sql("grant all on task_status to public")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let mut unchanged = EXACTLY.to_vec();
    unchanged.insert(unchanged.len() - 5, "table secrets: nothing");
    assert_eq!(privileges(&database, database.role()).await, unchanged);
}

/// A database without any privileges of `PUBLIC`, and a role without privileges in it.
async fn hardened() -> (Role, TestDatabase) {
    let (role, database) = (Role::new().await, TestDatabase::new().await);
    database
        .execute(
            "do $$ begin execute format('revoke all on database %I from public', current_database()); end $$;
             revoke all on schema public from public;
             revoke all on all tables in schema public from public;
             revoke all on all functions in schema public from public",
        )
        .await;
    (role, database)
}

#[tokio::test]
async fn the_granted_privileges_suffice_for_every_command() {
    let (role, database) = hardened().await;
    assert_eq!(
        privileges(&database, &role).await,
        EXACTLY.map(|line| format!("{}: nothing", line.split(':').next().unwrap()))
    );
    let granted = run(&database.url(), &["migrate", "--grant-to", role.name()]);
    assert!(
        granted.contains("granted the privileges of the service"),
        "{granted}"
    );
    // The service does not need the privileges of PUBLIC.
    assert_eq!(
        privileges(&database, &role).await,
        EXACTLY.map(|line| match line {
            "database: CONNECT, TEMPORARY" => "database: CONNECT",
            "function task_status_complete: EXECUTE" => "function task_status_complete: nothing",
            "function task_status_name_target: EXECUTE" => "function task_status_name_target: nothing",
            "function task_status_refuse_ahead: EXECUTE" => "function task_status_refuse_ahead: nothing",
            "function task_status_touch: EXECUTE" => "function task_status_touch: nothing",
            other => other,
        })
    );

    let url = role.url(&database.url());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tasks.ndjson");
    let task = |id: &str, modified: &str| {
        json!({
            "id": id, "type": "QUARTZ", "uniqueName": "n", "launcher": "l", "modified": modified,
            "messages": [{ "type": "INFO", "localizedText": null, "key": "k", "parameters": null }],
            "returns": [{ "name": "n", "attributeName": "a" }],
            "taskDefinitionSummary": { "id": "i", "uniqueName": "Kind of it", "description": null, "parentName": "p",
                "executor": null, "arguments": {} },
        })
    };
    std::fs::write(
        &file,
        [
            task("young", &written(&Utc::now())),
            task("old", "2020-01-01T00:00:00.000Z"),
        ]
        .map(|task| task.to_string() + "\n")
        .concat(),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    assert!(run(&url, &["import", "--dry-run", file]).contains("created 2"));
    assert!(run(&url, &["import", file]).contains("created 2"));
    assert!(run(&url, &["import", file]).contains("replaced 2"));
    assert_eq!(run(&url, &["export"]).lines().count(), 2);
    assert!(run(&url, &["prune", "--older-than", "90d", "--dry-run"]).contains("1 tasks would be deleted"));
    assert!(run(&url, &["prune", "--older-than", "90d"]).contains("1 tasks were deleted"));
    assert!(run(&url, &["import", file]).contains("created 1, replaced 1"));

    let mut service = Program::start(program::serve(
        &url,
        &["--auth", "none", "--migrate", "false", "--retention", "90d"],
    ));
    let tasks = service.url().await + "/task-status";
    until("retention", async || {
        database.value::<i64>("select count(*) from task_status").await == 1
    })
    .await;
    let client = reqwest::Client::new();
    let reported = client
        .put(format!("{tasks}/reported"))
        .json(&task("reported", "2026-01-01T00:00:00.000Z"))
        .send()
        .await
        .unwrap();
    assert_eq!(reported.status(), 201);
    let completed = client
        .patch(format!("{tasks}?filters=type+eq+%22KIND_OF_IT%22"))
        .header("Content-Type", "application/json-patch+json")
        .body(r#"[{ "op": "replace", "path": "/completionStatus", "value": "Success" }]"#)
        .send()
        .await
        .unwrap();
    assert_eq!(completed.json::<Value>().await.unwrap()["completed"], 2);
    let listed: Value = reqwest::get(&tasks).await.unwrap().json().await.unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    service.stop();
    assert!(!service.log().contains("WARN"), "{}", service.log());
}

#[tokio::test]
async fn granting_again_revokes_the_excess_and_can_run_concurrently() {
    let (role, database) = (Role::with_odd_name().await, TestDatabase::new().await);
    database
        .execute(&format!(
            "grant all on task_status, _sqlx_migrations to public;
             grant all on task_status, _sqlx_migrations to {role};
             grant update (version) on _sqlx_migrations to {role}",
            role = quoted(role.name())
        ))
        .await;
    let granting: Vec<_> = (0..4)
        .map(|_| Program::start(program(&database.url(), &["migrate", "--grant-to", role.name()])))
        .collect();
    for mut program in granting {
        assert!(program.wait().success(), "{}", program.log());
    }
    assert_eq!(privileges(&database, &role).await, EXACTLY);
}

#[tokio::test]
async fn excess_privileges_of_a_role_are_reported() {
    let database = TestDatabase::new().await;
    let grant = ["migrate", "--grant-to", database.role().name()];
    assert!(!run(&database.url(), &grant).contains("WARN"));
    // The default before PostgreSQL 15.
    database.execute("grant create on schema public to public").await;
    let said = run(&database.url(), &grant);
    assert!(
        said.contains("may create objects in the schema public")
            && said.contains("revoke create on schema public from public"),
        "{said}"
    );
    assert!(
        database
            .value::<bool>("select has_schema_privilege('public', 'public', 'create')")
            .await
    );
}

#[tokio::test]
async fn an_ungrantable_role_is_refused_with_advice() {
    let (role, database) = (Role::new().await, TestDatabase::new().await);
    let name = role.name();
    let missing = refused(&database.url(), &["migrate", "--grant-to", "nobody's"]);
    assert!(
        missing.starts_with(
            "error: there is no role \"nobody's\": create it first, as in `create role \"nobody's\" login"
        ),
        "{missing}"
    );
    // `public` is not a role.
    let public = refused(&database.url(), &["migrate", "--grant-to", "public"]);
    assert!(public.contains("there is no role public"), "{public}");
    let owner: String = database.value("select current_user::text").await;
    let owner = refused(&database.url(), &["migrate", "--grant-to", &owner]);
    assert!(owner.contains("owns the tables"), "{owner}");
    let empty = program(&database.url(), &["migrate", "--grant-to", ""])
        .output()
        .unwrap();
    assert_eq!(empty.status.code(), Some(2), "{}", output_of(&empty));

    // The service role has the privileges without the grant option.
    let other = refused(&database.service_url(), &["migrate", "--grant-to", name]);
    assert_eq!(
        other,
        format!(
            "error: the role {name} could not be granted SELECT on _sqlx_migrations; SELECT, INSERT, UPDATE, DELETE on \
             task_status; EXECUTE on task_status_fold_pending; EXECUTE on task_status_fold_tally; \
             SELECT on task_status_pending_delta; SELECT on task_status_pending_hour; \
             SELECT on task_status_pending_minute; EXECUTE on task_status_shrink_tally; SELECT on task_status_tally: only their owner can grant that\n"
        )
    );
    let mut tables = privileges(&database, &role).await;
    tables.retain(|line| line.starts_with("table "));
    assert_eq!(
        tables,
        [
            "table _sqlx_migrations: nothing",
            "table task_status: nothing",
            "table task_status_pending_delta: nothing",
            "table task_status_pending_hour: nothing",
            "table task_status_pending_minute: nothing",
            "table task_status_tally: nothing"
        ]
    );
}

#[tokio::test]
async fn a_missing_privilege_is_named_and_prevents_the_start() {
    let database = TestDatabase::new().await;
    let (url, role) = (database.service_url(), database.role().name());
    let lacking = |what: &str| {
        format!(
            "error: the role {role} lacks what the service needs, {what}: run `task-status migrate --grant-to {role}` as \
             the owner of the tables\n"
        )
    };
    for (revoked, what, commands) in [
        (
            "delete on task_status",
            "DELETE on task_status",
            &[
                &["serve", "--auth", "none", "--listen", "127.0.0.1:0"][..],
                &["prune", "--older-than", "1d"],
            ][..],
        ),
        (
            "select on _sqlx_migrations",
            "SELECT on _sqlx_migrations; DELETE on task_status",
            &[
                &["serve", "--auth", "none", "--listen", "127.0.0.1:0"],
                &[
                    "serve",
                    "--auth",
                    "none",
                    "--listen",
                    "127.0.0.1:0",
                    "--migrate",
                    "false",
                ],
                &["migrate"],
                &["export"],
            ],
        ),
    ] {
        database.execute(&format!("revoke {revoked} from {role}")).await;
        for arguments in commands {
            assert_eq!(refused(&url, arguments), lacking(what), "{arguments:?}");
        }
    }
    run(&database.url(), &["migrate", "--grant-to", role]);
    run(&url, &["export"]);
}

#[tokio::test]
async fn a_role_without_create_accepts_a_current_schema() {
    let database = TestDatabase::new().await;
    let url = database.service_url();
    run(&url, &["migrate"]);

    database
        .execute("delete from _sqlx_migrations where version = 1")
        .await;
    let arguments = ["serve", "--auth", "none", "--listen", "127.0.0.1:0"];
    for arguments in [&["migrate"][..], &arguments] {
        let behind = refused(&url, arguments);
        assert!(
            behind.starts_with(
                "error: the database lacks migration 1, and this role may not run it: run `task-status migrate` as the \
                 owner of the tables\n  because: "
            ) && behind.contains("permission denied for schema public"),
            "{behind}"
        );
    }
}
