//! A database for each test: a copy of a template that was migrated once, dropped when the test ends.
//!
//! The service and the program use it as a role with the grants of `migrate --grant-to` and nothing else. A test's own
//! SQL runs as the owner.
//!
//! By default the server is a private one that ends with this process, however that ends. With `TEST_DATABASE_URL` it
//! is an existing one, whose role must be allowed to create databases and roles.

use std::str::FromStr;
use std::sync::{Arc, OnceLock, Weak};

use private_postgres::{self, PrivatePostgres};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use task_status::store::{privileges, schema};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{tasks, until};

/// The prefix of every database and role of the tests.
const PREFIX: &str = "task_status_test_";

/// A database for one test.
pub struct TestDatabase {
    name: String,
    /// Lives as long as a database copied from it.
    template: Option<Arc<Template>>,
}

/// The migrated database to copy, and the role of the service. Dropped in this order: a role with grants in a database
/// cannot be dropped.
struct Template {
    database: Name,
    role: Role,
}

/// A database's name; dropping it drops the database.
struct Name(String);

/// A role's name; dropping it drops the role, after the databases with grants to it.
pub struct Role(String);

impl TestDatabase {
    /// A database with empty tables.
    pub async fn new() -> Self {
        let template = template().await;
        let name = unique_name();
        admin(&format!(
            "create database {name} template {}",
            template.database.0
        ))
        .await;
        Self {
            name,
            template: Some(template),
        }
    }

    /// A database without tables.
    pub async fn empty() -> Self {
        Self::empty_with("").await.unwrap()
    }

    /// The same with options of `create database`, which the server may not know.
    pub async fn empty_with(options: &str) -> Result<Self, sqlx::Error> {
        let name = unique_name();
        try_admin(&format!("create database {name} {options}")).await?;
        Ok(Self { name, template: None })
    }

    /// The connection options of its owner.
    pub fn options(&self) -> PgConnectOptions {
        server_options().database(&self.name)
    }

    /// The URL for its owner.
    pub fn url(&self) -> String {
        url_of(&self.name)
    }

    /// The connection options of the service; of the owner if there are no tables.
    pub fn service_options(&self) -> PgConnectOptions {
        match &self.template {
            Some(template) => template.role.options(&self.options()),
            None => self.options(),
        }
    }

    /// The URL for the service.
    pub fn service_url(&self) -> String {
        match &self.template {
            Some(template) => template.role.url(&self.url()),
            None => self.url(),
        }
    }

    /// The role of the service.
    pub fn role(&self) -> &Role {
        &self.template.as_ref().expect("a database with tables").role
    }

