//! The content of requests. These types are only described, never read into: [`crate::task::report`] and
//! [`crate::task::patch`] accept more forms, and name every fault at once.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::{errors, examples};
use crate::http::bounds::MAX_BATCH;
use crate::task::parts::{MessageParameter, MessageType};
use crate::task::patch::{MAX_OPERATIONS, MUTABLE};
use crate::task::report::RESERVED_IDS;
use crate::task::{CompletionStatus, TargetType, TaskType, limits};

/// The report of a task. `type`, `uniqueName` and `launcher` are required; everything else has a
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
    /// The last sign of life, at most ten minutes ahead of the database's clock. Now by that clock unless given: then the
    /// report counts. One that is older than what is stored changes nothing.
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
    /// One task. The response is the task as it is stored then.
    One(Box<NewTask>),
    /// A batch, stored whole or not at all. The response has an outcome for each task.
    Batch(Vec<IdentifiedTask>),
}

/// The object that the task works on: none if no value is given.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetReport {
    /// Id of what the task works on. Empty unless given.
    #[schema(max_length = 256)]
    pub id: Option<String>,
    pub r#type: Option<TargetType>,
    /// Its name. Empty unless given.
    #[schema(max_length = 512)]
    pub name: Option<String>,
}

/// Something that the task has to say.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageReport {
    pub r#type: MessageType,
    pub localized_text: Option<LocalizedTextReport>,
    /// Key of the message in a catalogue of texts. Empty unless given.
    #[schema(max_length = 8192)]
    pub key: Option<String>,
    /// The values that fill in the text of the key. Null is an empty text.
    pub parameters: Option<Vec<Option<MessageParameter>>>,
}

/// A text and its language: none if no value is given.
#[derive(Debug, Serialize, ToSchema)]
pub struct LocalizedTextReport {
    /// BCP 47 tag of the language. `und` unless given.
    #[schema(max_length = 512)]
    pub locale: Option<String>,
    /// The text. Empty unless given.
    pub message: Option<String>,
}

/// A value that the task returns.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReturnReport {
    /// Name to show. Empty unless given.
    #[schema(max_length = 8192)]
    pub name: Option<String>,
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
    /// Name of the parent of the definition. Empty unless given.
    #[schema(max_length = 512)]
    pub parent_name: Option<String>,
    /// What runs tasks of the definition.
    #[schema(max_length = 512)]
    pub executor: Option<String>,
    /// Formal parameters. None unless given.
    #[schema(value_type = Option<Object>)]
    pub arguments: Option<Value>,
}

/// The id of a task, in a path or in content.
pub fn id() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(limits::ID))
        .description(Some(format!(
            "Unique id of the task: any string but `{}`.",
            RESERVED_IDS.join("`, `")
        )))
        .examples([examples::ID])
        .extensions(Some(Extensions::from_iter([(
            "not",
            json!({ "enum": RESERVED_IDS }),
        )])))
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

