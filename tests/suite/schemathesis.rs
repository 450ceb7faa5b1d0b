//! Schemathesis against the service: requests made from the description, right and wrong ones, one by one and in
//! sequences, and every check that it has on the responses.
//!
//! `tests/schemathesis` holds its settings, hooks for the rules that the description cannot express, and its version with the
//! checksums of all it needs.

use std::process::{Command, Stdio};
use std::time::Duration;

use task_status::auth::caller::WRITE;
use task_status::auth::issuer::{Grant, Issuer};
use task_status::auth::key_source::KeySource;
use task_status::auth::keys::KeySet;

use crate::support::database::TestDatabase;
use crate::support::identity::{AUDIENCE, ISSUER, access};
use crate::support::packages::Packages;
use crate::support::program::Program;
use crate::support::service::{Service, Setup};

const FILES: [(&str, &str); 3] = [
    (
        "requirements.txt",
        include_str!("../schemathesis/requirements.txt"),
    ),
    (
        "schemathesis.toml",
        include_str!("../schemathesis/schemathesis.toml"),
    ),
    ("hooks.py", include_str!("../schemathesis/hooks.py")),
];

/// The Python that the requirements were pinned for.
const NEEDS: [&str; 3] = [
    "python3",
    "-c",
    "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))",
];

/// An environment of its own, with exactly the packages that are pinned and none that would have to be built.
const INSTALL: [&str; 3] = [
    "sh",
    "-c",
    "python3 -m venv --clear environment && environment/bin/python -m pip install --quiet --no-input \
     --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r requirements.txt",
];

/// Far more than it takes: about half a minute.
const BOUND: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_fits_its_description() {
    let Some(packages) = Packages::installed("schemathesis", &[&NEEDS], &FILES, &INSTALL) else {
        return;
    };
    let database = TestDatabase::new().await;
    let access = access(KeySource::fixed(KeySet::from_secret(&[1; 32]).unwrap()));
    let service = Service::with(&database, Setup::with_authenticator(access)).await;
    let grant = Grant {
        scopes: vec![WRITE.to_owned()],
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        lifetime: 2 * BOUND,
        ..Grant::default()
    };
    let token = Issuer::from_secret(&[1; 32]).token(&grant).unwrap();
    let mut command = Command::new(packages.folder.join("environment/bin/schemathesis"));
    command
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("http://{}/openapi.json", service.address))
        .args(["--header", &format!("Authorization: Bearer {token}")])
        // The same handlers once more.
        .args(["--exclude-path-regex", "^/task-status/v1"])
        // The same requests in every run, so that a failure can be reproduced.
        .args([
            "--checks",
            "all",
            "--phases",
            "examples,coverage,fuzzing,stateful",
        ])
        .args([
            "--seed",
            "1",
            "--max-examples",
            "10",
            "--workers",
            "2",
            "--no-color",
        ])
        .current_dir(&packages.folder)
        .env("PYTHONPATH", ".")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .stdin(Stdio::null());
    // On another thread, since the service runs on this one.
    tokio::task::spawn_blocking(move || {
        let mut run = Program::start(command);
        let ended = run.wait_for(BOUND);
        assert!(ended.success(), "{ended}\n{}\n{}", run.output(), run.log());
    })
    .await
    .unwrap();
}
