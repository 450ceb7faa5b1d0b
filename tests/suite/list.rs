//! `GET` and `HEAD /task-status`: filters, sorters, and pages that can be followed.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use sqlx::Connection;

use crate::support::database::TestDatabase;
use crate::support::service::Service;

const TASKS: &str = "/task-status";

/// Ten tasks with their ids in the order of creation.
async fn ten_tasks(database: &TestDatabase) {
    database
        .execute(
            r#"insert into task_status (id, type, unique_name, launcher, created, modified, launched, completion_status,
                   completed, target_id, target_type, target_name, percent_complete, task_definition_summary)
               select n::text, (array['QUARTZ', 'QPOC', 'QUEUED_TASK'])[1 + n % 3], 'Task ' || chr(64 + n),
                   case when n % 2 = 0 then 'Sweep' else 'me "quoted" \' end,
                   timestamptz '2026-01-01Z' + n * interval '1 day', timestamptz '2026-02-01Z' - n * interval '1 hour',
                   case when n > 5 then timestamptz '2026-01-20Z' + n % 2 * interval '1 day' end,
                   case when n < 4 then 'SUCCESS' when n = 4 then 'TEMPERROR' end,
                   case when n < 5 then timestamptz '2026-01-30Z' - n * interval '1 day' end,
                   case when n in (7, 8) then 'source-1' when n = 9 then 'identity-1' end,
                   case when n in (7, 8) then 'APPLICATION' when n = 9 then 'IDENTITY' end,
                   case when n in (7, 8, 9) then 'Target' end,
                   n * 10,
                   case when n = 2 then '{"id": "d", "uniqueName": "Cloud Account Aggregation", "description": null,
                       "parentName": "p", "executor": null, "arguments": {}}'::jsonb end
               from generate_series(1, 10) n"#,
        )
        .await;
}

/// A query with its value encoded as clients do.
fn query(name: &str, value: &str) -> String {
    let encoded = utf8_percent_encode(value, NON_ALPHANUMERIC);
    format!("{TASKS}?{name}={encoded}")
}

