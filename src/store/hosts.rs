//! The servers that a database URL names, and the search for the one that takes writes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::StoreError;
use super::session::{self, CHECK_TIMEOUT, ServerId, expect_primary, within};
use crate::telemetry::error_chain;

/// How long a server is tried before the next one is tried too.
const HEAD_START: Duration = Duration::from_millis(100);
/// How soon a server is tried again while another one does not respond.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// The servers of one database, in the order of its URL; one of them takes writes.
#[derive(Debug, Clone)]
pub struct Hosts {
    nodes: Arc<[PgConnectOptions]>,
    /// How long connecting to each may take. `None`: only the bounds of the program.
    connect_timeout: Option<Duration>,
}

/// A session with a server that takes writes.
pub(super) struct Primary {
    /// The position of the server among the hosts.
    pub(super) index: usize,
    pub(super) id: ServerId,
    pub(super) connection: PgConnection,
}

impl From<PgConnectOptions> for Hosts {
    fn from(node: PgConnectOptions) -> Self {
        Self::new(vec![node], None)
    }
}

impl Hosts {
    pub fn new(nodes: Vec<PgConnectOptions>, connect_timeout: Option<Duration>) -> Self {
        Self {
            nodes: nodes.into(),
            connect_timeout,
        }
    }

    /// The server for a command: the one that takes writes, or the only one, whatever it is.
    pub async fn resolve(&self) -> Result<PgConnectOptions, StoreError> {
        if let [only] = &*self.nodes {
            if let Some(limit) = self.connect_timeout {
                let connecting = async { Ok(session::open(only).await?.close().await?) };
                within(limit, connecting).await?;
            }
            return Ok(only.clone());
        }
        let primary = self.primary(0).await?;
        Ok(self.node(&primary).clone())
    }

    /// Connects to the server that takes writes. All are tried, the preferred one first. While one does not respond, the
    /// others are tried again: one of them may be promoted.
    pub(super) async fn primary(&self, preferred: usize) -> Result<Primary, StoreError> {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|index| *index != preferred);
        let mut attempts = JoinSet::new();
        let attempt = |index: usize, delay: Duration| {
            let hosts = self.clone();
            async move {
                sleep(delay).await;
                (index, hosts.connect(index).await)
            }
        };
        for (turn, index) in (0..).zip(order) {
            attempts.spawn(attempt(index, HEAD_START * turn));
        }
        let mut errors = BTreeMap::new();
        while let Some(ended) = attempts.join_next().await {
            let (index, outcome) =
                ended.map_err(|panic| StoreError::from(sqlx::Error::from(io::Error::other(panic))))?;
            match outcome {
                Ok(primary) => return Ok(primary),
                Err(error) => errors.insert(index, error),
            };
            if errors.len() == self.nodes.len() {
                break;
            }
            attempts.spawn(attempt(index, RETRY_INTERVAL));
        }
        Err(self.no_primary(errors))
    }

    /// Connects to one server, which has to take writes.
    pub(super) async fn connect(&self, index: usize) -> Result<Primary, StoreError> {
        let connecting = async {
            let mut connection = session::open(&self.nodes[index]).await?;
            let id = expect_primary(&mut connection).await?;
            Ok(Primary {
                index,
                id,
                connection,
            })
        };
        within(self.connect_timeout(), connecting).await
    }

    /// The reason of each server. Waiting helps if it helps for one of them.
    fn no_primary(&self, mut errors: BTreeMap<usize, StoreError>) -> StoreError {
        let is_final = errors.values().all(|error| !error.is_transient());
        let reasons: Vec<String> = errors
            .iter()
            .map(|(index, error)| format!("{}: {}", name(&self.nodes[*index]), error_chain(error)))
            .collect();
        match errors.pop_first() {
            Some((_, error)) if is_final || errors.is_empty() => error,
            _ => sqlx::Error::from(io::Error::other(reasons.join("; "))).into(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// How long connecting to each may take.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.unwrap_or(CHECK_TIMEOUT)
    }

    pub(super) fn nodes(&self) -> &[PgConnectOptions] {
        &self.nodes
    }

    pub(super) fn first(&self) -> &PgConnectOptions {
        &self.nodes[0]
    }

    pub(super) fn node(&self, primary: &Primary) -> &PgConnectOptions {
        &self.nodes[primary.index]
    }
}

/// The address of a server, for the log.
pub(super) fn name(node: &PgConnectOptions) -> String {
    match node.get_socket() {
        Some(socket) => format!("{}:{}", socket.display(), node.get_port()),
        None => format!("{}:{}", node.get_host(), node.get_port()),
    }
}
