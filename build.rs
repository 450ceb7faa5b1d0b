//! Tells the program what it is built by, for `task-status version`.

use std::env;
use std::process::Command;

fn main() {
    // New migrations are embedded too.
    println!("cargo::rerun-if-changed=migrations");
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output();
    let version = version
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.unwrap_or_else(|| "unknown".to_owned());
    let version = version.trim().trim_start_matches("rustc ");
    println!("cargo::rustc-env=RUSTC_VERSION={version}");
}
