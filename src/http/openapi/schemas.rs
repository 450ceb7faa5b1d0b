//! What requests contain. Nothing is read into these types, since [`crate::task::report`] and [`crate::task::patch`]
//! take more forms and name every fault at once: they say to clients what is sure to be taken.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::examples;
use crate::http::routes::report::MAX_BATCH;
use crate::task::parts::{LocalizedMessage, MessageParameter, MessageType};
use crate::task::patch::{MAX_OPERATIONS, MUTABLE};
use crate::task::{CompletionStatus, TargetType, TaskType, limits};

/// What an executor reports of a task. `type`, `uniqueName` and `launcher` are required; everything else has a
/// default, and null is the same as leaving it out. Names of enumerations are read without regard to case.
///
/// A key that is not listed is ignored, unless it looks like a slip for one that is (`unique_name`, `lancher`): that is
/// refused. No text, and no key of an object, may have the character NUL (U+0000).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(examples::least_report, examples::whole_report))]
pub struct TaskReport {
    pub r#type: TaskType,
    /// Name of the task.
    #[schema(max_length = 512)]
    pub unique_name: String,
    /// What the task does. Empty unless given.
    #[schema(max_length = 8192)]
    pub description: Option<String>,
    /// Name of the parent of the task.
    #[schema(max_length = 512)]
    pub parent_name: Option<String>,
    /// The service or person that started the task.
    #[schema(max_length = 512)]
    pub launcher: String,
    pub target: Option<TargetReport>,
    /// When the task was made. Now unless given.
    pub created: Option<Timestamp>,
    /// The last sign of life. Now unless given. A report that is older than what is stored changes nothing.
    pub modified: Option<Timestamp>,
    /// When the task began to run.
    pub launched: Option<Timestamp>,
    /// When the task ended: only together with `completionStatus`. Now if that is given and this is not.
    pub completed: Option<Timestamp>,
    /// How the task ended. The task is pending unless given.
    pub completion_status: Option<CompletionStatus>,
    /// Messages. None unless given.
    pub messages: Option<Vec<MessageReport>>,
    /// Return values. None unless given.
    pub returns: Option<Vec<ReturnReport>>,
    /// Free-form attributes: at most 1 MiB, without the character NUL. None unless given.
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Value>,
    /// What the task is doing, in words.
    #[schema(max_length = 8192)]
    pub progress: Option<String>,
    /// How much is done, in percent. 0 unless given.
    #[schema(minimum = 0, maximum = 100)]
    pub percent_complete: Option<i32>,
    pub task_definition_summary: Option<DefinitionReport>,
}

/// A time, in any form of RFC 3339 in the years 1 to 9999. It is cut to the millisecond.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timestamp(DateTime<Utc>);

/// A task to store; without an id it is given one.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewTask {
    #[schema(schema_with = optional_id)]
    pub id: Option<String>,
    #[serde(flatten)]
    pub report: TaskReport,
}

/// A task to store, with its id.
#[derive(Debug, Serialize, ToSchema)]
pub struct IdentifiedTask {
    #[schema(schema_with = id)]
    pub id: String,
    #[serde(flatten)]
    pub report: TaskReport,
}

/// One task, or many at once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum TaskReports {
    /// One task. The answer is the task as it is stored then.
    One(Box<NewTask>),
    /// A batch, stored whole or not at all. The answer says what became of each task.
    Batch(TaskBatch),
}

/// Newline-delimited JSON: a task on each line.
#[derive(Debug, Serialize)]
pub struct Lines;

/// Tasks to store together.
#[derive(Debug, Serialize)]
pub struct TaskBatch;

/// What the task works on.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetReport {
    /// Id of what the task works on.
    #[schema(max_length = 256)]
    pub id: String,
    pub r#type: Option<TargetType>,
    /// Its name.
    #[schema(max_length = 512)]
    pub name: String,
}

/// Something that the task has to say.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageReport {
    pub r#type: MessageType,
    pub localized_text: Option<LocalizedMessage>,
    /// Key of the message in a catalogue of texts.
    #[schema(max_length = 8192)]
    pub key: String,
    /// What the text of the key is filled in with.
    pub parameters: Option<Vec<MessageParameter>>,
}

/// A value that the task returns.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReturnReport {
    /// Name to show.
    #[schema(max_length = 8192)]
    pub name: String,
    /// Key in `attributes`.
    #[schema(max_length = 8192)]
    pub attribute_name: String,
}

/// The definition that the task was made from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefinitionReport {
    /// Id of the definition.
    #[schema(max_length = 256)]
    pub id: String,
    /// Name of the definition.
    #[schema(max_length = 512)]
    pub unique_name: String,
    /// What tasks of the definition do.
    #[schema(max_length = 8192)]
    pub description: Option<String>,
    /// Name of the parent of the definition.
    #[schema(max_length = 512)]
    pub parent_name: String,
    /// What runs tasks of the definition.
    #[schema(max_length = 512)]
    pub executor: Option<String>,
    /// Formal parameters. None unless given.
    #[schema(value_type = Option<Object>)]
    pub arguments: Option<Value>,
}

