//! Faults under the model: crashes of the database, switchovers, replicas that are killed. And the sessions of writers,
//! which find out what became of a write that got no response.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};

use super::history::{Task, Tasks};
use super::{PAUSE, STEPS, World};
use crate::support::node::Node;
use crate::support::proxy::{Proxy, Route};
use crate::support::{TIMEOUT, eventually, until};

/// Why a write was not acknowledged.
#[derive(Debug)]
pub enum Failure {
    /// The connection or the database failed. The write may have happened.
    Lost(String),
    /// Anything else.
    Wrong(String),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let is_fault = match &error {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
            // Shutdown, start and crash; a standby.
            sqlx::Error::Database(error) => error
                .code()
                .is_some_and(|code| code.starts_with("57P") || code == "25006"),
            _ => false,
        };
        let text = error.to_string();
        if is_fault {
            Self::Lost(text)
        } else {
            Self::Wrong(text)
        }
    }
}

/// The session of a writer.
pub struct Session {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Session {
    /// `options` lead to the node that takes writes.
    pub fn new(options: &PgConnectOptions, writer: usize) -> Self {
        Self {
            options: options.clone().application_name(&format!("writer {writer}")),
            connection: None,
        }
    }

    pub async fn execute(&mut self, sql: String) -> Result<(), Failure> {
        let connection = self.connection().await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
        Ok(())
    }

    pub async fn copy(&mut self, statement: &str, rows: String) -> Result<(), Failure> {
        let mut copy = self.connection().await?.copy_in_raw(statement).await?;
        copy.send(rows.into_bytes()).await?;
        copy.finish().await?;
        Ok(())
    }

    async fn connection(&mut self) -> Result<&mut PgConnection, Failure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.options).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// All tasks, after every write that is still on its way has ended. No other writer writes meanwhile.
    pub async fn stored(&mut self) -> Tasks {
        self.connection = None;
        let reading = async {
            loop {
                match self.try_stored().await {
                    Ok(tasks) => break tasks,
                    Err(_) => sleep(PAUSE).await,
                }
            }
        };
        timeout(TIMEOUT, reading).await.expect("the tasks can be read")
    }

    async fn try_stored(&self) -> sqlx::Result<Tasks> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        // A statement may have been sent by a session whose client has given up.
        sqlx::query(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity
             where application_name in ('task-status', current_setting('application_name')) and pid <> pg_backend_pid()",
        )
        .execute(&mut connection)
        .await?;
        let mut transaction = connection.begin().await?;
        sqlx::query("lock table task_status in share row exclusive mode")
            .execute(&mut *transaction)
            .await?;
        let rows: Vec<(String, i64, i64, bool)> = sqlx::query_as(
            "select id, (extract(epoch from created) * 1000)::bigint, progress::bigint, completion_status is null
             from task_status",
        )
        .fetch_all(&mut *transaction)
        .await?;
        let task = |(id, created, stamp, is_pending)| {
            (
                id,
                Task {
                    created,
                    stamp,
                    is_pending,
                },
            )
        };
        Ok(rows.into_iter().map(task).collect())
    }
}

/// A primary and its standby behind a proxy that leads to the primary.
pub struct Cluster {
    primary: Node,
    standby: Node,
    proxy: Proxy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A backend of the service is killed, so the server ends all sessions and recovers.
    Crash,
    /// A replica of the service is killed and started again.
    Restart,
    /// The primary stops and its standby is promoted. For a while the proxy leads to a standby of that.
    Switchover,
}

impl Cluster {
    pub async fn start() -> Self {
        let primary = block_in_place(Node::primary);
        let standby = block_in_place(|| Node::standby_of(&primary));
        let proxy = Proxy::start(Route::To(primary.socket())).await;
        Self {
            primary,
            standby,
            proxy,
        }
    }

    /// Connection options through the proxy.
    pub fn options(&self) -> PgConnectOptions {
        self.proxy.options(&self.primary.options())
    }

    /// Injects one fault after the other until the last step is made. Returns how often each was injected.
    pub async fn disturb(&mut self, world: Arc<World>) -> BTreeMap<Fault, usize> {
        let interval = (world.steps / 4).min(STEPS);
        let faults = [Fault::Crash, Fault::Restart, Fault::Switchover];
        let mut injected = BTreeMap::new();
        for (number, fault) in (1..).zip(faults.into_iter().cycle()) {
            until("the next fault is due", async || {
                world.made.load(Ordering::Relaxed) >= (number * interval).min(world.steps)
            })
            .await;
            if number * interval >= world.steps {
                break;
            }
            match fault {
                Fault::Crash => self.crash().await,
                Fault::Restart => world.replicas[number % 2].restart().await,
                Fault::Switchover => self.switch_over().await,
            }
            *injected.entry(fault).or_default() += 1;
        }
        injected
    }

    async fn crash(&self) {
        let mut admin = PgConnection::connect_with(&self.primary.options()).await.unwrap();
        let backend: i32 = eventually("the service has a session", async || {
            let backend = "select pid from pg_stat_activity where application_name = 'task-status' order by random() limit 1";
            sqlx::query_scalar(backend).fetch_optional(&mut admin).await.unwrap()
        })
        .await;
        let killed = Command::new("kill").arg("-9").arg(backend.to_string()).status();
        assert!(killed.unwrap().success());
    }

    async fn switch_over(&mut self) {
        let mut admin = PgConnection::connect_with(&self.primary.options()).await.unwrap();
        until("the standby follows", async || {
            let following = "select exists (select from pg_stat_replication where state = 'streaming')";
            sqlx::query_scalar(following).fetch_one(&mut admin).await.unwrap()
        })
        .await;
        drop(admin);
        let next = block_in_place(|| {
            self.primary.stop();
            self.standby.promote();
            Node::standby_of(&self.standby)
        });
        self.proxy.set(Route::To(next.socket()));
        // Until sessions have been led astray.
        sleep(25 * PAUSE).await;
        self.proxy.set(Route::To(self.standby.socket()));
        self.primary = std::mem::replace(&mut self.standby, next);
    }
}
