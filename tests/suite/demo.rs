//! `task-status demo`: its sample tasks, its tokens, and its cleanup.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::program::{Program, command, refused};
use crate::support::service::{Answer, PENDING_TASKS};
use crate::support::tasks;
use crate::support::until;

/// A running demo with few tasks.
pub struct Demo {
    program: Program,
    url: String,
    /// The data folder of its PostgreSQL.
    data_dir: PathBuf,
    postgres_pid: u32,
}

impl Demo {
    pub async fn start(arguments: &[&str]) -> Self {
        let few = ["demo", "--history", "300"];
        let mut program = Program::start(command(&[&few, arguments].concat()));
        let line = program.printed("Pending tasks").await;
        let url = line.split_whitespace().last().unwrap().to_owned();
        // The last line that it prints.
        program.printed("order by created, id limit 10;").await;
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

    /// The value of a variable that the demo prints.
    pub fn variable(&self, name: &str) -> String {
        let output = self.program.output();
        let value = output
            .split(&format!("{name}="))
            .nth(1)
            .unwrap_or_else(|| panic!("{output}"));
        value.split_whitespace().next().unwrap().to_owned()
    }

    /// The origin of its URLs.
    fn base(&self) -> &str {
        self.url.strip_suffix(PENDING_TASKS).unwrap()
    }

    fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.base())
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
        until("PostgreSQL is gone", async || !runs(self.postgres_pid)).await;
    }

    pub async fn stop(&mut self) {
        self.program.signal("INT");
        assert!(self.program.wait().success(), "{}", self.program.log());
        self.postgres_is_gone().await;
    }
}

