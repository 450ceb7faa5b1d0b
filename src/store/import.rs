//! Writing very many tasks: each batch goes through COPY into a temporary table and from there, with one statement,
//! into `task_status`.
//!
//! The temporary table has the types of the real one, so that every value is parsed once, and it lasts for the
//! transaction of its batch: nothing is left behind, and a pooler of transactions may be in between.

use std::ops::{AddAssign, Range};

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, Row as _};

use super::StoreError;
use super::copy::{self, CopyEncoder};
use crate::task::TaskStatus;

const STAGE: &str =
    "create temporary table task_status_import (like task_status including defaults) on commit drop";
/// For a rehearsal the rules of the table come along, which the real table sees to otherwise.
const STAGE_WITH_RULES: &str = "create temporary table task_status_import \
     (like task_status including defaults including constraints) on commit drop";

/// Tasks that are ready to be written together, at most one for each id.
#[derive(Debug, Default)]
pub struct Batch {
    encoded: CopyEncoder,
    rows: Vec<Row>,
    pushed: usize,
}

#[derive(Debug)]
struct Row {
    id: String,
    modified: DateTime<Utc>,
    /// How many were pushed before.
    index: usize,
    bytes: Range<usize>,
}

/// Whether a batch is written, or all but that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Write,
    /// Everything is checked, counted against the table as it is, and nothing is changed.
    DryRun,
}

/// What became of the tasks of a batch.
#[derive(Debug, Default)]
pub struct Written {
    pub created: u64,
    /// They took the place of what was stored, or were the same.
    pub replaced: u64,
    /// What is stored, or was in the same batch, is newer by `modified`.
    pub superseded: u64,
    pub refused: Vec<Refused>,
}

/// A task that the database did not take.
#[derive(Debug)]
pub struct Refused {
    /// How many were pushed before it.
    pub index: usize,
    pub constraint: String,
}

impl Batch {
    /// Adds a task.
    pub fn push(&mut self, task: &TaskStatus) {
        self.rows.push(Row {
            id: task.id.clone(),
            modified: task.modified,
            index: self.pushed,
            bytes: self.encoded.push(task),
        });
        self.pushed += 1;
    }

