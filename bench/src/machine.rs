//! The machine, and the versions of the software on it.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::process;

/// The number of hardware threads.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The memory of the machine; 0 if it is unknown.
pub fn memory_mib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// The model name of the processor.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name"));
    name.map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']))
        .to_owned()
}

/// The load average.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

/// The first line of the version of a program, whatever its exit status.
pub async fn version(program: &str, argument: &str) -> String {
    let mut command = Command::new(program);
    command.arg(argument);
    let printed = match process::output(command, Duration::from_secs(20)).await {
        Ok(printed) => printed,
        Err(crate::Error::Program { output, .. }) => output,
        Err(_) => String::new(),
    };
    printed.lines().next().unwrap_or("unknown").trim().to_owned()
}
