//! The command line as people use it: closed pipes.

use std::fs;
use std::io::pipe;

use crate::support::database::TestDatabase;
use crate::support::program::{as_text, command, output_of};

#[tokio::test]
async fn a_closed_pipe_ends_every_command_quietly() {
    let database = TestDatabase::new().await;
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["openapi"],
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
    let mut full = command(&["openapi"]);
    full.stdout(fs::File::create("/dev/full").unwrap());
    let output = as_text(&mut full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        output_of(&output).starts_with("error: cannot write to standard output"),
        "{output:?}"
    );
}
