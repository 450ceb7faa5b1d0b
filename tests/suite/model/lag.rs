//! A standby for reads under the model. It lags: its replay pauses or is delayed, and it is killed.

use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::support::node::Node;
use crate::support::program::Program;

/// A primary and its standby.
pub struct Lagging {
    primary: Node,
    standby: Node,
}

impl Lagging {
    pub fn start() -> Self {
        let primary = block_in_place(Node::primary);
        let standby = block_in_place(|| Node::standby_of(&primary));
        Self { primary, standby }
    }

    /// Connection options of the primary.
    pub fn options(&self) -> PgConnectOptions {
        self.primary.options()
    }

    /// The URL of the primary.
    pub fn url(&self) -> String {
        Node::url(&[&self.primary])
    }

    pub fn standby_url(&self) -> String {
        Node::url(&[&self.standby])
    }

    /// Makes the standby lag and catch up again, for as long as it is polled.
    pub async fn disturb(&self) -> Infallible {
        let mut random = fastrand::Rng::with_seed(7);
        loop {
            let lag = match random.usize(..20) {
                0 => {
                    block_in_place(|| {
                        self.standby.kill();
                        self.standby.start();
                    });
                    continue;
                }
                1..8 => "select pg_wal_replay_pause()",
                8..11 => "alter system set recovery_min_apply_delay = '3ms'",
                11..13 => "alter system set recovery_min_apply_delay = '30ms'",
                _ => "alter system set recovery_min_apply_delay = '0'",
            };
            self.standby.execute(lag).await;
            self.standby.execute("select pg_reload_conf()").await;
            sleep(Duration::from_millis(random.u64(..30))).await;
            self.standby.execute("select pg_wal_replay_resume()").await;
            sleep(Duration::from_millis(random.u64(..200))).await;
        }
    }
}

/// How many reads of a replica a standby has answered.
pub async fn reads_of_standbys(replica: &Mutex<(Program, String)>) -> usize {
    let address = {
        let log = replica.lock().unwrap().0.log();
        let line = log
            .lines()
            .find(|line| line.contains("listening: metrics"))
            .unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["address"].as_str().unwrap().to_owned()
    };
    let metrics = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let ok = "task_status_standby_reads_total{result=\"ok\"} ";
    metrics
        .lines()
        .find_map(|line| line.strip_prefix(ok))
        .unwrap()
        .parse()
        .unwrap()
}
