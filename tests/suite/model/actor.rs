//! The writers and readers: what they send, and how they check the responses.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::faults::{Failure, Session};
use super::history::{self, List, Part, Said, Tasks};
use super::writes::{self, Way};
use super::{PAUSE, WRITERS, World};
use crate::support::decoded;
use crate::support::service::PENDING_TASKS;

const JSON_PATCH: &str = "application/json-patch+json";

/// A writer or reader, or both.
pub struct Actor {
    pub world: Arc<World>,
    pub random: fastrand::Rng,
    /// The last response to each request.
    pub known: HashMap<Ask, (String, Said)>,
    /// The last request, and the next page by its link.
    pub last: Option<Ask>,
    pub next: Option<Ask>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ask {
    target: String,
    part: Part,
    coding: &'static str,
}

impl Ask {
    /// The request for one task.
    fn of_task(id: String, writer: usize) -> Self {
        Self {
            target: format!("/task-status/{id}?"),
            part: Part {
                list: List {
                    writer: Some(writer),
                    id: Some(id),
                    ..List::default()
                },
                newest_first: false,
                after: None,
                offset: 0,
                limit: 1,
            },
            coding: "identity",
        }
    }

    /// The request of the link in a response.
    fn next(&self, link: &str, said: &Said) -> Option<Self> {
        let (id, task) = said.tasks.last()?;
        let query = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
        let query = query.replace("&count=true", "").replace("&count=false", "");
        Some(Self {
            target: format!("{}{query}", self.target.split('?').next()?),
            part: Part {
                after: Some((task.created, id.clone())),
                offset: 0,
                ..self.part.clone()
            },
            coding: self.coding,
        })
    }
}

#[derive(Deserialize)]
struct Row {
    id: String,
    created: String,
    modified: String,
    progress: String,
    #[serde(rename = "completionStatus")]
    completion_status: Option<String>,
}

impl Actor {
    /// A request to one of the replicas.
    fn request(&mut self, method: Method, target: &str) -> reqwest::RequestBuilder {
        let replica = &self.world.replicas[self.random.usize(..2)];
        self.world.client.request(method, replica.url() + target)
    }

    /// Writes, and returns once the write is acknowledged, or is known not to have happened.
    pub async fn write(&mut self, writer: usize, session: &mut Session) -> Result<(), String> {
        let world = Arc::clone(&self.world);
        world.counts.writes.fetch_add(1, Ordering::Relaxed);
        if self.random.usize(..400) == 0 {
            let _alone = world.alone.write().await;
            // A writer without a response may be waiting to look.
            if !world.history().is_at_rest() {
                return Ok(());
            }
            let before = world.history().all();
            world.history().begin_truncating();
            let done = session.execute("truncate task_status".to_owned()).await;
            let happened = happened(&world, done, session, "", (&before, &Tasks::new())).await?;
            world.history().end(0..WRITERS, happened);
            return Ok(());
        }
        let together = world.alone.read().await;
        let before = world.history().tasks(writer);
        let now = |last| Some(writes::stamp(last) + 10);
        let stamp = world
            .stamp
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, now)
            .unwrap();
        let way = Way::any(&mut self.random, writer, &before, stamp);
        let mut after = (*before).clone();
        way.apply(&mut after);
        let changes = after != *before;
        if changes {
            world.history().begin(writer, after.clone());
        }
        let done = self.carry_out(&way, writer, session).await;
        drop(together);
        let _alone = match done {
            Ok(()) => None,
            Err(_) => Some(world.alone.write().await),
        };
        let owned = format!("w{writer}-");
        let happened = happened(&world, done, session, &owned, (&before, &after)).await;
        let happened = happened.map_err(|error| format!("{error}: {way:?}"))?;
        if changes {
            world.history().end([writer], happened);
        }
        Ok(())
    }

