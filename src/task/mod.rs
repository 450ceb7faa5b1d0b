//! What a task status is: the wire type of the contract, key for key and in the contract's order.
//!
//! Serialising one gives all sixteen required keys always (`null` where nothing is known), `target` as null or with
//! its three keys, `taskDefinitionSummary` only where there is one, and times as `YYYY-MM-DDTHH:MM:SS.mmmZ`.
//!
//! [`report`] reads one from JSON, [`patch`] changes one.

pub mod patch;
pub mod report;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// One background task and how it is doing.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    pub id: String,
    pub r#type: TaskType,
    pub unique_name: String,
    pub description: String,
    pub parent_name: Option<String>,
    /// The service or person that started the task.
    pub launcher: String,
    pub target: Option<Target>,
    #[serde(serialize_with = "time")]
    pub created: DateTime<Utc>,
    /// The last sign of life.
    #[serde(serialize_with = "time")]
    pub modified: DateTime<Utc>,
    #[serde(serialize_with = "optional_time")]
    pub launched: Option<DateTime<Utc>>,
    /// Present exactly when `completion_status` is.
    #[serde(serialize_with = "optional_time")]
    pub completed: Option<DateTime<Utc>>,
    /// How the task ended. None while it is pending.
    pub completion_status: Option<CompletionStatus>,
    /// An array of messages, as it is stored.
    pub messages: Box<RawValue>,
    /// An array of return values, as it is stored.
    pub returns: Box<RawValue>,
    /// An object of free-form attributes, as it is stored.
    pub attributes: Box<RawValue>,
    /// What the task is doing, in words.
    pub progress: Option<String>,
    /// How much is done, 0 to 100.
    pub percent_complete: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition_summary: Option<TaskDefinitionSummary>,
}

/// The most characters that the texts of a task may have, and the most bytes that its JSON values may. The table has
/// constraints of the same size.
pub mod limits {
    pub const ID: usize = 256;
    pub const NAME: usize = 512;
    pub const TEXT: usize = 8192;
    pub const JSON_BYTES: usize = 1_048_576;
}

/// The kind of scheduler that a task belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskType {
    Quartz,
    Qpoc,
    QueuedTask,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
pub enum CompletionStatus {
    Success,
    Warning,
    Error,
    Terminated,
    TempError,
}

/// What a task works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    pub id: String,
    pub r#type: Option<TargetType>,
    pub name: String,
}

/// The kind of thing that a task works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
pub enum TargetType {
    Application,
    Identity,
}

/// The definition that a task was made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinitionSummary {
    pub id: String,
    pub unique_name: String,
    pub description: Option<String>,
    pub parent_name: String,
    pub executor: Option<String>,
    /// An object, as it is stored.
    pub arguments: Box<RawValue>,
}

impl TaskType {
    /// Every variant with its name in the contract.
    pub const ALL: &[(&str, Self)] = &[
        ("QUARTZ", Self::Quartz),
        ("QPOC", Self::Qpoc),
        ("QUEUED_TASK", Self::QueuedTask),
    ];
}

impl CompletionStatus {
    /// Every variant with its name in the contract.
    pub const ALL: &[(&str, Self)] = &[
        ("SUCCESS", Self::Success),
        ("WARNING", Self::Warning),
        ("ERROR", Self::Error),
        ("TERMINATED", Self::Terminated),
        ("TEMPERROR", Self::TempError),
    ];
}

impl TargetType {
    /// Every variant with its name in the contract.
    pub const ALL: &[(&str, Self)] = &[("APPLICATION", Self::Application), ("IDENTITY", Self::Identity)];
}

fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn optional_time<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(moment) => self::time(moment, serializer),
        None => serializer.serialize_none(),
    }
}
