//! Single tasks that requests wait for. A change of any task may be one of theirs, so all of them are looked at again, in one
//! statement and not in one for each request.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::barrier::Barrier;
use super::digest::Digest;
use super::wait::due;
use crate::store::{Database, StoreError, task};
use crate::task::TaskStatus;

/// How many tasks a statement reads at most.
const MAX_IDS: usize = 1000;

/// The reads, each of all tasks that are wanted when it begins.
#[derive(Debug)]
pub(super) struct TaskReads {
    wanted: Arc<Mutex<Vec<Weak<str>>>>,
    barrier: Barrier<Arc<Found>>,
}

/// The result of a read.
#[derive(Debug)]
struct Found {
    digests: HashMap<String, Digest>,
    due: Instant,
}

impl TaskReads {
    pub fn new(database: &Database, timeout: Duration) -> Self {
        let wanted = Arc::<Mutex<Vec<Weak<str>>>>::default();
        let barrier = Barrier::new(timeout, {
            let (database, wanted) = (database.clone(), Arc::clone(&wanted));
            move || {
                let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
                wanted.retain(|id| id.strong_count() > 0);
                let ids: HashSet<Arc<str>> = wanted.iter().filter_map(Weak::upgrade).collect();
                drop(wanted);
                read(database.clone(), ids)
            }
        });
        Self { wanted, barrier }
    }

    /// The digest of the task with this id, if there is one, as it is after this call; and when to look again at the
    /// earliest.
    pub async fn digest(&self, id: &str) -> Result<(Option<Digest>, Instant), StoreError> {
        let wanted: Arc<str> = id.into();
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(&wanted));
        let found = self.barrier.pass().await?;
        Ok((found.digests.get(&*wanted).copied(), found.due))
    }
}

async fn read(database: Database, ids: HashSet<Arc<str>>) -> Result<Arc<Found>, StoreError> {
    let began = Instant::now();
    let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
    let mut digests = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(MAX_IDS) {
        let take = |task: TaskStatus| {
            if let Ok(json) = serde_json::to_vec(&task) {
                digests.insert(task.id, Digest::of(&json));
            }
        };
        task::each(&database, ids, take).await?;
    }
    Ok(Arc::new(Found {
        digests,
        due: due(began),
    }))
}
