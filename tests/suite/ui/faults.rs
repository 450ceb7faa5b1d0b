//! The page says that it is refused, and goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use task_status::auth::Authenticator;
use task_status::auth::proxies::Proxies;
use task_status::auth::rate::Limiter;
use task_status::http::middleware::authorize::Authorizer;

use super::named;
use crate::support::browser::Browser;
use crate::support::database::TestDatabase;
use crate::support::gateway::Gateway;
use crate::support::service::{Service, Setup};

const CHANGE: &str = "update task_status set percent_complete = percent_complete + 1, modified = now()";

/// A script that waits until an alert begins so.
fn alerted(text: &str) -> String {
    format!("await page.getByRole('alert').filter({{ hasText: /^{text}/ }}).waitFor();")
}

/// A script that waits until the list is current again.
const RECOVERED: &str = "await page.getByRole('alert').waitFor({ state: 'hidden' });
     await page.getByRole('status').filter({ hasText: /^Live$/ }).waitFor()";

/// A service behind nginx, which gives the answer that a cookie names: `login` and `page` are two ways to a page where
/// people sign in.
async fn behind_a_gateway(database: &TestDatabase) -> Option<(Service, Gateway)> {
    let service = Service::start(database).await;
    let server = |_: &Path, front| {
        let answers = ["401", "403", "404", "429", "503"];
        let answers = answers.map(|status| format!("if ($cookie_answer = {status}) {{ return {status}; }}"));
        format!(
            "server {{
                 listen 127.0.0.1:{front};
                 default_type text/html;
                 location /task-status/summary {{
                     if ($cookie_summary = none) {{ return 503; }}
                     proxy_pass http://{service};
                 }}
                 location /login {{ return 200 '<!doctype html><title>Sign in</title>'; }}
                 location / {{
                     if ($cookie_answer = login) {{ return 302 /login; }}
                     if ($cookie_answer = page) {{ return 200 '<!doctype html><title>Sign in</title>'; }}
                     {}
                     proxy_pass http://{service};
                 }}
             }}",
            answers.join(" "),
            service = service.address
        )
    };
    let gateway = Gateway::nginx(server).await?;
    Some((service, gateway))
}

/// A script that makes the gateway answer so from now on.
fn answer(answer: &str) -> String {
    format!("await context.addCookies([{{ name: 'answer', value: '{answer}', url: page.url() }}]);")
}

#[tokio::test]
async fn an_ended_session_with_a_gateway_is_said_and_begun_anew() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let Some((_service, gateway)) = behind_a_gateway(&database).await else {
        return;
    };
    let Some(mut browser) = Browser::open(&gateway.url("/")).await else {
        return;
    };
    for (ended, says) in [
        ("login", "You are not signed in"),
        ("page", "You are not signed in"),
        ("401", "You are not signed in"),
        ("403", "You may not see this"),
    ] {
        browser.run(&named(&["n"])).await;
        browser.run(&answer(ended)).await;
        database.execute(CHANGE).await;
        browser.run(&alerted(says)).await;
        // The rows stay.
        browser.run(&named(&["n"])).await;
        browser
            .run(&format!(
                "await page.getByRole('alert').getByRole('button', {{ name: 'Sign in' }}).click();
                 await page.getByRole('dialog').getByText('The session with the gateway has ended.').waitFor();
                 {} await page.getByRole('button', {{ name: 'Reload' }}).click();",
                answer(if ended == "login" { ended } else { "none" })
            ))
            .await;
        if ended == "login" {
            let back = format!(
                "await page.waitForURL(/login$/); {} await page.goto('/')",
                answer("none")
            );
            browser.run(&back).await;
        }
        browser.run(RECOVERED).await;
    }
    // After signing in elsewhere no reload is needed.
    for refused in ["401", "403"] {
        browser.run(&answer(refused)).await;
        database.execute(CHANGE).await;
        let again = "await page.getByRole('button', { name: 'Try now' }).click();";
        browser
            .run(&format!(
                "{} {} {again} {RECOVERED}",
                alerted("You"),
                answer("none")
            ))
            .await;
    }
}

#[tokio::test]
async fn other_refusals_pass_by_themselves_or_on_demand() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let Some((_service, gateway)) = behind_a_gateway(&database).await else {
        return;
    };
    let Some(mut browser) = Browser::open(&gateway.url("/")).await else {
        return;
    };
    browser.run(&named(&["n"])).await;
    for (refused, says) in [
        ("404", "The request has failed"),
        ("429", "Too many requests"),
        ("503", "The service is busy or its database cannot be reached"),
    ] {
        browser.run(&answer(refused)).await;
        database.execute(CHANGE).await;
        browser.run(&alerted(says)).await;
        browser.run(&named(&["n"])).await;
        browser.run(&format!("{} {RECOVERED}", answer("none"))).await;
    }
    // Nor does the list wait for the figures.
    browser
        .run("await context.addCookies([{ name: 'summary', value: 'none', url: page.url() }]); await page.reload()")
        .await;
    browser.run(&named(&["n"])).await;
    browser
        .run(
            "const now = page.getByRole('region', { name: 'Now' });
             await now.getByText('The service is busy').waitFor();
             // Else it tries again by itself, and the button is gone.
             const last = page.waitForResponse(/summary/);
             await page.getByRole('button', { name: 'Pause' }).click();
             await last;
             await context.clearCookies({ name: 'summary' });
             await now.getByRole('button', { name: 'Try now' }).click();
             await now.getByText('The service is busy').waitFor({ state: 'hidden' });
             await page.keyboard.press('p');
             await page.getByRole('status').filter({ hasText: /^Live$/ }).waitFor()",
        )
        .await;
    // A paused page tries again when it is told to.
    browser.run(&answer("503")).await;
    database.execute(CHANGE).await;
    browser
        .run(&format!(
            "{} await page.getByRole('button', {{ name: 'Pause' }}).click(); {}
             await page.getByRole('button', {{ name: 'Try now' }}).click();
             await page.getByRole('alert').waitFor({{ state: 'hidden' }});
             await page.getByText('Paused').waitFor()",
            alerted("The service is busy"),
            answer("none")
        ))
        .await;
}

#[tokio::test]
async fn a_page_over_the_rate_limit_says_so_and_goes_on() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    // Enough for the files of the page.
    let limiter = Limiter::new("100/100s".parse().unwrap());
    let authorizer = Authorizer::new(Authenticator::Open, Proxies::default(), Some(limiter));
    let service = Arc::new(Service::with(&database, Setup::with_authorizer(authorizer)).await);
    let Some(mut browser) = Browser::open(&format!("http://{}", service.address)).await else {
        return;
    };
    browser.run(&named(&["n"])).await;
    // The others at the same address leave nothing for it.
    let others = tokio::spawn(async move {
        loop {
            if service.get("/task-status/t").await.status == 429 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let refused = async {
        loop {
            database.execute(CHANGE).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let said = alerted("Too many requests.*Next attempt in");
    tokio::select! {
        _ = browser.run(&said) => {}
        () = refused => {}
    }
    others.abort();
    browser.run(RECOVERED).await;
}
