//! The history of writes, and whether a response is of one of its snapshots.
//!
//! Writers run concurrently, and only the database knows in which order their transactions became visible. But each writer
//! has tasks of its own, changes them in one transaction after the other, and a clock of the test records when each began
//! and when it was acknowledged. A snapshot is one state of each writer's tasks: if it contains a transaction, it contains
//! all that were acknowledged before that began. A response may be of any snapshot that contains all transactions
//! acknowledged before its request, and none that began after the response. All such snapshots are tried.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// More than a writer writes while a request is in flight.
const REMEMBERED: usize = 2048;
/// More than the candidate snapshots of a response.
const TRIES: usize = 1_000_000;

/// A task in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// In milliseconds since the epoch.
    pub created: i64,
    /// Unique to the last change.
    pub stamp: i64,
    pub is_pending: bool,
}

/// A writer's tasks, by id.
pub type Tasks = BTreeMap<String, Task>;

/// A writer's tasks from one transaction to the next.
#[derive(Debug, Clone)]
struct Version {
    began: u64,
    acknowledged: Option<u64>,
    /// How many TRUNCATEs came before: the same for all writers in a snapshot.
    truncated: u64,
    tasks: Arc<Tasks>,
}

/// All writes.
pub struct History {
    now: u64,
    /// By writer, the latest last.
    versions: Vec<VecDeque<Version>>,
}

/// By writer, the versions that a snapshot may contain one of.
pub struct Window(Vec<Vec<Version>>);

/// The tasks of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct List {
    /// Only the pending tasks, or only the others.
    pub is_pending: Option<bool>,
    /// Only those of this writer.
    pub writer: Option<usize>,
    /// Only the one with this id, which is the writer's.
    pub id: Option<String>,
}

impl List {
    pub fn pending() -> Self {
        Self {
            is_pending: Some(true),
            ..Self::default()
        }
    }

    /// Its filter, as part of a URL.
    pub fn filter(&self) -> String {
        let state = self.is_pending.map(|is_pending| {
            let operator = if is_pending {
                "completionStatus+isnull"
            } else {
                "pr+completionStatus"
            };
            operator.to_owned()
        });
        let writer = self.writer.map(|writer| format!("launcher+eq+%22w{writer}%22"));
        let parts: Vec<String> = state.into_iter().chain(writer).collect();
        parts.join("+and+")
    }
}

/// The part of a list that is requested.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    pub list: List,
    pub newest_first: bool,
    /// `created` and id of the task after which the page begins.
    pub after: Option<(i64, String)>,
    pub offset: usize,
    pub limit: usize,
}

/// The content of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub tasks: Vec<(String, Task)>,
    pub count: Option<i64>,
}

impl History {
    /// An empty history of this number of writers.
    pub fn of(writers: usize) -> Self {
        let nothing = Version {
            began: 0,
            acknowledged: Some(0),
            truncated: 0,
            tasks: Arc::default(),
        };
        Self {
            now: 0,
            versions: vec![VecDeque::from([nothing]); writers],
        }
    }

    pub fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// A writer's tasks after its last transaction.
    pub fn tasks(&self, writer: usize) -> Arc<Tasks> {
        Arc::clone(&self.versions[writer].back().unwrap().tasks)
    }

    /// The tasks of all writers.
    pub fn all(&self) -> Tasks {
        let latest = self.versions.iter().map(|versions| versions.back().unwrap());
        latest.flat_map(|version| (*version.tasks).clone()).collect()
    }

    /// Begins a transaction that leaves these tasks.
    pub fn begin(&mut self, writer: usize, tasks: Tasks) {
        let began = self.tick();
        self.push(writer, began, Arc::new(tasks), 0);
    }

    /// Begins a TRUNCATE.
    pub fn begin_truncating(&mut self) {
        let began = self.tick();
        for writer in 0..self.versions.len() {
            self.push(writer, began, Arc::default(), 1);
        }
    }

    fn push(&mut self, writer: usize, began: u64, tasks: Arc<Tasks>, truncated: u64) {
        let versions = &mut self.versions[writer];
        let last = versions.back().unwrap();
        assert!(last.acknowledged.is_some(), "one transaction after the other");
        let truncated = last.truncated + truncated;
        versions.push_back(Version {
            began,
            acknowledged: None,
            truncated,
            tasks,
        });
        if versions.len() > REMEMBERED {
            versions.pop_front();
        }
    }

    /// Ends the last transactions of these writers: they are acknowledged or, if they have not happened, forgotten.
    pub fn end(&mut self, writers: impl IntoIterator<Item = usize>, happened: bool) {
        let now = self.tick();
        for writer in writers {
            let versions = &mut self.versions[writer];
            if happened {
                versions.back_mut().unwrap().acknowledged = Some(now);
            } else {
                versions.pop_back();
            }
        }
    }

