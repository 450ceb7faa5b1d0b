//! For every reader, on every screen: accessibility, narrow screens, languages, and values that mean harm.

use serde_json::{Value, json};

use super::opened;

/// Values that would act if they were taken for anything but text.
const HOSTILE: [&str; 5] = [
    "<img src=x onerror=alert(1)>",
    "\"'><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    "\u{202e}txt.exe \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
];

const SOME: &str = "insert into task_status (id, type, unique_name, launcher, created, modified, completion_status, completed, attributes, messages)
    select n::text, 'QUARTZ', 'Task ' || n, 'sweep', now() - n * interval '1 hour', now() - n * interval '10 minutes',
        case when n > 20 then 'ERROR' end, case when n > 20 then now() end, '{\"a\": {\"b\": [1, 2]}}',
        '[{\"type\": \"WARN\", \"key\": \"k\", \"parameters\": [], \"localizedText\": {\"locale\": \"en\", \"message\": \"Slow\"}}]'
    from generate_series(1, 30) n";

/// The states of the page in which it is looked at: a target, and what is done there.
const STATES: [(&str, &str); 8] = [
    ("?", ""),
    ("?task=1", "await page.getByText('Raw JSON').click()"),
    ("?show=ended", ""),
    ("?show=all&size=25", ""),
    ("?filters=launcher+eq+%22none%22", ""),
    (
        "?filters=launcher+is+%22none%22",
        "await page.locator('#filter-fault').waitFor()",
    ),
    (
        "?",
        "await page.getByRole('button', { name: 'Add a condition' }).click(); await page.getByRole('combobox', { name: 'Filter' }).click()",
    ),
    (
        "?",
        "await page.getByRole('button', { name: 'Clear all that match' }).click(); await page.getByRole('dialog').waitFor()",
    ),
];

#[tokio::test]
async fn no_state_has_a_fault_of_accessibility_in_either_theme() {
    let Some((_database, _service, mut browser)) = opened(SOME, "/").await else {
        return;
    };
    for scheme in ["light", "dark"] {
        browser
            .run(&format!(
                "await page.emulateMedia({{ colorScheme: '{scheme}', reducedMotion: 'reduce' }})"
            ))
            .await;
        for (target, act) in STATES {
            browser.run(&format!("await page.goto('{target}'); await page.locator('[aria-busy=false]').waitFor(); await page.locator('.groups, #filter-fault').first().waitFor({{ state: 'attached' }}); {act}")).await;
            assert_eq!(
                browser.run("return await axe(page)").await,
                json!([]),
                "{scheme} {target} {act}"
            );
        }
        browser
            .run("await page.goto('docs'); await page.locator('section.operation').first().waitFor()")
            .await;
        assert_eq!(
            browser.run("return await axe(page)").await,
            json!([]),
            "{scheme} docs"
        );
    }
}

#[tokio::test]
async fn no_page_is_wider_than_a_narrow_screen() {
    let Some((_database, _service, mut browser)) = opened(SOME, "/").await else {
        return;
    };
    for width in [360, 768, 3840] {
        browser
            .run(&format!(
                "await page.setViewportSize({{ width: {width}, height: 800 }})"
            ))
            .await;
        for (target, act) in STATES {
            browser
                .run(&format!(
                    "await page.goto('{target}'); await page.locator('[aria-busy=false]').waitFor(); {act}"
                ))
                .await;
            assert_eq!(
                browser
                    .run("return await page.evaluate(() => document.documentElement.scrollWidth)")
                    .await,
                width,
                "{target} {act}"
            );
        }
        browser
            .run("await page.goto('docs'); await page.locator('section.operation').first().waitFor()")
            .await;
        assert_eq!(
            browser
                .run("return await page.evaluate(() => document.documentElement.scrollWidth)")
                .await,
            width,
            "docs"
        );
    }
}

#[tokio::test]
async fn an_open_task_leaves_the_header_within_reach() {
    let Some((_database, _service, mut browser)) = opened(SOME, "/").await else {
        return;
    };
    for width in [768, 1280, 3840] {
        browser
            .run(&format!(
                "await page.setViewportSize({{ width: {width}, height: 800 }});
                 await page.goto('?task=1');
                 await page.getByRole('complementary', {{ name: 'Task 1' }}).waitFor();
                 for (const name of ['Pause', 'Help']) await page.getByRole('button', {{ name }}).click({{ trial: true }});
                 await page.getByRole('button', {{ name: 'Close' }}).click()"
            ))
            .await;
    }
}

