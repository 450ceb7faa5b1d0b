//! The latency of uncached pages: a task is written before every request.

use std::collections::BTreeMap;
use std::time::Instant;

use sqlx::{Connection, PgConnection};

use crate::Error;
use crate::contender::Running;
use crate::data::DataSet;
use crate::figures::median;
use crate::row::{Depth, target};
use crate::verify::{no_answer, other};
use crate::writers::Known;

/// The tasks of a page.
pub const LIMIT: i64 = 250;

/// Requests pages at all depths in turn over one connection, and returns the median of each in milliseconds. No page is
/// requested twice in a run: `asked` counts the requests at each depth.
pub async fn latencies(
    running: &Running,
    data: &DataSet,
    known: &Known,
    turns: u32,
    asked: &mut i64,
) -> Result<BTreeMap<Depth, f64>, Error> {
    let mut connection = PgConnection::connect_with(&data.options).await?;
    let mut client = running.client().await?;
    let pending = data.pending().await?;
    let mut took: BTreeMap<Depth, Vec<f64>> = BTreeMap::new();
    for _ in 0..turns {
        for depth in Depth::ALL {
            let target = target(near(depth, pending, *asked), LIMIT, false);
            known.report(&mut connection).await?;
            let began = Instant::now();
            let answer = client.get(&target, &[]).await;
            let millis = began.elapsed().as_secs_f64() * 1e3;
            let answer = answer.map_err(no_answer(running.contender, &target))?;
            if !answer.status.is_success() {
                return Err(other(running.contender, &target, answer.status.as_str()));
            }
            took.entry(depth).or_default().push(millis);
        }
        *asked += 1;
    }
    Ok(took
        .into_iter()
        .filter_map(|(depth, took)| Some((depth, median(&took)?)))
        .collect())
}

/// An offset of this depth that was not requested yet.
fn near(depth: Depth, pending: i64, asked: i64) -> i64 {
    let at = depth.offset(pending, LIMIT);
    match depth {
        Depth::First | Depth::Middle => at + asked,
        Depth::Last => (at - asked).max(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_for_a_different_page() {
        for depth in Depth::ALL {
            assert_ne!(near(depth, 1000, 0), near(depth, 1000, 1));
        }
    }
}