    /// Of several with the same id the newest stays, of equally new ones the last. What stays is put in the order of
    /// ids, so that two imports that share some wait for each other and do not deadlock.
    pub fn settle(&mut self) {
        // Stable, hence in the order in which they came where all else is equal.
        self.rows
            .sort_by(|one, other| (&one.id, one.modified).cmp(&(&other.id, other.modified)));
        self.rows.dedup_by(|later, earlier| {
            let same = later.id == earlier.id;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.created += other.created;
        self.replaced += other.replaced;
        self.superseded += other.superseded;
        self.refused.extend(other.refused);
    }
}

/// Writes a batch that is settled. Where the database refuses a value the batch is halved, again and again, until that
/// task is alone; the others are written.
///
/// # Errors
/// The database is unavailable, or the statement took too long. Of a batch, what was written until then stays.
pub async fn write(connection: &mut PgConnection, batch: &Batch, mode: Mode) -> Result<Written, StoreError> {
    let repeated = batch.pushed - batch.rows.len();
    let mut written = Written {
        superseded: repeated as u64,
        ..Written::default()
    };
    let mut pieces = vec![&batch.rows[..]];
    while let Some(piece) = pieces.pop() {
        match (write_piece(connection, &batch.encoded, piece, mode).await, piece) {
            (Ok(more), _) => written += more,
            (Err(StoreError::Refused { constraint, .. }), [row]) => written.refused.push(Refused {
                index: row.index,
                constraint,
            }),
            (Err(StoreError::Refused { .. }), _) => {
                let (first, second) = piece.split_at(piece.len() / 2);
                pieces.extend([second, first]);
            }
            (Err(error), _) => return Err(error),
        }
    }
    Ok(written)
}

/// All of it, or nothing where a value is refused.
async fn write_piece(
    connection: &mut PgConnection,
    encoded: &CopyEncoder,
    rows: &[Row],
    mode: Mode,
) -> Result<Written, StoreError> {
    if rows.is_empty() {
        return Ok(Written::default());
    }
    let mut transaction = connection.begin().await?;
    let stage = match mode {
        Mode::Write => STAGE,
        Mode::DryRun => STAGE_WITH_RULES,
    };
    sqlx::raw_sql(stage).execute(&mut *transaction).await?;
    let ranges = rows.iter().map(|row| row.bytes.clone());
    copy::send(&mut transaction, "task_status_import", encoded, ranges).await?;
    let written = match mode {
        Mode::Write => {
            let written = upsert(&mut transaction, rows.len() as u64).await?;
            transaction.commit().await?;
            written
        }
        Mode::DryRun => {
            let foreseen = preview(&mut transaction, rows.len() as u64).await?;
            transaction.rollback().await?;
            foreseen
        }
    };
    Ok(written)
}

/// What a replaced task keeps is as [`super::report`] has it, but a task that is stored as it is given is left alone: an
/// import that is repeated changes no row.
async fn upsert(connection: &mut PgConnection, all: u64) -> Result<Written, StoreError> {
    let row = sqlx::query(
        "
        with written as (
            insert into task_status (
                id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
                created, modified, launched, completed, completion_status,
                messages, returns, attributes, progress, percent_complete, task_definition_summary)
            select
                id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
                created, modified, launched, completed, completion_status,
                messages, returns, attributes, progress, percent_complete, task_definition_summary
            from task_status_import
            on conflict (id) do update set (
                type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
                created, modified, launched, completed, completion_status,
                messages, returns, attributes, progress, percent_complete, task_definition_summary
            ) = (
                excluded.type, excluded.unique_name, excluded.description, excluded.parent_name, excluded.launcher,
                excluded.target_id, excluded.target_type, excluded.target_name,
                least(task_status.created, excluded.created), excluded.modified, excluded.launched,
                case when task_status.completion_status = excluded.completion_status
                    then least(task_status.completed, excluded.completed) else excluded.completed end,
                excluded.completion_status, excluded.messages, excluded.returns, excluded.attributes,
                excluded.progress, excluded.percent_complete, excluded.task_definition_summary)
            where task_status.modified < excluded.modified
                or task_status.modified = excluded.modified and (
                    task_status.type, task_status.unique_name, task_status.description, task_status.parent_name,
                    task_status.launcher, task_status.target_id, task_status.target_type, task_status.target_name,
                    task_status.created, task_status.launched, task_status.completed, task_status.completion_status,
                    task_status.messages, task_status.returns, task_status.attributes, task_status.progress,
                    task_status.percent_complete, task_status.task_definition_summary
                ) is distinct from (
                    excluded.type, excluded.unique_name, excluded.description, excluded.parent_name,
                    excluded.launcher, excluded.target_id, excluded.target_type, excluded.target_name,
                    least(task_status.created, excluded.created), excluded.launched,
                    case when task_status.completion_status = excluded.completion_status
                        then least(task_status.completed, excluded.completed) else excluded.completed end,
                    excluded.completion_status, excluded.messages, excluded.returns, excluded.attributes,
                    excluded.progress, excluded.percent_complete, excluded.task_definition_summary)
            -- A row that was inserted has had no other version.
            returning xmax = 0 as created
        )
        select count(*) filter (where created) as created, count(*) as written from written
        ",
    )
    .fetch_one(&mut *connection)
    .await?;
    let created = row.try_get::<i64, _>("created")?.unsigned_abs();
    let superseded = if row.try_get::<i64, _>("written")?.unsigned_abs() < all {
        superseded(connection).await?
    } else {
        0
    };
    Ok(Written {
        created,
        replaced: all - created - superseded,
        superseded,
        refused: Vec::new(),
    })
}

/// How many of the stage are older than what is stored, whose rows are locked by now.
async fn superseded(connection: &mut PgConnection) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "
        select count(*) from task_status_import as given
        cross join lateral (
            select modified from task_status where id = given.id limit 1
        ) as stored
        where stored.modified > given.modified
        ",
    )
    .fetch_one(connection)
    .await?;
    Ok(count.unsigned_abs())
}

async fn preview(connection: &mut PgConnection, all: u64) -> Result<Written, StoreError> {
    let row = sqlx::query(
        "
        select count(*) as known, count(*) filter (where stored.modified > given.modified) as superseded
        from task_status_import as given
        cross join lateral (select modified from task_status where id = given.id limit 1) as stored
        ",
    )
    .fetch_one(connection)
    .await?;
    let known = row.try_get::<i64, _>("known")?.unsigned_abs();
    let superseded = row.try_get::<i64, _>("superseded")?.unsigned_abs();
    Ok(Written {
        created: all - known,
        replaced: known - superseded,
        superseded,
        refused: Vec::new(),
    })
}
