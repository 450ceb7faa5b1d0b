//! Clearing tasks: one, some, all that match; and nobody without the right.

use axum::http::HeaderName;
use serde_json::json;
use task_status::auth::Authenticator;
use task_status::auth::caller::{READ, WRITE};
use task_status::auth::gateway::{Gateway, IdentityHeaders, SEPARATORS};
use task_status::auth::permissions::PermissionMap;
use task_status::auth::proxies::Proxies;

use super::{named, opened};
use crate::support::browser::Browser;
use crate::support::database::TestDatabase;
use crate::support::service::{Service, Setup};

const MANY: &str = "insert into task_status (id, type, unique_name, launcher)
    select n::text, 'QUARTZ', 'Task ' || n, case when n > 5 then 'sweep' else 'workflow' end from generate_series(1, 2005) n";

/// How many tasks of a launcher are pending.
async fn pending(database: &TestDatabase, launcher: &str) -> i64 {
    database
        .value(&format!(
            "select count(*) from task_status where launcher = '{launcher}' and completion_status is null"
        ))
        .await
}

#[tokio::test]
async fn one_some_and_all_that_match_are_cleared_after_their_number_was_named() {
    let Some((database, _service, mut browser)) = opened(MANY, "/?filters=launcher+eq+%22workflow%22").await
    else {
        return;
    };
    browser
        .run(&named(&["Task 1", "Task 2", "Task 3", "Task 4", "Task 5"]))
        .await;
    // One.
    browser
        .run(
            "await page.getByRole('link', { name: 'Task 1' }).click();
             await page.getByRole('complementary', { name: 'Task 1' }).getByRole('button', { name: 'Clear' }).click();
             await page.getByRole('heading', { name: 'Clear one task?' }).waitFor();
             await page.getByRole('combobox', { name: 'Set their status to' }).selectOption('ERROR');
             await page.getByRole('button', { name: 'Clear one task' }).click();
             await page.getByText('1 cleared · 0 remaining').waitFor();
             await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()",
        )
        .await;
    assert_eq!(
        database
            .value::<String>("select completion_status from task_status where id = '1'")
            .await,
        "ERROR"
    );
    // Two, of which another has completed one meanwhile: its status stays.
    browser
        .run(
            "await page.getByRole('checkbox', { name: 'Select Task 2' }).check();
             await page.getByRole('checkbox', { name: 'Select Task 3' }).check();
             await page.getByRole('button', { name: 'Clear 2 selected' }).click();
             await page.getByRole('heading', { name: 'Clear 2 tasks?' }).waitFor()",
        )
        .await;
    database
        .execute("update task_status set completion_status = 'SUCCESS', completed = now() where id = '2'")
        .await;
    browser
        .run(
            "await page.getByRole('button', { name: 'Clear 2 tasks' }).click();
             await page.getByText('1 cleared · 0 remaining · 1 had ended or changed meanwhile').waitFor();
             await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()",
        )
        .await;
    let statuses =
        "select string_agg(completion_status, ' ' order by id) from task_status where id in ('2', '3')";
    assert_eq!(database.value::<String>(statuses).await, "SUCCESS TERMINATED");
    // All that match: the others stay.
    browser
        .run(
            "await page.getByRole('button', { name: 'Clear all that match' }).click();
             await page.getByRole('heading', { name: 'Clear 2 tasks?' }).waitFor()",
        )
        .await;
    assert_eq!(pending(&database, "workflow").await, 2, "counted only");
    browser
        .run(
            "await page.getByRole('button', { name: 'Clear 2 tasks' }).click();
             await page.getByText('2 cleared · 0 remaining').waitFor();
             await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
             await page.getByRole('heading', { name: 'Pending 0' }).waitFor()",
        )
        .await;
    assert_eq!(
        (
            pending(&database, "workflow").await,
            pending(&database, "sweep").await
        ),
        (0, 2000)
    );
    // Without a filter the number has to be typed.
    browser
        .run(
            "await page.goto('?');
             await page.getByRole('button', { name: 'Clear all that match' }).click();
             await page.getByRole('heading', { name: 'Clear 2,000 tasks?' }).waitFor()",
        )
        .await;
    let clear = "page.getByRole('button', { name: 'Clear 2,000 tasks' })";
    assert_eq!(
        browser.run(&format!("return await {clear}.isDisabled()")).await,
        true
    );
    browser
        .run(&format!(
            "await page.getByRole('textbox', {{ name: 'Type 2,000 to confirm' }}).fill('2000');
             await {clear}.click();
             await page.getByText('2,000 cleared · 0 remaining').waitFor()"
        ))
        .await;
    assert_eq!(pending(&database, "sweep").await, 0);
}

#[tokio::test]
async fn clearing_can_be_stopped_and_says_what_remains() {
    let Some((database, _service, mut browser)) = opened(MANY, "/?filters=launcher+eq+%22sweep%22").await
    else {
        return;
    };
    // Another holds one of the tasks: the request stays in flight.
    let mut holder = database.connect().await;
    sqlx::raw_sql("begin; select from task_status where id = '2005' for update")
        .execute(&mut holder)
        .await
        .unwrap();
    browser
        .run(
            "await page.getByRole('button', { name: 'Clear all that match' }).click();
             await page.getByRole('button', { name: 'Clear 2,000 tasks' }).click();
             await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
             await page.getByRole('heading', { name: 'Stopped' }).waitFor()",
        )
        .await;
    let said = browser
        .run("return await page.getByRole('dialog').getByRole('status').innerText()")
        .await;
    let remaining = pending(&database, "sweep").await;
    assert!(remaining > 0);
    let numbers = said.as_str().unwrap().replace(',', "");
    assert_eq!(
        numbers.trim(),
        format!("{} cleared · {remaining} remaining", 2000 - remaining)
    );
}

#[tokio::test]
async fn without_the_write_right_there_is_nothing_to_clear_with() {
    let database = TestDatabase::new().await;
    database.execute(MANY).await;
    let gateway = Authenticator::Gateway(Gateway {
        addresses: Some(Proxies::new(vec!["127.0.0.1".parse().unwrap()])),
        secret: None,
        headers: IdentityHeaders::Named {
            scopes: HeaderName::from_static("x-auth-scopes"),
            separators: SEPARATORS,
            client: HeaderName::from_static("x-auth-client"),
            levels: None,
        },
        permissions: PermissionMap::default(),
    });
    let service = Service::with(&database, Setup::with_authenticator(gateway)).await;
    for (scope, buttons) in [(READ, 0), (WRITE, 1)] {
        let options = json!({ "extraHTTPHeaders": { "X-Auth-Scopes": scope } }).to_string();
        let Some(mut browser) = Browser::with(&format!("http://{}/?task=1", service.address), &options).await
        else {
            return;
        };
        browser
            .run("await page.getByRole('heading', { name: 'Pending 2,005' }).waitFor();")
            .await;
        let clear = "return await page.getByRole('button', { name: /^Clear/ }).count()";
        if buttons == 0 {
            browser.run("await page.waitForTimeout(500)").await;
            assert_eq!(browser.run(clear).await, 0);
        } else {
            browser
                .run("await page.getByRole('button', { name: 'Clear all that match' }).waitFor()")
                .await;
        }
    }
}
