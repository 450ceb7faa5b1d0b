//! `GET /metrics`: the metrics, their format and their address.

mod prometheus;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::Method;
use chrono::Utc;
use futures_util::stream;
use sqlx::{Connection, Executor};
use task_status::http::router;
use task_status::http::routes::metrics::Metrics;
use task_status::pending::PendingConfig;
use task_status::store::{StoreError, tally};

use crate::support::database::TestDatabase;
use crate::support::program::{Program, serve};
use crate::support::service::{Answer, PENDING_TASKS, Service, Setup};
use crate::support::{eventually, until};
use crate::tally::verify::drifted;

/// Samples by series.
#[derive(Debug)]
struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Parses a response. Prometheus's own tool checks its format.
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let samples = answer.body.lines().filter(|line| !line.starts_with('#'));
        let mut figures = BTreeMap::new();
        for sample in samples {
            let (series, value) = sample.rsplit_once(' ').unwrap();
            let before = figures.insert(series.to_owned(), value.parse().unwrap());
            assert_eq!(before, None, "twice: {series}");
        }
        Self(figures)
    }

    fn value(&self, series: &str) -> Option<f64> {
        self.0.get(&format!("task_status_{series}")).copied()
    }

    /// An integer value.
    fn number(&self, series: &str) -> Option<i64> {
        Some(self.value(series)?.to_string().parse().unwrap())
    }

    /// Count checks with this result.
    fn checks(&self, outcome: &str) -> Option<i64> {
        self.number(&format!("count_checks_total{{result=\"{outcome}\"}}"))
    }

    /// Page cache lookups with this result.
    fn pages(&self, result: &str) -> Option<i64> {
        self.number(&format!("page_cache_lookups_total{{result=\"{result}\"}}"))
    }

    /// Freshness checks with this result.
    fn reads(&self, outcome: &str) -> Option<i64> {
        self.number(&format!("freshness_checks_total{{result=\"{outcome}\"}}"))
    }
}

/// A service and its metrics.
struct Stage {
    database: TestDatabase,
    service: Service,
    counted: Metrics,
    metrics: Service,
}

impl Stage {
    async fn new(settings: PendingConfig) -> Self {
        let database = TestDatabase::new().await;
        let counted = Metrics::default();
        let mut setup = Setup {
            pending: settings,
            ..Setup::default()
        };
        // A client has one place.
        setup.api.bounds.requests = NonZeroU32::MIN;
        setup.api.metrics = counted.requests.clone();
        let service = Service::with(&database, setup).await;
        let pending = service.pending.clone().unwrap();
        let routes = router::metrics(service.database.clone(), pending, counted.clone());
        Self {
            metrics: Service::serve(routes, service.database.clone()),
            database,
            service,
            counted,
        }
    }

    async fn figures(&self) -> Figures {
        Figures::of(&self.metrics.get("/metrics").await)
    }

    async fn insert(&self, id: &str) {
        self.database.insert(&[id]).await;
    }

    /// As `serve` does from time to time.
    async fn check(&self) {
        self.counted
            .checks
            .count(&tally::check_in_turn(&self.service.database).await);
    }
}

#[tokio::test]
async fn drift_is_reported_from_the_first_check_on() {
    let stage = Stage::new(PendingConfig::default()).await;
    stage.insert("counted").await;
    let figures = stage.figures().await;
    for absent in [
        "count_drift",
        "count_wrong_buckets",
        "disabled_triggers",
        "count_check_timestamp_seconds",
    ] {
        assert_eq!(figures.value(absent), None, "{absent}");
    }
    for outcome in ["ok", "mismatch", "skipped", "error"] {
        assert_eq!(figures.checks(outcome), Some(0), "{outcome}");
    }

    let begun = Utc::now().timestamp();
    stage.check().await;
    let figures = stage.figures().await;
    assert_eq!(figures.number("count_drift"), Some(0));
    assert_eq!(figures.number("count_wrong_buckets"), Some(0));
    assert_eq!(figures.number("disabled_triggers"), Some(0));
    assert_eq!(figures.checks("ok"), Some(1));
    let at = figures.number("count_check_timestamp_seconds").unwrap();
    assert!((begun..=Utc::now().timestamp()).contains(&at), "{at}");

    stage
        .database
        .execute("alter table task_status disable trigger task_status_count_insert")
        .await;
    stage.insert("unnoticed").await;
    stage.check().await;
    let figures = stage.figures().await;
    assert_eq!(figures.number("count_drift"), Some(-1));
    assert_eq!(figures.number("count_wrong_buckets"), Some(1));
    assert_eq!(figures.number("disabled_triggers"), Some(1));
    assert_eq!(figures.checks("mismatch"), Some(1));

    // The last result stays while another replica checks, and when a check fails.
    let mut other = stage.database.connect().await;
    let lock = "select pg_advisory_lock(x'7461736b74616c6c'::bigint)";
    other.execute(lock).await.unwrap();
    stage.check().await;
    other.close().await.unwrap();
    stage.counted.checks.count(&Err(StoreError::KnownDown));
    let figures = stage.figures().await;
    assert_eq!(figures.number("count_drift"), Some(-1));
    assert_eq!(figures.checks("skipped"), Some(1));
    assert_eq!(figures.checks("error"), Some(1));
    assert_eq!(figures.checks("mismatch"), Some(1));
}

