//! Reads the members of JSON objects and collects every violation, with the pointer to it.
//!
//! A reader of a value returns violations with pointers relative to that value; [`Fields`] and [`list`] put the key or
//! the index in front. So no pointer is ever written out.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::json::is_deeper;
use super::violation::{Problem, Violation};
use super::{is_name, limits};

/// No more violations than this are collected: a response must not grow with the request.
pub const MAX_VIOLATIONS: usize = 50;
/// The largest number of digits of a number, written without an exponent as PostgreSQL writes it: those of the largest
/// double before the point, and as many after it as PostgreSQL stores.
const MAX_DIGITS: usize = 309 + 16_383;
/// An unknown key this close to a known one is refused as a slip.
const SLIP_DISTANCE: usize = 1;
/// No more unknown keys are compared with the known ones, and none with more bytes.
const MAX_COMPARED_KEYS: usize = 100;
const MAX_COMPARED_BYTES: usize = 64;

pub type Read<T> = Result<T, Vec<Violation>>;

/// The members of an object. A null member counts as missing.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// The keys that were asked for.
    known: Vec<&'static str>,
    violations: Vec<Violation>,
}

impl<'a> Fields<'a> {
    pub fn new(value: &'a Value) -> Read<Self> {
        Ok(Self {
            object: value.as_object().ok_or(Problem::NotAnObject)?,
            known: Vec::new(),
            violations: Vec::new(),
        })
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// The member, unless it is missing or has a violation.
    pub fn optional<T>(&mut self, key: &'static str, read: impl FnOnce(&Value) -> Read<T>) -> Option<T> {
        self.known.push(key);
        read(self.get(key)?)
            .map_err(|violations| self.refuse(key, violations))
            .ok()
    }

    /// The member, an object. One without a value counts as missing: other programs write it in place of null.
    pub fn part<T>(&mut self, key: &'static str, read: impl FnOnce(&Value) -> Read<T>) -> Option<T> {
        let is_void = |value: &Value| {
            value
                .as_object()
                .is_some_and(|members| members.values().all(Value::is_null))
        };
        let is_void = self.get(key).is_some_and(is_void);
        self.optional(
            key,
            |value| if is_void { Ok(None) } else { read(value).map(Some) },
        )
        .flatten()
    }

    /// The member. If it is missing or has a violation, the default stands in until [`Fields::finish`] refuses the
    /// whole object.
    pub fn required<T: Default>(&mut self, key: &'static str, read: impl FnOnce(&Value) -> Read<T>) -> T {
        if self.get(key).is_none() {
            self.refuse(key, Problem::Required);
        }
        self.optional(key, read).unwrap_or_default()
    }

    /// The member as JSON to be stored, empty if it is missing.
    pub fn stored<T: Default + Into<Value>>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value) -> Read<T>,
    ) -> Box<RawValue> {
        self.optional(key, |value| stored(&read(value)?.into()))
            .or_else(|| to_raw_value(&T::default().into()).ok())
            .unwrap_or_default()
    }

    /// Adds violations of the member.
    pub fn refuse(&mut self, key: &str, violations: impl Into<Vec<Violation>>) {
        let violations = violations.into().into_iter();
        self.violations
            .extend(violations.map(|violation| violation.inside(key)));
    }

    /// Refuses keys that look like a slip for one that was asked for. Other unknown keys are ignored, so that clients of
    /// a later contract are served.
    pub fn refuse_slips(&mut self) {
        let plain = |key: &str| key.replace(['_', '-', ' '], "").to_lowercase();
        let slip = |key: &&String| {
            let is_like = |known: &&&'static str| {
                plain(known) == plain(key)
                    || known.len() > 4 && strsim::damerau_levenshtein(known, key) <= SLIP_DISTANCE
            };
            let suggestion = self.known.iter().find(is_like)?;
            Some(Problem::UnknownField { suggestion }.at("").inside(key))
        };
        let slips: Vec<Violation> = self
            .compared_keys()
            .filter_map(|key| slip(&key))
            .take(MAX_VIOLATIONS)
            .collect();
        self.violations.splice(0..0, slips);
    }

    /// The unknown keys that may be slips. They are few and short, since comparing them is slow.
    fn compared_keys(&self) -> impl Iterator<Item = &'a String> {
        let unknown = self
            .object
            .keys()
            .filter(|key| !self.known.contains(&key.as_str()));
        unknown
            .filter(|key| key.len() <= MAX_COMPARED_BYTES)
            .take(MAX_COMPARED_KEYS)
    }

    /// What was read from the members, unless one of them has a violation.
    pub fn finish<T>(mut self, read: T) -> Read<T> {
        if self.violations.is_empty() {
            return Ok(read);
        }
        self.violations.truncate(MAX_VIOLATIONS);
        Err(self.violations)
    }
}

/// A string of at most `limit` characters.
pub fn text(limit: usize) -> impl Fn(&Value) -> Read<String> {
    move |value| match value {
        Value::String(text) if text.contains('\0') => Err(Problem::NulCharacter.into()),
        Value::String(text) if text.chars().nth(limit).is_some() => {
            Err(Problem::TextTooLong { limit }.into())
        }
        Value::String(text) => Ok(text.clone()),
        _ => Err(Problem::NotAString.into()),
    }
}