#[tokio::test]
async fn hostile_values_are_text_and_large_numbers_stay_whole() {
    let Some((_database, service, mut browser)) = opened("", "/").await else {
        return;
    };
    for (index, text) in HOSTILE.iter().enumerate() {
        let report = json!({
            "type": "QUARTZ", "uniqueName": text, "launcher": text, "description": text, "parentName": text,
            "target": { "id": text, "type": "APPLICATION", "name": text }, "progress": text,
            "messages": [{ "type": "ERROR", "key": text, "parameters": [text], "localizedText": { "locale": "en", "message": text } }],
            "returns": [{ "name": text, "attributeName": text }],
            "attributes": { *text: text, "big": 9_223_372_036_854_775_807_i64, "long": "x".repeat(5000) },
            "taskDefinitionSummary": { "id": text, "uniqueName": text, "description": text, "parentName": text, "executor": text, "arguments": { *text: text } },
        });
        let stored = service
            .send(
                reqwest::Method::PUT,
                &format!("/task-status/h{index}"),
                "application/json",
                report.to_string(),
            )
            .await;
        assert_eq!(stored.status, 201, "{stored:?}");
    }
    browser.run("await page.goto('?columns=type,target,launcher,progress,parentName'); await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 5)").await;
    // In the order of the list.
    let names = browser
        .run("return await page.locator('tbody th a').allInnerTexts()")
        .await;
    assert_eq!(names, json!(HOSTILE));
    for (index, text) in HOSTILE.iter().enumerate() {
        let shown = browser
            .run(&format!(
                "await page.goto('?task=h{index}');
                 const task = page.getByRole('complementary').filter({{ has: page.getByText('Raw JSON') }});
                 await task.getByText('Raw JSON').click();
                 return await task.innerText()"
            ))
            .await;
        let shown = shown.as_str().unwrap();
        assert!(shown.matches(text).count() >= 10, "{text} in {shown}");
        assert!(shown.contains("9223372036854775807"), "{shown}");
        assert_eq!(
            browser
                .run("return await page.locator('main img, main script, aside img, aside script').count()")
                .await,
            0
        );
    }
    // Whoever filters by it finds it.
    browser.run("await page.goto('?'); await page.getByRole('complementary', { name: 'Groups' }).getByRole('button', { name: 'onerror' }).first().click(); await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 1)").await;
}

#[tokio::test]
async fn the_keyboard_is_enough() {
    let Some((_database, _service, mut browser)) = opened(SOME, "/").await else {
        return;
    };
    browser
        .run(
            "await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 20);
             for (const key of ['j', 'j', 'k', 'j']) await page.keyboard.press(key);
             await page.keyboard.press('x');
             await page.getByRole('button', { name: 'Clear 1 selected' }).waitFor();
             await page.keyboard.press('Enter');
             await page.getByRole('complementary', { name: 'Task 19' }).waitFor();
             await page.keyboard.press('Escape');
             await page.getByRole('complementary', { name: 'Task 19' }).waitFor({ state: 'detached' });
             await page.keyboard.press('?');
             await page.getByRole('dialog', { name: 'Help' }).waitFor();
             await page.keyboard.press('Escape');
             await page.locator('dialog').waitFor({ state: 'detached' });
             await page.keyboard.press('?');
             await page.getByRole('dialog', { name: 'Help' }).waitFor();
             // A key that is pressed before the page hears that the dialog is closed.
             await page.evaluate(() => {
                 document.querySelector('dialog').close();
                 document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }));
             });
             await page.keyboard.type('id eq \"7\"');
             await page.keyboard.press('Enter');
             await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 1)",
        )
        .await;
}

#[tokio::test]
async fn the_page_speaks_the_ten_languages_of_the_errors() {
    let Some((_database, _service, mut browser)) = opened(SOME, "/").await else {
        return;
    };
    let titles = browser
        .run(
            "const titles = {};
             for (const locale of ['en-US', 'de', 'es', 'fr', 'it', 'ja', 'ko', 'nl', 'pt-BR', 'zh-CN']) {
                 const other = await context.browser().newContext({ locale });
                 const foreign = await other.newPage();
                 await foreign.goto(page.url());
                 await foreign.waitForFunction((locale) => locale.startsWith(document.documentElement.lang)
                     && document.querySelectorAll('#list tbody tr').length === 20, locale);
                 titles[locale] = await foreign.getByRole('heading', { level: 1 }).innerText();
                 await other.close();
             }
             return titles",
        )
        .await;
    for (locale, title) in titles.as_object().unwrap() {
        assert_eq!(title == "Task status", locale == "en-US", "{locale}: {title}");
    }
}

/// The description of the API is the sibling of the dashboard.
#[tokio::test]
async fn the_description_leads_to_the_dashboard_and_back() {
    let Some((_database, _service, mut browser)) = opened(SOME, "/docs").await else {
        return;
    };
    let ways: Value = browser
        .run(
            "await page.getByRole('link', { name: 'Dashboard' }).click();
             await page.getByRole('table', { name: 'Tasks', exact: true }).waitFor();
             await page.getByRole('link', { name: 'API', exact: true }).click();
             await page.locator('section.operation').first().waitFor();
             return new URL(page.url()).pathname",
        )
        .await;
    assert_eq!(ways, "/docs");
}