    async fn carry_out(&mut self, way: &Way, writer: usize, session: &mut Session) -> Result<(), Failure> {
        let complete = json!([{ "op": "replace", "path": "/completionStatus", "value": "Success" }]);
        let (method, target, media_type, body) = match way {
            Way::Sql(transaction) => return session.execute(transaction.sql()).await,
            Way::Fold => {
                let fold = "select task_status_fold_tally(); select task_status_fold_pending()";
                return session.execute(fold.to_owned()).await;
            }
            Way::Copy(rows) => {
                let (statement, rows) = writes::copy(rows);
                return session.copy(&statement, rows).await;
            }
            Way::Put(id, task) => {
                let task = writes::report(None, id, task);
                (
                    Method::PUT,
                    format!("/task-status/{id}"),
                    "application/json",
                    task,
                )
            }
            Way::Batch(rows) => {
                let rows: Vec<_> = rows
                    .iter()
                    .map(|(id, task)| writes::report(Some(id), id, task))
                    .collect();
                (
                    Method::POST,
                    "/task-status".into(),
                    "application/json",
                    rows.into(),
                )
            }
            Way::Patch(id) => (Method::PATCH, format!("/task-status/{id}"), JSON_PATCH, complete),
            Way::Clear => {
                let target = format!("/task-status?filters=launcher+eq+%22w{writer}%22");
                (Method::PATCH, target, JSON_PATCH, complete)
            }
        };
        let request = self
            .request(method, &target)
            .header(CONTENT_TYPE, media_type)
            .body(body.to_string());
        let response = request
            .send()
            .await
            .map_err(|error| Failure::Lost(error.to_string()))?;
        match response.error_for_status() {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(StatusCode::SERVICE_UNAVAILABLE) => {
                Err(Failure::Lost(error.to_string()))
            }
            Err(error) => Err(Failure::Wrong(error.to_string())),
        }
    }

    /// Sends a request, and compares the response with the writes.
    pub async fn ask(&mut self) -> Result<(), String> {
        let world = Arc::clone(&self.world);
        let ask = match (self.random.usize(..3), self.next.take(), self.last.take()) {
            (0, Some(next), _) => next,
            (1, _, Some(last)) => last,
            _ => self.any(),
        };
        self.last = Some(ask.clone());
        let counts = self.random.bool();
        let known = self
            .known
            .get(&ask)
            .filter(|_| self.random.usize(..4) > 0)
            .cloned();
        let target = format!("{}&count={counts}", ask.target);
        let mut request = self
            .request(Method::GET, &target)
            .header(ACCEPT_ENCODING, ask.coding);
        if let Some((tag, _)) = &known {
            request = request.header(IF_NONE_MATCH, tag);
            // What one writer changes soon has another state, and its snapshots in a second can be tried.
            if ask.part.list.writer.is_some() && self.random.usize(..4) == 0 {
                request = request.header("Prefer", "wait=1");
            }
        }
        let asked = world.history().tick();
        let response = received(request).await;
        let window = world.history().since(asked);
        let (status, headers, body) = match response {
            Ok((StatusCode::SERVICE_UNAVAILABLE, ..)) | Err(_) if world.has_faults => {
                world.counts.failed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            }
            response => response.map_err(|error| error.to_string())?,
        };

        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let is_list = ask.part.list.id.is_none();
        let is_missing = status == StatusCode::NOT_FOUND && !is_list;
        let tag = header("etag").or(is_missing.then(String::new));
        let tag = tag.ok_or_else(|| format!("no tag: {status} {target}"))?;
        let count = header("x-total-count").map(|count| count.parse().unwrap());
        if (counts && is_list) != count.is_some() {
            return Err(format!("a count although none was requested, or none: {target}"));
        }
        let tasks = match (status, known) {
            (StatusCode::NOT_MODIFIED, Some((known, said))) if known == tag && body.is_empty() => {
                world.counts.not_modified.fetch_add(1, Ordering::Relaxed);
                said.tasks
            }
            (StatusCode::OK | StatusCode::NO_CONTENT, known) => {
                if known.is_some_and(|(known, _)| known == tag) {
                    return Err(format!("not a 304 for a current tag: {target}"));
                }
                if status == StatusCode::NO_CONTENT {
                    Vec::new()
                } else {
                    world.tag(&tag, &body)?;
                    tasks(&decoded(header("content-encoding").as_deref(), &body))?
                }
            }
            (StatusCode::NOT_FOUND, _) if is_missing => Vec::new(),
            (status, _) => return Err(format!("{status} {headers:?} for {target}")),
        };
        let said = Said { tasks, count };
        window
            .explains(&ask.part, &said)
            .map_err(|error| format!("{error}, {target}"))?;
        if header("content-encoding").is_some() {
            world.counts.coded.fetch_add(1, Ordering::Relaxed);
        }
        if ask.part.after.is_some() {
            world.counts.from_links.fetch_add(1, Ordering::Relaxed);
        }
        if header("preference-applied").is_some() {
            world.counts.held.fetch_add(1, Ordering::Relaxed);
        }
        world.counts.pages.fetch_add(1, Ordering::Relaxed);
        if is_missing {
            return Ok(());
        }
        self.next = header("link").and_then(|link| ask.next(&link, &said));
        if self.known.len() > 50 {
            self.known.clear();
        }
        self.known.insert(ask, (tag, said));
        Ok(())
    }

