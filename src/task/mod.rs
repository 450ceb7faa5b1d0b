//! The task status: the wire type of the contract, key for key and in the contract's order.
//!
//! Its JSON always has all sixteen required keys, `null` if unknown. `target` is null or has its three keys,
//! `taskDefinitionSummary` is omitted if there is none, and times are `YYYY-MM-DDTHH:MM:SS.mmmZ`.
//!
//! [`report`] reads a task from JSON, [`patch`] changes one, and both refuse with [`violation`]s. [`parts`] describes the
//! JSON stored in a task.

mod fields;
pub mod json;
pub mod parts;
pub mod patch;
pub mod report;
pub mod violation;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use self::parts::{TaskReturnDetails, TaskStatusMessage};

/// One background task and how it is doing.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// Unique id of the task.
    #[schema(min_length = 1, max_length = 256)]
    pub id: String,
    pub r#type: TaskType,
    /// Name of the task.
    pub unique_name: String,
    /// What the task does, or an empty string.
    pub description: String,
    /// Name of the parent of the task.
    #[schema(required)]
    pub parent_name: Option<String>,
    /// The service or person that started the task.
    pub launcher: String,
    pub target: Option<Target>,
    /// When the task was created.
    #[serde(serialize_with = "time")]
    pub created: DateTime<Utc>,
    /// When the executor last reported or changed the task.
    #[serde(serialize_with = "time")]
    pub modified: DateTime<Utc>,
    /// When the task started to run.
    #[serde(serialize_with = "optional_time")]
    #[schema(required)]
    pub launched: Option<DateTime<Utc>>,
    /// When the task ended. Set if and only if `completionStatus` is.
    #[serde(serialize_with = "optional_time")]
    #[schema(required)]
    pub completed: Option<DateTime<Utc>>,
    /// How the task ended. Null while it is pending.
    #[schema(required)]
    pub completion_status: Option<CompletionStatus>,
    /// Messages, served as stored.
    #[schema(value_type = Vec<TaskStatusMessage>)]
    pub messages: Box<RawValue>,
    /// Return values, served as stored.
    #[schema(value_type = Vec<TaskReturnDetails>)]
    pub returns: Box<RawValue>,
    /// Free-form attributes, served as stored.
    #[schema(value_type = Object)]
    pub attributes: Box<RawValue>,
    /// What the task is doing, in plain text.
    #[schema(required)]
    pub progress: Option<String>,
    /// Progress in percent.
    #[schema(minimum = 0, maximum = 100)]
    pub percent_complete: i32,
    /// The definition that the task was created from; omitted if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub task_definition_summary: Option<TaskDefinitionSummary>,
}

impl TaskStatus {
    /// About its size in bytes, in memory and as JSON.
    pub fn bytes(&self) -> usize {
        let json = [&self.messages, &self.returns, &self.attributes].map(|json| json.get().len());
        let summary = self.task_definition_summary.as_ref();
        let texts = [
            self.description.len(),
            self.progress.as_ref().map_or(0, String::len),
            summary.map_or(0, |summary| summary.arguments.get().len()),
        ];
        size_of::<Self>() + json.into_iter().chain(texts).sum::<usize>()
    }
}

/// Limits of a task: strings in characters, JSON values in bytes. The table has the same limits as constraints.
pub mod limits {
    pub const ID: usize = 256;
    pub const NAME: usize = 512;
    pub const TEXT: usize = 8192;
    pub const JSON_BYTES: usize = 1_048_576;
    /// Levels of arrays and objects in a JSON value. In a page it is inside two more, and common parsers read 127.
    pub const JSON_DEPTH: usize = 125;
    /// How far `modified` may be ahead of the database's clock.
    pub const MINUTES_AHEAD: i64 = 10;
}

/// The kind of scheduler that a task belongs to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskType {
    #[default]
    Quartz,
    Qpoc,
    QueuedTask,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, sqlx::Type, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Target {
    /// Id of the target.
    pub id: String,
    #[schema(required)]
    pub r#type: Option<TargetType>,
    /// Name of the target.
    pub name: String,
}

/// The type of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
pub enum TargetType {
    Application,
    Identity,
}

/// The definition that a task was created from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinitionSummary {
    /// Id of the definition.
    pub id: String,
    /// Name of the definition.
    pub unique_name: String,
    /// What the tasks of the definition do.
    #[schema(required)]
    pub description: Option<String>,
    /// Name of the parent of the definition.
    pub parent_name: String,
    /// The executor that runs tasks of the definition.
    #[schema(required)]
    pub executor: Option<String>,
    /// Formal parameters, served as stored.
    #[schema(value_type = Object)]
    pub arguments: Box<RawValue>,
}

/// Gives an enumeration the names of its variants in the contract.
macro_rules! names {
    ($type:ident { $($name:literal => $variant:ident),* $(,)? }) => {
        impl $type {
            pub const ALL: &[(&str, Self)] = &[$(($name, Self::$variant)),*];
            pub const NAMES: &[&str] = &[$($name),*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }
    };
}

names!(TaskType { "QUARTZ" => Quartz, "QPOC" => Qpoc, "QUEUED_TASK" => QueuedTask });
names!(CompletionStatus {
    "SUCCESS" => Success,
    "WARNING" => Warning,
    "ERROR" => Error,
    "TERMINATED" => Terminated,
    "TEMPERROR" => TempError,
});
names!(TargetType { "APPLICATION" => Application, "IDENTITY" => Identity });

/// Whether a text is a name of an enumeration, in any case. Some clients write `TEMP_ERROR` for `TEMPERROR`.
pub fn is_name(name: &str, text: &str) -> bool {
    name.eq_ignore_ascii_case(text) || name == "TEMPERROR" && text.eq_ignore_ascii_case("TEMP_ERROR")
}

/// A time as it is written in a task.
pub fn written(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(crate) fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&written(time))
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
pub(crate) fn optional_time<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(moment) => self::time(moment, serializer),
        None => serializer.serialize_none(),
    }
}
