//! Reads a task status from JSON: forgiving in form, strict in meaning, and with every fault named at once.
//!
//! An executor needs to say `type`, `uniqueName` and `launcher`; everything else has a default. Enumerations are read
//! without regard to case and times in the forms of [`time`]. What is read satisfies the constraints of the table.

use chrono::{DateTime, Datelike, NaiveDateTime, SubsecRound, Utc};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::{CompletionStatus, Target, TargetType, TaskDefinitionSummary, TaskStatus, TaskType, limits};
use crate::messages::cause::Cause;

/// Ids that the routes of the API take for themselves.
const RESERVED_IDS: [&str; 4] = ["pending-tasks", "v1", ".", ".."];
/// Keys of a task, as the contract has them.
const KEYS: [&str; 18] = [
    "id",
    "type",
    "uniqueName",
    "description",
    "parentName",
    "launcher",
    "target",
    "created",
    "modified",
    "launched",
    "completed",
    "completionStatus",
    "messages",
    "returns",
    "attributes",
    "progress",
    "percentComplete",
    "taskDefinitionSummary",
];
/// An unknown key this close to a known one is taken for a slip and refused; any other is ignored, so that clients of
/// a later contract are served.
const SLIP_DISTANCE: usize = 1;
/// More faults than this are not collected: an answer must not grow with the request.
pub const MAX_CAUSES: usize = 50;
/// The most digits that a number may have when it is written without an exponent, as PostgreSQL writes it.
const MAX_DIGITS: usize = 1000;

/// Reads a task. `id` is the one that the request's path names, which the content may repeat; without one the content
/// must have it. `now` is what times default to.
///
/// # Errors
/// One cause for each fault, with a JSON pointer (RFC 6901) to it.
pub fn read(value: &Value, id: Option<&str>, now: DateTime<Utc>) -> Result<TaskStatus, Vec<Cause>> {
    let Value::Object(object) = value else {
        return Err(vec![Cause::NotAnObject {
            pointer: String::new(),
        }]);
    };
    let now = now.trunc_subsecs(3);
    let mut reader = Reader { causes: Vec::new() };
    reader.unknown_keys(object);
    let task = reader.task(object, id, now);
    match task {
        Some(task) if reader.causes.is_empty() => Ok(task),
        _ => Err(reader.causes),
    }
}

/// A moment in any form of RFC 3339, or as `YYYY-MM-DD HH:MM:SS.ffffff+00:00`, cut to the millisecond. Years 1 to 9999.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    let moment = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z"))
        .map(|moment| moment.to_utc())
        .or_else(|_| {
            // Without an offset it is UTC, which is what every official client takes it for.
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|moment| moment.and_utc())
        })
        .ok()?;
    (1..=9999)
        .contains(&moment.year())
        .then(|| moment.trunc_subsecs(3))
}

/// Collects causes while it reads; a value with a fault reads as a harmless one.
struct Reader {
    causes: Vec<Cause>,
}

impl Reader {
    fn fault(&mut self, cause: Cause) {
        if self.causes.len() < MAX_CAUSES {
            self.causes.push(cause);
        }
    }

