//! Clients that common generators make of the description, against the service.
//!
//! `tests/generated` has the calling programs and the pinned generators.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::packages::{NODE, NPM, PIP, PYTHON, Packages};
use crate::support::service::Service;

const DESCRIPTION: &str = include_str!("../../docs/openapi.json");

/// The output of a command on both streams; it must succeed.
async fn run(packages: &Packages, program: &str, arguments: &[&str]) -> String {
    let folder = fs::canonicalize(&packages.folder).unwrap();
    let programs = folder.join("environment/bin");
    let path = std::env::join_paths(
        [programs]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$0\" \"$@\" 2>&1", program])
        .args(arguments)
        .env("PATH", path.unwrap())
        .current_dir(folder)
        .stdin(Stdio::null());
    // The service runs on this thread.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    text
}

/// The service with a task, and what the calls of a program print.
async fn calls(packages: &Packages, program: &str, script: &str) -> Value {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let url = format!("http://{}", service.address);
    let output = run(packages, program, &[script, &url]).await;
    serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error} in {output}"))
}

fn expected() -> Value {
    json!({
        "put": [201, "n", null],
        "batch": ["CREATED", "CREATED"],
        "list": ["a", "b"],
        "count": "3",
        "patch": ["ERROR", null],
        "get": "ERROR",
        "cleared": [2, 0],
        "error": [400, "400.1 Bad Request Content", 1],
    })
}

#[tokio::test]
async fn a_typescript_client_is_generated_and_works() {
    let files = [
        (
            "package-lock.json",
            include_str!("../generated/package-lock.json"),
        ),
        ("package.json", include_str!("../generated/package.json")),
        ("tsconfig.json", include_str!("../generated/tsconfig.json")),
        ("client.ts", include_str!("../generated/client.ts")),
        ("openapi.json", DESCRIPTION),
    ];
    let Some(packages) =
        Packages::installed("generated-typescript", &NODE, &files, &NPM).map(Packages::alone)
    else {
        return;
    };
    run(
        &packages,
        "node_modules/.bin/openapi-typescript",
        &["openapi.json", "-o", "schema.d.ts"],
    )
    .await;
    run(&packages, "node_modules/.bin/tsc", &[]).await;
    assert_eq!(calls(&packages, "node", "out/client.js").await, expected());
}

#[tokio::test]
async fn a_python_client_and_python_models_are_generated_and_work() {
    let files = [
        ("requirements.txt", include_str!("../generated/requirements.txt")),
        ("client.py", include_str!("../generated/client.py")),
        ("openapi.json", DESCRIPTION),
    ];
    let Some(packages) = Packages::installed("generated-python", &PYTHON, &files, &PIP).map(Packages::alone)
    else {
        return;
    };
    let arguments = "generate --path openapi.json --meta none --output-path generated --overwrite";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let said = run(&packages, "openapi-python-client", &arguments).await;
    // A stream is not for a client of whole values; the generator leaves this type of content out.
    let warnings = |text: &str| said.matches(text).count();
    assert_eq!(
        warnings("WARNING"),
        warnings("Unsupported content type application/x-ndjson"),
        "{said}"
    );
    assert_eq!(calls(&packages, "python", "client.py").await, expected());

    let arguments = "--input openapi.json --input-file-type openapi --output models.py \
                     --output-model-type pydantic_v2.BaseModel --formatters builtin";
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    assert_eq!(run(&packages, "datamodel-codegen", &arguments).await, "");
    let read = "import json, models; examples = json.load(open('openapi.json'))['components']['schemas']['TaskStatus']['examples']; \
                print(*(models.TaskStatus.model_validate(task).percentComplete for task in examples))";
    assert_eq!(run(&packages, "python", &["-c", read]).await, "100 40\n");
}