    /// A connection outside the service, such as psql's.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.unwrap()
    }

    /// Runs plain SQL, one or more statements.
    pub async fn execute(&self, sql: &str) {
        if let Err(error) = self.try_execute(sql).await {
            panic!("{error}: {sql}");
        }
    }

    /// Inserts pending tasks with these ids.
    pub async fn insert(&self, ids: &[&str]) {
        self.execute(&tasks::insert(ids)).await;
    }

    /// Inserts pending tasks by [`tasks::insert_many`].
    pub async fn insert_many(&self, number: usize, id: &str, created: &str) {
        self.execute(&tasks::insert_many(number, id, created)).await;
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

    /// Locks the tasks for as long as the connection is open.
    pub async fn lock(&self) -> PgConnection {
        let mut holder = self.connect().await;
        sqlx::raw_sql("begin; lock table task_status")
            .execute(&mut holder)
            .await
            .unwrap();
        holder
    }

    /// Returns when `number` statements that contain `part` wait for a lock.
    pub async fn until_blocked(&self, number: i64, part: &str) {
        until("statements wait for a lock", async || {
            self.waiting(part).await == number
        })
        .await;
    }

    /// How many statements that contain `part` wait for a lock.
    async fn waiting(&self, part: &str) -> i64 {
        self.value(&format!(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and query ilike '%{part}%'"
        ))
        .await
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
    fn drop(&mut self) {
        clean_up(&format!("drop database if exists {} with (force)", self.0));
    }
}

impl Role {
    /// A role that may connect and nothing else.
    pub async fn new() -> Self {
        Self::made(unique_name()).await
    }

    /// The same with a name that must be quoted.
    pub async fn with_odd_name() -> Self {
        // PostgreSQL truncates names at 63 bytes.
        Self::made(format!("{} \"; odd", &unique_name()[..50])).await
    }

    async fn made(name: String) -> Self {
        admin(&format!("create role {} login", quoted(&name))).await;
        let role = Self(name);
        role.may_be_assumed().await;
        role
    }

    /// The name of a role that the test creates itself.
    pub fn to_be_made() -> Self {
        Self(unique_name())
    }

    /// Lets the owner act as this role.
    pub async fn may_be_assumed(&self) {
        admin(&format!("grant {} to current_user", quoted(&self.0))).await;
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// These connection options, as this role.
    pub fn options(&self, owner: &PgConnectOptions) -> PgConnectOptions {
        match external() {
            // An existing server asks for a password, and the role has none.
            Some(_) => owner.clone().options([("role", &self.0)]),
            None => owner.clone().username(&self.0),
        }
    }

    /// The same for a URL.
    pub fn url(&self, owner: &str) -> String {
        let mut url: reqwest::Url = owner.parse().unwrap();
        match external() {
            Some(_) => {
                url.query_pairs_mut()
                    .append_pair("options", &format!("-c role={}", self.0));
            }
            None => url.set_username(&self.0).unwrap(),
        }
        url.into()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        clean_up(&format!("drop role if exists {}", quoted(&self.0)));
    }
}

/// On another thread, as the test's runtime may be shutting down.
fn clean_up(sql: &str) {
    let clean = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(admin(sql));
    };
    let cleaned = std::thread::scope(|scope| scope.spawn(clean).join());
    assert!(cleaned.is_ok() || std::thread::panicking(), "failed: {sql}");
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
    let (database, role) = (Name(unique_name()), Role::new().await);
    admin(&format!("create database {}", database.0)).await;
    let options = server_options().database(&database.0);
    schema::migrate(&options).await.unwrap();
    privileges::grant(&options, &role.0).await.unwrap();
    let template = Arc::new(Template { database, role });
    *shared = Arc::downgrade(&template);
    template
}

/// On an existing server a killed run leaves databases and roles behind. Those older than an hour are dropped.
async fn drop_leftovers() {
    if external().is_none() {
        return;
    }
    for (names, drop) in [
        (
            "select datname::text from pg_database where datname like $1 || '%'",
            "drop database if exists {} with (force)",
        ),
        (
            "select rolname::text from pg_roles where rolname like $1 || '%'",
            "drop role if exists {}",
        ),
    ] {
        let mut connection = PgConnection::connect_with(&server_options()).await.unwrap();
        let names: Vec<String> = sqlx::query_scalar(names)
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
                admin(&drop.replace("{}", &quoted(&name))).await;
            }
        }
    }
}

/// Contains the current second, from which [`drop_leftovers`] computes the age.
fn unique_name() -> String {
    format!(
        "{PREFIX}{}_{}",
        chrono::Utc::now().timestamp(),
        Uuid::new_v4().simple()
    )
}

/// A name quoted for SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SQL that replaces `this` by `other` in a function of the schema.
pub fn rewritten(function: &str, this: &str, other: &str) -> String {
    format!(
        "do $do$ begin
             assert position($this${this}$this$ in pg_get_functiondef('{function}'::regproc)) > 0, 'it has not this';
             execute replace(pg_get_functiondef('{function}'::regproc), $this${this}$this$, $this${other}$this$);
         end $do$"
    )
}

async fn admin(sql: &str) {
    try_admin(sql).await.unwrap();
}

async fn try_admin(sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(&server_options()).await?;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await?;
    connection.close().await
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
        let settings = private_postgres::Settings {
            bin_dir: None,
            data_dir: None,
            durable: false,
            max_connections: 200,
            tcp_port: None,
            options: Vec::new(),
        };
        private_postgres::start(&settings).unwrap()
    })
}
