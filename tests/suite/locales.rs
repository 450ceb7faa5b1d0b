//! Databases of other locales and encodings than that of the other tests.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use task_status::store::schema::Schema;

use crate::support::database::TestDatabase;
use crate::support::service::{LIMITS, Service, Setup, watched};

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
                 ('i2', 'QPOC', 'cloud identity', 'admin', 'Ì'),
                 ('a', 'QPOC', 'ÉTÉ à', 'DIRIĞ', 'ß')",
            )
            .await;
        for (filter, expected) in [
            (r#"type eq "CLOUD_IDENTITY_AGGREGATION""#, "I"),
            (r#"type eq "cloud_identity_aggregation""#, "I"),
            (r#"type eq "Été_À""#, "a"),
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
