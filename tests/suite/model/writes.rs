//! The writes: their effect in the model, and their form in SQL and for the API.

use std::fmt::Write as _;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use fastrand::Rng;
use serde_json::{Value, json};

use super::history::{Task, Tasks};

/// When the test began, in milliseconds since the epoch.
static BEGUN: LazyLock<i64> = LazyLock::new(|| Utc::now().timestamp_millis());
/// `modified` is so far ahead of the clock, in milliseconds: later than any time that the database would set, and not so
/// far in the future that it is refused.
const AHEAD: i64 = 5 * 60 * 1000;
/// So many stamps share a `modified`.
const STAMPS: i64 = 8;
/// The first time of creation, and how many there are: fewer than tasks, several in some minutes, and in more than one
/// hour.
const CREATED: i64 = 1_767_225_600_000;
const TIMES: i64 = 40;
/// In milliseconds.
const BETWEEN_TIMES: [i64; 3] = [1, 20_000, 200_000];
/// How many ids a writer has.
const IDS: usize = 12;

/// The stamp of now, if it is later than these ones.
pub fn stamp(last: i64) -> i64 {
    last.max((Utc::now().timestamp_millis() - *BEGUN) * STAMPS)
}

/// The `modified` of a task with this stamp.
fn modified_at(stamp: i64) -> i64 {
    *BEGUN + AHEAD + stamp / STAMPS
}

/// A statement.
#[derive(Debug, Clone)]
pub enum Edit {
    /// New tasks.
    Insert(Vec<(String, Task)>),
    /// New or existing tasks; the earlier time of creation stays.
    Report(Vec<(String, Task)>),
    /// Gives tasks another stamp.
    Say(Vec<String>, i64),
    /// Gives tasks another time of creation.
    Move(Vec<String>, i64),
    /// Gives a task another id.
    Rename(String, String),
    Complete(Vec<String>),
    Reopen(Vec<String>, i64),
    /// An update that changes nothing.
    Touch(Vec<String>),
    Delete(Vec<String>),
}

/// A write, by its route to the database.
#[derive(Debug, Clone)]
pub enum Way {
    Sql(Transaction),
    /// New rows by COPY.
    Copy(Vec<(String, Task)>),
    Put(String, Task),
    Batch(Vec<(String, Task)>),
    Patch(String),
    /// Completes all of the writer's pending tasks by one request.
    Clear,
    /// Maintenance, which changes no task.
    Fold,
}

/// Statements in one transaction, each with whether it is kept or rolled back to a savepoint.
#[derive(Debug, Clone)]
pub struct Transaction {
    level: &'static str,
    edits: Vec<(Edit, bool)>,
    commits: bool,
}

impl Way {
    /// A random write. The stamps from this one on are the transaction's.
    pub fn any(random: &mut Rng, writer: usize, tasks: &Tasks, stamp: i64) -> Self {
        match random.usize(..100) {
            0..60 => Self::Sql(Transaction::any(random, writer, tasks, stamp)),
            60..64 => match Edit::insert(random, writer, tasks, stamp) {
                Some(Edit::Insert(rows)) => Self::Copy(rows),
                _ => Self::Fold,
            },
            64..80 => {
                let (id, task) = reported(random, writer, stamp).remove(0);
                Self::Put(id, task)
            }
            80..88 => Self::Batch(reported(random, writer, stamp)),
            88..96 => match some(random, tasks, |task| task.is_pending).pop() {
                Some(id) => Self::Patch(id),
                None => Self::Fold,
            },
            96 => Self::Clear,
            _ => Self::Fold,
        }
    }

    /// Applies the write to the model.
    pub fn apply(&self, tasks: &mut Tasks) {
        match self {
            Self::Sql(transaction) => transaction.apply(tasks),
            Self::Copy(rows) => Edit::Insert(rows.clone()).apply(tasks),
            Self::Put(id, task) => Edit::Report(vec![(id.clone(), *task)]).apply(tasks),
            Self::Batch(rows) => Edit::Report(rows.clone()).apply(tasks),
            Self::Patch(id) => Edit::Complete(vec![id.clone()]).apply(tasks),
            Self::Clear => Edit::Complete(tasks.keys().cloned().collect()).apply(tasks),
            Self::Fold => {}
        }
    }
}

