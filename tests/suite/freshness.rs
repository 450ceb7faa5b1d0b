//! Freshness: what has been acknowledged, by anybody, is in every answer that is asked for after that.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use task_status::pending::barrier::Barrier;
use task_status::store::{Database, tally};
use tokio::task::JoinSet;

use crate::support::PATIENCE;
use crate::support::database::TestDatabase;
use crate::support::service::{Answer, PENDING_TASKS, Service};

fn barrier(database: &Database) -> Barrier<tally::Tally> {
    let database = database.clone();
    Barrier::new(PATIENCE, move || {
        let database = database.clone();
        async move { tally::read(&database).await }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_passes_a_barrier_sees_every_write_that_was_acknowledged_before() {
    const WRITERS: usize = 8;
    const WRITES: usize = 60;
    let database = TestDatabase::new().await;
    let services = [Service::start(&database).await, Service::start(&database).await];
    let barriers = Arc::new(services.each_ref().map(|service| barrier(&service.database)));
    let acknowledged = Arc::new(AtomicI64::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let mut connection = database.connect().await;
        let (barriers, acknowledged) = (Arc::clone(&barriers), Arc::clone(&acknowledged));
        writers.spawn(async move {
            for write in 0..WRITES {
                let sql = format!(
                    "insert into task_status (id, type, unique_name, launcher) values ('{writer}-{write}', 'QPOC', 'n', 'l')"
                );
                connection.execute(AssertSqlSafe(sql)).await.unwrap();
                acknowledged.fetch_add(1, Ordering::SeqCst);
                let before = acknowledged.load(Ordering::SeqCst);
                let tally = barriers[(writer + write) % 2].pass().await.unwrap();
                assert!(tally.pending >= before, "{} of {before}", tally.pending);
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    for barrier in &*barriers {
        assert_eq!(
            barrier.pass().await.unwrap().pending,
            i64::try_from(WRITERS * WRITES).unwrap()
        );
    }
}

/// One who changes tasks of its own, by whatever way, and knows what has been acknowledged.
struct Writer {
    number: usize,
    random: fastrand::Rng,
    services: Arc<[Service; 2]>,
    connection: PgConnection,
    /// The progress of each of its tasks that is pending.
    pending: BTreeMap<String, String>,
    made: usize,
}

impl Writer {
    async fn sql(&mut self, sql: String) {
        self.connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }

    fn any(&mut self) -> Option<String> {
        let index = self.random.usize(..self.pending.len().max(1));
        self.pending.keys().nth(index).cloned()
    }

    /// Puts a task as it shall be, through either service.
    async fn put(&mut self, id: &str, progress: &str, status: Option<&str>) {
        let task = json!({
            "type": "QPOC", "uniqueName": "n", "launcher": "l", "progress": progress, "completionStatus": status,
        });
        let service = self.random.usize(..2);
        let target = format!("/task-status/{id}");
        let answer = self.services[service]
            .send(Method::PUT, &target, "application/json", task.to_string())
            .await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// Changes something, and returns once that is acknowledged.
    async fn write(&mut self) {
        let progress = self.random.u32(..).to_string();
        let new = format!("w{}-{}", self.number, self.made);
        self.made += 1;
        let insert = |id: &str| {
            format!(
                "insert into task_status (id, type, unique_name, launcher, progress) values ('{id}', 'QPOC', 'n', 'l', '{progress}')"
            )
        };
        match (self.random.usize(..9), self.any()) {
            (0, _) if self.pending.len() < 20 => {
                self.put(&new, &progress, None).await;
                self.pending.insert(new, progress);
            }
            (1, _) if self.pending.len() < 20 => {
                self.sql(insert(&new)).await;
                self.pending.insert(new, progress);
            }
            (2, Some(id)) => {
                self.put(&id, &progress, None).await;
                self.pending.insert(id, progress);
            }
            (3, Some(id)) => {
                self.sql(format!(
                    "update task_status set progress = '{progress}' where id = '{id}'"
                ))
                .await;
                self.pending.insert(id, progress);
            }
            (4, Some(id)) => {
                self.put(&id, &progress, Some("SUCCESS")).await;
                self.pending.remove(&id);
            }
            (5, Some(id)) => {
                self.sql(format!("delete from task_status where id = '{id}'"))
                    .await;
                self.pending.remove(&id);
            }
            (6, _) => self.sql(format!("begin; {}; rollback", insert(&new))).await,
            (7, Some(id)) => {
                self.sql(format!(
                    "begin isolation level repeatable read; delete from task_status where id = '{id}'; savepoint s; {};
                     rollback to savepoint s; commit",
                    insert(&new)
                ))
                .await;
                self.pending.remove(&id);
            }
            (8, _) => {
                // Of a batch all is there or nothing.
                let count = self.pending.len();
                let mine = format!("id like 'w{}-%' and completion_status is null", self.number);
                self.sql(format!(
                    "update task_status set progress = '{progress}' where {mine}"
                ))
                .await;
                self.pending
                    .values_mut()
                    .for_each(|known| known.clone_from(&progress));
                assert_eq!(self.pending.len(), count);
            }
            _ => {}
        }
    }

    /// What an answer says of the writer's own tasks.
    fn mine(&self, answer: &Answer) -> BTreeMap<String, String> {
        let prefix = format!("w{}-", self.number);
        let text = |task: &Value, key: &str| task[key].as_str().unwrap().to_owned();
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|task| (text(task, "id"), text(task, "progress")))
            .filter(|(id, _)| id.starts_with(&prefix))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_answer_of_either_instance_has_every_write_that_was_acknowledged() {
    const WRITERS: usize = 6;
    const WRITES: usize = 80;
    let database = TestDatabase::new().await;
    // Never nothing, so that every answer has content.
    database
        .execute("insert into task_status (id, type, unique_name, launcher, progress) values ('always', 'QPOC', 'n', 'l', '')")
        .await;
    let services = Arc::new([Service::start(&database).await, Service::start(&database).await]);
    let bodies = Arc::new(Mutex::new(HashMap::new()));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let mut writer = Writer {
            number,
            random: fastrand::Rng::with_seed(number as u64),
            services: Arc::clone(&services),
            connection: database.connect().await,
            pending: BTreeMap::new(),
            made: 0,
        };
        let bodies = Arc::clone(&bodies);
        writers.spawn(async move {
            for _ in 0..WRITES {
                writer.write().await;
                let list =
                    [PENDING_TASKS, "/task-status?filters=completionStatus+isnull"][writer.random.usize(..2)];
                let join = if list.contains('?') { '&' } else { '?' };
                let service = &writer.services[writer.random.usize(..2)];
                let answer = service.get(&format!("{list}{join}count=true")).await;
                assert_eq!(writer.mine(&answer), writer.pending);
                assert_eq!(answer.total_count(), i64::try_from(answer.ids().len()).ok());
                let etag = answer.header("etag").unwrap().to_owned();
                let mut bodies = bodies.lock().unwrap();
                let known = bodies.entry(etag).or_insert_with(|| answer.body.clone());
                assert!(*known == answer.body, "one tag for two bodies");
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    assert!(
        bodies.lock().unwrap().len() > WRITERS * WRITES / 4,
        "hardly anything was seen"
    );
}
