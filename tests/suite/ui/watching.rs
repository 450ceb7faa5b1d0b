//! What is pending, how it changes, and how current that is.

use serde_json::json;
use task_status::store::schema::Schema;

use super::{named, opened};
use crate::support::browser::Browser;
use crate::support::database::TestDatabase;
use crate::support::program::{Program, command};
use crate::support::proxy::{Proxy, Route};
use crate::support::service::{LIMITS, Service, Setup, watched};
use crate::support::tasks::insert_many;

const THREE: &str = "insert into task_status (id, type, unique_name, launcher, created, modified)
    select n::text, 'QUARTZ', 'Task ' || n, 'sweep', now() - interval '1 day' + n * interval '1 second', now()
    from generate_series(1, 3) n";

#[tokio::test]
async fn a_change_by_sql_shows_in_every_tab_without_a_reload() {
    let Some((database, _service, mut browser)) = opened(THREE, "/").await else {
        return;
    };
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    browser
        .run("globalThis.tabs = [page, await context.newPage()]; await tabs[1].goto(page.url())")
        .await;
    // A heading with the exact number, and the state.
    for tab in ["tabs[0]", "tabs[1]"] {
        browser.run(&format!("const tab = {tab}; await tab.getByRole('heading', {{ name: 'Pending 3' }}).waitFor(); await tab.getByRole('status').filter({{ hasText: /^Live$/ }}).waitFor()")).await;
    }
    // A row keeps its place and its selection while its task changes; a new one is announced, not pushed in.
    browser
        .run("await page.getByRole('checkbox', { name: 'Select Task 2' }).check()")
        .await;
    database.execute("update task_status set percent_complete = 42, progress = 'Halfway', modified = now() where id = '2'").await;
    database.execute("insert into task_status (id, type, unique_name, launcher) values ('4', 'QPOC', 'Task 4', 'workflow')").await;
    for tab in ["tabs[0]", "tabs[1]"] {
        browser
            .run(&format!(
                "const tab = {tab};
                 await tab.getByRole('row', {{ name: /Task 2.*42% Halfway/ }}).waitFor();
                 await tab.getByRole('heading', {{ name: 'Pending 4' }}).waitFor();
                 await tab.getByRole('button', {{ name: '1 new' }}).waitFor()"
            ))
            .await;
    }
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    browser
        .run("await page.getByRole('button', { name: '1 new' }).click()")
        .await;
    browser
        .run(&named(&["Task 1", "Task 2", "Task 3", "Task 4"]))
        .await;
    assert_eq!(
        browser
            .run("return await page.getByRole('checkbox', { name: 'Select Task 2' }).isChecked()")
            .await,
        true
    );
    // One that has ended stays where it was, and says so.
    database
        .execute("update task_status set completion_status = 'SUCCESS', completed = now() where id = '1'")
        .await;
    browser.run("await page.getByRole('row', { name: /Task 1.*Success/ }).waitFor(); await page.getByRole('heading', { name: 'Pending 3' }).waitFor()").await;
}

/// A browser has few connections over HTTP/1.1: what else is held does not take those of the lists.
#[tokio::test]
async fn the_lists_of_two_tabs_are_held_whatever_else_they_show() {
    let Some((database, _service, mut browser)) = opened(THREE, "/").await else {
        return;
    };
    browser
        .run(
            "for (const tab of [page, await context.newPage()]) {
                 const isHeld = (request) => request.url().includes('sorters=') && 'prefer' in request.headers();
                 await Promise.all([tab.waitForRequest(isHeld), tab.goto('/?show=all&task=1')]);
                 await tab.getByRole('complementary', { name: 'Task 1' }).waitFor();
             }",
        )
        .await;
    database
        .execute("update task_status set percent_complete = 42, modified = now() where id = '1'")
        .await;
    browser
        .run(
            "for (const tab of context.pages()) {
                 await tab.getByRole('row', { name: /Task 1.*42%/ }).waitFor();
                 await tab.getByRole('status').filter({ hasText: /^Live$/ }).waitFor();
             }",
        )
        .await;
}

