//! The machine, and the versions of the software on it.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::process;

/// How many threads the machine runs at a time.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The machine's memory; 0 if the system does not report it.
pub fn memory_mib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// The processor, in its maker's words.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name"));
    name.map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']))
        .to_owned()
}

/// How many processes have wanted a core lately: what ran before this began.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

/// The first line that a program prints of its version, whatever its exit status says.
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
