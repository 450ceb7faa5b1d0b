//! The identity of this build, for `task-status version` and the metric of the build.

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, if the builder has named it.
pub const COMMIT: &str = match option_env!("TASK_STATUS_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
/// The compiler.
pub const RUSTC: &str = env!("RUSTC_VERSION");
