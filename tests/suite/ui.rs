//! The dashboard: how its files are served, and what people see and do with it in a real browser.

mod acting;
mod faults;
mod hosting;
mod looks;
mod signing_in;
mod views;
mod watching;

use crate::support::browser::Browser;
use crate::support::database::TestDatabase;
use crate::support::service::Service;

/// A database, a service without authentication, and a browser at this target; `None` without a browser.
async fn opened(sql: &str, target: &str) -> Option<(TestDatabase, Service, Browser)> {
    let database = TestDatabase::new().await;
    if !sql.is_empty() {
        database.execute(sql).await;
    }
    let service = Service::start(&database).await;
    let browser = Browser::open(&format!("http://{}{target}", service.address)).await?;
    Some((database, service, browser))
}

/// A script that waits until the list has these names, in order.
fn named(names: &[&str]) -> String {
    let names = serde_json::to_string(names).unwrap();
    format!(
        "await page.waitForFunction((names) => {{
             const rows = [...document.querySelectorAll('tbody th a')].map((link) => link.textContent.trim());
             return JSON.stringify(rows) === JSON.stringify(names);
         }}, {names});"
    )
}
