//! Generates plausible task statuses, from the start of a task to its end.

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::task::{CompletionStatus, TargetType, TaskStatus, TaskType, report};

/// A kind of background task.
struct Template {
    r#type: TaskType,
    unique_name: &'static str,
    description: &'static str,
    executor: &'static str,
    /// The type of its target, if it has one.
    target: Option<TargetType>,
    /// The name of its counter: in `attributes` while it runs, in `returns` at the end.
    counts: &'static str,
    /// The values of `progress`, in order.
    steps: &'static [&'static str],
}

const TEMPLATES: [Template; 12] = [
    Template {
        r#type: TaskType::Quartz,
        unique_name: "Cloud Account Aggregation",
        description: "Aggregates accounts from the specified application.",
        executor: "sailpoint.task.ServiceTaskExecutor",
        target: Some(TargetType::Application),
        counts: "accounts",
        steps: &[
            "Initializing...",
            "Connecting to the source",
            "Reading accounts",
            "Correlating accounts",
            "Refreshing identities",
        ],
    },
    Template {
        r#type: TaskType::Quartz,
        unique_name: "Cloud Group Aggregation",
        description: "Aggregates groups from the specified application.",
        executor: "sailpoint.task.ServiceTaskExecutor",
        target: Some(TargetType::Application),
        counts: "groups",
        steps: &[
            "Initializing...",
            "Connecting to the source",
            "Reading groups",
            "Promoting attributes",
        ],
    },
    Template {
        r#type: TaskType::Quartz,
        unique_name: "Cloud Process Uncorrelated Accounts",
        description: "Looks for owners of accounts that have none.",
        executor: "sailpoint.task.ServiceTaskExecutor",
        target: Some(TargetType::Application),
        counts: "uncorrelatedAccounts",
        steps: &["Started", "Matching accounts", "Saving"],
    },
    Template {
        r#type: TaskType::Quartz,
        unique_name: "Cloud Refresh Role",
        description: "Recomputes who has which role.",
        executor: "sailpoint.task.ServiceTaskExecutor",
        target: None,
        counts: "roles",
        steps: &["Started", "Evaluating membership criteria", "Provisioning"],
    },
    Template {
        r#type: TaskType::Quartz,
        unique_name: "Identity Refresh",
        description: "Recomputes the attributes of an identity.",
        executor: "sailpoint.task.IdentityRefreshExecutor",
        target: Some(TargetType::Identity),
        counts: "attributes",
        steps: &["Started", "Evaluating attributes", "Saving"],
    },
    Template {
        r#type: TaskType::Qpoc,
        unique_name: "Cloud Entitlement Import",
        description: "Imports entitlements from a file.",
        executor: "sailpoint.task.EntitlementImportExecutor",
        target: Some(TargetType::Application),
        counts: "entitlements",
        steps: &["Waiting for the file", "Reading rows", "Saving entitlements"],
    },
    Template {
        r#type: TaskType::Qpoc,
        unique_name: "Source Application Discovery",
        description: "Finds applications that a source knows.",
        executor: "sailpoint.task.DiscoveryExecutor",
        target: Some(TargetType::Application),
        counts: "applications",
        steps: &["Scanning", "Comparing with known applications"],
    },
    Template {
        r#type: TaskType::Qpoc,
        unique_name: "Machine Identity Aggregation",
        description: "Aggregates machine identities from the specified application.",
        executor: "sailpoint.task.ServiceTaskExecutor",
        target: Some(TargetType::Application),
        counts: "machineIdentities",
        steps: &["Connecting to the source", "Reading machine identities", "Saving"],
    },
    Template {
        r#type: TaskType::QueuedTask,
        unique_name: "Cloud Attribute Synchronization",
        description: "Writes changed attributes of an identity to its accounts.",
        executor: "sailpoint.task.AttributeSyncExecutor",
        target: Some(TargetType::Identity),
        counts: "accounts",
        steps: &["Queued", "Comparing attributes", "Provisioning"],
    },
    Template {
        r#type: TaskType::QueuedTask,
        unique_name: "Account Deletion",
        description: "Deletes the accounts of an identity that has left.",
        executor: "sailpoint.task.AccountDeletionExecutor",
        target: Some(TargetType::Identity),
        counts: "accounts",
        steps: &["Queued", "Waiting for approval", "Deleting"],
    },
    Template {
        r#type: TaskType::QueuedTask,
        unique_name: "AI Agent Aggregation",
        description: "Aggregates AI agents from the specified application.",
        executor: "sailpoint.task.ServiceTaskExecutor",
        target: Some(TargetType::Application),
        counts: "agents",
        steps: &["Queued", "Reading agents", "Saving"],
    },
    Template {
        r#type: TaskType::QueuedTask,
        unique_name: "Report Export",
        description: "",
        executor: "sailpoint.task.ReportExecutor",
        target: None,
        counts: "rows",
        steps: &["Queued", "Rendering", "Uploading"],
    },
];

