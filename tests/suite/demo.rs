//! `task-status demo`: what a stranger sees after the first command, and that nothing of it stays behind.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::eventually;
use crate::support::program::{Program, command};

/// A demo with few tasks, ready to be asked.
struct Demo {
    program: Program,
    url: String,
    /// Where its PostgreSQL keeps its data.
    data_dir: PathBuf,
    postgres_pid: u32,
}

impl Demo {
    async fn start(arguments: &[&str]) -> Self {
        let few = ["demo", "--history", "300"];
        let mut program = Program::start(command(&[&few, arguments].concat()));
        let line = program.printed("Pending tasks").await;
        let url = line.split_whitespace().last().unwrap().to_owned();
        let line: Value = serde_json::from_str(&program.logged("is ready after").await).unwrap();
        let message = line["message"].as_str().unwrap();
        let word_after = |text: &str| {
            message
                .split(text)
                .nth(1)
                .unwrap()
                .split([',', ' '])
                .next()
                .unwrap()
        };
        let (data_dir, postgres_pid) = (word_after("data in ").into(), word_after("pid ").parse().unwrap());
        Self {
            program,
            url,
            data_dir,
            postgres_pid,
        }
    }

    async fn page(&self, query: &str) -> Vec<Value> {
        reqwest::get(format!("{}?{query}", self.url))
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn postgres_is_gone(&self) {
        eventually("PostgreSQL is gone", async || {
            (!runs(self.postgres_pid)).then_some(())
        })
        .await;
    }

    async fn stop(&mut self) {
        self.program.signal("INT");
        assert!(self.program.wait().success(), "{}", self.program.log());
        self.postgres_is_gone().await;
    }
}

/// Whether a process does more than wait to be reaped.
fn runs(pid: u32) -> bool {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[tokio::test]
async fn the_sample_tasks_are_of_all_kinds_and_keep_moving() {
    let mut demo = Demo::start(&["--listen", "127.0.0.1:0"]).await;
    let mut tasks = demo.page("").await;
    assert_eq!(tasks.len(), 250);
    tasks.extend(demo.page("offset=250").await);
    let values = |pointer: &str| {
        tasks
            .iter()
            .filter_map(|task| task.pointer(pointer))
            .map(Value::to_string)
            .collect::<HashSet<_>>()
    };
    assert_eq!(values("/type").len(), 3);
    assert_eq!(values("/target/type").len(), 2);
    assert!(tasks.iter().any(|task| task["target"].is_null()));
    assert!(tasks.iter().any(|task| task["launched"].is_null()));
    assert!(
        tasks
            .iter()
            .any(|task| task.get("taskDefinitionSummary").is_none())
    );
    let severities: HashSet<_> = tasks
        .iter()
        .flat_map(|task| task["messages"].as_array().unwrap())
        .map(|m| m["type"].to_string())
        .collect();
    assert_eq!(severities.len(), 3);

    // The newest move; the oldest are the stuck ones.
    let newest = async || demo.page("offset=300").await;
    let before = newest().await;
    eventually("something moved", async || {
        (newest().await != before).then_some(())
    })
    .await;
    demo.stop().await;
    assert!(!Path::new(&demo.data_dir).exists());
    let output = demo.program.output();
    for word in ["curl -s '", "psql ", "Ctrl-C"] {
        assert!(output.contains(word), "{output}");
    }
}

#[tokio::test]
async fn two_at_the_same_time_and_one_of_them_killed() {
    let mut one = Demo::start(&[]).await;
    let mut other = Demo::start(&[]).await;
    assert_ne!(one.url, other.url);
    assert!(!one.page("limit=1").await.is_empty());
    one.program.signal("KILL");
    one.program.wait();
    one.postgres_is_gone().await;
    eventually("its folder is gone", async || {
        (!one.data_dir.exists()).then_some(())
    })
    .await;
    assert!(!other.page("limit=1").await.is_empty());
    other.stop().await;
}

#[tokio::test]
async fn kept_data_is_there_again_even_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("data");
    let arguments = ["--data-dir", kept.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let mut demo = Demo::start(&arguments).await;
    let oldest = demo.page("limit=1").await[0]["id"].clone();
    demo.program.signal("KILL");
    demo.program.wait();

    let mut demo = Demo::start(&arguments).await;
    assert_eq!(demo.page("limit=1").await[0]["id"], oldest);
    assert!(demo.program.log().contains("found the tasks of the last run"));
    demo.stop().await;
}

#[tokio::test]
async fn the_demo_is_for_this_machine_only() {
    let output = command(&["demo", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("error: the demo serves on loopback addresses only, and 0.0.0.0:0 is none"),
        "{said}"
    );
}

#[tokio::test]
async fn a_postgresql_that_dies_ends_the_demo() {
    let mut demo = Demo::start(&["--listen", "127.0.0.1:0"]).await;
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &demo.postgres_pid.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert!(!demo.program.wait().success());
    let log = demo.program.log();
    assert!(
        log.lines()
            .any(|line| line.starts_with("error: ") && line.contains("PostgreSQL")),
        "{log}"
    );
}
