//! The settings of `demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::{ApiArgs, ConfigError, is_loopback};

#[derive(Debug, Args)]
#[command(next_help_heading = "Demo")]
pub struct DemoArgs {
    /// Keep the data in this folder between runs. By default the data is deleted when the demo stops
    #[arg(long, env = "TASK_STATUS_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Address and port of the API: a loopback address. By default port 8080 of 127.0.0.1, or a free one if that is in
    /// use
    #[arg(long, env = "TASK_STATUS_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Address and port of /livez and /readyz: a loopback address. Not served by default
    #[arg(long, env = "TASK_STATUS_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Address and port of /metrics, for Prometheus: a loopback address. Not served by default
    #[arg(long, env = "TASK_STATUS_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// Number of pending tasks at the start
    #[arg(long, default_value = "600", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pending: u32,
    /// Number of completed tasks of the last 90 days at the start
    #[arg(long, default_value = "20000", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub history: u32,
    /// Folder of the PostgreSQL programs (initdb, postgres). Searched for by default
    #[arg(long, env = "PG_BIN_DIR", value_name = "FOLDER")]
    pub pg_bin_dir: Option<PathBuf>,
    #[command(flatten)]
    pub api: ApiArgs,
}

impl DemoArgs {
    /// The addresses to try for the API, in order of preference.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        let given = [self.listen, self.admin_listen, self.metrics_listen];
        if let Some(address) = given.into_iter().flatten().find(|address| !is_loopback(*address)) {
            return Err(ConfigError::DemoNotOnLoopback(address));
        }
        Ok(match self.listen {
            Some(address) => vec![address],
            None => [8080, 0].map(|port| (Ipv4Addr::LOCALHOST, port).into()).to_vec(),
        })
    }
}