    fn task(
        &mut self,
        object: &Map<String, Value>,
        id: Option<&str>,
        now: DateTime<Utc>,
    ) -> Option<TaskStatus> {
        let id = self.id(object, id);
        let r#type = self
            .required(object, "type")
            .and_then(|value| self.enumerated(value, "/type", TaskType::ALL));
        let unique_name = self
            .required(object, "uniqueName")
            .and_then(|v| self.text(v, "/uniqueName", limits::NAME));
        let launcher = self
            .required(object, "launcher")
            .and_then(|v| self.text(v, "/launcher", limits::NAME));
        let description =
            given(object, "description").and_then(|v| self.text(v, "/description", limits::TEXT));
        let parent_name = given(object, "parentName").and_then(|v| self.text(v, "/parentName", limits::NAME));
        let target = given(object, "target").and_then(|value| self.target(value));
        let created = given(object, "created").and_then(|v| self.time(v, "/created"));
        let modified = given(object, "modified").and_then(|v| self.time(v, "/modified"));
        let launched = given(object, "launched").and_then(|v| self.time(v, "/launched"));
        let completed = given(object, "completed").and_then(|v| self.time(v, "/completed"));
        let completion_status = given(object, "completionStatus")
            .and_then(|v| self.enumerated(v, "/completionStatus", CompletionStatus::ALL));
        if completion_status.is_none() && given(object, "completionStatus").is_none() && completed.is_some() {
            self.fault(Cause::CompletedWithoutStatus {
                pointer: pointer("completed"),
            });
        }
        let messages = given(object, "messages")
            .map(|value| self.messages(value))
            .unwrap_or_default();
        let returns = given(object, "returns")
            .map(|value| self.returns(value))
            .unwrap_or_default();
        let attributes = given(object, "attributes").and_then(|v| self.object(v, "/attributes").cloned());
        let progress = given(object, "progress").and_then(|v| self.text(v, "/progress", limits::TEXT));
        let percent_complete = given(object, "percentComplete").and_then(|v| self.percent(v));
        let task_definition_summary =
            given(object, "taskDefinitionSummary").and_then(|value| self.task_definition_summary(value));
        Some(TaskStatus {
            id: id?,
            r#type: r#type?,
            unique_name: unique_name?,
            description: description.unwrap_or_default(),
            parent_name,
            launcher: launcher?,
            target,
            created: created.unwrap_or(now),
            modified: modified.unwrap_or(now),
            launched,
            completed: completion_status.map(|_| completed.unwrap_or(now)),
            completion_status,
            messages: self.raw(&Value::Array(messages), "/messages")?,
            returns: self.raw(&Value::Array(returns), "/returns")?,
            attributes: self.raw(&Value::Object(attributes.unwrap_or_default()), "/attributes")?,
            progress,
            percent_complete: percent_complete.unwrap_or_default(),
            task_definition_summary,
        })
    }