const APPLICATIONS: [&str; 8] = [
    "Active Directory",
    "Workday",
    "ServiceNow",
    "Salesforce",
    "SAP S/4HANA",
    "Okta",
    "GitHub Enterprise",
    "Azure – Zürich",
];
const PEOPLE: [&str; 8] = [
    "Ada Lovelace",
    "Grace Hopper",
    "Jörg Müller",
    "María García",
    "Nguyễn Văn An",
    "佐藤 花子",
    "Olu Adeyemi",
    "Zoë O'Brien",
];
const SERVICES: [&str; 5] = ["sweep", "scheduler", "provisioning", "aggregation", "workflow"];

/// Messages of tasks: severity, key and English text.
const TROUBLE: [(&str, &str, &str); 4] = [
    ("WARN", "source_slow", "The source answers slowly."),
    (
        "WARN",
        "accounts_skipped",
        "Some accounts were skipped because an attribute was missing.",
    ),
    (
        "ERROR",
        "connection_lost",
        "The connection to the source was lost.",
    ),
    (
        "ERROR",
        "permission_denied",
        "The source refused the request: permission denied.",
    ),
];

/// A task that was created at `created` and has not started.
#[expect(
    clippy::expect_used,
    reason = "every sample is a valid report, as the tests show"
)]
pub fn queued(rng: &mut Rng, created: DateTime<Utc>) -> TaskStatus {
    let template = &TEMPLATES[rng.usize(..TEMPLATES.len())];
    let application = APPLICATIONS[rng.usize(..APPLICATIONS.len())];
    let person = PEOPLE[rng.usize(..PEOPLE.len())];
    let by_hand = rng.u8(..4) == 0;
    let service = SERVICES[rng.usize(..SERVICES.len())];
    // Few targets, many tasks: an application is aggregated again and again.
    let target = template.target.map(|r#type| match r#type {
        TargetType::Application => {
            json!({ "id": stable_id(application), "type": r#type, "name": format!("{application} [source]") })
        }
        TargetType::Identity => json!({ "id": stable_id(person), "type": r#type, "name": person }),
    });
    let definition = (rng.u8(..8) > 0).then(|| {
        json!({
            "id": stable_id(template.unique_name),
            "uniqueName": template.unique_name,
            "description": Some(template.description).filter(|text| !text.is_empty()),
            "parentName": template.unique_name,
            "executor": template.executor,
            "arguments": { "optimizedAggregation": by_hand },
        })
    });
    let sample = json!({
        "id": id(rng),
        "type": template.r#type,
        "uniqueName": template.unique_name,
        "description": template.description,
        "parentName": (!by_hand).then(|| format!("Nightly {}", template.unique_name)),
        "launcher": if by_hand { person } else { service },
        "target": target,
        "attributes": { "taskStartDelay": rng.u32(..30) },
        "taskDefinitionSummary": definition,
    });
    report::read(&sample, None)
        .expect("a valid report")
        .into_task(created)
}

/// Advances a task: launches it or increases its progress, sometimes with a message.
pub fn advance(rng: &mut Rng, task: &mut TaskStatus, now: DateTime<Utc>) {
    task.modified = now;
    if task.launched.is_none() {
        task.launched = Some(now);
    } else {
        task.percent_complete = (task.percent_complete + rng.i32(2..20)).min(99);
    }
    if let Some(template) = TEMPLATES
        .iter()
        .find(|template| template.unique_name == task.unique_name)
    {
        let step = usize::try_from(task.percent_complete).unwrap_or(0) * template.steps.len() / 100;
        task.progress = template.steps.get(step).map(|&step| step.to_owned());
        task.attributes = raw(&json!({
            "appId": task.target.as_ref().map(|target| &target.id),
            template.counts: task.percent_complete * 137,
        }));
    }
    if rng.u8(..20) == 0 {
        trouble(rng, task);
    }
}

/// Completes a task, mostly with success.
pub fn complete(rng: &mut Rng, task: &mut TaskStatus, now: DateTime<Utc>) {
    let status = match rng.u8(..100) {
        0..80 => CompletionStatus::Success,
        80..88 => CompletionStatus::Warning,
        88..95 => CompletionStatus::Error,
        95..98 => CompletionStatus::Terminated,
        _ => CompletionStatus::TempError,
    };
    if task.launched.is_none() {
        task.launched = Some(now);
    }
    task.modified = now;
    task.completed = Some(now);
    task.completion_status = Some(status);
    match status {
        CompletionStatus::Success | CompletionStatus::Warning => {
            task.percent_complete = 100;
            task.progress = Some("Completed".to_owned());
        }
        CompletionStatus::Error | CompletionStatus::TempError => trouble(rng, task),
        CompletionStatus::Terminated => task.progress = Some("Terminated".to_owned()),
    }
    if let Some(template) = TEMPLATES
        .iter()
        .find(|template| template.unique_name == task.unique_name)
    {
        let name = format!(
            "TASK_OUT_{}_TOTAL",
            template.unique_name.to_uppercase().replace(' ', "_")
        );
        task.returns = raw(&json!([{ "name": name, "attributeName": template.counts }]));
    }
}

/// A completed task.
pub fn completed(rng: &mut Rng, created: DateTime<Utc>) -> TaskStatus {
    let mut task = queued(rng, created);
    let launched = created + TimeDelta::milliseconds(rng.i64(100..60_000));
    advance(rng, &mut task, launched);
    let duration = TimeDelta::milliseconds(rng.i64(1_000..3_600_000));
    complete(rng, &mut task, launched + duration);
    task
}

fn trouble(rng: &mut Rng, task: &mut TaskStatus) {
    let (severity, key, text) = TROUBLE[rng.usize(..TROUBLE.len())];
    let mut messages: Vec<Value> = serde_json::from_str(task.messages.get()).unwrap_or_default();
    messages.push(json!({
        "type": severity,
        "localizedText": { "locale": "en-US", "message": text },
        "key": key,
        "parameters": [{ "name": task.target.as_ref().map_or("", |target| &target.name) }],
    }));
    messages.insert(
        0,
        json!({ "type": "INFO", "localizedText": null, "key": "task_started", "parameters": null }),
    );
    messages.dedup_by(|a, b| a["key"] == b["key"]);
    task.messages = raw(&messages);
}

/// 32 hexadecimal digits, like the ids of the hosted service.
fn id(rng: &mut Rng) -> String {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes())
        .into_uuid()
        .simple()
        .to_string()
}

/// An id derived from a name.
fn stable_id(name: &str) -> String {
    let mut rng = Rng::with_seed(name.bytes().fold(0, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(u64::from(byte))
    }));
    Uuid::from_u128(rng.u128(..)).simple().to_string()
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    // Values built here always serialize. If one did not, an empty list would still fit the contract.
    to_raw_value(value).unwrap_or_else(|_| RawValue::from_string("[]".to_owned()).unwrap_or_default())
}
