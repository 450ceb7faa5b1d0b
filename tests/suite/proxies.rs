//! Proxies in front of the service that compress its responses, and so change their tags.

use std::path::Path;
use std::process::Command;

use reqwest::{Method, StatusCode, Url};

use crate::support::database::TestDatabase;
use crate::support::gateway::Gateway;
use crate::support::left_out;
use crate::support::service::{Answer, PENDING_TASKS, Service};

/// What a proxy makes of a strong tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Kept,
    Suffixed,
    Weak,
}

/// Asks a proxy for a list and a task, compressed; changes the task; and waits for a change of the list.
async fn tags_are_known_again(gateway: Option<Gateway>, service: &Service, made: Tag) {
    let Some(gateway) = gateway else { return };
    let client = reqwest::Client::new();
    let ask = async |method: Method, target: &str, headers: &[(&str, &str)], content: &'static str| {
        let request = client.request(method, gateway.url(target)).body(content);
        let request = request.header("Accept-Encoding", "gzip");
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        // Compressed, it is no text.
        let body = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        Answer {
            status,
            headers,
            body,
        }
    };
    let get = async |target: &str, headers: &[(&str, &str)]| ask(Method::GET, target, headers, "").await;
    for limit in [1, 100] {
        let target = format!("{PENDING_TASKS}?limit={limit}");
        let first = get(&target, &[]).await;
        assert_eq!(first.status, StatusCode::OK, "{first:?}");
        assert_eq!(first.header("content-encoding"), Some("gzip"));
        let etag = first.etag();
        let again = get(&target, &[("If-None-Match", &etag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{limit}: {etag}");
        let held = get(&target, &[("If-None-Match", &etag), ("Prefer", "wait=1")]).await;
        assert_eq!(held.status, StatusCode::NOT_MODIFIED, "{limit}: {etag}");
        assert_eq!(held.header("preference-applied"), Some("wait=1"));
    }

    let task = get("/task-status/1", &[]).await;
    assert_eq!(task.header("content-encoding"), Some("gzip"));
    let etag = task.etag();
    let own = service.get("/task-status/1").await.etag();
    let suffixed = format!("{}-gzip\"", own.trim_end_matches('"'));
    let tags = [
        (Tag::Kept, own.clone()),
        (Tag::Suffixed, suffixed),
        (Tag::Weak, format!("W/{own}")),
    ];
    assert!(tags.contains(&(made, etag.clone())), "{etag}");
    let known = get("/task-status/1", &[("If-None-Match", &etag)]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    let headers = [
        ("Content-Type", "application/json-patch+json"),
        ("If-Match", etag.as_str()),
    ];
    let patch = r#"[{"op":"replace","path":"/progress","value":"seen"}]"#;
    let changed = ask(Method::PATCH, "/task-status/1", &headers, patch).await;
    let status = if made == Tag::Weak {
        StatusCode::PRECONDITION_FAILED
    } else {
        StatusCode::OK
    };
    assert_eq!(changed.status, status, "{changed:?}");
}

async fn start() -> (TestDatabase, Service) {
    let database = TestDatabase::new().await;
    database
        .insert_many(100, "n::text", "n * interval '1 second'")
        .await;
    let service = Service::start(&database).await;
    (database, service)
}

#[tokio::test]
async fn behind_nginx() {
    let (_database, service) = start().await;
    let server = |_: &Path, port| {
        format!(
            "gzip on; gzip_types application/json; gzip_proxied any; gzip_http_version 1.0;
             server {{
                 listen 127.0.0.1:{port};
                 location / {{ proxy_pass http://{}; proxy_set_header Accept-Encoding ''; }}
             }}",
            service.address
        )
    };
    tags_are_known_again(Gateway::nginx(server).await, &service, Tag::Weak).await;
}

#[tokio::test]
async fn behind_apache() {
    let (_database, service) = start().await;
    let modules = [
        "mpm_event",
        "authz_core",
        "proxy",
        "proxy_http",
        "filter",
        "deflate",
    ]
    .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
    .concat();
    let configuration = |folder: &Path, port| {
        format!(
            "{modules}
             ServerRoot {folder}\nServerName localhost\nPidFile {folder}/pid\nErrorLog /dev/stderr
             DefaultRuntimeDir {folder}
             Listen 127.0.0.1:{port}
             ProxyPass / http://{}/ ttl=60
             AddOutputFilterByType DEFLATE application/json\n",
            service.address,
            folder = folder.display(),
        )
    };
    let gateway = Gateway::start("apache2", configuration, |command, file, _| {
        command.arg("-X").arg("-f").arg(file);
    });
    tags_are_known_again(gateway.await, &service, Tag::Suffixed).await;
}

#[tokio::test]
async fn behind_caddy() {
    let (_database, service) = start().await;
    let configuration = |_: &Path, port| {
        format!(
            "{{\nadmin off\nauto_https off\n}}
             http://127.0.0.1:{port} {{
                 encode {{
                     gzip
                     minimum_length 1
                 }}
                 reverse_proxy {}
             }}\n",
            service.address
        )
    };
    let gateway = Gateway::start("caddy", configuration, |command, file, _| {
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(file);
        // It keeps its state below the home folder.
        command.env("HOME", file.parent().unwrap());
    });
    tags_are_known_again(gateway.await, &service, Tag::Kept).await;
}

#[tokio::test]
async fn behind_haproxy() {
    let (_database, service) = start().await;
    let configuration = |_: &Path, port| {
        format!(
            "defaults
                 mode http
                 timeout connect 5s
                 timeout client 60s
                 timeout server 60s
             listen service
                 bind 127.0.0.1:{port}
                 compression algo gzip
                 compression type application/json
                 server one {}\n",
            service.address
        )
    };
    let gateway = Gateway::start("haproxy", configuration, |command, file, _| {
        command.arg("-db").arg("-f").arg(file);
    });
    tags_are_known_again(gateway.await, &service, Tag::Weak).await;
}

#[tokio::test]
async fn behind_varnish() {
    let (_database, service) = start().await;
    let configuration = |_: &Path, _| {
        format!(
            "vcl 4.1;
             backend default {{ .host = \"127.0.0.1\"; .port = \"{}\"; }}
             sub vcl_recv {{ return (pass); }}
             sub vcl_backend_response {{ set beresp.do_gzip = true; }}\n",
            service.address.port()
        )
    };
    let gateway = Gateway::start("varnishd", configuration, |command, file, port| {
        command.args([
            "-F",
            "-j",
            "none",
            "-s",
            "malloc,10m",
            "-a",
            &format!("127.0.0.1:{port}"),
        ]);
        command
            .arg("-f")
            .arg(file)
            .arg("-n")
            .arg(file.with_file_name("varnish"));
    });
    tags_are_known_again(gateway.await, &service, Tag::Weak).await;
}

#[tokio::test]
async fn the_description_leads_to_the_service_below_a_stripped_prefix() {
    let (_database, service) = start().await;
    let server = |_: &Path, port| {
        format!(
            "server {{
                 listen 127.0.0.1:{port};
                 location /tasks/ {{ proxy_pass http://{}/; }}
             }}",
            service.address
        )
    };
    let Some(gateway) = Gateway::nginx(server).await else {
        return;
    };
    let get = async |url: &str| Answer::read(reqwest::get(url).await.unwrap()).await;
    let document = gateway.url("/tasks/openapi.json");
    let described = get(&document).await.json();
    let page = gateway.url("/tasks/docs");
    let script = get(&page).await.body;
    let begin = script.find("function absolute(").unwrap();
    let end = begin + script[begin..].find("\n}\n").unwrap() + 3;
    for server in described["servers"].as_array().unwrap() {
        let relative = server["url"].as_str().unwrap();
        let base = Url::parse(&document).unwrap().join(relative).unwrap();
        let base = base.as_str().trim_end_matches('/');
        assert_eq!(
            get(&format!("{base}{PENDING_TASKS}")).await.status,
            StatusCode::OK,
            "{base}"
        );
        // What the page shows as a command.
        let program = format!(
            "const location = new URL({page:?}); {}; process.stdout.write(absolute({relative:?}))",
            &script[begin..end]
        );
        match Command::new("node").args(["--eval", &program]).output() {
            Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), base, "{output:?}"),
            Err(_) => left_out("the page's script was not tested: Node.js is not installed"),
        }
    }
}