#[tokio::test]
async fn every_documented_filter_works() {
    let database = TestDatabase::new().await;
    ten_tasks(&database).await;
    let service = Service::start(&database).await;
    for (filter, expected) in [
        (r#"id eq "3""#, "3"),
        (r#"id in ("3", "5","x")"#, "5 3"),
        (r#"sourceId eq "source-1""#, "8 7"),
        (r#"sourceId eq"SOURCE-1""#, "8 7"),
        (r#"sourceId in ("source-1", "identity-1")"#, "8 7"),
        (r#"target.id eq "identity-1""#, "9"),
        (r#"completionStatus eq "Success""#, "3 2 1"),
        (r#"completionStatus in ("TempError", "ERROR")"#, "4"),
        (r#"completionStatus in ("Temp_Error", "ERROR")"#, "4"),
        ("completionStatus isnull", "10 9 8 7 6 5"),
        ("pr completionStatus", "4 3 2 1"),
        (r#"type eq "CLOUD_ACCOUNT_AGGREGATION""#, "2"),
        (
            r#"type eq "cloud_account_aggregation" and completionStatus isnull"#,
            "",
        ),
        (r#"type eq "QUARTZ""#, "9 6 3"),
        (r#"type in ("QUARTZ", "TASK_A")"#, "9 6 3 1"),
        (r#"launcher eq "sweep""#, "10 8 6 4 2"),
        (r#"launcher eq "me \"quoted\" \\""#, "9 7 5 3 1"),
        (r#"not launcher eq "sweep" and not type eq "QPOC""#, "9 5 3"),
        (r#"completionStatus isnull and sourceId eq "source-1""#, "8 7"),
        (r#"id eq "1" or id eq "2" and type eq "QUARTZ""#, "1"),
        (
            r#"(id eq "1" or id eq "2") and not (type eq "QUARTZ" or type eq "QUEUED_TASK")"#,
            "1",
        ),
        ("created gt 2026-01-09T00:00:00Z", "10 9"),
        (r#"created le "2026-01-02 00:00:00.000000+00:00""#, "1"),
        ("percentComplete ge 95", "10"),
        (r#"uniqueName sw "TASK B""#, "2"),
        (r#"uniqueName co "k c""#, "3"),
        ("", "10 9 8 7 6 5 4 3 2 1"),
    ] {
        let answer = service.get(&query("filters", filter)).await;
        assert_eq!(answer.ids().join(" "), expected, "{filter}");
        let counted = service
            .get(&(query("filters", filter) + "&count=true&limit=1"))
            .await;
        assert_eq!(
            counted.total_count(),
            Some(i64::try_from(expected.split_whitespace().count()).unwrap()),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn every_sorter_works_in_both_directions_and_combined() {
    let database = TestDatabase::new().await;
    ten_tasks(&database).await;
    let service = Service::start(&database).await;
    for (sorters, expected) in [
        ("created", "1 2 3 4 5 6 7 8 9 10"),
        ("", "10 9 8 7 6 5 4 3 2 1"),
        ("-created", "10 9 8 7 6 5 4 3 2 1"),
        ("modified", "10 9 8 7 6 5 4 3 2 1"),
        ("-modified", "1 2 3 4 5 6 7 8 9 10"),
        ("launched", "10 6 8 7 9 1 2 3 4 5"),
        ("-launched", "5 4 3 2 1 9 7 8 6 10"),
        ("completed", "4 3 2 1 10 5 6 7 8 9"),
        ("-completed", "9 8 7 6 5 10 1 2 3 4"),
        ("uniqueName", "1 2 3 4 5 6 7 8 9 10"),
        ("type", "1 10 4 7 3 6 9 2 5 8"),
        ("-type", "8 5 2 9 6 3 7 4 10 1"),
        ("type,-created", "10 7 4 1 9 6 3 8 5 2"),
        ("-type,percentComplete", "2 5 8 3 6 9 1 4 7 10"),
    ] {
        let answer = service.get(&format!("{TASKS}?sorters={sorters}")).await;
        assert_eq!(answer.ids().join(" "), expected, "{sorters}");
        // Following the links gives the same tasks at any page size.
        for limit in [1, 3, 9] {
            let mut target = format!("{TASKS}?sorters={sorters}&limit={limit}&count=true");
            let mut seen = Vec::new();
            loop {
                let page = service.get(&target).await;
                assert_eq!(page.total_count(), Some(10));
                seen.extend(page.ids());
                match page.next() {
                    Some(next) => target = format!("{TASKS}{next}"),
                    None => break,
                }
            }
            assert_eq!(seen.join(" "), expected, "{sorters} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_faulty_parameter_is_refused_with_the_position() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for (parameter, value, detail_code, cause) in [
        (
            "filters",
            "launcher EQ \"x\"",
            "400.1 Bad Request Content",
            "Position 10 of the filter: “launcher” does not take the operator “EQ”.",
        ),
        (
            "filters",
            "name eq \"x\"",
            "400.1 Bad Request Content",
            "Position 1 of the filter: there is no field “name”. Fields: id, type, ",
        ),
        (
            "filters",
            "created eq \"x\"",
            "400.1 Bad Request Content",
            "Position 12 of the filter: ",
        ),
        (
            "filters",
            "completionStatus eq \"DONE\"",
            "400.1 Bad Request Content",
            "Position 21 of the filter: “DONE” is not a value of “completionStatus”. Allowed: SUCCESS, WARNING, ",
        ),
        (
            "filters",
            "id eq \"x",
            "400.0 Bad request syntax",
            "Position 7 of the filter: the string that begins here has no closing double quote.",
        ),
        (
            "filters",
            "id eq \"x\" and",
            "400.0 Bad request syntax",
            "Position 14 of the filter: it ends too early. Expected: ",
        ),
        (
            "filters",
            "id eq \"x\")",
            "400.0 Bad request syntax",
            "Position 10 of the filter: unexpected “)”. Expected: ",
        ),
        (
            "filters",
            "id eq \"\0\"",
            "400.1 Bad Request Content",
            "Position 8 of the filter: the character NUL (U+0000) is not allowed.",
        ),
        (
            "sorters",
            "name",
            "400.1 Bad Request Content",
            "Sorter 1 is “name”, which is unknown. Sorters: created, modified, launched, completed, uniqueName, type, percentComplete, each",
        ),
        (
            "sorters",
            "created,-created",
            "400.1 Bad Request Content",
            "Sorter 2 repeats “created”.",
        ),
        (
            "sorters",
            ",created",
            "400.1 Bad Request Content",
            "Sorter 1 is empty. Sorters: created, ",
        ),
        (
            "after",
            "nonsense",
            "400.1 Bad Request Content",
            "“after” must be a cursor from a Link header of this list with the same sorters.",
        ),
    ] {
        let answer = service.get(&query(parameter, value)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{value}");
        assert_eq!(answer.json()["detailCode"], detail_code, "{value}");
        let causes = answer.causes();
        assert!(
            causes.len() == 1 && causes[0].starts_with(cause),
            "{value}: {causes:?}"
        );
    }
    // Errors of several parameters are reported together.
    let answer = service
        .get(&format!(
            "{TASKS}?sorters=x&limit=-1&after=x&offset=1&filters=id+eq"
        ))
        .await;
    assert_eq!(answer.causes().len(), 5, "{answer:?}");
    assert_eq!(answer.json()["detailCode"], "400.0 Bad request syntax");
    // A filter is bound, never executed.
    let injection = query("filters", r#"id eq "x'; drop table task_status; --""#);
    assert_eq!(service.get(&injection).await.body, "[]");
    assert_eq!(service.get(TASKS).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_list_is_always_200() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for target in [
        TASKS.to_owned(),
        query("filters", "completionStatus isnull"),
        format!("{TASKS}/v1?offset=7"),
    ] {
        let answer = service
            .get(&format!(
                "{target}{}count=true",
                if target.contains('?') { '&' } else { '?' }
            ))
            .await;
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.total_count()),
            (StatusCode::OK, "[]", Some(0))
        );
        assert_eq!(answer.header("link"), None);
    }
}

#[tokio::test]
async fn the_link_keeps_the_query_for_get_and_head() {
    let database = TestDatabase::new().await;
    ten_tasks(&database).await;
    let service = Service::start(&database).await;
    let target = "/v2025/task-status?filters=launcher+eq+%22sweep%22&limit=2&offset=1&count=true&x=%26";
    let answer = service.get(target).await;
    assert_eq!(answer.ids(), ["8", "6"]);
    let next = answer.next().unwrap();
    assert!(
        next.starts_with("?filters=launcher%20eq%20%22sweep%22&limit=2&count=true&x=%26&after="),
        "{next}"
    );
    let head = service.request(Method::HEAD, target, &[]).await;
    assert_eq!(
        (head.next(), head.total_count(), head.body.as_str()),
        (Some(next.clone()), Some(5), "")
    );
    let last = service.get(&format!("/v2025/task-status{next}")).await;
    assert_eq!(
        (last.ids(), last.next()),
        (vec!["4".to_owned(), "2".to_owned()], None)
    );
    // The pending list has links too, and the last page has none.
    let mut target = "/task-status/pending-tasks?limit=4".to_owned();
    let first = service.get(&target).await;
    target = format!("/task-status/pending-tasks{}", first.next().unwrap());
    let second = service.get(&target).await;
    assert_eq!(
        [first.ids(), second.ids()].concat(),
        ["5", "6", "7", "8", "9", "10"]
    );
    assert_eq!(second.next(), None);
    for limit in [0, 6, 250] {
        assert_eq!(
            service
                .get(&format!("/task-status/pending-tasks?limit={limit}"))
                .await
                .next(),
            None
        );
    }
}

#[tokio::test]
async fn a_link_is_bounded_and_never_looks_like_the_end() {
    let database = TestDatabase::new().await;
    ten_tasks(&database).await;
    let service = Service::start(&database).await;
    let refusal = |parameter: &str| {
        format!(
            "“{parameter}” stands for a value that was too long for the header Link. Repeat the value of the first \
             request, or page with “offset”."
        )
    };
    let ids: Vec<String> = (1..=500).map(|id| format!("%22{id}%22")).collect();
    let filters = format!("filters=id+in+({})", ids.join(","));
    let ignored = "y".repeat(4000);
    let first = format!("?limit=4&{filters}&count=true&x={ignored}");
    let mut seen = Vec::new();
    let mut next = Some(first);
    while let Some(link) = next {
        let page = service.get(&format!("{TASKS}{link}")).await;
        seen.extend(page.ids());
        assert!(
            page.header("link").is_none_or(|link| link.len() <= 3 * 1024),
            "{page:?}"
        );
        next = page.next();
        if let Some(link) = &mut next {
            assert!(
                link.starts_with("?limit=4&filters=%E2%80%A6&count=true&after="),
                "{link}"
            );
            // A client that follows it as it is does not take the page for the last.
            let followed = service.get(&format!("{TASKS}{link}")).await;
            assert_eq!(
                (followed.status, followed.causes()),
                (StatusCode::BAD_REQUEST, vec![refusal("filters")])
            );
            *link = link.replace("filters=%E2%80%A6", &filters);
        }
    }
    assert_eq!(seen, ["10", "9", "8", "7", "6", "5", "4", "3", "2", "1"]);

    database
        .execute("update task_status set unique_name = repeat('\u{1f600}', 512), id = repeat('\u{1f600}', 200) || id")
        .await;
    let order = "?limit=4&sorters=uniqueName";
    let link = service.get(&format!("{TASKS}{order}")).await.next().unwrap();
    assert_eq!(link, format!("{order}&after=%E2%80%A6"));
    assert_eq!(
        service.get(&format!("{TASKS}{link}")).await.causes(),
        [refusal("after")]
    );
    assert_eq!(
        service.get(&format!("{TASKS}{order}&offset=4")).await.ids().len(),
        4
    );
}

/// Each task that stays in the list is seen exactly once, despite concurrent changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_links_neither_skips_nor_repeats_a_task() {
    const STAYING: usize = 400;
    let database = TestDatabase::new().await;
    database
        .insert_many(STAYING, "'stays ' || n", "n / 7 * interval '1 second'")
        .await;
    let service = Service::start(&database).await;
    let options = database.options();
    let rounds = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&rounds);
    let writer = tokio::spawn(async move {
        let mut connection = sqlx::PgConnection::connect_with(&options).await.unwrap();
        for round in 0..i32::MAX {
            // Other tasks appear anywhere in the order, and are deleted or completed.
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
                "insert into task_status (id, type, unique_name, launcher, created)
                 select 'passes {round} ' || n, 'QPOC', 'n', 'l', timestamptz '2026-01-01Z' + random() * interval '60 seconds'
                 from generate_series(1, 20) n;
                 delete from task_status where id in
                     (select id from task_status where id like 'passes %' order by random()
                      limit (select greatest(count(*) - 200, 8) from task_status where id like 'passes %'));
                 update task_status set completion_status = 'ERROR' where id in
                     (select id from task_status where id like 'passes %' order by random() limit 8)"
            )))
            .execute(&mut connection)
            .await
            .unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    for (target, limit) in [
        ("/task-status/pending-tasks", 13),
        (TASKS, 29),
        ("/task-status?sorters=-launched", 31),
        ("/task-status?sorters=type,-uniqueName", 37),
    ] {
        for _ in 0..3 {
            let (path, order) = target.split_once('?').unwrap_or((target, ""));
            let mut link = format!("?limit={limit}&{order}");
            let mut seen: Vec<String> = Vec::new();
            loop {
                let page = service.get(&format!("{path}{link}")).await;
                seen.extend(page.ids());
                match page.next() {
                    Some(next) => link = next,
                    None => break,
                }
            }
            let staying = seen.iter().filter(|id| id.starts_with("stays")).count();
            let distinct: HashSet<&String> = seen.iter().collect();
            assert_eq!(
                (staying, distinct.len()),
                (STAYING, seen.len()),
                "{target} by {limit}"
            );
        }
    }
    assert!(!writer.is_finished(), "the writer has failed");
    assert!(rounds.load(Ordering::Relaxed) > 10, "nothing happened meanwhile");
    writer.abort();
}