/// A name of an enumeration, in any case.
pub fn one_of<T: Copy>(all: &[(&str, T)]) -> impl Fn(&Value) -> Read<T> {
    move |value| {
        let named = |text: &str| all.iter().find(|(name, _)| is_name(name, text));
        let found = value.as_str().and_then(named).map(|(_, variant)| *variant);
        Ok(found.ok_or_else(|| Problem::NotOneOf {
            given: shown(value),
            allowed: all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        })?)
    }
}

/// An integer within bounds. A whole number with a fraction, such as 50.0, is one: many JSON libraries write it so.
pub fn integer(min: i32, max: i32) -> impl Fn(&Value) -> Read<i32> {
    move |value| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole, and within the bounds of an i32"
        )]
        let integer = value
            .as_f64()
            .filter(|number| (f64::from(min)..=f64::from(max)).contains(number) && number.fract() == 0.0)
            .map(|number| number as i32);
        let given = || shown(value);
        Ok(integer.ok_or_else(|| Problem::NotAnInteger {
            given: given(),
            min,
            max,
        })?)
    }
}

/// An object of any members.
pub fn object(value: &Value) -> Read<Map<String, Value>> {
    Ok(value.as_object().ok_or(Problem::NotAnObject)?.clone())
}

/// An array of items that are read alike.
pub fn list<T>(read: impl Fn(&Value) -> Read<T>) -> impl Fn(&Value) -> Read<Vec<T>> {
    move |value| {
        let array = value.as_array().ok_or(Problem::NotAnArray)?;
        let mut items = Vec::with_capacity(array.len());
        let mut violations = Vec::new();
        for (index, item) in array.iter().enumerate() {
            match read(item) {
                Ok(item) => items.push(item),
                Err(found) => violations.extend(found.into_iter().map(|violation| violation.inside(index))),
            }
            if violations.len() >= MAX_VIOLATIONS {
                break;
            }
        }
        if violations.is_empty() {
            Ok(items)
        } else {
            Err(violations)
        }
    }
}

/// A value as violations show it.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value as it is stored, within bounds and without anything that PostgreSQL cannot store.
fn stored(value: &Value) -> Read<Box<RawValue>> {
    bounded_depth(value)?;
    if stored_length(value)? > limits::JSON_BYTES {
        return Err(Problem::JsonTooLarge {
            limit: limits::JSON_BYTES,
        }
        .into());
    }
    // What was read from JSON can be written as JSON.
    Ok(to_raw_value(value).unwrap_or_default())
}

/// Refuses a value that is nested too deep to be stored.
pub fn bounded_depth(value: &Value) -> Read<()> {
    let limit = limits::JSON_DEPTH;
    if is_deeper(value, limit) {
        return Err(Problem::JsonTooDeep { limit }.into());
    }
    Ok(())
}

/// The bytes that PostgreSQL writes for a value: with a space after each colon and comma, and numbers without exponents, of
/// which this is an upper bound. So what was written by PostgreSQL is as long as it was.
fn stored_length(value: &Value) -> Result<usize, Problem> {
    let text = |text: &str| {
        if text.contains('\0') {
            return Err(Problem::NulCharacter);
        }
        // Quotes, backslashes and some control characters are escaped with two characters, other ones with six.
        let escapes: usize = text
            .bytes()
            .map(|byte| match byte {
                b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 1,
                0..=0x1f => 5,
                _ => 0,
            })
            .sum();
        Ok(text.len() + escapes + 2)
    };
    Ok(match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::String(string) => text(string)?,
        Value::Number(number) => {
            let written = number.as_str();
            if written.parse().is_ok_and(f64::is_infinite) {
                return Err(Problem::NumberTooLarge);
            }
            let Some((digits, exponent)) = written.split_once(['e', 'E']) else {
                let limit = MAX_DIGITS;
                return if written.len() <= limit + "-.".len() {
                    Ok(written.len())
                } else {
                    Err(Problem::NumberTooLong { limit })
                };
            };
            let length = exponent
                .trim_start_matches('+')
                .parse::<i64>()
                .ok()
                .and_then(|exponent| usize::try_from(exponent.unsigned_abs()).ok())
                .and_then(|exponent| exponent.checked_add(digits.len()))
                .filter(|length| *length <= MAX_DIGITS);
            length.ok_or(Problem::NumberTooLong { limit: MAX_DIGITS })? + 2
        }
        Value::Array(values) => {
            let items = values.iter().map(stored_length).sum::<Result<usize, _>>()?;
            items + ", ".len() * values.len().saturating_sub(1) + "[]".len()
        }
        Value::Object(object) => {
            let member = |(key, value): (&String, &Value)| {
                Ok::<_, Problem>(text(key)? + ": ".len() + stored_length(value)?)
            };
            let members = object.iter().map(member).sum::<Result<usize, _>>()?;
            members + ", ".len() * object.len().saturating_sub(1) + "{}".len()
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn few_and_short_keys_are_compared_with_known_ones() {
        let mut object: Map<String, Value> = (0..70_000).map(|n| (format!("k{n}"), json!(1))).collect();
        object.insert("x".repeat(1_000_000), json!(1));
        object.insert("type".into(), json!(1));
        let mut object = Value::Object(object);
        let count = |object: &Value| {
            let mut fields = Fields::new(object).expect("an object");
            let _: Option<()> = fields.optional("type", |_| Ok(()));
            fields.compared_keys().count()
        };
        assert_eq!(count(&object), MAX_COMPARED_KEYS);
        object = json!({ "x".repeat(MAX_COMPARED_BYTES + 1): 1, "type": 1, "typo": 1 });
        assert_eq!(count(&object), 1);
    }
}
