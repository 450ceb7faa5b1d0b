//! The command line as people use it: closed pipes, versions, completions, manual pages.

use std::fs;
use std::io::pipe;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::program::{as_text, command, output_of};

#[tokio::test]
async fn a_closed_pipe_ends_every_command_quietly() {
    let database = TestDatabase::new().await;
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["version"],
        &["openapi"],
        &["completions", "bash"],
        &["man"],
        &["token", "--jwt-secret", "0123456789abcdef0123456789abcdef"],
        &["export", "--format", "array"],
        &["import", "/dev/null"],
        &["prune", "--older-than", "90d"],
        &["verify"],
    ] {
        // As `... | head -1`, with a reader that has ended already.
        let (_, closed) = pipe().unwrap();
        let mut command = command(arguments);
        command.env("DATABASE_URL", database.url()).stdout(closed);
        command.env("TASK_STATUS_LOG", "error");
        let output = as_text(&mut command).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(output_of(&output), "", "{arguments:?}");
    }
    // Other errors are told.
    for arguments in [&["openapi"][..], &["--help"], &["--version"]] {
        let mut full = command(arguments);
        full.stdout(fs::File::create("/dev/full").unwrap());
        let output = as_text(&mut full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            output_of(&output).starts_with("error: cannot write to standard output"),
            "{output:?}"
        );
    }
}

#[test]
fn the_version_names_the_build_and_the_schema() {
    let printed = |arguments: &[&str]| output_of(&command(arguments).output().unwrap());
    let mut version: Value = serde_json::from_str(&printed(&["version", "--json"])).unwrap();
    let compiler = version["rustc"].take();
    assert!(compiler.as_str().unwrap().starts_with("1."), "{compiler}");
    let number = env!("CARGO_PKG_VERSION");
    let commit = option_env!("TASK_STATUS_COMMIT").unwrap_or("unknown");
    let newest = fs::read_dir("migrations").unwrap().count();
    let expected = json!({ "version": number, "commit": commit, "rustc": null, "schema": newest });
    assert_eq!(version, expected);
    assert_eq!(printed(&["--version"]), format!("task-status {number}\n"));
}

#[test]
fn bash_completes_subcommands_and_settings() {
    let script = r#"
        source <("$0" completions bash)
        for word in hea --log-fo; do
            COMP_WORDS=(task-status "$word") COMP_CWORD=1 COMPREPLY=()
            _task__status task-status "$word" task-status
            echo "${COMPREPLY[@]}"
        done"#;
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_task-status")])
        .output()
        .unwrap();
    assert_eq!(output_of(&output), "healthcheck\n--log-format\n");
}

#[test]
fn every_subcommand_has_a_manual_page_without_values_of_variables() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let mut man = command(&["man", "--out", pages.to_str().unwrap()]);
    man.env("DATABASE_URL", "postgres://user:hunter2@host/name");
    let output = man.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let page = |name: &str| fs::read_to_string(pages.join(name)).unwrap();
    for subcommand in ["serve", "import", "export", "version", "man"] {
        assert!(page(&format!("task-status-{subcommand}.1")).starts_with(".ie"));
    }
    let serve = page("task-status-serve.1");
    assert!(serve.contains("DATABASE_URL") && !serve.contains("hunter2"));
    let printed = command(&["man"]).output().unwrap();
    assert_eq!(output_of(&printed), page("task-status.1"));
}
