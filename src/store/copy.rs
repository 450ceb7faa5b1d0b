//! Tasks in the binary form of PostgreSQL's COPY: nothing to escape, and times and lengths that need no parsing.

use std::ops::Range;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::task::{CompletionStatus, TargetType, TaskStatus, TaskType};

/// The columns in the order in which [`CopyEncoder`] writes them.
const COLUMNS: &str = "id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name, \
     created, modified, launched, completed, completion_status, \
     messages, returns, attributes, progress, percent_complete, task_definition_summary";
const COLUMN_COUNT: i16 = 20;
/// Signature, flags and the length of an extension there is none of.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// The first byte of a jsonb value in binary form; its text follows.
const JSONB_VERSION: u8 = 1;
/// 2000-01-01, from which PostgreSQL counts, in microseconds of Unix time.
const EPOCH: i64 = 946_684_800_000_000;
/// What is sent at a time.
const PACKET: usize = 256 * 1024;

/// The bytes of any number of tasks.
#[derive(Debug, Default)]
pub struct CopyEncoder {
    bytes: Vec<u8>,
}

/// Copies the tasks with these bytes into a table with the columns of `task_status`.
pub async fn send(
    connection: &mut PgConnection,
    table: &str,
    encoded: &CopyEncoder,
    ranges: impl Iterator<Item = Range<usize>>,
) -> Result<(), StoreError> {
    let statement = format!("copy {table} ({COLUMNS}) from stdin (format binary)");
    let mut copy = connection.copy_in_raw(&statement).await?;
    let mut packet = HEADER.to_vec();
    for range in ranges {
        packet.extend_from_slice(&encoded.bytes[range]);
        if packet.len() >= PACKET {
            copy.send(&packet[..]).await?;
            packet.clear();
        }
    }
    packet.extend(TRAILER);
    copy.send(&packet[..]).await?;
    copy.finish().await?;
    Ok(())
}

impl CopyEncoder {
    /// Adds a task and says where its bytes are.
    pub fn push(&mut self, task: &TaskStatus) -> Range<usize> {
        let begin = self.bytes.len();
        let target = task.target.as_ref();
        self.bytes.extend(COLUMN_COUNT.to_be_bytes());
        self.text(&task.id);
        self.text(name(TaskType::ALL, task.r#type));
        self.text(&task.unique_name);
        self.text(&task.description);
        self.optional_text(task.parent_name.as_deref());
        self.text(&task.launcher);
        self.optional_text(target.map(|target| target.id.as_str()));
        self.optional_text(
            target
                .and_then(|target| target.r#type)
                .map(|r#type| name(TargetType::ALL, r#type)),
        );
        self.optional_text(target.map(|target| target.name.as_str()));
        self.time(Some(task.created));
        self.time(Some(task.modified));
        self.time(task.launched);
        self.time(task.completed);
        self.optional_text(
            task.completion_status
                .map(|status| name(CompletionStatus::ALL, status)),
        );
        self.json(task.messages.get().as_bytes());
        self.json(task.returns.get().as_bytes());
        self.json(task.attributes.get().as_bytes());
        self.optional_text(task.progress.as_deref());
        self.field(&task.percent_complete.to_be_bytes());
        // Texts and what is JSON already can always be written as JSON.
        match task
            .task_definition_summary
            .as_ref()
            .and_then(|summary| serde_json::to_vec(summary).ok())
        {
            Some(summary) => self.json(&summary),
            None => self.bytes.extend(NULL),
        }
        begin..self.bytes.len()
    }

    fn length(&mut self, length: usize) {
        // Nothing of a task is near 2 GiB; if it were, PostgreSQL would refuse the length.
        self.bytes
            .extend(i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.field(text.as_bytes());
    }

    fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.bytes.extend(NULL),
        }
    }

    fn time(&mut self, time: Option<DateTime<Utc>>) {
        match time {
            Some(time) => self.field(&(time.timestamp_micros() - EPOCH).to_be_bytes()),
            None => self.bytes.extend(NULL),
        }
    }

    fn json(&mut self, text: &[u8]) {
        self.length(text.len() + 1);
        self.bytes.push(JSONB_VERSION);
        self.bytes.extend_from_slice(text);
    }
}

/// What a variant is called; each is in the list of all.
fn name<T: PartialEq + Copy>(all: &[(&'static str, T)], variant: T) -> &'static str {
    all.iter()
        .find(|(_, known)| *known == variant)
        .map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use serde_json::json;

    use super::*;
    use crate::task::report::read;

    #[test]
    fn fields_are_framed_and_times_count_from_2000() {
        let value = json!({ "id": "é", "type": "QPOC", "uniqueName": "n", "launcher": "l" });
        let now = Utc
            .with_ymd_and_hms(2000, 1, 1, 0, 0, 1)
            .single()
            .expect("a time");
        let task = read(&value, None, now).expect("a task");
        let mut encoded = CopyEncoder::default();
        let range = encoded.push(&task);
        let bytes = &encoded.bytes[range];
        assert!(
            bytes.starts_with(b"\0\x14\0\0\0\x02\xc3\xa9\0\0\0\x04QPOC\0\0\0\x01n\0\0\0\0\xff\xff\xff\xff")
        );
        let time = [&8_i32.to_be_bytes()[..], &1_000_000_i64.to_be_bytes()].concat();
        assert_eq!(bytes.windows(12).filter(|window| *window == time).count(), 2);
        assert!(bytes.ends_with(b"\0\0\0\x03\x01{}\xff\xff\xff\xff\0\0\0\x04\0\0\0\0\xff\xff\xff\xff"));
    }
}
