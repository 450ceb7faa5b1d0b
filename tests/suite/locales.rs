//! Databases of other locales and encodings than that of the other tests.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use task_status::store::schema::Schema;

use crate::support::database::TestDatabase;
use crate::support::program::{Program, command, output_of, serve};
use crate::support::service::{LIMITS, PENDING_TASKS, Service, Setup, watched};

/// A migrated database with these options, and the service on it. `None` if the server does not know the options.
async fn start(options: &str) -> Option<(TestDatabase, Service)> {
    let created = TestDatabase::empty_with(&format!("template template0 {options}")).await;
    match created {
        Ok(database) => {
            let store = watched(database.service_options(), LIMITS, Schema::Migrate);
            store.wait_until_up().await;
            Some((database, Service::on(store, Setup::default())))
        }
        Err(error) => {
            println!("left out: {options}: {error}");
            None
        }
    }
}

impl Service {
    /// The ids of the tasks that match, by name.
    async fn matching(&self, filter: &str) -> String {
        let filter = utf8_percent_encode(filter, NON_ALPHANUMERIC);
        let target = format!("/task-status?sorters=uniqueName&filters={filter}");
        self.get(&target).await.ids().join(" ")
    }
}

#[tokio::test]
async fn case_is_the_same_in_every_locale() {
    for options in [
        "encoding 'UTF8' locale 'C.UTF-8'",
        "encoding 'UTF8' locale 'C'",
        "encoding 'UTF8' locale 'tr_TR.UTF-8'",
        "encoding 'UTF8' locale_provider icu icu_locale 'tr-TR' locale 'C.UTF-8'",
        "encoding 'UTF8' locale_provider icu icu_locale 'az' locale 'C.UTF-8'",
        "encoding 'UTF8' locale_provider icu icu_locale 'lt' locale 'C.UTF-8'",
        "encoding 'UTF8' locale_provider icu icu_locale 'de-u-co-phonebk' locale 'C.UTF-8'",
    ] {
        let Some((database, service)) = start(options).await else {
            continue;
        };
        database
            .execute(
                "insert into task_status (id, type, unique_name, launcher, progress) values
                 ('I', 'QPOC', 'Cloud Identity Aggregation', 'ADMIN', 'ΑΣΑ'),
                 ('i2', 'QPOC', 'cloud  été', 'admin', 'Ì'),
                 ('a', 'QPOC', 'ÉTÉ à', 'DIRIĞ', 'ß')",
            )
            .await;
        for (filter, expected) in [
            (r#"type eq "CLOUD_IDENTITY_AGGREGATION""#, "I"),
            (r#"type eq "cloud_identity_aggregation""#, "I"),
            (r#"type eq "Été_À""#, "a"),
            (r#"type eq "Cloud_Été""#, "i2"),
            (r#"launcher eq "admin""#, "i2 I"),
            (r#"launcher eq "ADMIN""#, "i2 I"),
            (r#"launcher in ("dirIğ", "x")"#, "a"),
            (r#"launcher sw "dI""#, "a"),
            (r#"id eq "i""#, "I"),
            (r#"id sw "I""#, "i2 I"),
            (r#"uniqueName co "IDENTITY a""#, "I"),
            (r#"uniqueName eq "été À""#, "a"),
            (r#"progress sw "ας""#, ""),
            (r#"progress sw "ΑΣ""#, "I"),
            (r#"progress eq "ì""#, "i2"),
            ("", "i2 I a"),
        ] {
            assert_eq!(service.matching(filter).await, expected, "{options}: {filter}");
        }
    }
}

#[tokio::test]
async fn a_row_that_is_not_utf8_is_500_and_named_in_the_log() {
    let (database, service) = start("encoding 'SQL_ASCII' locale 'C'").await.unwrap();
    database.insert(&["sound"]).await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher, progress)
             select id, 'QPOC', 'n', 'É', convert_from('\\xff', 'SQL_ASCII') from unnest(array['odd', 'uneven']) id",
        )
        .await;
    let patch = r#"[{"op":"replace","path":"/percentComplete","value":1}]"#;
    for (method, target, content) in [
        (Method::GET, "/task-status/odd", ""),
        (Method::GET, "/task-status", ""),
        (Method::GET, PENDING_TASKS, ""),
        (Method::PATCH, "/task-status/odd", patch),
    ] {
        let answer = service
            .send(method, target, "application/json-patch+json", content)
            .await;
        assert_eq!(answer.status, 500, "{target}: {answer:?}");
    }
    assert_eq!(service.get("/task-status/sound").await.status, 200);
    assert_eq!(service.matching(r#"launcher eq "L""#).await, "sound");

    let named = "this task cannot be read: a text of it is not UTF-8";
    let mut program = Program::start(serve(&database.url(), &["--auth", "none"]));
    let url = program.url().await + "/task-status/odd";
    program.logged("the database is up").await;
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 500);
    for task in ["odd", "uneven"] {
        assert!(
            program
                .logged(&format!("\"task\":\"{task}\""))
                .await
                .contains(named)
        );
    }
    program.stop();
    let mut export = command(&["export"]);
    export.env("DATABASE_URL", database.url());
    let export = output_of(&export.output().unwrap());
    assert!(export.contains(named) && export.contains("odd"), "{export}");
}

#[tokio::test]
async fn a_character_that_the_database_cannot_store_is_400() {
    let (database, service) = start("encoding 'LATIN1' locale 'C'").await.unwrap();
    let task = r#"{"type":"QPOC","uniqueName":"É","launcher":"😀"}"#;
    let put = |task: String| service.send(Method::PUT, "/task-status/a", "application/json", task);
    let lacking = vec!["The database refused a value: its encoding lacks a character.".to_owned()];
    let answer = put(task.to_owned()).await;
    assert_eq!((answer.status.as_u16(), answer.causes()), (400, lacking.clone()));
    let filtered = service
        .get("/task-status?filters=launcher+eq+%22%F0%9F%98%80%22")
        .await;
    assert_eq!((filtered.status.as_u16(), filtered.causes()), (400, lacking));
    assert_eq!(put(task.replace('😀', "ü")).await.status, 201);
    assert_eq!(service.matching(r#"launcher eq "ü""#).await, "a");
    drop(database);
}
