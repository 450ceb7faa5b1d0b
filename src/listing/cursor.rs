//! Cursors: the position after a task in an ordered list, as an opaque string for `after=`.
//!
//! Unlike an offset, a cursor neither skips nor repeats a task that stays in the list while others enter and leave it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::listing::sorters::{Sorter, Sorters};
use crate::task::TaskStatus;

/// The position after a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// Canonical text of the order.
    order: String,
    /// The task's values of the sorters, in that order.
    keys: Vec<Key>,
    /// The task's id, which breaks ties.
    id: String,
}

/// A value of a sorter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Key {
    Time(DateTime<Utc>),
    /// A missing time. It comes after all others.
    NoTime,
    Text(String),
    Integer(i32),
}

impl Cursor {
    /// The position after a task.
    pub fn after(task: &TaskStatus, order: &Sorters) -> Self {
        let time = |time: Option<DateTime<Utc>>| time.map_or(Key::NoTime, Key::Time);
        let key = |sorter| match sorter {
            Sorter::Created => Key::Time(task.created),
            Sorter::Modified => Key::Time(task.modified),
            Sorter::Launched => time(task.launched),
            Sorter::Completed => time(task.completed),
            Sorter::UniqueName => Key::Text(task.unique_name.clone()),
            Sorter::Type => Key::Text(task.r#type.name().to_owned()),
            Sorter::PercentComplete => Key::Integer(task.percent_complete),
        };
        Self {
            order: order.to_string(),
            keys: order.pairs().iter().map(|(sorter, _)| key(*sorter)).collect(),
            id: task.id.clone(),
        }
    }

    /// Reads the text of [`Cursor::encode`]. None if it is anything else or belongs to another order.
    pub fn decode(text: &str, order: &Sorters) -> Option<Self> {
        let cursor: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let pairs = order.pairs();
        let fits = cursor.order == order.to_string()
            && cursor.keys.len() == pairs.len()
            && cursor
                .keys
                .iter()
                .zip(pairs)
                .all(|(key, (sorter, _))| key.fits(*sorter))
            && !cursor.id.contains('\0');
        fits.then_some(cursor)
    }

    /// The cursor as text that needs no escaping in a URL.
    pub fn encode(&self) -> String {
        // Times, strings and numbers can always be written as JSON.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// The task's values of the sorters.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The task's id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Key {
    fn fits(&self, sorter: Sorter) -> bool {
        match sorter {
            Sorter::Created | Sorter::Modified => matches!(self, Self::Time(_)),
            Sorter::Launched | Sorter::Completed => matches!(self, Self::Time(_) | Self::NoTime),
            Sorter::UniqueName | Sorter::Type => matches!(self, Self::Text(text) if !text.contains('\0')),
            Sorter::PercentComplete => matches!(self, Self::Integer(_)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::report;

    #[test]
    fn a_cursor_is_valid_only_in_its_own_order() {
        let now = report::time("2026-01-02T03:04:05.678Z").expect("a time");
        let value = json!({ "id": "é/1", "type": "QPOC", "uniqueName": "N", "launcher": "l" });
        let task = report::read(&value, None).expect("a task").into_task(now);
        let every = "type,-uniqueName,launched,-completed,percentComplete,modified,-created";
        for order in ["-created", "created", every] {
            let order = Sorters::parse(order).expect("an order");
            let cursor = Cursor::after(&task, &order);
            assert_eq!(Cursor::decode(&cursor.encode(), &order), Some(cursor.clone()));
            let other = Sorters::parse("modified").expect("an order");
            assert_eq!(Cursor::decode(&cursor.encode(), &other), None);
        }
    }

    #[test]
    fn an_invalid_cursor_is_refused() {
        let order = Sorters::default();
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        for text in [
            String::new(),
            "?".to_owned(),
            "AAAA".to_owned(),
            encode(json!({})),
            encode(json!({ "order": "-created", "keys": [], "id": "a" })),
            encode(json!({ "order": "-created", "keys": [{ "Integer": 1 }], "id": "a" })),
            encode(json!({ "order": "-created", "keys": ["NoTime"], "id": "a" })),
            encode(json!({ "order": "-created", "keys": [{ "Time": "2026-01-01T00:00:00Z" }], "id": "\0" })),
        ] {
            assert_eq!(Cursor::decode(&text, &order), None, "{text}");
        }
    }
}