    /// Whether no transaction is in flight.
    pub fn is_at_rest(&self) -> bool {
        let is_ended = |versions: &VecDeque<Version>| versions.back().unwrap().acknowledged.is_some();
        self.versions.iter().all(is_ended)
    }

    /// The versions that a response may reflect that has arrived now, to a request of that time.
    pub fn since(&self, asked: u64) -> Window {
        let of_one = |versions: &VecDeque<Version>| {
            let is_acknowledged = |version: &Version| version.acknowledged.is_some_and(|then| then < asked);
            let first = versions.iter().rposition(is_acknowledged).expect("remembered");
            versions.range(first..).cloned().collect()
        };
        Window(self.versions.iter().map(of_one).collect())
    }
}

impl Window {
    /// Whether some snapshot has this content.
    pub fn explains(&self, part: &Part, said: &Said) -> Result<(), String> {
        if self.has_snapshot(part, said) {
            return Ok(());
        }
        let uncounted = Said {
            count: None,
            ..said.clone()
        };
        Err(if said.count.is_some() && self.has_snapshot(part, &uncounted) {
            format!("a count that is not of the page's snapshot: {part:?}, {said:?}")
        } else {
            format!("a response of no snapshot since its request: {part:?}, {said:?}")
        })
    }

    fn has_snapshot(&self, part: &Part, said: &Said) -> bool {
        let writers = 0..self.0.len();
        // The versions of a writer that agree with its tasks in the response.
        let candidates: Vec<(usize, Vec<usize>)> = writers
            .filter(|writer| part.list.writer.is_none_or(|only| only == *writer))
            .map(|writer| {
                let fits = |version: &usize| {
                    let tasks = &self.0[writer][*version].tasks;
                    said.tasks
                        .iter()
                        .filter(|(id, _)| owner(id) == writer)
                        .all(|(id, task)| tasks.get(id) == Some(task))
                };
                (writer, (0..self.0[writer].len()).filter(fits).collect())
            })
            .collect();
        self.choose(&candidates, &mut Vec::new(), part, said, &mut 0)
    }

    /// Chooses a version for each further writer.
    fn choose(
        &self,
        candidates: &[(usize, Vec<usize>)],
        chosen: &mut Vec<(usize, usize)>,
        part: &Part,
        said: &Said,
        tries: &mut usize,
    ) -> bool {
        *tries += 1;
        assert!(*tries < TRIES, "too many snapshots to try");
        let Some((writer, versions)) = candidates.get(chosen.len()) else {
            return self.says(chosen, part, said);
        };
        versions.iter().any(|version| {
            let next = (*writer, *version);
            if !chosen.iter().all(|other| self.are_one_snapshot(*other, next)) {
                return false;
            }
            chosen.push(next);
            let found = self.choose(candidates, chosen, part, said, tries);
            chosen.pop();
            found
        })
    }

    /// Whether the snapshot of these versions has this content.
    fn says(&self, chosen: &[(usize, usize)], part: &Part, said: &Said) -> bool {
        let key =
            |id: &str, created: i64| (if part.newest_first { -created } else { created }, id.to_owned());
        let list = &part.list;
        let mut listed: Vec<_> = chosen
            .iter()
            .flat_map(|(writer, version)| &*self.0[*writer][*version].tasks)
            .filter(|(id, task)| {
                list.is_pending.is_none_or(|only| only == task.is_pending)
                    && list.id.as_ref().is_none_or(|only| only == *id)
            })
            .map(|(id, task)| (key(id, task.created), task))
            .collect();
        listed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let count = listed.len();
        let after = part.after.as_ref().map(|(created, id)| key(id, *created));
        let page = listed
            .iter()
            .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
            .skip(part.offset)
            .take(part.limit);
        said.count.is_none_or(|said| usize::try_from(said) == Ok(count))
            && page
                .map(|((_, id), task)| (id, *task))
                .eq(said.tasks.iter().map(|(id, task)| (id, task)))
    }

    /// Whether neither lacks a transaction that was acknowledged before the other began.
    fn are_one_snapshot(&self, one: (usize, usize), other: (usize, usize)) -> bool {
        let version = |(writer, version): (usize, usize)| self.0[writer].get(version);
        let lacks = |one: (usize, usize), other| {
            let (next, other) = (version((one.0, one.1 + 1)), version(other));
            let acknowledged = next.and_then(|next| next.acknowledged);
            acknowledged.is_some_and(|then| other.is_some_and(|other| then < other.began))
        };
        let truncated = |which| version(which).map(|version| version.truncated);
        !lacks(one, other) && !lacks(other, one) && truncated(one) == truncated(other)
    }
}

/// The writer of a task: ids begin with `w`, its number and `-`.
fn owner(id: &str) -> usize {
    let number = id.strip_prefix('w').and_then(|rest| rest.split_once('-'));
    number
        .unwrap_or_else(|| panic!("no writer: {id}"))
        .0
        .parse()
        .unwrap()
}
