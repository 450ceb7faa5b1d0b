//! The table as a public interface: the rows that it accepts from plain SQL.

use task_status::store::schema;

use crate::support::database::TestDatabase;

/// Fails unless a query returns true.
async fn assert_holds(database: &TestDatabase, sql: &str) {
    assert!(database.value::<bool>(sql).await, "{sql}");
}

/// The constraint or column that refuses a row with these values in place of valid ones.
async fn refused_by(database: &TestDatabase, columns: &str, values: &str) -> String {
    let sql = format!(
        "insert into task_status (unique_name, launcher, {columns}) select 'Name', 'launcher', {values}"
    );
    match database.try_execute(&sql).await {
        Err(sqlx::Error::Database(error)) => error
            .constraint()
            .map_or_else(|| error.message().to_owned(), str::to_owned),
        Err(error) => panic!("{error}: {sql}"),
        Ok(()) => panic!("accepted: {sql}"),
    }
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[tokio::test]
async fn a_row_outside_the_contract_is_refused() {
    let database = TestDatabase::new().await;
    let valid_message = r#"{"type":"INFO","localizedText":null,"key":"k","parameters":null}"#;
    for (columns, constraint, values) in [
        ("completion_status", "completion_status", &["'Success'", "''"][..]),
        ("completed", "completed", &["now()"]),
        ("percent_complete", "percent_complete", &["101", "-1"]),
        ("target_name", "target", &["'t'"]),
        ("target_type", "target", &["'IDENTITY'"]),
        (
            "target_id, target_name, target_type",
            "target_type",
            &["'t', 't', 'ROLE'"],
        ),
        ("created", "times", &["'infinity'"]),
        ("modified", "times", &["'-infinity'"]),
        (
            "launched",
            "times",
            &["'10000-01-01 00:00:00Z'", "'9999-12-31 23:59:59.9999Z'"],
        ),
        ("created", "times", &["'0001-12-31 23:59:59Z BC'"]),
        (
            "messages",
            "messages_shape",
            &[
                "'{}'",
                "'null'",
                "'[null]'",
                &format!("'[[{valid_message}]]'"),
                &format!("'[{valid_message}, {{}}]'"),
                r#"'[{"type":"info","localizedText":null,"key":"k","parameters":null}]'"#,
                r#"'[{"type":"INFO","key":"k","parameters":null}]'"#,
                r#"'[{"type":"INFO","localizedText":null,"key":null,"parameters":null}]'"#,
                r#"'[{"type":"INFO","localizedText":null,"key":"k"}]'"#,
                r#"'[{"type":"INFO","localizedText":null,"key":"k","parameters":[1]}]'"#,
                r#"'[{"type":"INFO","localizedText":null,"key":"k","parameters":["a",[]]}]'"#,
                r#"'[{"type":"INFO","localizedText":null,"key":"k","parameters":{}}]'"#,
                r#"'[{"type":"INFO","localizedText":{"locale":"en"},"key":"k","parameters":null}]'"#,
                r#"'[{"type":"INFO","localizedText":{"locale":null,"message":""},"key":"k","parameters":null}]'"#,
                r#"'[{"type":"INFO","localizedText":"x","key":"k","parameters":null}]'"#,
            ],
        ),
        (
            "messages",
            "messages_bounds",
            &[&format!(
                "jsonb_build_array(jsonb_set('{valid_message}', '{{key}}', to_jsonb(repeat('k', 1048577))))"
            )],
        ),
        (
            "returns",
            "returns_shape",
            &[
                "'{}'",
                r#"'[{"name":"n"}]'"#,
                r#"'[{"name":"n","attributeName":null}]'"#,
                r#"'[[{"name":"n","attributeName":"a"}]]'"#,
            ],
        ),
        (
            "returns",
            "returns_bounds",
            &["jsonb_build_array(jsonb_build_object('name', repeat('n', 1048577), 'attributeName', ''))"],
        ),
        ("attributes", "attributes_shape", &["'[]'", "'null'"]),
        (
            "attributes",
            "attributes_bounds",
            &["jsonb_build_object('a', repeat('a', 1048577))"],
        ),
        (
            "task_definition_summary",
            "task_definition_summary_shape",
            &[
                "'null'",
                "'[]'",
                r#"'{"id":"","uniqueName":"","description":null,"parentName":"","executor":null}'"#,
                r#"'{"id":"","uniqueName":"","description":null,"parentName":null,"executor":null,"arguments":{}}'"#,
                r#"'[{"id":"","uniqueName":"","description":null,"parentName":"","executor":null,"arguments":{}}]'"#,
                r#"'{"id":"","uniqueName":"","description":null,"parentName":"","executor":null,"arguments":[]}'"#,
            ],
        ),
        (
            "task_definition_summary",
            "task_definition_summary_bounds",
            &[
                "jsonb_build_object('id', repeat('i', 1048577), 'uniqueName', '', 'description', null, 'parentName', '', 'executor', null, 'arguments', '{}'::jsonb)",
            ],
        ),
        ("description", "description_length", &["repeat('d', 8193)"]),
        ("parent_name", "parent_name_length", &["repeat('p', 513)"]),
        ("progress", "progress_length", &["repeat('p', 8193)"]),
        (
            "target_id, target_name",
            "target_id_length",
            &["repeat('t', 257), 't'"],
        ),
        (
            "target_id, target_name",
            "target_name_length",
            &["'t', repeat('t', 513)"],
        ),
    ] {
        for value in values {
            let refused = refused_by(
                &database,
                &format!("id, type, {columns}"),
                &format!("'id', 'QUARTZ', {value}"),
            )
            .await;
            assert_eq!(
                refused,
                format!("task_status_{constraint}_check"),
                "{columns} = {value}"
            );
        }
    }
    for column in [
        "description",
        "created",
        "modified",
        "messages",
        "returns",
        "attributes",
        "percent_complete",
    ] {
        let refused = refused_by(&database, &format!("id, type, {column}"), "'id', 'QUARTZ', null").await;
        let message = format!(
            "null value in column \"{column}\" of relation \"task_status\" violates not-null constraint"
        );
        assert_eq!(refused, message);
    }
    for (columns, values, constraint) in [
        ("id, type", "'', 'QUARTZ'", "task_status_id_length_check"),
        (
            "id, type",
            "repeat('i', 257), 'QUARTZ'",
            "task_status_id_length_check",
        ),
        (
            "id, type",
            "'pending-tasks', 'QUARTZ'",
            "task_status_id_route_check",
        ),
        ("id, type", "'v1', 'QUARTZ'", "task_status_id_route_check"),
        ("id, type", "'summary', 'QUARTZ'", "task_status_id_route_check"),
        (
            "id, type",
            "'suggestions', 'QUARTZ'",
            "task_status_id_route_check",
        ),
        ("id, type", "'i', 'quartz'", "task_status_type_check"),
        (
            "id",
            "'i'",
            r#"null value in column "type" of relation "task_status" violates not-null constraint"#,
        ),
        (
            "type",
            "'QUARTZ'",
            r#"null value in column "id" of relation "task_status" violates not-null constraint"#,
        ),
    ] {
        assert_eq!(
            refused_by(&database, columns, values).await,
            constraint,
            "{values}"
        );
    }
    assert_eq!(database.value::<i64>("select count(*) from task_status").await, 0);
}

#[tokio::test]
async fn every_row_of_the_contract_is_accepted() {
    let database = TestDatabase::new().await;
    database
        .execute(
            r#"insert into task_status (id, type, unique_name, launcher, messages, returns, target_id, target_type, target_name,
                   completion_status, completed, task_definition_summary) values
               (repeat('é', 256), 'QUARTZ', repeat('é', 512), repeat('é', 512),
                '[{"type":"WARN","localizedText":{"locale":"","message":"","extra":1},"key":"","parameters":["s",{},{"a":[1]}],"extra":[]},
                  {"type":"ERROR","localizedText":null,"key":"k","parameters":[]}]',
                '[{"name":"","attributeName":"","extra":null}]', '', 'IDENTITY', null, 'TEMPERROR', '2026-01-01',
                '{"id":"","uniqueName":"","description":"d","parentName":"","executor":"e","arguments":{"a":[]}}')"#,
        )
        .await;
}

