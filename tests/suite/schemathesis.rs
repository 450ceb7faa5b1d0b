//! Schemathesis against the service: valid and invalid requests from the description, alone and in sequences, with all
//! checks of the responses.
//!
//! `tests/schemathesis` has its settings, its pinned packages, and hooks for rules that the description cannot express.

use std::process::{Command, Stdio};
use std::time::Duration;

use task_status::auth::caller::WRITE;
use task_status::auth::issuer::{Grant, Issuer};
use task_status::auth::key_source::KeySource;
use task_status::auth::keys::KeySet;

use crate::support::database::TestDatabase;
use crate::support::identity::{AUDIENCE, ISSUER};
use crate::support::packages::{PIP, PYTHON, Packages};
use crate::support::program::Program;
use crate::support::service::Service;

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

/// A run takes about half a minute.
const TIME_LIMIT: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_fits_its_description() {
    let Some(packages) = Packages::installed("schemathesis", &PYTHON, &FILES, &PIP) else {
        return;
    };
    let database = TestDatabase::new().await;
    let keys = KeySource::fixed(KeySet::from_secret(&[1; 32]).unwrap());
    let service = Service::with_keys(&database, keys).await;
    let grant = Grant {
        scopes: vec![WRITE.to_owned()],
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        lifetime: 2 * TIME_LIMIT,
        ..Grant::default()
    };
    let token = Issuer::from_secret(&[1; 32]).token(&grant).unwrap();
    let mut command = Command::new(packages.folder.join("environment/bin/schemathesis"));
    command
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("http://{}/openapi.json", service.address))
        .args(["--header", &format!("Authorization: Bearer {token}")])
        // These paths have the same handlers.
        .args(["--exclude-path-regex", "^/task-status/v1"])
        // A fixed seed makes failures reproducible.
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
    // The service runs on this thread.
    tokio::task::spawn_blocking(move || {
        let mut run = Program::start(command);
        let ended = run.wait_for(TIME_LIMIT);
        assert!(ended.success(), "{ended}\n{}\n{}", run.output(), run.log());
    })
    .await
    .unwrap();
}