#[tokio::test]
async fn the_number_of_pending_tasks_is_current() {
    let stage = Stage::new(PendingConfig::default()).await;
    let mut before = Some(0);
    for number in 0..3 {
        let figures = stage.figures().await;
        assert_eq!(figures.number("pending_tasks"), Some(number));
        // One for the number, and one for the summary if it is counted.
        let reads = figures.reads("ok");
        assert!(reads > before, "{reads:?}");
        before = reads;
        stage.insert(&number.to_string()).await;
    }
}

#[tokio::test]
async fn pending_tasks_are_counted_by_kind_with_the_oldest_and_the_stuck() {
    let stage = Stage::new(PendingConfig::default()).await;
    // Of 21 kinds, the last of the rarest is among the others.
    stage
        .database
        .execute(
            "insert into task_status (id, type, unique_name, launcher, created, modified)
             select kind || '-' || number, 'QUARTZ', 'kind ' || to_char(kind, 'FM00'), 'test',
                 timestamptz '2026-01-02T03:04:05Z' + kind * interval '1 second',
                 case when kind = 3 then now() - interval '2 hours' else now() end
             from generate_series(1, 21) as kind cross join generate_series(1, 1 + (kind = 7)::int) as number",
        )
        .await;
    let figures = eventually("a count", async || {
        let figures = stage.figures().await;
        figures.value("stuck_pending_tasks").is_some().then_some(figures)
    })
    .await;
    assert_eq!(figures.number("stuck_pending_tasks"), Some(1));
    assert_eq!(
        figures.number("oldest_pending_task_timestamp_seconds"),
        Some(1_767_323_046)
    );
    let by_kind = |kind: &str| figures.number(&format!("pending_tasks_by_kind{{kind=\"{kind}\"}}"));
    assert_eq!(by_kind("KIND_07"), Some(2));
    assert_eq!(by_kind("KIND_01"), Some(1));
    assert_eq!(by_kind("KIND_21"), None);
    assert_eq!(by_kind("other"), Some(1));
}

#[tokio::test]
async fn bytes_of_contents_are_counted_streams_too() {
    let stage = Stage::new(PendingConfig::default()).await;
    let bytes = async || {
        let figures = stage.figures().await;
        let [received, sent] = ["request_body_bytes_total", "response_body_bytes_total"];
        [figures.number(received).unwrap(), figures.number(sent).unwrap()]
    };
    assert_eq!(bytes().await, [0, 0]);
    let length = |text: &str| i64::try_from(text.len()).unwrap();
    let task = r#"{"id":"a","type":"QUARTZ","uniqueName":"a","launcher":"test"}"#;
    let post = async |media_type: &str, body: reqwest::Body| {
        stage
            .service
            .send(Method::POST, "/task-status", media_type, body)
            .await
    };
    let whole = post("application/json", task.into()).await;
    assert_eq!(bytes().await, [length(task), length(&whole.body)]);
    let chunks = stream::iter([Ok::<_, std::io::Error>(task), Ok("\n")]);
    let streamed = post("application/x-ndjson", reqwest::Body::wrap_stream(chunks)).await;
    let exported = stage
        .service
        .request(Method::GET, "/task-status", &[("accept", "text/csv")])
        .await;
    assert!(!streamed.body.is_empty() && !exported.body.is_empty());
    let sent = [&whole, &streamed, &exported].map(|answer| length(&answer.body));
    assert_eq!(bytes().await, [2 * length(task) + 1, sent.iter().sum()]);
}

#[tokio::test]
async fn hits_and_misses_of_the_page_cache_are_counted() {
    let stage = Stage::new(PendingConfig::default()).await;
    stage.insert("a").await;
    let found = async || {
        let figures = stage.figures().await;
        (figures.pages("hit"), figures.pages("miss"))
    };
    assert_eq!(found().await, (Some(0), Some(0)));
    for (memory, database) in [(0, 1), (1, 1), (2, 1)] {
        stage.service.get(PENDING_TASKS).await.ids();
        assert_eq!(found().await, (Some(memory), Some(database)));
    }
    stage.insert("b").await;
    let answer = stage.service.get(PENDING_TASKS).await;
    assert_eq!(found().await, (Some(2), Some(2)));
    let bytes = stage.figures().await.number("page_cache_bytes").unwrap();
    assert!(bytes > i64::try_from(answer.body.len()).unwrap(), "{bytes}");
}