/// Adds the schemas that no Rust type stands for, and the examples of those that one does.
pub fn complete(schemas: &mut Value) {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    schemas["TaskStatus"]["examples"] = json!([examples::completed(), examples::pending()]);
    schemas["ErrorResponseDto"]["examples"] = errors::elsewhere();
    let given = |key: &str| json!({ "required": [key], "properties": { key: { "type": "string" } } });
    schemas["TaskReport"]["allOf"] = json!([{ "if": given("completed"), "then": given("completionStatus") }]);
    schemas["TaskReports"]["oneOf"][1]["maxItems"] = MAX_BATCH.into();
    // JSON Schema has no words for lines. No content is refused as a whole: each line is, in a response that is 200.
    schemas["Lines"] = json!({
        "description": "JSON values with newlines between them, each of them an `IdentifiedTask`.",
    });
    schemas["ResultLines"] = json!({
        "type": "string",
        "description": "JSON values with newlines between them. `{\"line\", \"id\", \"outcome\"}`: a task was stored or \
                        superseded. `{\"line\", \"error\"}`: a line was refused, and nothing of it stored; the error has the \
                        form of any error. `{\"created\", \"replaced\", \"superseded\", \"refused\"}`: the end, and how \
                        often each happened. Lines count from 1.",
    });
    schemas["JsonPatch"] = json!({
        "type": "array",
        "description": "A JSON Patch (RFC 6902): operations that are applied in their order, all or none.",
        "items": reference("JsonPatchOperation"),
        "maxItems": MAX_OPERATIONS,
        "examples": [examples::clear(), examples::progress()],
    });
    json_patch_operations(schemas);
    schemas["CompletionPatch"] = json!({
        "type": "array",
        "description": "A JSON Patch (RFC 6902) that completes tasks and does nothing else.",
        "items": { "oneOf": [reference("CompletionStatusOperation"), reference("CompletionTimeOperation")] },
        "contains": reference("CompletionStatusOperation"),
        "maxItems": MAX_OPERATIONS,
        "examples": [examples::clear()],
    });
    schemas["CompletionStatusOperation"] = completion(
        "Sets the status. There must be one.",
        "/completionStatus",
        // Generated code needs names that differ by more than their case.
        &reference("CompletionStatus"),
    );
    schemas["CompletionTimeOperation"] = completion(
        "Sets the time, which otherwise is now.",
        "/completed",
        &reference("Timestamp"),
    );
}

/// An operation that sets one member of a task.
fn completion(description: &str, path: &str, value: &Value) -> Value {
    json!({
        "type": "object",
        "description": description,
        "required": ["op", "path", "value"],
        "properties": {
            "op": { "type": "string", "enum": ["replace", "add"] },
            "path": { "type": "string", "enum": [path] },
            "value": value,
        },
    })
}

/// Adds the operations of JSON Patch, each under a name of its own: generated code has it.
fn json_patch_operations(schemas: &mut Value) {
    let pointer = json!({
        "type": "string",
        "format": "json-pointer",
        "description": "Any path in the task.",
        "examples": ["/id"],
        "pattern": "^(/([^~/]|~0|~1)*)*$",
    });
    let mutable = json!({
        "type": "string",
        "description": "A path in the task that may be changed, or below one.",
        "examples": ["/progress"],
        "pattern": format!("^/({})(/([^~/]|~0|~1)*)*$", MUTABLE.join("|")),
    });
    let any = json!({ "description": "Any JSON value that the path can have." });
    let mut add = |name: &str, op: &str, description: &str, members: &[(&str, &Value)]| {
        let mut properties = json!({ "op": { "type": "string", "enum": [op] } });
        for (name, schema) in members {
            properties[*name] = (*schema).clone();
        }
        let required: Vec<&str> = members.iter().map(|(name, _)| *name).chain(["op"]).collect();
        schemas[name] = json!({ "type": "object", "description": description, "required": required, "properties": properties });
        json!({ "$ref": format!("#/components/schemas/{name}") })
    };
    let operations = [
        add(
            "AddOperation",
            "add",
            "Sets a value, or inserts it into an array.",
            &[("path", &mutable), ("value", &any)],
        ),
        add(
            "RemoveOperation",
            "remove",
            "Removes a value.",
            &[("path", &mutable)],
        ),
        add(
            "ReplaceOperation",
            "replace",
            "Replaces a value.",
            &[("path", &mutable), ("value", &any)],
        ),
        add(
            "MoveOperation",
            "move",
            "Moves a value.",
            &[("from", &mutable), ("path", &mutable)],
        ),
        add(
            "CopyOperation",
            "copy",
            "Copies a value.",
            &[("from", &pointer), ("path", &mutable)],
        ),
        add(
            "TestOperation",
            "test",
            "Stops the patch unless the value is this.",
            &[("path", &pointer), ("value", &any)],
        ),
    ];
    schemas["JsonPatchOperation"] = json!({
        "description": "An operation of JSON Patch (RFC 6902). Paths are JSON pointers (RFC 6901) into the task.",
        "oneOf": operations,
    });
}