/// Whether a process runs, and is not a zombie.
fn runs(pid: u32) -> bool {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[tokio::test]
async fn the_sample_tasks_have_every_kind_and_keep_changing() {
    let mut demo = Demo::start(&["--listen", "127.0.0.1:0", "--log", "debug"]).await;
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

    // Only the newest tasks change: the oldest are stuck.
    let newest = async || demo.page("offset=300").await;
    let before = newest().await;
    until("a task changes", async || newest().await != before).await;
    demo.program
        .logged("the tally of the pending tasks is right")
        .await;
    demo.stop().await;
    assert!(!Path::new(&demo.data_dir).exists());
    let output = demo.program.output();
    let address = output.lines().find(|line| line.contains("http://")).unwrap();
    assert_eq!(
        address.split_whitespace().last(),
        Some(format!("{}/", demo.base()).as_str())
    );
    for word in ["curl -s '", "psql ", "Ctrl-C"] {
        assert!(output.contains(word), "{output}");
    }
}

#[tokio::test]
async fn tasks_that_somebody_clears_stay_cleared() {
    let mut demo = Demo::start(&["--listen", "127.0.0.1:0", "--pending", "50"]).await;
    // The newest are not stuck: without a clearance, all of them would be reported again soon.
    let list = format!(
        "{}/task-status?filters=completionStatus+isnull&sorters=-created",
        demo.base()
    );
    let newest: Vec<Value> = reqwest::get(&list).await.unwrap().json().await.unwrap();
    let client = reqwest::Client::new();
    let clear = r#"[{"op":"replace","path":"/completionStatus","value":"Terminated"}]"#;
    let task = |id: &Value| format!("{}/task-status/{}", demo.base(), id.as_str().unwrap());
    for running in &newest[..20] {
        let request = client
            .patch(task(&running["id"]))
            .header("sec-fetch-site", "same-origin");
        let request = request
            .header("content-type", "application/json-patch+json")
            .body(clear);
        let status = request.send().await.unwrap().status();
        // Some end by themselves meanwhile.
        assert!(status.is_success(), "{status}");
    }
    // By then nearly all tasks have been reported.
    until("ten more have ended", async || {
        let url = format!(
            "{}/task-status?limit=0&count=true&filters=completed+ge+%22{}%22",
            demo.base(),
            "2000-01-01T00:00:00Z"
        );
        let total = reqwest::get(url).await.unwrap().headers()["x-total-count"]
            .to_str()
            .unwrap()
            .to_owned();
        total.parse::<i64>().unwrap() > 330
    })
    .await;
    let mut pending_again = 0;
    for cleared in &newest[..20] {
        let now: Value = reqwest::get(task(&cleared["id"]))
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        pending_again += usize::from(now["completionStatus"].is_null());
    }
    // A report that was on its way may have come after a clearance.
    assert!(pending_again <= 1, "{pending_again}");
    demo.stop().await;
}

#[tokio::test]
async fn two_demos_run_at_once_and_a_killed_one_leaves_nothing_behind() {
    let mut one = Demo::start(&[]).await;
    let apart = ["--admin-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let mut other = Demo::start(&apart).await;
    assert_ne!(one.url, other.url);
    for (name, said) in [("Health", "ok"), ("Metrics", "task_status_pending_tasks ")] {
        let line = other.program.printed(&format!("  {name} ")).await;
        let url = line.split_whitespace().last().unwrap();
        let body = reqwest::get(url).await.unwrap().text().await.unwrap();
        assert!(body.contains(said), "{url}: {body}");
    }
    assert!(!one.page("limit=1").await.is_empty());
    one.program.signal("KILL");
    one.program.wait();
    one.postgres_is_gone().await;
    until("its folder is gone", async || !one.data_dir.exists()).await;
    assert!(!other.page("limit=1").await.is_empty());
    other.stop().await;
}

#[tokio::test]
async fn kept_data_survives_a_kill() {
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
async fn the_demo_is_refused_on_public_addresses() {
    for flag in ["--listen", "--admin-listen", "--metrics-listen"] {
        let said = refused(command(&["demo", flag, "0.0.0.0:0"]));
        assert!(
            said.contains(
                "error: 0.0.0.0:0 is not a loopback address: the demo is served on this machine only"
            ),
            "{said}"
        );
    }
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
            .any(|line| line.contains("the program ends") && line.contains("PostgreSQL")),
        "{log}"
    );
}

/// A request for a token with these fields in a form.
fn form(demo: &Demo, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let encoded: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    reqwest::Client::new()
        .post(demo.token_endpoint())
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(encoded.join("&"))
}

#[tokio::test]
async fn the_demo_issues_tokens_for_every_request_of_the_official_clients() {
    let mut demo = Demo::start(&["--listen", "127.0.0.1:0"]).await;
    let [id, secret] = ["SAIL_CLIENT_ID", "SAIL_CLIENT_SECRET"].map(|name| demo.variable(name));
    assert_eq!(demo.variable("SAIL_BASE_URL"), demo.base());
    let endpoint = demo.token_endpoint();
    let client = reqwest::Client::new();
    let credentials = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
    let grant = ("grant_type", "client_credentials");
    let parts = [grant, credentials[0], credentials[1]].map(|(name, value)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let query = format!("{endpoint}?grant_type=client_credentials");
    for (way, request) in [
        ("a form", form(&demo, &[grant, credentials[0], credentials[1]])),
        (
            "the query",
            client.post(format!("{query}&client_id={id}&client_secret={secret}")),
        ),
        (
            "the query and a form",
            client
                .post(&query)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(format!("client_id={id}&client_secret={secret}")),
        ),
        (
            "parts",
            client
                .post(&endpoint)
                .header("Content-Type", "multipart/form-data; boundary=b")
                .body(format!("{}--b--\r\n", parts.concat())),
        ),
        (
            "basic credentials",
            form(&demo, &[grant]).basic_auth(&id, Some(&secret)),
        ),
    ] {
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.status, 200, "{way}: {answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let token = answer.json();
        assert_eq!(
            (&token["token_type"], &token["expires_in"]),
            (&"bearer".into(), &749.into())
        );
        assert_eq!(
            token["scope"],
            "idn:task-management:read idn:task-management:write"
        );
        let written = client
            .put(format!("{}/task-status/{}", demo.base(), way.replace(' ', "-")))
            .bearer_auth(token["access_token"].as_str().unwrap())
            .header("Content-Type", "application/json")
            .body(tasks::REPORT)
            .send()
            .await
            .unwrap();
        assert_eq!(written.status(), 201, "{way}");
    }

    demo.stop().await;
}

#[tokio::test]
async fn a_refused_token_request_gives_the_reason() {
    let mut demo = Demo::start(&["--listen", "127.0.0.1:0"]).await;
    let [id, secret] = ["SAIL_CLIENT_ID", "SAIL_CLIENT_SECRET"].map(|name| demo.variable(name));
    let credentials = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
    let grant = ("grant_type", "client_credentials");
    for (code, status, fields) in [
        ("invalid_request", 400, vec![credentials[0], credentials[1]]),
        (
            "unsupported_grant_type",
            400,
            vec![("grant_type", "password"), credentials[0], credentials[1]],
        ),
        ("invalid_request", 400, vec![grant, credentials[0]]),
        (
            "invalid_client",
            401,
            vec![grant, credentials[0], ("client_secret", "guess")],
        ),
        (
            "invalid_client",
            401,
            vec![grant, ("client_id", "other"), credentials[1]],
        ),
        (
            "invalid_scope",
            400,
            vec![grant, credentials[0], credentials[1], ("scope", "openid")],
        ),
        ("invalid_request", 400, vec![grant, ("client_id", "%zz")]),
    ] {
        let answer = Answer::read(form(&demo, &fields).send().await.unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{fields:?}: {answer:?}");
        assert_eq!(answer.json()["error"], code, "{fields:?}: {answer:?}");
        assert_eq!(
            answer.json()["trackingId"],
            answer.header("slpt-request-id").unwrap()
        );
    }
    assert!(!demo.program.log().contains(&secret));
    demo.stop().await;
}

#[tokio::test]
async fn the_demo_requires_a_token_for_writes_only() {
    let mut demo = Demo::start(&["--listen", "127.0.0.1:0"]).await;
    let client = reqwest::Client::new();
    let status = async |method: reqwest::Method, token: Option<&str>| {
        let mut request = client.request(method, format!("{}/task-status", demo.base()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(reqwest::Method::GET, None).await, 200);
    assert_eq!(status(reqwest::Method::POST, None).await, 401);
    assert_eq!(status(reqwest::Method::GET, Some("x")).await, 401);

    // The dashboard needs none: browsers say from which page a request comes.
    for (site, status) in [
        ("same-origin", 415),
        ("same-site", 401),
        ("cross-site", 401),
        ("none", 401),
    ] {
        let request = client.post(format!("{}/task-status", demo.base()));
        let sent = request.header("Sec-Fetch-Site", site).send().await.unwrap();
        assert_eq!(sent.status(), status, "{site}");
    }

    // The printed line sets $token.
    let output = demo.program.output();
    let line = output
        .split("Get a write token")
        .nth(1)
        .unwrap()
        .split("and complete a task")
        .next()
        .unwrap();
    let script = format!(
        "{line}\ncurl -s -o /dev/null -w '%{{http_code}}' -X PUT {}/task-status/by-curl -H \"Authorization: Bearer $token\" -H 'Content-Type: application/json' -d '{{\"type\":\"QPOC\",\"uniqueName\":\"n\",\"launcher\":\"l\"}}'",
        demo.base()
    );
    let written = std::process::Command::new("sh")
        .args(["-euc", &script])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(written.stdout).unwrap(), "201", "{script}");
    demo.stop().await;
}
