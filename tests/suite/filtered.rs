//! Pages of a filter in an order that has nothing to do with it, or the wrong thing: they are right, and few rows are read.

use crate::support::database::TestDatabase;
use crate::support::service::Service;
use crate::support::until;

/// More tasks than are walked past, if an index leads to those of the filter.
const EARLY: i32 = 12_000;
/// As many as are walked past if none does. As many are sorted.
const EARLY_WITHOUT_INDEX: i32 = 100_000;

/// Tasks of which the first are "early".
async fn insert(database: &TestDatabase, early: i32, tasks: i32) {
    let insert = format!(
        "insert into task_status
             (id, type, unique_name, launcher, created, modified, percent_complete, completed, completion_status)
         select md5(n::text), 'QUARTZ', 'Name ' || n % 7,
             case when n <= {early} then 'early' when n % 5000 = 0 then 'rare' else 'common' end,
             '2026-01-01Z', '2026-01-01Z'::timestamptz + n * interval '1 second', case when n % 2 = 0 then 100 else n % 3 end,
             case when n % 2 = 0 then '2026-01-01Z'::timestamptz end, case when n % 2 = 0 then 'SUCCESS' end
         from generate_series(1, {tasks}) as n"
    );
    database.execute(&insert).await;
}

/// The filter, and the condition that says the same.
const FILTERS: [(&str, &str); 10] = [
    ("launcher+eq+%22common%22", "launcher = 'common'"),
    ("launcher+eq+%22early%22", "launcher = 'early'"),
    ("launcher+eq+%22rare%22", "launcher = 'rare'"),
    ("launcher+eq+%22absent%22", "launcher = 'absent'"),
    ("launcher+co+%22rar%22+or+id+eq+%221%22", "launcher = 'rare'"),
    ("type+eq+%22NAME_3%22", "unique_name = 'Name 3'"),
    (
        "completionStatus+eq+%22SUCCESS%22",
        "completion_status = 'SUCCESS'",
    ),
    ("completionStatus+isnull", "completion_status is null"),
    ("pr+completed", "completed is not null"),
    (
        "completed+isnull+and+launcher+eq+%22common%22",
        "completed is null and launcher = 'common'",
    ),
];

/// The order, and the same in SQL.
const ORDERS: [(&str, &str); 5] = [
    ("modified", "modified, id"),
    ("-modified", "modified desc, id desc"),
    ("completed", "completed, id"),
    ("-completed,launched", "completed desc, launched, id"),
    (
        "-percentComplete,uniqueName",
        "percent_complete desc, unique_name collate \"C\", id",
    ),
];

#[tokio::test]
async fn a_page_of_any_filter_in_any_order_is_that_of_the_query() {
    let database = TestDatabase::new().await;
    insert(&database, EARLY, 40_000).await;
    let service = Service::start(&database).await;
    for (filter, condition) in FILTERS {
        for (order, order_by) in ORDERS {
            for offset in [0, 20] {
                let list = format!("/task-status?filters={filter}&sorters={order}&limit=5");
                let page = service.get(&format!("{list}&offset={offset}")).await;
                let expected = format!(
                    "select array(select id::text from task_status where {condition} order by {order_by} limit 10 offset {offset})"
                );
                let expected: Vec<String> = database.value(&expected).await;
                let (first, second) = expected.split_at(expected.len().min(5));
                assert_eq!(page.ids(), first, "{filter} {order} {offset}");
                // After the cursor of the link.
                let next = match page.next() {
                    Some(next) => service.get(&format!("/task-status{next}")).await.ids(),
                    None => Vec::new(),
                };
                assert_eq!(next, second, "{filter} {order} {offset}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_late_in_the_order_of_more_tasks_than_are_sorted_is_that_of_the_query() {
    let database = TestDatabase::new().await;
    // So many are written sooner without indexes that these pages do not need.
    let drop = "select 'drop index ' || string_agg(indexrelid::regclass::text, ', ') from pg_index
         where indrelid = 'task_status'::regclass and not indisprimary and indexrelid <> 'task_status_modified_idx'::regclass";
    let drop: String = database.value(drop).await;
    database.execute(&drop).await;
    insert(&database, EARLY_WITHOUT_INDEX, 2 * EARLY_WITHOUT_INDEX + 1000).await;
    let service = Service::start(&database).await;
    let list = "/task-status?filters=launcher+co+%22comm%22&sorters=modified&limit=5";
    let page = service.get(&format!("{list}&offset=20")).await;
    let expected = "select array(select id::text from task_status where launcher = 'common' order by modified, id limit 10 offset 20)";
    let expected: Vec<String> = database.value(expected).await;
    let (first, second) = expected.split_at(5);
    assert_eq!(page.ids(), first);
    let next = format!("/task-status{}", page.next().unwrap());
    assert_eq!(service.get(&next).await.ids(), second);
}

#[tokio::test]
async fn few_rows_are_read_for_tasks_that_are_late_in_the_order() {
    let database = TestDatabase::new().await;
    insert(&database, EARLY, 40_000).await;
    database.execute("analyze task_status").await;
    let service = Service::start(&database).await;
    // The planner expects one task in four to match, or one in two, and would read 28 000 and 20 000.
    let late = [
        (
            "launcher+eq+%22early%22&sorters=-modified",
            "task_status_modified_idx",
        ),
        (
            "completionStatus+isnull&sorters=-percentComplete",
            "task_status_percent_complete_idx",
        ),
    ];
    for (list, _) in late {
        let list = service.get(&format!("/task-status?filters={list}")).await;
        assert_eq!(list.ids().len(), 250);
    }
    // Connections report statistics when they close.
    service.database.close().await;
    for (list, index) in late {
        let read = format!("select idx_tup_read from pg_stat_user_indexes where indexrelname = '{index}'");
        until("statistics", async || database.value::<i64>(&read).await > 0).await;
        assert!(database.value::<i64>(&read).await <= 11_000, "{list}");
    }
}