    /// A random request.
    fn any(&mut self) -> Ask {
        let random = &mut self.random;
        let newest_first = random.bool();
        let writer = random.usize(..WRITERS);
        let list = List {
            is_pending: [Some(true), Some(true), Some(false), None][random.usize(..4)],
            writer: random.bool().then_some(writer),
            id: None,
        };
        if random.usize(..12) == 0 {
            return Ask::of_task(writes::id(random, writer), writer);
        }
        let target = match (newest_first, list.filter(), random.bool()) {
            (false, _, true) if list == List::pending() => format!("{PENDING_TASKS}?"),
            (true, filter, _) => format!("/task-status?filters={filter}"),
            (false, filter, _) => format!("/v2025/task-status?filters={filter}&sorters=created"),
        };
        let part = Part {
            list,
            newest_first,
            after: None,
            offset: [0, 0, 0, random.usize(..6) * 5, random.usize(..80)][random.usize(..5)],
            limit: [250, 250, 20, 10, 10, 1, random.usize(..30)][random.usize(..7)],
        };
        Ask {
            target: format!("{target}&offset={}&limit={}", part.offset, part.limit),
            part,
            coding: ["identity", "identity", "gzip", "br", "zstd"][random.usize(..5)],
        }
    }
}

async fn received(request: reqwest::RequestBuilder) -> reqwest::Result<(StatusCode, HeaderMap, Bytes)> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok((status, headers, response.bytes().await?))
}

/// Whether a write happened that left the tasks with this prefix as they were or made them what it should.
async fn happened(
    world: &World,
    done: Result<(), Failure>,
    session: &mut Session,
    prefix: &str,
    (before, after): (&Tasks, &Tasks),
) -> Result<bool, String> {
    match done {
        Ok(()) => Ok(true),
        Err(Failure::Lost(_)) if world.has_faults => {
            world.counts.failed.fetch_add(1, Ordering::Relaxed);
            let mut stored = session.stored().await;
            stored.retain(|id, _| id.starts_with(prefix));
            if stored != *after && stored != *before {
                return Err(format!("half a write: {stored:?}"));
            }
            Ok(stored == *after)
        }
        Err(Failure::Lost(error) | Failure::Wrong(error)) => Err(format!("a write failed: {error}")),
    }
}

fn tasks(body: &[u8]) -> Result<Vec<(String, history::Task)>, String> {
    let rows: Vec<Row> = match body.first() {
        Some(b'[') => serde_json::from_slice(body),
        _ => serde_json::from_slice(body).map(|task| vec![task]),
    }
    .map_err(|error| error.to_string())?;
    let said = |row: Row| {
        let is_pending = row.completion_status.is_none();
        writes::said(row.id, &row.created, &row.modified, &row.progress, is_pending)
    };
    rows.into_iter().map(said).collect()
}