impl Transaction {
    fn any(random: &mut Rng, writer: usize, tasks: &Tasks, stamp: i64) -> Self {
        let many = [1, 1, 1, 2, 4][random.usize(..5)];
        let mut now = tasks.clone();
        let mut edits = Vec::new();
        for number in 0..many {
            let Some(edit) = Edit::any(random, writer, &now, stamp + number) else {
                continue;
            };
            let is_kept = many == 1 || random.usize(..4) > 0;
            if is_kept {
                edit.apply(&mut now);
            }
            edits.push((edit, is_kept));
        }
        Self {
            level: ["read committed", "read committed", "repeatable read"][random.usize(..3)],
            edits,
            commits: random.usize(..8) > 0,
        }
    }

    fn apply(&self, tasks: &mut Tasks) {
        if self.commits {
            for (edit, _) in self.edits.iter().filter(|(_, is_kept)| *is_kept) {
                edit.apply(tasks);
            }
        }
    }

    pub fn sql(&self) -> String {
        let mut sql = format!("begin isolation level {};", self.level);
        for (edit, is_kept) in &self.edits {
            let edit = edit.sql();
            match is_kept {
                true => write!(sql, "{edit};"),
                false => write!(sql, "savepoint s; {edit}; rollback to savepoint s;"),
            }
            .unwrap();
        }
        sql + if self.commits { "commit" } else { "rollback" }
    }
}

impl Edit {
    /// A random statement, unless it would do nothing.
    fn any(random: &mut Rng, writer: usize, tasks: &Tasks, stamp: i64) -> Option<Self> {
        let ids = some(random, tasks, |_| true);
        let pending = some(random, tasks, |task| task.is_pending);
        let edit = match random.usize(..12) {
            0..3 => return Self::insert(random, writer, tasks, stamp),
            3 => Self::Report(reported(random, writer, stamp)),
            4 | 5 => Self::Say(ids, stamp),
            6 => Self::Move(ids, created(random)),
            7 => {
                let free = free(random, writer, tasks);
                Self::Rename(ids.first()?.clone(), free.first()?.clone())
            }
            8 => Self::Complete(pending),
            9 => Self::Reopen(some(random, tasks, |task| !task.is_pending), stamp),
            10 => Self::Touch(ids),
            _ => Self::Delete(ids),
        };
        edit.does_something().then_some(edit)
    }

    fn insert(random: &mut Rng, writer: usize, tasks: &Tasks, stamp: i64) -> Option<Self> {
        let rows: Vec<_> = free(random, writer, tasks)
            .into_iter()
            .map(|id| (id, task(random, stamp)))
            .collect();
        (!rows.is_empty()).then_some(Self::Insert(rows))
    }

    fn does_something(&self) -> bool {
        match self {
            Self::Insert(rows) | Self::Report(rows) => !rows.is_empty(),
            Self::Rename(..) => true,
            Self::Say(ids, _)
            | Self::Move(ids, _)
            | Self::Complete(ids)
            | Self::Reopen(ids, _)
            | Self::Touch(ids)
            | Self::Delete(ids) => !ids.is_empty(),
        }
    }

    fn apply(&self, tasks: &mut Tasks) {
        let mut change = |ids: &[String], change: &dyn Fn(&mut Task)| {
            for id in ids {
                change(tasks.get_mut(id).expect("an existing task"));
            }
        };
        match self {
            Self::Insert(rows) => tasks.extend(rows.iter().cloned()),
            Self::Report(rows) => {
                for (id, new) in rows {
                    let task = tasks.entry(id.clone()).or_insert(*new);
                    *task = Task {
                        created: task.created.min(new.created),
                        ..*new
                    };
                }
            }
            Self::Say(ids, stamp) => change(ids, &|task| task.stamp = *stamp),
            Self::Move(ids, created) => change(ids, &|task| task.created = *created),
            Self::Rename(id, new) => {
                let task = tasks.remove(id).expect("an existing task");
                tasks.insert(new.clone(), task);
            }
            Self::Complete(ids) => change(ids, &|task| task.is_pending = false),
            Self::Reopen(ids, stamp) => change(ids, &|task| {
                task.is_pending = true;
                task.stamp = *stamp;
            }),
            Self::Touch(_) => {}
            Self::Delete(ids) => tasks.retain(|id, _| !ids.contains(id)),
        }
    }