#[tokio::test]
async fn a_status_without_a_time_completes_now_and_both_null_reopens() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "b"]).await;
    database
        .execute("update task_status set completion_status = 'SUCCESS' where id = 'a'")
        .await;
    assert_holds(
        &database,
        "select completed between now() - interval '1 minute' and now() from task_status where id = 'a'",
    )
    .await;
    database
        .execute(
            "update task_status set completion_status = 'ERROR', completed = '2026-01-01Z' where id = 'b'",
        )
        .await;
    assert_holds(
        &database,
        "select completed = '2026-01-01Z' from task_status where id = 'b'",
    )
    .await;
    // A completed task keeps its time when another column changes.
    database
        .execute("update task_status set progress = 'x' where id = 'b'")
        .await;
    assert_holds(
        &database,
        "select completed = '2026-01-01Z' from task_status where id = 'b'",
    )
    .await;
    database
        .execute("update task_status set completion_status = null, completed = null")
        .await;
    let half = database
        .try_execute("update task_status set completed = now()")
        .await;
    assert!(
        half.unwrap_err()
            .to_string()
            .contains("task_status_completed_check")
    );
}

#[tokio::test]
async fn an_update_sets_modified_unless_given() {
    let database = TestDatabase::new().await;
    database
        .execute("insert into task_status (id, type, unique_name, launcher, modified) values ('a', 'QPOC', 'n', 'l', '2026-01-01Z')")
        .await;
    database
        .execute("update task_status set modified = '2026-01-02Z', progress = 'x'")
        .await;
    assert_holds(&database, "select modified = '2026-01-02Z' from task_status").await;
    // The setting keeps the stored value.
    database
        .execute("set task_status.keep_modified = on; update task_status set progress = 'z'")
        .await;
    assert_holds(&database, "select modified = '2026-01-02Z' from task_status").await;
    database.execute("update task_status set progress = 'y'").await;
    assert_holds(
        &database,
        "select modified > now() - interval '1 minute' from task_status",
    )
    .await;
}

#[tokio::test]
async fn the_table_and_its_columns_have_comments() {
    let database = TestDatabase::new().await;
    let silent: i64 = database
        .value(
            "select count(*) from pg_attribute
             where attrelid = 'task_status'::regclass and attnum > 0 and col_description(attrelid, attnum) is null",
        )
        .await;
    assert_eq!(silent, 0);
    assert_holds(
        &database,
        "select obj_description('task_status'::regclass) is not null",
    )
    .await;
}

#[tokio::test]
async fn replicas_can_migrate_concurrently() {
    let database = TestDatabase::empty().await;
    let replicas: Vec<_> = (0..8)
        .map(|_| {
            let options = database.options();
            tokio::spawn(async move { schema::migrate(&options).await })
        })
        .collect();
    for replica in replicas {
        replica.await.unwrap().unwrap();
    }
    let applied: i64 = database
        .value("select count(*) from _sqlx_migrations where success")
        .await;
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .unwrap()
        .count();
    assert_eq!(usize::try_from(applied).unwrap(), files);
}
