//! The load generators: wrk for servers, pgbench for PostgreSQL alone.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use crate::contender::environment;
use crate::data::DataSet;
use crate::process::{command, output};
use crate::row::Row;
use crate::tools::{PAGE, Tools};
use crate::{Error, machine};

/// The time that a measurement may take beyond its duration.
const MARGIN: Duration = Duration::from_mins(1);

/// The result of one measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Responses per second.
    pub rate: f64,
    /// The median latency in milliseconds, if the generator reports it.
    pub p50: Option<f64>,
    /// The 99th percentile of the latency, likewise.
    pub p99: Option<f64>,
    /// Responses with an error status, and connections that broke or timed out.
    pub errors: u64,
}

/// The line that the script of wrk prints.
#[derive(Debug, Deserialize)]
struct Report {
    microseconds: f64,
    requests: f64,
    p50: f64,
    p99: f64,
    refused: u64,
    broken: u64,
}

/// The requests that wrk sends.
#[derive(Debug)]
pub struct Request<'a> {
    pub address: SocketAddr,
    pub target: &'a str,
    pub headers: Vec<(&'static str, String)>,
    pub connections: u16,
    pub seconds: u8,
    /// If set, wrk requests random pages of a list of this length instead of the target.
    pub anywhere_in: Option<i64>,
}

/// The most threads of a load generator.
const MAX_THREADS: usize = 8;

/// The threads of a load generator: one for each core, which it shares with the server. With fewer, the generator would
/// limit the static handler, and all ratios to it would look too good.
pub fn threads() -> usize {
    machine::cores().min(MAX_THREADS)
}

/// Drives a server for some seconds.
pub async fn drive(tools: &Tools, request: Request<'_>) -> Result<Load, Error> {
    let mut wrk = command("wrk");
    wrk.arg(format!("--threads={}", threads()))
        .arg(format!("--connections={}", request.connections))
        .arg(format!("--duration={}s", request.seconds))
        // With 1000 connections a peer may need seconds for a response.
        .args(["--timeout", "30s", "--latency", "--script"])
        .arg(&tools.report);
    for (name, value) in &request.headers {
        wrk.arg("--header").arg(format!("{name}: {value}"));
    }
    wrk.arg(format!("http://{}{}", request.address, request.target));
    if let Some(pending) = request.anywhere_in {
        wrk.arg("--").arg(pending.to_string());
    }
    let printed = output(wrk, Duration::from_secs(request.seconds.into()) + MARGIN).await?;
    read(&printed).ok_or_else(|| Error::NoFigures {
        program: "wrk".to_owned(),
        output: printed,
    })
}

fn read(printed: &str) -> Option<Load> {
    let line = printed.lines().find(|line| line.starts_with('{'))?;
    let report: Report = serde_json::from_str(line).ok()?;
    Some(Load {
        rate: report.requests / (report.microseconds / 1e6),
        p50: Some(report.p50 / 1e3),
        p99: Some(report.p99 / 1e3),
        errors: report.refused + report.broken,
    })
}

/// Lets PostgreSQL alone make the page of a row, with as many sessions as a peer has.
pub async fn page_by_pgbench(
    tools: &Tools,
    bin_dir: &std::path::Path,
    data: &DataSet,
    row: &Row,
    offset: i64,
    seconds: u8,
) -> Result<Load, Error> {
    let script = tools.file("page.pgbench");
    let statement = if row.count { counted(PAGE) } else { PAGE.to_owned() };
    let statement = statement.replace("$1", ":limit").replace("$2", ":offset");
    let text = format!("\\set limit {}\n\\set offset {offset}\n{statement};\n", row.limit);
    std::fs::write(&script, text).map_err(Error::io("write the script of pgbench"))?;
    let sessions = crate::contender::DATABASE_CONNECTIONS;
    let printed = pgbench(bin_dir, data, &script, sessions, seconds, &[]).await?;
    Ok(Load {
        rate: transactions_per_second(&printed)?,
        p50: None,
        p99: None,
        errors: 0,
    })
}

/// Runs a script of pgbench with prepared statements.
pub async fn pgbench(
    bin_dir: &std::path::Path,
    data: &DataSet,
    script: &std::path::Path,
    sessions: usize,
    seconds: u8,
    settings: &[&str],
) -> Result<String, Error> {
    let mut pgbench = command(bin_dir.join("pgbench"));
    pgbench
        .args(["--no-vacuum", "--protocol=prepared"])
        .arg(format!("--client={sessions}"))
        .arg(format!("--jobs={}", threads()))
        .arg(format!("--time={seconds}"))
        .arg("--file")
        .arg(script)
        .envs(environment(data));
    if !settings.is_empty() {
        let options: Vec<_> = settings.iter().map(|setting| format!("-c {setting}")).collect();
        pgbench.env("PGOPTIONS", options.join(" "));
    }
    output(pgbench, Duration::from_secs(seconds.into()) + MARGIN).await
}

/// The rate that pgbench prints.
pub fn transactions_per_second(printed: &str) -> Result<f64, Error> {
    let line = printed.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = line.and_then(|line| line.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| Error::NoFigures {
        program: "pgbench".to_owned(),
        output: printed.to_owned(),
    })
}

/// The statement of the page with the number of all pending tasks, from the same snapshot.
pub fn counted(page: &str) -> String {
    format!(
        "select body, (select count(*) from task_status where completion_status is null) as total from ({page}) as page"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_wrk_is_parsed() {
        let printed = "Running 2s test\n{\"microseconds\":2000000,\"requests\":5000,\"bytes\":1,\"p50\":1500,\"p99\":20000,\"refused\":1,\"broken\":2}\n";
        let load = Load {
            rate: 2500.0,
            p50: Some(1.5),
            p99: Some(20.0),
            errors: 3,
        };
        assert_eq!(read(printed), Some(load));
        assert_eq!(read("unable to connect"), None);
    }

    #[test]
    fn the_output_of_pgbench_is_parsed() {
        let printed = "latency average = 1.2 ms\ntps = 812.5 (without initial connection time)\n";
        assert!(transactions_per_second(printed).is_ok_and(|rate| (rate - 812.5).abs() < 1e-9));
        assert!(transactions_per_second("").is_err());
    }
}
