//! Writing whole tasks: reports, batches, streams and imports, with one statement and one rule.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use super::row::{COLUMN_NAMES, COLUMNS, JSON_COLUMNS, arguments, given, list};
use super::task::select;
use super::{Database, StoreError};
use crate::task::TaskStatus;
use crate::task::report::Report;

/// What became of a reported task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// There was none with this id.
    Created,
    /// It took the place of the stored task, or equals it.
    Replaced,
    /// The stored task is newer by `modified`; nothing was changed.
    Superseded,
}

impl Outcome {
    /// Whether the stored task is the reported one.
    pub fn is_stored(self) -> bool {
        self != Self::Superseded
    }
}

/// Creates or replaces tasks. A replaced task stays as old as it was, and it ended when the first report with its status
/// says: an executor need not remember either. A report that is older by `modified` changes nothing, and neither does
/// one that equals the stored task. A report without `modified` is made now, and never older. A stored time that is too
/// far ahead is not newer than anything.
static WRITE: LazyLock<String> = LazyLock::new(|| {
    let given = given();
    let value = |column: &str| match column {
        "created" | "modified" => format!("coalesce({column}, now())"),
        // A trigger of the table sets `completed`.
        _ => column.to_owned(),
    };
    let values = list(COLUMN_NAMES, value);
    let replacement = |column: &str| match column {
        "created" => "least(task_status.created, excluded.created)".to_owned(),
        "completed" => "case when task_status.completion_status = excluded.completion_status \
            then least(task_status.completed, excluded.completed) else excluded.completed end"
            .to_owned(),
        "modified" => "task_status_advanced(task_status.modified, excluded.modified)".to_owned(),
        _ => format!("excluded.{column}"),
    };
    // JSON is the same if its text is: 1 and 1.0 are equal, and served as they were given.
    let text = |column: &str| {
        if JSON_COLUMNS.contains(&column) {
            "::text"
        } else {
            ""
        }
    };
    let stored = list(COLUMN_NAMES, |column| {
        format!("task_status.{column}{}", text(column))
    });
    let compared = list(COLUMN_NAMES, |column| replacement(column) + text(column));
    let replacement = list(COLUMN_NAMES, replacement);
    format!(
        "insert into task_status ({COLUMNS})
        select {values} from ({given}) as given
        on conflict (id) do update set ({COLUMNS}) = ({replacement})
        where task_status.modified < excluded.modified
            or task_status.modified = excluded.modified and ({stored}) is distinct from ({compared})
            or task_status.modified > task_status_latest()
            -- Does not depend on the row: read once if needed, into a hash table.
            or excluded.id in (select id from ({given}) as given where modified is null)
        -- A row that was inserted has had no other version.
        returning id::text collate \"C\", xmax = 0"
    )
});

/// Writes each task whole, in one statement: all of them or, if one breaks a constraint, none. Of several with the same
/// id the newest counts, of equally new ones the last; one without `modified` is newer than the others. Returns the
/// outcome of each task.
pub async fn report(database: &Database, reports: &[Report]) -> Result<Vec<Outcome>, StoreError> {
    let mut connection = database.connection().await?;
    let outcomes = database.bounded(write(&mut connection, reports)).await;
    connection.release(outcomes).await.map_err(StoreError::of_write)
}

/// Writes one task if `check` allows it, which is given the stored one; that stays as it is meanwhile. Returns the outcome
/// and the task as it is stored then.
pub async fn report_if<E>(
    database: &Database,
    report: &Report,
    check: impl Fn(Option<&TaskStatus>) -> Result<(), E>,
) -> Result<Result<(Outcome, Option<TaskStatus>), E>, StoreError> {
    let id = &report.task.id;
    loop {
        let mut connection = database.connection().await?;
        connection.begin().await?;
        let stored = match database.bounded(select(&mut connection, id, "for update")).await {
            Ok(stored) => stored,
            Err(error) => return connection.release(Err(error)).await,
        };
        if let Err(refused) = check(stored.as_ref()) {
            connection.finish().await?;
            return Ok(Err(refused));
        }
        let written = async {
            let outcomes = write(&mut connection, std::slice::from_ref(report)).await?;
            let now = select(&mut connection, id, "").await?;
            Ok((outcomes[0], now))
        };
        let written = database.bounded(written).await;
        // Another writer has created it in between, which `check` has not seen. Ends with the time of the request.
        if let (None, Ok((Outcome::Replaced | Outcome::Superseded, _))) = (&stored, &written) {
            continue;
        }
        return connection
            .release(written)
            .await
            .map(Ok)
            .map_err(StoreError::of_write);
    }
}

/// The same on any connection.
pub(super) async fn write(connection: &mut PgConnection, reports: &[Report]) -> sqlx::Result<Vec<Outcome>> {
    let mut newest: Vec<&Report> = reports.iter().rev().collect();
    // Stable. In the order of ids, so that two batches that share some wait for each other and do not deadlock.
    let order = |report: &Report| Reverse(report.modified.unwrap_or(DateTime::<Utc>::MAX_UTC));
    newest.sort_by(|one, other| (&one.task.id, order(one)).cmp(&(&other.task.id, order(other))));
    newest.dedup_by(|one, other| one.task.id == other.task.id);

    let values = arguments(&newest).map_err(sqlx::Error::Encode)?;
    let written: Vec<(String, bool)> = sqlx::query_as_with(WRITE.as_str(), values)
        .fetch_all(&mut *connection)
        .await?;
    let mut outcomes: HashMap<String, Outcome> = written
        .into_iter()
        .map(|(id, created)| {
            (
                id,
                if created {
                    Outcome::Created
                } else {
                    Outcome::Replaced
                },
            )
        })
        .collect();
    if outcomes.len() < newest.len() {
        let unwritten = newest
            .iter()
            .filter(|report| !outcomes.contains_key(&report.task.id));
        let equal = equal(connection, unwritten).await?;
        outcomes.extend(equal.into_iter().map(|id| (id, Outcome::Replaced)));
    }
    Ok(reports
        .iter()
        .map(|report| {
            let id = &report.task.id;
            let known = newest.binary_search_by(|known| known.task.id.cmp(id));
            match outcomes.get(id) {
                Some(outcome) if known.is_ok_and(|index| std::ptr::eq(newest[index], report)) => *outcome,
                _ => Outcome::Superseded,
            }
        })
        .collect())
}

/// Of reports that were not written, the ids of those that equal the stored tasks. The others are older.
async fn equal<'a>(
    connection: &mut PgConnection,
    reports: impl Iterator<Item = &'a &'a Report>,
) -> sqlx::Result<Vec<String>> {
    // Without `modified` they would have been written.
    let dated = reports.filter_map(|report| Some((report.task.id.clone(), report.modified?)));
    let (ids, modified): (Vec<String>, Vec<_>) = dated.unzip();
    sqlx::query_scalar!(
        r#"
        select given.id as "id!"
        from unnest($1::text[], $2::timestamptz[]) as given (id, modified)
        cross join lateral (select modified from task_status where id = given.id limit 1) as stored
        where stored.modified <= given.modified
        "#,
        &ids,
        &modified,
    )
    .fetch_all(connection)
    .await
}