#[tokio::test]
async fn the_figures_are_exact_and_lead_to_their_tasks() {
    let sql = format!(
        "{THREE};
         insert into task_status (id, type, unique_name, launcher, created, modified)
         values ('old', 'QPOC', 'Forgotten', 'workflow', now() - interval '3 days', now() - interval '2 hours');
         insert into task_status (id, type, unique_name, launcher, launched, completed, completion_status)
         values ('done', 'QPOC', 'Done', 'sweep', now(), now(), 'ERROR')"
    );
    let Some((_database, _service, mut browser)) = opened(&sql, "/").await else {
        return;
    };
    let figures = "const figures = page.getByRole('region', { name: 'Now' }).getByRole('definition');
         await page.waitForFunction(() => document.querySelector('.now dd').textContent !== '–');
         return (await figures.allInnerTexts()).map((text) => text.split('\\n')[0])";
    assert_eq!(browser.run(figures).await, json!(["4", "3d", "1"]));
    browser
        .run("await page.getByTitle('Show stuck tasks').click()")
        .await;
    browser.run(&named(&["Forgotten"])).await;
    browser.run("await page.goBack()").await;
    browser.run("await page.getByRole('complementary', { name: 'Groups' }).getByRole('button', { name: /sweep/ }).first().click()").await;
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    assert_eq!(
        browser
            .run("return new URL(page.url()).searchParams.get('filters')")
            .await,
        "launcher eq \"sweep\""
    );
    // The history.
    browser.run("await page.goto('?show=ended')").await;
    browser.run(&named(&["Done"])).await;
    browser
        .run("await page.getByRole('row', { name: /Done.*Error/ }).waitFor()")
        .await;
    // Each column of the chart says what it shows, and leads there: by the keyboard too.
    browser
        .run(
            "await page.goto('?');
             const chart = page.getByRole('slider', { name: /Tasks started and ended/ });
             await chart.focus();
             await page.waitForFunction(() => {
                 const slider = document.querySelector('[role=slider]');
                 if (/: Started 1, Success 0, Warning 0, Error 1, /.test(slider.ariaValueText)) return true;
                 slider.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
             });
             await page.getByRole('figure').getByText('Started 1', { exact: true }).waitFor();
             await chart.press('Enter')",
        )
        .await;
    browser.run(&named(&["Done"])).await;
    let range = browser
        .run("return new URL(page.url()).searchParams.get('filters')")
        .await;
    assert!(range.as_str().unwrap().starts_with("completed ge "), "{range}");
}

#[tokio::test]
async fn the_whole_view_is_in_the_url() {
    let sql = insert_many(120, "'t' || lpad(n::text, 3, '0')", "n * interval '1 second'");
    let Some((_database, _service, mut browser)) = opened(&sql, "/").await else {
        return;
    };
    browser
        .run(
            "await page.getByRole('combobox', { name: 'Filter' }).fill('launcher eq \"l\"');
             await page.keyboard.press('Enter');
             await page.getByRole('combobox', { name: 'Rows' }).selectOption('25');
             await page.getByRole('button', { name: 'Name' }).click();
             await page.getByRole('spinbutton', { name: 'Page' }).fill('5');
             await page.keyboard.press('Enter');
             await page.waitForURL(/page=5/)",
        )
        .await;
    let state = "await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 20);
         return [await page.getByRole('combobox', { name: 'Filter' }).inputValue(),
                 await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort'),
                 await page.getByRole('spinbutton', { name: 'Page' }).inputValue()]";
    let expected = json!(["launcher eq \"l\"", "ascending", "5"]);
    assert_eq!(browser.run(state).await, expected);
    browser.run("await page.reload()").await;
    assert_eq!(browser.run(state).await, expected);
}

#[tokio::test]
async fn a_filter_is_completed_and_its_faults_are_shown_where_they_are() {
    let Some((_database, _service, mut browser)) = opened(THREE, "/").await else {
        return;
    };
    browser
        .run(
            "const filter = page.getByRole('combobox', { name: 'Filter' });
             await filter.click();
             await filter.pressSequentially('laun');
             await page.getByRole('option', { name: /^launcher/ }).click();
             await page.getByRole('option', { name: /^eq/ }).click();
             await filter.pressSequentially('\"sw');
             await page.getByRole('option', { name: '\"sweep\"' }).click();
             await page.getByRole('button', { name: 'Apply' }).click();
             await page.getByRole('listitem').filter({ hasText: 'launcher eq \"sweep\"' }).waitFor()",
        )
        .await;
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    browser.run("await page.getByRole('combobox', { name: 'Filter' }).fill('launcher eq \"sweep\" und id eq \"1\"'); await page.keyboard.press('Enter')").await;
    assert_eq!(
        browser
            .run("return await page.locator('#filter-fault mark').innerText()")
            .await,
        "und"
    );
    browser
        .run("await page.getByText('Position 21 of the filter').waitFor()")
        .await;
    // In the reader's language.
    browser.run("await page.getByRole('combobox', { name: 'Language' }).selectOption('de'); await page.getByText('Position 21 des Filters').waitFor()").await;
}

#[tokio::test]
async fn any_page_of_a_hundred_thousand_is_reached_directly() {
    let sql = insert_many(100_000, "lpad(n::text, 6, '0')", "n * interval '1 second'");
    let Some((_database, _service, mut browser)) = opened(&sql, "/?size=250&columns=id").await else {
        return;
    };
    browser
        .run("await page.getByRole('heading', { name: 'Pending 100,000' }).waitFor()")
        .await;
    let ids = "await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 250);
         return [await page.locator('#list tbody td.id').first().innerText(), await page.locator('#list tbody td.id').last().innerText()]";
    assert_eq!(browser.run(ids).await, json!(["000001", "000250"]));
    browser.run("await page.getByRole('button', { name: 'Last page' }).click(); await page.getByRole('row', { name: /100000/ }).waitFor()").await;
    assert_eq!(browser.run(ids).await, json!(["099751", "100000"]));
    browser.run("await page.getByRole('spinbutton', { name: 'Page' }).fill('200'); await page.keyboard.press('Enter'); await page.getByRole('row', { name: /050000/ }).waitFor()").await;
    assert_eq!(browser.run(ids).await, json!(["049751", "050000"]));
}