    /// Refuses keys that look like a slip of the pen.
    fn unknown_keys(&mut self, object: &Map<String, Value>) {
        for key in object.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let plain = |text: &str| text.replace(['_', '-', ' '], "").to_lowercase();
            let known = KEYS.iter().find(|known| {
                plain(known) == plain(key)
                    || known.len() > 4 && strsim::damerau_levenshtein(known, key) <= SLIP_DISTANCE
            });
            if let Some(known) = known {
                self.fault(Cause::UnknownField {
                    pointer: pointer(key),
                    suggestion: known,
                });
            }
        }
    }

    fn id(&mut self, object: &Map<String, Value>, path_id: Option<&str>) -> Option<String> {
        let id = match (given(object, "id"), path_id) {
            (None, Some(path_id)) => self.text(&Value::String(path_id.to_owned()), "/id", limits::ID)?,
            (None, None) => {
                self.fault(Cause::FieldRequired {
                    pointer: "/id".to_owned(),
                });
                return None;
            }
            (Some(value), path_id) => {
                let id = self.text(value, "/id", limits::ID)?;
                if path_id.is_some_and(|path_id| path_id != id) {
                    self.fault(Cause::IdDiffers { given: id });
                    return None;
                }
                id
            }
        };
        if id.is_empty() || RESERVED_IDS.contains(&id.as_str()) {
            self.fault(Cause::ReservedId { given: id });
            return None;
        }
        Some(id)
    }

    fn required<'a>(&mut self, object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
        let value = given(object, key);
        if value.is_none() {
            self.fault(Cause::FieldRequired {
                pointer: pointer(key),
            });
        }
        value
    }

    fn text(&mut self, value: &Value, pointer: &str, limit: usize) -> Option<String> {
        let Value::String(text) = value else {
            self.fault(Cause::NotAString {
                pointer: pointer.to_owned(),
            });
            return None;
        };
        if text.contains('\0') {
            self.fault(Cause::NullCharacter {
                pointer: pointer.to_owned(),
            });
            return None;
        }
        if text.chars().nth(limit).is_some() {
            self.fault(Cause::TextTooLong {
                pointer: pointer.to_owned(),
                limit,
            });
            return None;
        }
        Some(text.clone())
    }

    fn time(&mut self, value: &Value, pointer: &str) -> Option<DateTime<Utc>> {
        let read = value.as_str().and_then(time);
        if read.is_none() {
            self.fault(Cause::NotATime {
                pointer: pointer.to_owned(),
                given: shown(value),
            });
        }
        read
    }

    fn enumerated<T: Copy>(&mut self, value: &Value, pointer: &str, all: &[(&'static str, T)]) -> Option<T> {
        let found = value
            .as_str()
            .and_then(|text| all.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)))
            .map(|(_, variant)| *variant);
        if found.is_none() {
            let allowed = all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            self.fault(Cause::NotOneOf {
                pointer: pointer.to_owned(),
                given: shown(value),
                allowed,
            });
        }
        found
    }

    fn percent(&mut self, value: &Value) -> Option<i32> {
        // 50.0 is the integer 50 to many a JSON library.
        #[expect(clippy::cast_possible_truncation, reason = "0 to 100, and whole")]
        let percent = value
            .as_f64()
            .filter(|number| (0.0..=100.0).contains(number) && number.fract() == 0.0)
            .map(|number| number as i32);
        if percent.is_none() {
            self.fault(Cause::FieldNotAnInteger {
                pointer: "/percentComplete".to_owned(),
                given: shown(value),
                min: 0,
                max: 100,
            });
        }
        percent
    }

    fn object<'a>(&mut self, value: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.fault(Cause::NotAnObject {
                pointer: pointer.to_owned(),
            });
        }
        object
    }

    fn array<'a>(&mut self, value: &'a Value, pointer: &str) -> &'a [Value] {
        value.as_array().map_or_else(
            || {
                self.fault(Cause::NotAnArray {
                    pointer: pointer.to_owned(),
                });
                &[][..]
            },
            Vec::as_slice,
        )
    }

    fn target(&mut self, value: &Value) -> Option<Target> {
        let object = self.object(value, "/target")?;
        let id = self.member_text(object, "/target", "id", limits::ID);
        let name = self.member_text(object, "/target", "name", limits::NAME);
        let r#type = given(object, "type").and_then(|v| self.enumerated(v, "/target/type", TargetType::ALL));
        Some(Target {
            id: id?,
            r#type,
            name: name?,
        })
    }

    /// A required text inside an object.
    fn member_text(
        &mut self,
        object: &Map<String, Value>,
        parent: &str,
        key: &str,
        limit: usize,
    ) -> Option<String> {
        let pointer = format!("{parent}/{key}");
        if let Some(value) = given(object, key) {
            return self.text(value, &pointer, limit);
        }
        self.fault(Cause::FieldRequired { pointer });
        None
    }

    fn messages(&mut self, value: &Value) -> Vec<Value> {
        const SEVERITIES: &[(&str, &str)] = &[("INFO", "INFO"), ("WARN", "WARN"), ("ERROR", "ERROR")];
        let mut messages = Vec::new();
        for (index, message) in self.array(value, "/messages").iter().enumerate() {
            if self.causes.len() == MAX_CAUSES {
                break;
            }
            let parent = format!("/messages/{index}");
            let Some(object) = self.object(message, &parent) else {
                continue;
            };
            let mut message = Map::new();
            match given(object, "type") {
                Some(value) => {
                    if let Some(severity) = self.enumerated(value, &format!("{parent}/type"), SEVERITIES) {
                        message.insert("type".to_owned(), severity.into());
                    }
                }
                None => self.fault(Cause::FieldRequired {
                    pointer: format!("{parent}/type"),
                }),
            }
            message.insert("localizedText".to_owned(), self.localized_text(object, &parent));
            if let Some(key) = self.member_text(object, &parent, "key", limits::TEXT) {
                message.insert("key".to_owned(), key.into());
            }
            message.insert("parameters".to_owned(), self.parameters(object, &parent));
            messages.push(Value::Object(message));
        }
        messages
    }

    fn localized_text(&mut self, message: &Map<String, Value>, parent: &str) -> Value {
        let parent = format!("{parent}/localizedText");
        let Some(object) = given(message, "localizedText").and_then(|value| self.object(value, &parent))
        else {
            return Value::Null;
        };
        let locale = self.member_text(object, &parent, "locale", limits::NAME);
        let text = self.member_text(object, &parent, "message", limits::JSON_BYTES);
        serde_json::json!({ "locale": locale, "message": text })
    }

    fn parameters(&mut self, message: &Map<String, Value>, parent: &str) -> Value {
        let Some(value) = given(message, "parameters") else {
            return Value::Null;
        };
        let pointer = format!("{parent}/parameters");
        let parameters = self.array(value, &pointer);
        for (index, parameter) in parameters.iter().enumerate() {
            if !parameter.is_object() && !parameter.is_string() {
                self.fault(Cause::NotAnObject {
                    pointer: format!("{pointer}/{index}"),
                });
            }
        }
        parameters.into()
    }

    fn returns(&mut self, value: &Value) -> Vec<Value> {
        let mut returns = Vec::new();
        for (index, item) in self.array(value, "/returns").iter().enumerate() {
            if self.causes.len() == MAX_CAUSES {
                break;
            }
            let parent = format!("/returns/{index}");
            let Some(object) = self.object(item, &parent) else {
                continue;
            };
            let name = self.member_text(object, &parent, "name", limits::TEXT);
            let attribute_name = self.member_text(object, &parent, "attributeName", limits::TEXT);
            returns.push(serde_json::json!({ "name": name, "attributeName": attribute_name }));
        }
        returns
    }

    fn task_definition_summary(&mut self, value: &Value) -> Option<TaskDefinitionSummary> {
        const PARENT: &str = "/taskDefinitionSummary";
        let object = self.object(value, PARENT)?;
        let id = self.member_text(object, PARENT, "id", limits::ID);
        let unique_name = self.member_text(object, PARENT, "uniqueName", limits::NAME);
        let description = given(object, "description")
            .and_then(|v| self.text(v, "/taskDefinitionSummary/description", limits::TEXT));
        let parent_name = self.member_text(object, PARENT, "parentName", limits::NAME);
        let executor = given(object, "executor")
            .and_then(|v| self.text(v, "/taskDefinitionSummary/executor", limits::NAME));
        let arguments = given(object, "arguments")
            .and_then(|v| self.object(v, "/taskDefinitionSummary/arguments").cloned())
            .unwrap_or_default();
        Some(TaskDefinitionSummary {
            id: id?,
            unique_name: unique_name?,
            description,
            parent_name: parent_name?,
            executor,
            arguments: self.raw(&Value::Object(arguments), "/taskDefinitionSummary/arguments")?,
        })
    }

    /// A JSON value as it is stored, within bounds and without what PostgreSQL cannot hold.
    fn raw(&mut self, value: &Value, pointer: &str) -> Option<Box<RawValue>> {
        let length = match stored_length(value) {
            Ok(length) => length,
            Err(Unstorable::NullCharacter) => {
                self.fault(Cause::NullCharacter {
                    pointer: pointer.to_owned(),
                });
                return None;
            }
            Err(Unstorable::LongNumber) => {
                self.fault(Cause::NumberTooLong {
                    pointer: pointer.to_owned(),
                    limit: MAX_DIGITS,
                });
                return None;
            }
        };
        if length > limits::JSON_BYTES {
            self.fault(Cause::JsonTooLarge {
                pointer: pointer.to_owned(),
                limit: limits::JSON_BYTES,
            });
            return None;
        }
        // A value that was read from JSON can be written as JSON.
        to_raw_value(value).ok()
    }
}

