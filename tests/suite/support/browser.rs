//! A real browser: Debian's Chromium, which `tests/ui/driver.mjs` drives by Playwright.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::packages::{NPM, Packages};

/// The packages to install, and the program that drives the browser.
const FILES: [(&str, &str); 3] = [
    ("package-lock.json", include_str!("../../ui/package-lock.json")),
    ("package.json", include_str!("../../ui/package.json")),
    ("driver.mjs", include_str!("../../ui/driver.mjs")),
];

/// A browser with one page. Dropping it closes the browser.
pub struct Browser {
    child: Child,
    /// `None` while a script runs.
    pipes: Option<(ChildStdin, BufReader<ChildStdout>)>,
    _packages: Packages,
}

impl Browser {
    /// Opens a URL. `None` if there is no browser here.
    pub async fn open(url: &str) -> Option<Self> {
        Self::with(url, "{}").await
    }

    /// The same with options of Playwright's contexts, in JSON.
    pub async fn with(url: &str, options: &str) -> Option<Self> {
        let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
        let found = format!("command -v {chromium}");
        // Another test may be installing them, and its service needs this thread.
        let installation = tokio::task::spawn_blocking(move || {
            let requirements: [&[&str]; 3] = [
                &["node", "--version"],
                &["npm", "--version"],
                &["sh", "-c", &found],
            ];
            Packages::installed("ui", &requirements, &FILES, &NPM)
        });
        let packages = installation.await.unwrap()?;
        let mut child = Command::new("node")
            .args(["driver.mjs", url, options])
            .current_dir(&packages.folder)
            .env("CHROMIUM", &chromium)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pipes = (
            child.stdin.take().unwrap(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        Some(Self {
            child,
            pipes: Some(pipes),
            _packages: packages,
        })
    }

    /// The result of a script: the body of an async function of `page` and `context`. It must succeed, and until its end
    /// no page may have logged an error, broken its policy or sent a request to a stranger.
    pub async fn run(&mut self, script: &str) -> Value {
        let (mut input, mut output) = self.pipes.take().unwrap();
        let line = serde_json::to_string(script).unwrap() + "\n";
        // The service runs on this thread.
        let (pipes, answer) = tokio::task::spawn_blocking(move || {
            input.write_all(line.as_bytes()).unwrap();
            let mut answer = String::new();
            output.read_line(&mut answer).unwrap();
            ((input, output), answer)
        })
        .await
        .unwrap();
        self.pipes = Some(pipes);
        let mut answer: Value =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error} in {answer:?} to {script}"));
        let failure = &answer["error"];
        assert!(
            failure.is_null(),
            "{script}\n{}\n{}",
            failure.as_str().unwrap(),
            answer["text"]
        );
        assert_eq!(answer["problems"], Value::Array(Vec::new()), "{script}");
        answer["result"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes the browser at the end of its input.
        drop(self.pipes.take());
        let _ = self.child.wait();
    }
}