#[tokio::test]
async fn the_first_rows_need_three_requests_beside_the_files() {
    let Some((_database, _service, mut browser)) = opened(THREE, "/").await else {
        return;
    };
    browser
        .run(
            "globalThis.asked = [];
             page.on('request', (request) => {
                 if (request.resourceType() === 'fetch' && !request.headers().prefer) asked.push(new URL(request.url()).pathname);
             });
             await page.goto('/')",
        )
        .await;
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    let asked = json!(["/task-status", "/task-status/summary", "/ui/config.json"]);
    assert_eq!(browser.run("return asked.sort()").await, asked);
}

#[tokio::test]
async fn a_paused_or_hidden_page_asks_for_nothing() {
    let Some((database, _service, mut browser)) = opened(THREE, "/").await else {
        return;
    };
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    let hide = |hidden: bool| {
        format!(
            "await page.evaluate(() => {{
                 Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }});
                 document.dispatchEvent(new Event('visibilitychange'));
             }});"
        )
    };
    for (stop, resume) in [
        (
            "await page.getByRole('button', { name: 'Pause' }).click();".to_owned(),
            "await page.keyboard.press('p');".to_owned(),
        ),
        (hide(true), hide(false)),
    ] {
        browser.run(&format!("{stop} await page.getByText('Paused').waitFor(); globalThis.asked = 0; page.on('request', () => {{ asked += 1; }})")).await;
        database.execute("update task_status set percent_complete = percent_complete + 1, modified = now() where id = '1'").await;
        // Longer than any pause between requests.
        browser.run("await page.waitForTimeout(3000)").await;
        assert_eq!(browser.run("return asked").await, 0);
        browser
            .run(&format!(
                "{resume} await page.getByRole('status').filter({{ hasText: /^Live$/ }}).waitFor()"
            ))
            .await;
    }
    browser
        .run("await page.getByRole('row', { name: /Task 1.* 2%/ }).waitFor()")
        .await;
}

#[tokio::test]
async fn a_lost_service_and_a_lost_database_are_said_and_recovered_from() {
    let database = TestDatabase::new().await;
    database.execute(THREE).await;
    let listening = |address: &str| {
        let mut command = command(&["serve", "--auth", "none", "--listen", address]);
        command.env("DATABASE_URL", database.url());
        Program::start(command)
    };
    // Not 127.0.0.1: others there take free ports too, while the service is away.
    let mut program = listening("127.0.0.2:0");
    let url = program.url().await;
    program.logged("the database is up").await;
    let Some(mut browser) = Browser::open(&url).await else {
        return;
    };
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    program.stop();
    browser.run("await page.getByRole('alert').filter({ hasText: 'The connection is lost. What is shown is as of' }).waitFor()").await;
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    let mut restarted = listening(url.strip_prefix("http://").unwrap());
    restarted.logged("the database is up").await;
    database
        .execute("update task_status set percent_complete = 42, modified = now() where id = '1'")
        .await;
    browser.run("await page.getByRole('row', { name: /Task 1.*42%/ }).waitFor(); await page.getByRole('alert').waitFor({ state: 'hidden' })").await;
    drop(browser);

    let upstream = database.service_options();
    let to_the_database = Route::To(
        upstream
            .get_socket()
            .unwrap()
            .join(format!(".s.PGSQL.{}", upstream.get_port())),
    );
    let proxy = Proxy::start(to_the_database.clone()).await;
    let cut = watched(proxy.options(&upstream), LIMITS, Schema::Expect);
    cut.wait_until_up().await;
    let service = Service::on(cut, Setup::default());
    let Some(mut browser) = Browser::open(&format!("http://{}", service.address)).await else {
        return;
    };
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
    proxy.set(Route::Close);
    database.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()").await;
    browser.run("await page.getByRole('alert').filter({ hasText: 'The service is busy or its database cannot be reached.' }).waitFor()").await;
    proxy.set(to_the_database);
    browser.run("await page.getByRole('alert').waitFor({ state: 'hidden' }); await page.getByRole('status').filter({ hasText: /^Live$/ }).waitFor()").await;
}

#[tokio::test]
async fn the_whole_list_is_exported_whatever_the_page_shows() {
    let sql = insert_many(300, "lpad(n::text, 3, '0')", "n * interval '1 second'");
    let Some((_database, _service, mut browser)) = opened(&sql, "/?size=25&filters=id+gt+%22100%22").await
    else {
        return;
    };
    browser.run("await page.getByRole('heading', { name: 'Pending 200' }).waitFor(); await page.getByText('Export', { exact: true }).click()").await;
    for (format, lines) in [("CSV", 201), ("NDJSON", 200)] {
        let saved = browser
            .run(&format!(
                "const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {{ name: '{format}', exact: true }}).click()]);
                 return Buffer.concat(await (await download.createReadStream()).toArray()).toString()"
            ))
            .await;
        let saved = saved.as_str().unwrap();
        assert_eq!(saved.lines().count(), lines, "{format}");
        assert!(saved.lines().last().unwrap().contains("300"), "{saved}");
    }
}
