//! What the stored JSON of a task looks like: `messages` and `returns`.
//!
//! Nothing is read into these types: what is stored is served as it is, and the constraints of the table promise that
//! it has this shape. They say so to whoever reads the description of the API.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Something that a task has to say.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatusMessage {
    pub r#type: MessageType,
    /// The message in a language; null where there is only the key.
    #[schema(required)]
    pub localized_text: Option<LocalizedMessage>,
    /// Key of the message in a catalogue of texts.
    #[schema(example = "akey")]
    pub key: String,
    /// What the text of the key is filled in with.
    #[schema(required)]
    pub parameters: Option<Vec<MessageParameter>>,
}

/// How serious a message is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MessageType {
    Info,
    Warn,
    Error,
}

/// A text and its language.
#[derive(Debug, Serialize, ToSchema)]
pub struct LocalizedMessage {
    /// BCP 47 tag of the language.
    #[schema(example = "en-US")]
    pub locale: String,
    /// The text.
    pub message: String,
}

/// A parameter of a message: a text, or an object of any members.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum MessageParameter {
    Text(String),
    #[schema(value_type = Object)]
    Object(Value),
}

/// A value that a task returns: the name it is shown by, and the attribute that holds it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskReturnDetails {
    /// Name to show.
    #[schema(example = "label")]
    pub name: String,
    /// Key in `attributes`.
    #[schema(example = "identityCount")]
    pub attribute_name: String,
}
