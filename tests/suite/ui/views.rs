//! The part of the list that is shown: filters, the selection, named views.

use serde_json::json;

use super::{named, opened};

const THREE: &str = "insert into task_status (id, type, unique_name, launcher, created)
    select n::text, 'QUARTZ', 'Task ' || n, case when n = 3 then 'workflow' else 'sweep' end, now() + n * interval '1 second'
    from generate_series(1, 3) n;
    insert into task_status (id, type, unique_name, launcher, completed, completion_status)
    values ('done', 'QPOC', 'Done', 'sweep', now(), 'ERROR')";

#[tokio::test]
async fn any_text_survives_a_change_of_the_filter_that_it_is_in() {
    let sql = r#"insert into task_status (id, type, unique_name, launcher)
        values ('1', 'QUARTZ', 'Lines', E'two\nlines\ttab\r\u0001 \\"'), ('2', 'QUARTZ', 'Line', 'twolines')"#;
    let Some((_database, _service, mut browser)) = opened(sql, "/").await else {
        return;
    };
    let literal = r#""two\nlines\ttab\r\u0001 \\\"""#;
    let chip = |condition: &str| {
        let condition = json!(condition);
        format!("await page.getByRole('listitem').filter({{ hasText: {condition} }}).waitFor();")
    };
    browser.run("await page.getByRole('complementary', { name: 'Groups' }).getByRole('button', { name: /two lines/ }).click()").await;
    browser.run(&chip(&format!("launcher eq {literal}"))).await;
    browser.run(&named(&["Lines"])).await;
    browser
        .run(&format!(
            "await page.getByRole('combobox', {{ name: 'Filter' }}).click();
             await page.keyboard.press('End');
             await page.keyboard.type(' and percentComplete eq 0');
             await page.keyboard.press('Enter');
             {} await page.reload()",
            chip("percentComplete eq 0")
        ))
        .await;
    browser.run(&named(&["Lines"])).await;
    // Its beginning is enough to find it.
    browser
        .run(
            r#"const filter = page.getByRole('combobox', { name: 'Filter' });
             await filter.fill('launcher eq "two\\n');
             await page.getByRole('option', { name: /lines/ }).click();
             await page.keyboard.press('Escape');
             await page.getByRole('button', { name: 'Apply' }).click();"#,
        )
        .await;
    browser
        .run(&format!(
            "await page.waitForFunction((filter) => new URL(location).searchParams.get('filters') === filter, {})",
            json!(format!("launcher eq {literal}"))
        ))
        .await;
    browser.run(&named(&["Lines"])).await;
}

#[tokio::test]
async fn an_or_without_blanks_stays_within_its_list() {
    let filter = "/?filters=launcher+eq+%22sweep%22or(launcher+eq+%22workflow%22)";
    let Some((_database, _service, mut browser)) = opened(THREE, filter).await else {
        return;
    };
    browser.run(&named(&["Task 1", "Task 2", "Task 3"])).await;
}

#[tokio::test]
async fn a_selection_ends_with_its_filter() {
    let Some((_database, _service, mut browser)) = opened(THREE, "/").await else {
        return;
    };
    // The answer to the next filter takes its time: rows of the one before can be selected meanwhile.
    browser
        .run(
            "await page.getByRole('checkbox', { name: 'Select Task 1' }).check();
             let go;
             const held = new Promise((resolve) => { go = resolve; });
             await page.route(/workflow/, async (route) => { await held; await route.continue(); });
             await page.getByRole('button', { name: /^workflow/ }).click();
             await page.getByRole('button', { name: 'Clear 1 selected' }).waitFor({ state: 'hidden' });
             await page.getByRole('checkbox', { name: 'Select Task 2' }).check();
             await page.getByRole('button', { name: 'Clear 1 selected' }).waitFor();
             go();",
        )
        .await;
    browser.run(&named(&["Task 3"])).await;
    let selected = "return await page.getByRole('button', { name: /^Clear . selected/ }).count()";
    assert_eq!(browser.run(selected).await, 0);
}

#[tokio::test]
async fn views_are_kept_by_any_name_opened_and_removed() {
    let Some((_database, _service, mut browser)) =
        opened(THREE, "/?filters=launcher+eq+%22workflow%22").await
    else {
        return;
    };
    let names = json!([
        "Workflows",
        "__proto__",
        "<img src=x onerror=alert(1)>",
        "\u{202e}txt.exe \u{5e9}",
        "\"'\\{x}"
    ]);
    browser.run(&named(&["Task 3"])).await;
    let open = "await page.getByText('Views', { exact: true }).click();
         const menu = page.locator('.menu').filter({ hasText: 'Views' });";
    browser
        .run(&format!(
            "{open}
             await menu.getByText('No views are kept in this browser.').waitFor();
             for (const name of [...{names}, '  ']) {{
                 await menu.getByRole('textbox', {{ name: 'Name of the view' }}).fill(name);
                 await menu.getByRole('button', {{ name: 'Keep this view' }}).click();
             }}
             await page.goto('?show=ended')"
        ))
        .await;
    browser.run(&named(&["Done"])).await;
    let kept = browser
        .run(&format!(
            "{open} return await menu.getByRole('link').allInnerTexts()"
        ))
        .await;
    assert_eq!(kept, names);
    browser
        .run("await page.getByRole('link', { name: '__proto__' }).click()")
        .await;
    browser.run(&named(&["Task 3"])).await;
    let query = browser.run("return new URL(page.url()).search").await;
    assert_eq!(query, "?filters=launcher+eq+%22workflow%22");
    browser
        .run(&format!(
            "for (const name of {names}) await page.getByRole('button', {{ name: `Remove the view ${{name}}`, exact: true }}).click();
             await page.reload();
             {open} await menu.getByText('No views are kept in this browser.').waitFor()"
        ))
        .await;
}
