//! Rendering a page of tasks as JSON and compressing it, both done once for all requests.

use std::hint::black_box;

use chrono::{DateTime, TimeDelta};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::value::RawValue;
use task_status::pending::content_encoding::ContentEncoding;
use task_status::pending::digest::Digest;
use task_status::task::{Target, TargetType, TaskDefinitionSummary, TaskStatus, TaskType};

fn raw(json: &str) -> Box<RawValue> {
    serde_json::from_str(json).unwrap_or_default()
}

fn task(number: i64) -> TaskStatus {
    let created = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(number);
    TaskStatus {
        id: format!("{number:032x}"),
        r#type: TaskType::Quartz,
        unique_name: "Cloud Account Aggregation".to_owned(),
        description: "Aggregates accounts from the specified application.".to_owned(),
        parent_name: Some("Nightly Cloud Account Aggregation".to_owned()),
        launcher: "scheduler".to_owned(),
        target: Some(Target {
            id: format!("{:032x}", number % 50),
            r#type: Some(TargetType::Application),
            name: format!("Source {} [source]", number % 50),
        }),
        created,
        modified: created + TimeDelta::minutes(5),
        launched: Some(created + TimeDelta::seconds(3)),
        completed: None,
        completion_status: None,
        messages: raw("[]"),
        returns: raw("[]"),
        attributes: raw(
            r#"{"host": "worker-7.tasks.example", "appId": "00000000000000000000000000000007", "accounts": 68597, "requestedBy": "Person 1", "taskStartDelay": 46}"#,
        ),
        progress: Some("Reading accounts".to_owned()),
        percent_complete: 40,
        task_definition_summary: Some(TaskDefinitionSummary {
            id: "f038002f78f8f322fa85b153dea82781".to_owned(),
            unique_name: "Cloud Account Aggregation".to_owned(),
            description: Some("Aggregates accounts from the specified application.".to_owned()),
            parent_name: "Cloud Account Aggregation".to_owned(),
            executor: Some("sailpoint.task.ServiceTaskExecutor".to_owned()),
            arguments: raw(r#"{"deltaAggregation": false, "optimizedAggregation": true}"#),
        }),
    }
}

fn rendering(criterion: &mut Criterion) {
    let page: Vec<_> = (0..250).map(task).collect();
    let body = serde_json::to_vec(&page).unwrap_or_default();
    criterion.bench_function("250 tasks as JSON", |bencher| {
        bencher.iter(|| serde_json::to_vec(black_box(&page)));
    });
    criterion.bench_function("digest of 250 tasks", |bencher| {
        bencher.iter(|| Digest::of(black_box(&body)));
    });
    for coding in ContentEncoding::COMPRESSED {
        let name = format!("250 tasks in {}", coding.token().unwrap_or_default());
        criterion.bench_function(&name, |bencher| bencher.iter(|| coding.encode(black_box(&body))));
    }
}

criterion_group!(benches, rendering);
criterion_main!(benches);
