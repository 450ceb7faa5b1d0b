//! `deploy/`: the manifests for Kubernetes are valid, and fit the program, as do the files for systemd.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::database::{Role, TestDatabase};
use crate::support::packages::{PIP, PYTHON, Packages};
use crate::support::program::{Program, command, output_of};

const REQUIREMENTS: [(&str, &str); 1] =
    [("requirements.txt", include_str!("../kubernetes/requirements.txt"))];
const OVERLAYS: [&str; 2] = ["trial", "production"];
/// Prints the documents of YAML files as one JSON array.
const TO_JSON: &str = "
import json, sys, yaml
print(json.dumps([document for path in sys.argv[1:] for document in yaml.safe_load_all(open(path))]))";

struct Manifests(Packages);

impl Manifests {
    fn open() -> Option<Self> {
        Packages::installed("kubernetes", &PYTHON, &REQUIREMENTS, &PIP).map(Self)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(self.0.folder.join("environment/bin").join(program))
            .args(arguments)
            .current_dir(folder())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", output_of(&output));
        output_of(&output)
    }

    /// The documents of a file.
    fn read(&self, path: &str) -> Vec<Value> {
        serde_json::from_str(&self.run("python", &["-c", TO_JSON, path])).unwrap()
    }

    /// The container of a workload of the base.
    fn container(&self, file: &str) -> Value {
        self.read(&format!("base/{file}"))[0]["spec"]["template"]["spec"]["containers"][0].take()
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes"))
}

fn strings(values: &Value) -> Vec<String> {
    let values = values.as_array().unwrap().iter();
    values.map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_manifests_are_valid() {
    let Some(manifests) = Manifests::open() else {
        return;
    };
    let base = manifests.read("base/kustomization.yaml");
    let resources = strings(&base[0]["resources"]);
    let mut files: Vec<String> = resources.iter().map(|file| format!("base/{file}")).collect();
    files.push("overlays/trial/postgres.yaml".to_owned());
    // Kustomize is no package of Debian, so that what it makes of them is checked only where kubectl is installed.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for overlay in OVERLAYS {
        let mut kustomize = Command::new("kubectl");
        let built = kustomize
            .args(["kustomize", &format!("overlays/{overlay}")])
            .current_dir(folder())
            .output();
        let Ok(built) = built else {
            eprintln!("not tested with kustomize: kubectl is not installed");
            break;
        };
        assert!(built.status.success(), "{}", output_of(&built));
        let path = target.join(format!("kubernetes-{overlay}.yaml"));
        std::fs::write(&path, built.stdout).unwrap();
        files.push(path.to_str().unwrap().to_owned());
    }
    let mut arguments = vec!["--strict", "--quiet", "--no-warn"];
    arguments.extend(files.iter().map(String::as_str));
    assert_eq!(manifests.run("kubernetes-validate", &arguments), "");
}

#[test]
fn the_ports_in_the_manifests_match() {
    let Some(manifests) = Manifests::open() else {
        return;
    };
    let container = manifests.container("deployment.yaml");
    let arguments = strings(&container["args"]);
    let ports = container["ports"].as_array().unwrap();
    let number = |name: &str| {
        let port = ports.iter().find(|port| port["name"] == name);
        port.unwrap_or_else(|| panic!("no port {name}"))["containerPort"].clone()
    };
    for (setting, name) in [
        ("listen", "http"),
        ("admin-listen", "health"),
        ("metrics-listen", "metrics"),
    ] {
        let argument = format!("--{setting}=0.0.0.0:{}", number(name));
        assert!(arguments.contains(&argument), "{argument}");
    }
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], "health");
    }
    let service = &manifests.read("base/service.yaml")[0]["spec"]["ports"];
    let targets: Vec<&str> = service
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["targetPort"].as_str().unwrap())
        .collect();
    assert_eq!(targets, ["http", "metrics"]);
    let policy = &manifests.read("base/network-policy.yaml")[0]["spec"]["ingress"];
    for (rule, name) in policy.as_array().unwrap().iter().zip(targets) {
        assert_eq!(rule["ports"][0]["port"], number(name));
    }
}

/// The containers run on this machine as they would there, on free ports.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_takes_the_arguments_and_variables_of_the_manifests() {
    let Some(manifests) = Manifests::open() else {
        return;
    };
    let (role, database) = (Role::to_be_made(), TestDatabase::empty().await);
    database
        .execute(&format!("create role {} login", role.name()))
        .await;
    role.may_be_assumed().await;
    let secrets = tempfile::tempdir().unwrap();
    let program = |file: &str, url: &str| {
        let container = manifests.container(file);
        let arguments: Vec<String> = strings(&container["args"])
            .iter()
            .map(|argument| argument.replace("task_status_service", role.name()))
            .map(|argument| match argument.split_once("=0.0.0.0:") {
                Some((setting, _)) => format!("{setting}=0.0.0.0:0"),
                None => argument,
            })
            .collect();
        let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let path = secrets.path().join(file);
        std::fs::write(&path, url).unwrap();
        let names: BTreeSet<&str> = container["env"]
            .as_array()
            .unwrap()
            .iter()
            .map(|variable| variable["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, BTreeSet::from(["DATABASE_URL_FILE"]));
        command.env("DATABASE_URL_FILE", path);
        command
    };
    let migrated = program("migrate.yaml", &database.url()).output().unwrap();
    assert!(migrated.status.success(), "{}", output_of(&migrated));
    for overlay in OVERLAYS {
        let mut command = program("deployment.yaml", &role.url(&database.url()));
        let kustomization = &manifests.read(&format!("overlays/{overlay}/kustomization.yaml"))[0];
        for literal in strings(&kustomization["configMapGenerator"][0]["literals"]) {
            let (name, value) = literal.split_once('=').unwrap();
            assert!(settings().contains(name), "{name} is no setting");
            command.env(name, value);
        }
        let mut program = Program::start(command);
        program.logged("the database is up").await;
        let health = program.url_of("health").await.replace("0.0.0.0", "127.0.0.1");
        let live = reqwest::get(format!("{health}/livez")).await.unwrap();
        assert_eq!(live.status(), 200, "{overlay}");
        program.stop();
    }
}

/// The variables that `serve` reads.
fn settings() -> BTreeSet<String> {
    use clap::CommandFactory;
    let cli = task_status::cli::args::Cli::command();
    let serve = cli.find_subcommand("serve").unwrap();
    let variables = cli.get_arguments().chain(serve.get_arguments());
    let variables = variables.filter_map(|setting| setting.get_env());
    variables.map(|name| name.to_str().unwrap().to_owned()).collect()
}

#[test]
fn the_variables_of_the_unit_are_settings() {
    let settings = settings();
    let examples = include_str!("../../deploy/systemd/task-status.env");
    let examples = examples.lines().map(|line| line.trim_start_matches('#'));
    let unit = include_str!("../../deploy/systemd/task-status.service");
    let unit = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
    let names: Vec<&str> = examples
        .chain(unit)
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '))
        .collect();
    assert_eq!(names.len(), 8, "{names:?}");
    for name in names {
        assert!(settings.contains(name), "{name} is no setting");
    }
}
