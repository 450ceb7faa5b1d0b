//! The summary of tasks: what is pending, and what started and ended lately.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::task::{CompletionStatus, optional_time, time};

/// The most values of a group that are listed.
pub const MAX_VALUES: usize = 20;
/// How many minutes and hours are listed. The hours lie within a day, so the tasks of a day are enough to count both.
const MINUTES: i32 = 60;
const HOURS: i32 = 24;

/// How many tasks there are, in one snapshot.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// When the snapshot was taken, by the database's clock. It is the first member, and not part of the `ETag`.
    #[serde(serialize_with = "time")]
    pub as_of: DateTime<Utc>,
    /// As it was asked for, in seconds.
    #[schema(minimum = 1)]
    pub stuck_after: i32,
    pub pending: PendingSummary,
    pub ended: EndedSummary,
    /// The last 60 whole minutes, the current one last.
    #[schema(min_items = 60, max_items = 60)]
    pub per_minute: Vec<Interval>,
    /// The last 24 whole hours, UTC, the current one last.
    #[schema(min_items = 24, max_items = 24)]
    pub per_hour: Vec<Interval>,
}

/// The pending tasks.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingSummary {
    #[schema(minimum = 0)]
    pub count: i64,
    /// When the oldest one was created.
    #[serde(serialize_with = "optional_time")]
    #[schema(required)]
    pub oldest_created: Option<DateTime<Utc>>,
    /// How many were last `modified` longer ago than `stuckAfter`.
    #[schema(minimum = 0)]
    pub stuck: i64,
    pub by_type: Groups,
    /// By the kind that a filter on `type` matches.
    pub by_kind: Groups,
    pub by_launcher: Groups,
    /// By the name of the target; null for tasks without one.
    pub by_target: Groups,
}

/// The tasks that ended within a day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndedSummary {
    /// The beginning of the minute 24 hours ago. Tasks that were `completed` from then to `asOf` are counted.
    #[serde(serialize_with = "time")]
    pub from: DateTime<Utc>,
    #[schema(minimum = 0)]
    pub count: i64,
    pub by_completion_status: Groups,
}

/// Tasks by value, the most frequent first, then by value.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Groups {
    #[schema(max_items = 20)]
    pub values: Vec<Group>,
    /// How many tasks have another value.
    #[schema(minimum = 0)]
    pub rest: i64,
}

/// The tasks of one value: those that `eq` finds with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Group {
    /// One of its spellings, if they differ in case.
    #[schema(required)]
    pub value: Option<String>,
    #[schema(minimum = 1)]
    pub count: i64,
}

/// A whole minute or hour.
#[derive(Debug, Serialize, ToSchema)]
pub struct Interval {
    #[serde(serialize_with = "time")]
    pub from: DateTime<Utc>,
    /// How many tasks were `launched` in it.
    #[schema(minimum = 0)]
    pub started: i64,
    /// How many tasks were `completed` in it, by `completionStatus`. A status without tasks is missing.
    pub ended: BTreeMap<&'static str, i64>,
}

impl Summary {
    /// Of no tasks.
    pub fn new(as_of: DateTime<Utc>, stuck_after: i32) -> Self {
        let intervals = |length: TimeDelta, number| {
            let last = as_of.duration_trunc(length).unwrap_or(as_of);
            let before = (0..number).rev();
            before
                .map(|before| Interval {
                    from: last - length * before,
                    started: 0,
                    ended: BTreeMap::new(),
                })
                .collect()
        };
        let minute = TimeDelta::minutes(1);
        Self {
            as_of,
            stuck_after,
            pending: PendingSummary::default(),
            ended: EndedSummary {
                from: as_of.duration_trunc(minute).unwrap_or(as_of) - TimeDelta::days(1),
                count: 0,
                by_completion_status: Groups::default(),
            },
            per_minute: intervals(minute, MINUTES),
            per_hour: intervals(TimeDelta::hours(1), HOURS),
        }
    }

    /// Adds tasks that were launched in this minute.
    pub fn add_started(&mut self, minute: DateTime<Utc>, count: i64) {
        for interval in self.intervals_of(minute) {
            interval.started += count;
        }
    }

    /// Adds tasks that were completed in this minute.
    pub fn add_ended(&mut self, minute: DateTime<Utc>, status: CompletionStatus, count: i64) {
        for interval in self.intervals_of(minute) {
            *interval.ended.entry(status.name()).or_default() += count;
        }
        self.ended.count += count;
        let groups = &mut self.ended.by_completion_status.values;
        match groups
            .iter_mut()
            .find(|group| group.value.as_deref() == Some(status.name()))
        {
            Some(group) => group.count += count,
            None => groups.push(Group {
                value: Some(status.name().to_owned()),
                count,
            }),
        }
        groups.sort_by(|one, other| (other.count, &one.value).cmp(&(one.count, &other.value)));
    }

    /// The minute and the hour, if they are listed.
    fn intervals_of(&mut self, minute: DateTime<Utc>) -> impl Iterator<Item = &mut Interval> {
        let hour = minute.duration_trunc(TimeDelta::hours(1)).unwrap_or(minute);
        let minutes = self
            .per_minute
            .iter_mut()
            .filter(move |listed| listed.from == minute);
        let hours = self.per_hour.iter_mut().filter(move |listed| listed.from == hour);
        minutes.chain(hours)
    }
}