/// Why PostgreSQL cannot, or should not, hold a JSON value.
enum Unstorable {
    NullCharacter,
    LongNumber,
}

/// The most bytes that PostgreSQL writes for a value: with a blank after each colon and comma, and numbers without
/// exponents.
fn stored_length(value: &Value) -> Result<usize, Unstorable> {
    let text = |text: &str| {
        if text.contains('\0') {
            return Err(Unstorable::NullCharacter);
        }
        // Quotes, backslashes and controls are escaped, the latter with six characters.
        let escapes: usize = text
            .bytes()
            .map(|byte| match byte {
                b'"' | b'\\' => 1,
                0..=0x1f => 5,
                _ => 0,
            })
            .sum();
        Ok(text.len() + escapes + 2)
    };
    Ok(match value {
        Value::Null | Value::Bool(_) => 5,
        Value::String(string) => text(string)?,
        Value::Number(number) => {
            let written = number.as_str();
            let (digits, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
            let length = exponent
                .trim_start_matches('+')
                .parse::<i64>()
                .ok()
                .and_then(|exponent| usize::try_from(exponent.unsigned_abs()).ok())
                .and_then(|exponent| exponent.checked_add(digits.len()))
                .filter(|length| *length <= MAX_DIGITS);
            length.ok_or(Unstorable::LongNumber)? + 2
        }
        Value::Array(values) => {
            values
                .iter()
                .map(|value| stored_length(value).map(|length| length + 2))
                .sum::<Result<usize, _>>()?
                + 2
        }
        Value::Object(object) => {
            let member = |(key, value): (&String, &Value)| Ok(text(key)? + stored_length(value)? + 4);
            object.iter().map(member).sum::<Result<usize, _>>()? + 2
        }
    })
}

/// A member that is there and not null; null is the same as absent.
fn given<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

/// The JSON pointer to a member of the outermost object.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A faulty value as the cause shows it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
