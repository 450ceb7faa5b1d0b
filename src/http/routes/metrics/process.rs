//! The process itself, by the names of Prometheus's own client libraries.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::build::{COMMIT, RUSTC, VERSION};

/// The build, and on Linux what the system tells of the process.
#[derive(Debug)]
pub struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        to.encode_descriptor(
            "task_status_build",
            "The version of the service, its commit and its compiler.",
            None,
            MetricType::Info,
        )?
        .encode_info(&[("version", VERSION), ("commit", COMMIT), ("rustc", RUSTC)])?;
        match figures() {
            Some(figures) => figures.encode(to),
            None => Ok(()),
        }
    }
}

struct Figures {
    cpu_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    open_descriptors: Option<u64>,
    max_descriptors: Option<u64>,
    /// Since 1970.
    started_seconds: Option<f64>,
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::cast_precision_loss,
    reason = "a double holds ticks of thousands of years"
)]
fn figures() -> Option<Figures> {
    use procfs::process::{LimitValue, Process};

    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let ticks = procfs::ticks_per_second().max(1) as f64;
    let limit = process.limits().map(|limits| limits.max_open_files.soft_limit);
    let boot = procfs::boot_time_secs();
    Some(Figures {
        cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
        resident_bytes: stat.rss * procfs::page_size(),
        virtual_bytes: stat.vsize,
        open_descriptors: process.fd_count().ok().and_then(|number| number.try_into().ok()),
        max_descriptors: match limit {
            Ok(LimitValue::Value(number)) => Some(number),
            _ => None,
        },
        started_seconds: boot.ok().map(|boot| boot as f64 + stat.starttime as f64 / ticks),
    })
}

#[cfg(not(target_os = "linux"))]
fn figures() -> Option<Figures> {
    None
}

impl Figures {
    fn encode(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let cpu = "Processor time of the process, in seconds.";
        ConstCounter::new(self.cpu_seconds).encode(to.encode_descriptor(
            "process_cpu_seconds",
            cpu,
            None,
            MetricType::Counter,
        )?)?;
        for (name, help, value) in [
            (
                "process_resident_memory_bytes",
                "Resident memory, in bytes.",
                Some(self.resident_bytes),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory, in bytes.",
                Some(self.virtual_bytes),
            ),
            (
                "process_open_fds",
                "Open file descriptors.",
                self.open_descriptors,
            ),
            (
                "process_max_fds",
                "The most file descriptors that may be open.",
                self.max_descriptors,
            ),
        ] {
            if let Some(value) = value {
                ConstGauge::new(value).encode(to.encode_descriptor(
                    name,
                    help,
                    None,
                    MetricType::Gauge,
                )?)?;
            }
        }
        if let Some(started) = self.started_seconds {
            let help = "Time when the process started, in seconds since 1970.";
            ConstGauge::new(started).encode(to.encode_descriptor(
                "process_start_time_seconds",
                help,
                None,
                MetricType::Gauge,
            )?)?;
        }
        Ok(())
    }
}