/// An operation of JSON Patch (RFC 6902). Paths are JSON pointers (RFC 6901) into the task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum JsonPatchOperation {
    /// Sets a value, or inserts it into an array.
    Add {
        #[schema(schema_with = mutable)]
        path: String,
        #[schema(schema_with = any)]
        value: Value,
    },
    /// Takes a value away.
    Remove {
        #[schema(schema_with = mutable)]
        path: String,
    },
    /// Sets a value in the place of another.
    Replace {
        #[schema(schema_with = mutable)]
        path: String,
        #[schema(schema_with = any)]
        value: Value,
    },
    /// Takes a value away and sets it elsewhere.
    Move {
        #[schema(schema_with = mutable)]
        from: String,
        #[schema(schema_with = mutable)]
        path: String,
    },
    /// Sets a value that stands elsewhere already.
    Copy {
        #[schema(schema_with = pointer)]
        from: String,
        #[schema(schema_with = mutable)]
        path: String,
    },
    /// Lets the patch go on only if the value is this.
    Test {
        #[schema(schema_with = pointer)]
        path: String,
        #[schema(schema_with = any)]
        value: Value,
    },
}

/// An operation of a patch that completes tasks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum CompletionOperation {
    Status(CompletionStatusOperation),
    Time(CompletionTimeOperation),
}

/// Sets the status. There must be one.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionStatusOperation {
    #[schema(schema_with = add_or_replace)]
    pub op: String,
    #[schema(schema_with = status_path)]
    pub path: String,
    #[schema(schema_with = status_name)]
    pub value: String,
}

/// Sets the time, which otherwise is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionTimeOperation {
    #[schema(schema_with = add_or_replace)]
    pub op: String,
    #[schema(schema_with = time_path)]
    pub path: String,
    pub value: Timestamp,
}

/// A keyword that utoipa has no field for: it writes extensions as they are. Only one at a time, as it forgets their
/// order.
pub fn keyword(name: &str, value: Value) -> Option<Extensions> {
    Some(Extensions::from_iter([(name, value)]))
}

/// What `completed` asks for: a status beside it.
pub fn completed_needs_status() -> Option<Extensions> {
    let given = |key: &str| json!({ "required": [key], "properties": { key: { "type": "string" } } });
    keyword(
        "allOf",
        json!([{ "if": given("completed"), "then": given("completionStatus") }]),
    )
}

/// The pattern of a place that a patch may change.
fn mutable_pattern() -> String {
    format!("^/({})(/([^~/]|~0|~1)*)*$", MUTABLE.join("|"))
}

/// The id of a task, in a path or in content: any text but the routes.
pub fn id() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(limits::ID))
        .pattern(Some("^(?!(pending-tasks|v1|\\.|\\.\\.)$)"))
        .description(Some(
            "Unique id of the task: any text but `pending-tasks`, `v1`, `.` and `..`.",
        ))
        .examples([examples::ID])
        .build()
}

fn optional_id() -> Object {
    let mut object = id();
    object.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    object.description = object
        .description
        .map(|text| text + " 32 hexadecimal digits, made up, unless given.");
    object
}

fn any() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some("Any JSON value that the place can have."))
        .into()
}

fn pointer() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom("json-pointer".to_owned())))
        .pattern(Some("^(/([^~/]|~0|~1)*)*$"))
        .description(Some("Any place in the task."))
        .examples(["/id"])
        .build()
}

fn mutable() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(mutable_pattern()))
        .description(Some("A place in the task that may be changed, or below one."))
        .examples(["/progress"])
        .build()
}

fn add_or_replace() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["replace", "add"]))
        .build()
}

/// The names of the contract, and those it had before: clients still send them.
fn status_name() -> Object {
    let former = ["Success", "Warning", "Error", "Terminated", "TempError"];
    let names = CompletionStatus::ALL.iter().map(|(name, _)| *name);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names.chain(former)))
        .description(Some("The status, in any case."))
        .build()
}

fn status_path() -> Object {
    constant("/completionStatus")
}

fn time_path() -> Object {
    constant("/completed")
}

fn constant(value: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([value]))
        .build()
}

/// A JSON Patch (RFC 6902): operations that are applied in their order.
pub struct JsonPatch;

/// A JSON Patch that completes tasks and does nothing else: it sets the status, and perhaps the time.
pub struct CompletionPatch;

impl PartialSchema for JsonPatch {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .description(Some(
                "A JSON Patch (RFC 6902): operations that are applied in their order, all or none.",
            ))
            .items(Ref::from_schema_name(JsonPatchOperation::name()))
            .max_items(Some(MAX_OPERATIONS))
            .examples([examples::clear(), examples::progress()])
            .into()
    }
}

impl PartialSchema for CompletionPatch {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .description(Some(
                "A JSON Patch (RFC 6902) that completes tasks and does nothing else.",
            ))
            .items(Ref::from_schema_name(CompletionOperation::name()))
            .max_items(Some(MAX_OPERATIONS))
            .examples([examples::clear()])
            .extensions(keyword(
                "contains",
                json!({ "$ref": Ref::from_schema_name(CompletionStatusOperation::name()).ref_location }),
            ))
            .into()
    }
}

impl PartialSchema for Lines {
    fn schema() -> RefOr<Schema> {
        // JSON Schema has no words for it, and no content is refused as a whole: each line is, in an answer that is 200.
        ObjectBuilder::new()
            .schema_type(SchemaType::AnyValue)
            .description(Some(
                "JSON values with newlines between them, each of them an `IdentifiedTask`.",
            ))
            .into()
    }
}

impl ToSchema for Lines {}

impl PartialSchema for TaskBatch {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(IdentifiedTask::name()))
            .max_items(Some(MAX_BATCH))
            .into()
    }
}

impl ToSchema for TaskBatch {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        register::<IdentifiedTask>(schemas);
    }
}

impl ToSchema for JsonPatch {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        register::<JsonPatchOperation>(schemas);
    }
}

impl ToSchema for CompletionPatch {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        register::<CompletionOperation>(schemas);
    }
}

fn register<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}
