//! Executors that report their tasks during a measurement, in plain SQL and one transaction per write.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::data::DataSet;
use crate::row::{Victims, Writes};

/// The number of connections.
const CONNECTIONS: u32 = 16;
/// The number of tasks to choose from.
const KNOWN: i64 = 100_000;
const REPORT: &str =
    "update task_status set progress = $2, percent_complete = $3 where id = $1 and completion_status is null";
const COMPLETE: &str = "update task_status set completion_status = 'SUCCESS', percent_complete = 100 where id = $1 and completion_status is null";
/// A new task is a copy of another one, so that pages keep their size.
const BEGIN: &str = "
    insert into task_status (id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
        attributes, progress, task_definition_summary)
    select $2, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
        attributes, progress, task_definition_summary
    from task_status where id = $1";

/// The pending tasks that writers know.
#[derive(Debug, Clone)]
pub struct Known(Arc<Mutex<Vec<String>>>);

/// The kinds of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Report,
    Begin,
    Complete,
}

/// Of twenty writes, fourteen report progress, three begin a task and three complete one.
const MIX: [Write; 20] = {
    let mut mix = [Write::Report; 20];
    mix[3] = Write::Begin;
    mix[6] = Write::Complete;
    mix[10] = Write::Begin;
    mix[13] = Write::Complete;
    mix[16] = Write::Begin;
    mix[19] = Write::Complete;
    mix
};

/// Running writers.
#[derive(Debug)]
pub struct Writers {
    stop: CancellationToken,
    tasks: JoinSet<Result<u64, Error>>,
    began: Instant,
}

impl Known {
    /// Random pending tasks.
    pub async fn any(data: &DataSet) -> Result<Self, Error> {
        Self::select(data, "md5(id)", 0, KNOWN).await
    }

    /// The tasks of a page.
    async fn page(data: &DataSet, offset: i64, limit: i64) -> Result<Self, Error> {
        Self::select(data, "created, id", offset, limit).await
    }

    async fn select(data: &DataSet, order: &str, offset: i64, limit: i64) -> Result<Self, Error> {
        let mut connection = PgConnection::connect_with(&data.options).await?;
        let statement = AssertSqlSafe(format!(
            "select id from task_status where completion_status is null order by {order} offset $1 limit $2"
        ));
        let ids = sqlx::query_scalar(statement)
            .bind(offset)
            .bind(limit)
            .fetch_all(&mut connection)
            .await?;
        Ok(Self(Arc::new(Mutex::new(ids))))
    }

    fn ids(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A random task.
    fn choose(&self) -> Option<String> {
        let ids = self.ids();
        fastrand::choice(ids.iter()).cloned()
    }

    /// Removes a random task.
    fn take(&self) -> Option<String> {
        let mut ids = self.ids();
        let length = ids.len();
        (length > 0).then(|| ids.swap_remove(fastrand::usize(..length)))
    }

    /// Commits a progress report of a random task.
    pub async fn report(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let Some(id) = self.choose() else { return Ok(()) };
        let percent = fastrand::i32(1..100);
        sqlx::query(REPORT)
            .bind(id)
            .bind(format!("{percent} % are done"))
            .bind(percent)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn begin(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let Some(like) = self.choose() else { return Ok(()) };
        let id = format!("{:032x}", fastrand::u128(..));
        sqlx::query(BEGIN)
            .bind(like)
            .bind(&id)
            .execute(connection)
            .await?;
        self.ids().push(id);
        Ok(())
    }

    async fn complete(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let Some(id) = self.take() else { return Ok(()) };
        sqlx::query(COMPLETE).bind(id).execute(connection).await?;
        Ok(())
    }

    async fn execute(&self, write: Write, connection: &mut PgConnection) -> Result<(), Error> {
        match write {
            Write::Report => self.report(connection).await,
            Write::Begin => self.begin(connection).await,
            Write::Complete => self.complete(connection).await,
        }
    }
}

impl Writers {
    /// Starts writers on known tasks of a data set. `offset` and `limit` are the page of [`Victims::Page`].
    pub async fn start(
        data: &DataSet,
        known: &Known,
        writes: Writes,
        offset: i64,
        limit: i64,
    ) -> Result<Self, Error> {
        let known = match writes.victims {
            Victims::Any => known.clone(),
            Victims::Page => Known::page(data, offset, limit).await?,
        };
        let stop = CancellationToken::new();
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS.min(writes.rate) {
            connections.push(PgConnection::connect_with(&data.options).await?);
        }
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        let number = u32::try_from(connections.len()).unwrap_or(CONNECTIONS);
        let each = Duration::from_secs(1) * number / writes.rate;
        for (turn, connection) in (0..number).zip(connections) {
            let writer = Writer {
                known: known.clone(),
                connection,
                // Spread over the interval.
                delay: each * turn / number,
                each,
                writes_in_turn: (writes.victims == Victims::Any).then_some(MIX),
            };
            tasks.spawn(writer.write(stop.clone()));
        }
        Ok(Self { stop, tasks, began })
    }

    /// Stops the writers, and returns the number of writes per second.
    pub async fn stop(mut self) -> Result<f64, Error> {
        let took = self.began.elapsed();
        self.stop.cancel();
        let mut written = 0;
        while let Some(writer) = self.tasks.join_next().await {
            written += writer??;
        }
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
        Ok(written as f64 / took.as_secs_f64())
    }
}

struct Writer {
    known: Known,
    connection: PgConnection,
    delay: Duration,
    each: Duration,
    /// Its writes in turn. `None` if it only reports.
    writes_in_turn: Option<[Write; 20]>,
}

impl Writer {
    /// Writes until `stop`, and returns the number of writes.
    async fn write(mut self, stop: CancellationToken) -> Result<u64, Error> {
        let mut ticks = interval_at(tokio::time::Instant::now() + self.delay, self.each);
        // A late writer catches up, to keep the rate.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut written = 0;
        // The connections begin at different points of the mix.
        let mut writes_in_turn = fastrand::usize(..MIX.len());
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let write = self
                .writes_in_turn
                .map_or(Write::Report, |mix| mix[writes_in_turn % mix.len()]);
            self.known.execute(write, &mut self.connection).await?;
            writes_in_turn += 1;
            written += 1;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_pending_tasks_stays_constant() {
        let number = |write| MIX.iter().filter(|one| **one == write).count();
        assert_eq!(
            [Write::Report, Write::Begin, Write::Complete].map(number),
            [14, 3, 3]
        );
    }
}
