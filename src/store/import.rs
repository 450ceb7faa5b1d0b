//! Writing very many tasks: a batch at a time, of which a refused task costs no other.

use sqlx::{Connection, PgConnection};

use super::report::{Outcome, write};
use super::{Refusal, StoreError};
use crate::task::report::Report;

/// Whether a batch is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Write,
    /// The batch is written and rolled back: every rule of the table is applied, and nothing is changed.
    DryRun,
}

/// Writes a batch as [`super::report::report`] does, and returns the outcome of each task. If the database refuses a
/// value the batch is halved, again and again, until that task is alone; the others are written. After an error the
/// parts that were written stay.
pub async fn import(
    connection: &mut PgConnection,
    batch: &[Report],
    mode: Mode,
) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut parts = vec![batch];
    while let Some(part) = parts.pop() {
        match (write_part(connection, part, mode).await, part) {
            (Ok(written), _) => outcomes.extend(written.into_iter().map(Ok)),
            (Err(StoreError::Refused { refusal, .. }), [_]) => outcomes.push(Err(refusal)),
            (Err(StoreError::Refused { .. }), _) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            (Err(error), _) => return Err(error),
        }
    }
    Ok(outcomes)
}

/// All of it, or nothing if a value is refused.
async fn write_part(
    connection: &mut PgConnection,
    reports: &[Report],
    mode: Mode,
) -> Result<Vec<Outcome>, StoreError> {
    let mut transaction = connection.begin().await?;
    let outcomes = write(&mut transaction, reports)
        .await
        .map_err(|error| StoreError::from(error).of_write())?;
    match mode {
        Mode::Write => transaction.commit().await?,
        Mode::DryRun => transaction.rollback().await?,
    }
    Ok(outcomes)
}