    fn sql(&self) -> String {
        let update =
            |ids: &[String], set: &str| format!("update task_status set {set} where id in ({})", list(ids));
        let said = |stamp: i64| format!("progress = '{stamp}', modified = {}", time(modified_at(stamp)));
        match self {
            Self::Insert(rows) => insert(rows),
            Self::Report(rows) => format!(
                "{} on conflict (id) do update set created = least(task_status.created, excluded.created),
                 progress = excluded.progress, modified = excluded.modified, completed = null, completion_status = null",
                insert(rows)
            ),
            Self::Say(ids, stamp) => update(ids, &said(*stamp)),
            Self::Move(ids, created) => update(ids, &format!("created = {}", time(*created))),
            Self::Rename(id, new) => update(std::slice::from_ref(id), &format!("id = '{new}'")),
            Self::Complete(ids) => update(ids, "completion_status = 'SUCCESS'"),
            Self::Reopen(ids, stamp) => update(
                ids,
                &format!("completion_status = null, completed = null, {}", said(*stamp)),
            ),
            Self::Touch(ids) => update(ids, "progress = progress"),
            Self::Delete(ids) => format!("delete from task_status where id in ({})", list(ids)),
        }
    }
}

const COLUMNS: &str = "id, type, unique_name, launcher, created, modified, progress";

fn insert(rows: &[(String, Task)]) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|(id, task)| {
            format!(
                "('{id}', 'QPOC', 'n', '{}', {}, {}, '{}')",
                launcher(id),
                time(task.created),
                time(modified_at(task.stamp)),
                task.stamp
            )
        })
        .collect();
    format!("insert into task_status ({COLUMNS}) values {}", rows.join(", "))
}

/// A COPY statement, and its rows.
pub fn copy(rows: &[(String, Task)]) -> (String, String) {
    let rows = rows.iter().map(|(id, task)| {
        let (created, modified) = (text(task.created), text(modified_at(task.stamp)));
        format!(
            "{id}\tQPOC\tn\t{}\t{created}\t{modified}\t{}\n",
            launcher(id),
            task.stamp
        )
    });
    (format!("copy task_status ({COLUMNS}) from stdin"), rows.collect())
}

/// The report of a task for the API.
pub fn report(id: Option<&str>, owned: &str, task: &Task) -> Value {
    let mut report = json!({
        "type": "QPOC", "uniqueName": "n", "launcher": launcher(owned), "created": text(task.created),
        "modified": text(modified_at(task.stamp)), "progress": task.stamp.to_string(),
    });
    if let Some(id) = id {
        report["id"] = id.into();
    }
    report
}

/// A task from a response.
pub fn said(
    id: String,
    created: &str,
    modified: &str,
    progress: &str,
    is_pending: bool,
) -> Result<(String, Task), String> {
    let stamp = progress.parse().unwrap_or(-1);
    if modified != text(modified_at(stamp)) {
        return Err(format!("a task of two versions: {id}, {progress}, {modified}"));
    }
    let created = DateTime::parse_from_rfc3339(created).map_err(|error| error.to_string())?;
    let task = Task {
        created: created.timestamp_millis(),
        stamp,
        is_pending,
    };
    Ok((id, task))
}

/// All tasks of a writer have one launcher.
fn launcher(id: &str) -> &str {
    id.split('-').next().unwrap()
}

fn text(millis: i64) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap();
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn time(millis: i64) -> String {
    format!("timestamptz '{}'", text(millis))
}

fn list(ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    ids.join(", ")
}

fn created(random: &mut Rng) -> i64 {
    CREATED + random.i64(0..TIMES) * BETWEEN_TIMES[random.usize(..3)]
}

fn task(random: &mut Rng, stamp: i64) -> Task {
    Task {
        created: created(random),
        stamp,
        is_pending: true,
    }
}

/// One or some tasks, new or existing.
fn reported(random: &mut Rng, writer: usize, stamp: i64) -> Vec<(String, Task)> {
    let mut rows = Tasks::new();
    for _ in 0..random.usize(1..4) {
        let id = id(random, writer);
        rows.insert(id, task(random, stamp));
    }
    rows.into_iter().collect()
}

/// The id of a task, new or existing.
pub fn id(random: &mut Rng, writer: usize) -> String {
    format!("w{writer}-{}", random.usize(..IDS))
}

/// One or some existing tasks, if there are any.
fn some(random: &mut Rng, tasks: &Tasks, which: impl Fn(&Task) -> bool) -> Vec<String> {
    let mut ids: Vec<String> = tasks
        .iter()
        .filter(|(_, task)| which(task))
        .map(|(id, _)| id.clone())
        .collect();
    random.shuffle(&mut ids);
    ids.truncate(random.usize(1..4));
    ids
}

/// One or some unused ids.
fn free(random: &mut Rng, writer: usize, tasks: &Tasks) -> Vec<String> {
    let mut ids: Vec<String> = (0..IDS).map(|number| format!("w{writer}-{number}")).collect();
    ids.retain(|id| !tasks.contains_key(id));
    random.shuffle(&mut ids);
    ids.truncate(random.usize(1..4));
    ids
}
