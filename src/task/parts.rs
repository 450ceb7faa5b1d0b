//! The JSON stored in `messages` and `returns`, described for the OpenAPI document.
//!
//! Nothing is deserialised into these types: stored JSON is served as it is, and constraints of the table guarantee its
//! shape.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A message of a task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatusMessage {
    pub r#type: MessageType,
    /// The message in a language; null if there is only the key.
    #[schema(required)]
    pub localized_text: Option<LocalizedMessage>,
    /// Key of the message in a message catalogue.
    #[schema(example = "akey")]
    pub key: String,
    /// Values for the placeholders of the message.
    #[schema(required)]
    pub parameters: Option<Vec<MessageParameter>>,
}

/// The severity of a message.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MessageType {
    Info,
    Warn,
    Error,
}

/// A message and its language.
#[derive(Debug, Serialize, ToSchema)]
pub struct LocalizedMessage {
    /// BCP 47 tag of the language.
    #[schema(example = "en-US")]
    pub locale: String,
    /// The message.
    pub message: String,
}

/// A parameter of a message: a string or any object.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum MessageParameter {
    Text(String),
    #[schema(value_type = Object)]
    Object(Value),
}

/// A return value of a task: its display name, and the attribute that holds it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskReturnDetails {
    /// Display name.
    #[schema(example = "label")]
    pub name: String,
    /// Key in `attributes`.
    #[schema(example = "identityCount")]
    pub attribute_name: String,
}