#[tokio::test]
async fn requests_are_measured_by_route_status_and_reason() {
    let stage = Stage::new(PendingConfig::default()).await;
    stage.insert("a").await;
    let etag = stage
        .service
        .get(PENDING_TASKS)
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    stage.service.get("/v2025/task-status/a").await;
    stage.service.get("/task-status/v1/none").await;
    stage.service.get("/no/such/path").await;
    let brew = Method::from_bytes(b"BREW").unwrap();
    assert_eq!(stage.service.request(brew, "/task-status", &[]).await.status, 405);
    let wait = [("if-none-match", &*etag), ("prefer", "wait=1")];
    assert_eq!(
        stage
            .service
            .request(Method::GET, PENDING_TASKS, &wait)
            .await
            .status,
        304
    );
    stage.service.database.close().await;
    assert_eq!(stage.service.get("/task-status?limit=1").await.status, 503);

    let figures = stage.figures().await;
    let counts: Vec<_> = figures
        .0
        .iter()
        .filter_map(|(series, value)| {
            Some((
                series.strip_prefix("http_server_request_duration_seconds_count")?,
                *value,
            ))
        })
        .collect();
    assert_eq!(
        counts,
        [
            (
                r#"{http_request_method="GET",http_response_status_code="404"}"#,
                1.0
            ),
            (
                r#"{http_request_method="GET",http_route="/task-status",http_response_status_code="503",error_type="database_unavailable"}"#,
                1.0
            ),
            (
                r#"{http_request_method="GET",http_route="/task-status/pending-tasks",http_response_status_code="200"}"#,
                1.0
            ),
            (
                r#"{http_request_method="GET",http_route="/task-status/pending-tasks",http_response_status_code="304",long_poll="true"}"#,
                1.0
            ),
            (
                r#"{http_request_method="GET",http_route="/task-status/v1/{id}",http_response_status_code="404"}"#,
                1.0
            ),
            (
                r#"{http_request_method="GET",http_route="/task-status/{id}",http_response_status_code="200"}"#,
                1.0
            ),
            (
                r#"{http_request_method="_OTHER",http_response_status_code="405"}"#,
                1.0
            ),
        ]
    );
    assert_eq!(figures.0["http_server_active_requests"].to_string(), "0");
}

#[tokio::test]
async fn a_slow_database_omits_the_number_and_is_counted() {
    let stage = Stage::new(PendingConfig {
        timeout: Duration::from_millis(50),
        ..PendingConfig::default()
    })
    .await;
    let mut holder = stage.database.connect().await;
    holder
        .execute("begin; lock table task_status_tally in access exclusive mode")
        .await
        .unwrap();
    let figures = stage.figures().await;
    assert_eq!(figures.value("pending_tasks"), None);
    assert_eq!(figures.value("stuck_pending_tasks"), None);
    assert_eq!(figures.checks("ok"), Some(0));
    // The read times out at about the same moment as its waiter.
    until("a late read", async || {
        stage.figures().await.reads("timeout") > Some(0)
    })
    .await;
    holder.close().await.unwrap();
    eventually("a number again", async || {
        stage.figures().await.number("pending_tasks")
    })
    .await;
}

#[tokio::test]
async fn serve_has_metrics_on_their_own_address_until_it_stops() {
    let database = drifted().await;
    let arguments = ["--auth", "none", "--metrics-listen", "127.0.0.1:0"];
    let mut program = Program::start(serve(&database.url(), &arguments));
    let (url, api) = (program.url_of("metrics").await, program.url().await);
    let metrics = format!("{url}/metrics");
    let others = [
        url + PENDING_TASKS,
        format!("{api}/metrics"),
        format!("{api}/v2025/metrics"),
    ];
    program.logged("the tally of the pending tasks is wrong").await;
    let client = reqwest::Client::new();
    let get = async |url: &str| Answer::read(client.get(url).send().await.unwrap()).await;
    let figures = Figures::of(&get(&metrics).await);
    assert_eq!(figures.number("count_drift"), Some(-1));
    assert_eq!(figures.checks("mismatch"), Some(1));
    assert_eq!(figures.number("pending_tasks"), Some(1));
    for other in others {
        assert_eq!(get(&other).await.status, 404, "{other}");
    }
    // The client keeps its connections open.
    program.stop();
    assert!(client.get(&metrics).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn without_the_flag_there_are_no_metrics() {
    let database = TestDatabase::new().await;
    let mut program = Program::start(serve(&database.url(), &["--auth", "none"]));
    program.logged("the database is up").await;
    program.stop();
    assert!(!program.log().contains("listening: metrics"), "{}", program.log());
}
