//! Executors that report their tasks while pages are asked for: plain SQL, each write a transaction of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::data::DataSet;
use crate::row::{Victims, Writes};

/// How many connections share the work.
const CONNECTIONS: u32 = 16;
/// Of how many tasks those are chosen that are written.
const KNOWN: i64 = 100_000;
const REPORT: &str =
    "update task_status set progress = $2, percent_complete = $3 where id = $1 and completion_status is null";
const COMPLETE: &str = "update task_status set completion_status = 'SUCCESS', percent_complete = 100 where id = $1 and completion_status is null";
/// A new task is like another one, so that pages stay of the size they have.
const BEGIN: &str = "
    insert into task_status (id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
        attributes, progress, task_definition_summary)
    select $2, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
        attributes, progress, task_definition_summary
    from task_status where id = $1";

/// The pending tasks that writers know.
#[derive(Debug, Clone)]
pub struct Known(Arc<Mutex<Vec<String>>>);

/// The work of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Report,
    Begin,
    Complete,
}

/// Of twenty writes fourteen report progress, three begin a task and three complete one: the number pending stays.
const MIX: [Deed; 20] = {
    let mut mix = [Deed::Report; 20];
    mix[3] = Deed::Begin;
    mix[6] = Deed::Complete;
    mix[10] = Deed::Begin;
    mix[13] = Deed::Complete;
    mix[16] = Deed::Begin;
    mix[19] = Deed::Complete;
    mix
};

/// Writers at work.
#[derive(Debug)]
pub struct Writers {
    stop: CancellationToken,
    at_work: JoinSet<Result<u64, Error>>,
    began: Instant,
}

impl Known {
    /// Pending tasks of all ages, in no order.
    pub async fn any(data: &DataSet) -> Result<Self, Error> {
        let mut connection = PgConnection::connect_with(&data.options).await?;
        let statement =
            "select id from task_status where completion_status is null order by md5(id) limit $1";
        let ids = sqlx::query_scalar(statement)
            .bind(KNOWN)
            .fetch_all(&mut connection)
            .await?;
        Ok(Self(Arc::new(Mutex::new(ids))))
    }

    /// The tasks of a page.
    async fn page(data: &DataSet, offset: i64, limit: i64) -> Result<Self, Error> {
        let mut connection = PgConnection::connect_with(&data.options).await?;
        let statement = "select id from task_status where completion_status is null order by created, id offset $1 limit $2";
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

    /// One of them.
    fn choose(&self) -> Option<String> {
        let ids = self.ids();
        fastrand::choice(ids.iter()).cloned()
    }

    /// One of them, which is no other writer's any more.
    fn take(&self) -> Option<String> {
        let mut ids = self.ids();
        let length = ids.len();
        (length > 0).then(|| ids.swap_remove(fastrand::usize(..length)))
    }

    /// Reports progress of one of them; returns when that is committed.
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

    async fn carry_out(&self, deed: Deed, connection: &mut PgConnection) -> Result<(), Error> {
        match deed {
            Deed::Report => self.report(connection).await,
            Deed::Begin => self.begin(connection).await,
            Deed::Complete => self.complete(connection).await,
        }
    }
}

impl Writers {
    /// Begins to write to a data set, of which these tasks are known; `offset` and `limit` say which page the victims of
    /// [`Victims::Page`] are of.
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
        let mut at_work = JoinSet::new();
        let number = u32::try_from(connections.len()).unwrap_or(CONNECTIONS);
        let each = Duration::from_secs(1) * number / writes.rate;
        for (turn, connection) in (0..number).zip(connections) {
            let writer = Writer {
                known: known.clone(),
                connection,
                // One after the other, not all at once.
                delay: each * turn / number,
                each,
                deeds: (writes.victims == Victims::Any).then_some(MIX),
            };
            at_work.spawn(writer.write(stop.clone()));
        }
        Ok(Self { stop, at_work, began })
    }

    /// Ends the writing, and returns how many writes a second there were.
    pub async fn stop(mut self) -> Result<f64, Error> {
        let took = self.began.elapsed();
        self.stop.cancel();
        let mut written = 0;
        while let Some(writer) = self.at_work.join_next().await {
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
    /// Its steps in turn; none if it only reports.
    deeds: Option<[Deed; 20]>,
}

impl Writer {
    /// Writes until it is told to stop, and returns how often.
    async fn write(mut self, stop: CancellationToken) -> Result<u64, Error> {
        let mut ticks = interval_at(tokio::time::Instant::now() + self.delay, self.each);
        // A late writer catches up: the rate holds as long as the database can take it.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut written = 0;
        // Not all connections begin tasks at the same time.
        let mut deeds = fastrand::usize(..MIX.len());
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let deed = self.deeds.map_or(Deed::Report, |mix| mix[deeds % mix.len()]);
            self.known.carry_out(deed, &mut self.connection).await?;
            deeds += 1;
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
        let number = |deed| MIX.iter().filter(|one| **one == deed).count();
        assert_eq!(
            [Deed::Report, Deed::Begin, Deed::Complete].map(number),
            [14, 3, 3]
        );
    }
}
