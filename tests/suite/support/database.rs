//! A database for each test: a copy of a template that was migrated once, dropped when the test ends.
//!
//! By default the server is a private one that ends with this process, however that ends. With `TEST_DATABASE_URL` it
//! is an existing one, whose role must be allowed to create databases.

use std::str::FromStr;
use std::sync::{Arc, OnceLock, Weak};

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use task_status::postgres::{self, PrivatePostgres};
use task_status::store::schema;
use tokio::sync::Mutex;
use uuid::Uuid;

/// What every database of the tests is called at first, so that none is mistaken for somebody's own.
const PREFIX: &str = "task_status_test_";

/// A database of a test's own.
pub struct TestDatabase {
    name: String,
    /// The template lives as long as a database that was copied from it.
    _template: Option<Arc<Template>>,
}

/// The migrated database that the others are copies of.
struct Template(Name);

/// A database's name; the database goes with it.
struct Name(String);

impl TestDatabase {
    /// A database with the tables, and nothing in them.
    pub async fn new() -> Self {
        let template = template().await;
        let name = unique_name();
        admin(&format!("create database {name} template {}", template.0.0)).await;
        Self {
            name,
            _template: Some(template),
        }
    }

    /// A database without anything.
    pub async fn empty() -> Self {
        let name = unique_name();
        admin(&format!("create database {name}")).await;
        Self {
            name,
            _template: None,
        }
    }

    /// How to connect to it.
    pub fn options(&self) -> PgConnectOptions {
        server_options().database(&self.name)
    }

    /// Its URL, for the real program.
    pub fn url(&self) -> String {
        url_of(&self.name)
    }

    /// A connection outside the service, as a colleague with psql has.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.unwrap()
    }

    /// Runs plain SQL, one or more statements.
    pub async fn execute(&self, sql: &str) {
        if let Err(error) = self.try_execute(sql).await {
            panic!("{error}: {sql}");
        }
    }

    /// Runs plain SQL that may fail.
    pub async fn try_execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut connection = self.connect().await;
        let result = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .map(drop);
        connection.close().await.unwrap();
        result
    }

    /// The rows of a plain SQL query.
    pub async fn fetch(&self, sql: &str) -> Vec<PgRow> {
        let mut connection = self.connect().await;
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        rows
    }

    /// The single value of a plain SQL query.
    pub async fn value<T>(&self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.fetch(sql).await[0].get(0)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        drop(Name(std::mem::take(&mut self.name)));
    }
}

impl Drop for Name {
    /// On a thread of its own, as the test's runtime may be ending.
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.0);
        let dropped = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(async move {
                    admin(&sql).await;
                });
        })
        .join();
        assert!(
            dropped.is_ok() || std::thread::panicking(),
            "could not drop {}",
            self.0
        );
    }
}

/// The URL of a database that does not exist.
pub fn missing_url() -> String {
    url_of(&unique_name())
}

fn url_of(database: &str) -> String {
    match external() {
        Some(url) => {
            let mut url: reqwest::Url = url.parse().unwrap();
            url.set_path(database);
            url.into()
        }
        None => private().url(database),
    }
}

async fn template() -> Arc<Template> {
    static SHARED: Mutex<Weak<Template>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(template) = shared.upgrade() {
        return template;
    }
    drop_leftovers().await;
    let name = Name(unique_name());
    admin(&format!("create database {}", name.0)).await;
    schema::migrate(&server_options().database(&name.0))
        .await
        .unwrap();
    let template = Arc::new(Template(name));
    *shared = Arc::downgrade(&template);
    template
}

/// On an existing server a killed run leaves its databases behind: those older than an hour are nobody's.
async fn drop_leftovers() {
    if external().is_none() {
        return;
    }
    let mut connection = PgConnection::connect_with(&server_options()).await.unwrap();
    let names: Vec<String> =
        sqlx::query_scalar("select datname::text from pg_database where datname like $1 || '%'")
            .bind(PREFIX)
            .fetch_all(&mut connection)
            .await
            .unwrap();
    connection.close().await.unwrap();
    let hour_ago = chrono::Utc::now().timestamp() - 3600;
    for name in names {
        let made = name
            .trim_start_matches(PREFIX)
            .split('_')
            .next()
            .and_then(|made| made.parse::<i64>().ok());
        if made.is_some_and(|made| made < hour_ago) {
            admin(&format!("drop database if exists {name} with (force)")).await;
        }
    }
}

/// With the second in which it was made, by which [`drop_leftovers`] knows its age.
fn unique_name() -> String {
    format!(
        "{PREFIX}{}_{}",
        chrono::Utc::now().timestamp(),
        Uuid::new_v4().simple()
    )
}

async fn admin(sql: &str) {
    let mut connection = PgConnection::connect_with(&server_options()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

fn external() -> Option<String> {
    std::env::var("TEST_DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty())
}

fn server_options() -> PgConnectOptions {
    match external() {
        Some(url) => PgConnectOptions::from_str(&url).unwrap(),
        None => private().connect_options(),
    }
}

/// Never dropped: it ends with this process, by its guard.
fn private() -> &'static PrivatePostgres {
    static SERVER: OnceLock<PrivatePostgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let settings = postgres::Settings {
            bin_dir: None,
            data_dir: None,
            durable: false,
            max_connections: 200,
            tcp_port: None,
        };
        postgres::start(&settings).unwrap()
    })
}
