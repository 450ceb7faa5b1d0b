//! The thread that reads: it cuts, parses and checks, while the database is busy with the chunk before.

use std::io::BufRead;
use std::ops::Range;
use std::thread;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::ImportError;
use super::source::Source;
use super::split::{Form, ITEM_BYTES, Next, Place, Splitter};
use crate::messages::cause::Cause;
use crate::messages::locale::Locale;
use crate::task::report::read;
use crate::task::{TaskStatus, json};

/// A chunk is full with so many bytes of items, whatever their number.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// Chunks that wait for the database.
const WAITING: usize = 1;
/// The most reasons that are given for one item.
const MAX_REASONS: usize = 100;
/// How much is shown of an item that was not read whole.
const SHOWN_BYTES: usize = 1024;

/// What is committed together.
pub struct Chunk {
    pub tasks: Vec<TaskStatus>,
    /// Items, those that were rejected included.
    pub read: u64,
    pub rejects: Vec<Reject>,
    /// Where it ends.
    pub end: Place,
    /// The number of each task, and the range of its text.
    items: Vec<(u64, Range<usize>)>,
    text: Vec<u8>,
}

/// An item that was not taken.
#[derive(Debug, Serialize)]
pub struct Reject {
    /// Its number: of the line, or of the element.
    pub line: u64,
    pub reasons: Vec<String>,
    pub content: String,
}

/// What the thread has to say.
pub enum Event {
    Chunk(Box<Chunk>),
    /// The input has come to its end, and so have the events.
    End,
    /// What follows cannot be read; the last event.
    Broken(Reject),
}

/// A place in an input that was there before.
pub struct Known {
    pub form: Form,
    pub offset: u64,
    pub number: u64,
    pub sha256: String,
}

pub type Events = Receiver<Result<Event, ImportError>>;

/// Reads in a thread of its own, from the beginning or from where an earlier run came to. What it sends last is
/// [`Event::End`], [`Event::Broken`] or an error.
///
/// Nobody waits for the thread: a pipe that nobody writes to may hold it up for ever.
pub fn start(
    input: Box<dyn BufRead + Send>,
    from: Option<Known>,
    chunk_size: usize,
    now: DateTime<Utc>,
) -> Events {
    let (sender, events) = channel(WAITING);
    thread::spawn(move || {
        let ended = splitter(input, from).and_then(|splitter| run(splitter, chunk_size, now, &sender));
        if let Err(error) = ended {
            // Nobody listens any more where the import was stopped.
            let _ = sender.blocking_send(Err(error));
        }
    });
    events
}

fn splitter<R: BufRead>(input: R, from: Option<Known>) -> Result<Splitter<R>, ImportError> {
    let mut source = Source::new(input);
    let Some(known) = from else {
        return Splitter::begin(source).map_err(ImportError::Read);
    };
    let there = source.skip_to(known.offset).map_err(ImportError::Read)?;
    if !there || source.digest().to_string() != known.sha256 {
        return Err(ImportError::InputChanged { offset: known.offset });
    }
    Ok(Splitter::resume(source, known.form, known.number))
}

fn run<R: BufRead>(
    mut splitter: Splitter<R>,
    chunk_size: usize,
    now: DateTime<Utc>,
    sender: &Sender<Result<Event, ImportError>>,
) -> Result<(), ImportError> {
    // Where nobody listens any more there is nothing left to do.
    let send = |event| sender.blocking_send(Ok(event)).is_ok();
    let mut chunk = Chunk::at(splitter.place());
    loop {
        let next = splitter.next().map_err(ImportError::Read)?;
        let (number, item) = (splitter.number(), splitter.item());
        match next {
            Next::Item => match task(item, now) {
                Ok(task) => chunk.take(number, item, task),
                Err(causes) => chunk.reject(Reject::new(number, &causes, item)),
            },
            Next::TooLong => {
                let cause = Cause::LineTooLong { limit: ITEM_BYTES };
                chunk.reject(Reject::new(number, &[cause], beginning(item)));
            }
            Next::End => {
                chunk.end = splitter.place();
                if send(chunk.full()) {
                    send(Event::End);
                }
                return Ok(());
            }
            Next::Broken(cause) => {
                if send(chunk.full()) {
                    send(Event::Broken(Reject::new(number, &[cause], beginning(item))));
                }
                return Ok(());
            }
        }
        chunk.end = splitter.place();
        if chunk.read >= chunk_size as u64 || chunk.bytes() >= CHUNK_BYTES {
            let following = Chunk::at(splitter.place());
            if !send(std::mem::replace(&mut chunk, following).full()) {
                return Ok(());
            }
        }
    }
}

fn task(item: &[u8], now: DateTime<Utc>) -> Result<TaskStatus, Vec<Cause>> {
    let value = json::parse(item.trim_ascii_end()).map_err(|error| vec![error.into()])?;
    read(&value, None, now).map_err(|violations| violations.into_iter().map(Cause::from).collect())
}

fn beginning(item: &[u8]) -> &[u8] {
    &item[..item.len().min(SHOWN_BYTES)]
}

impl Chunk {
    fn at(place: Place) -> Self {
        Self {
            tasks: Vec::new(),
            read: 0,
            rejects: Vec::new(),
            end: place,
            items: Vec::new(),
            text: Vec::new(),
        }
    }

    fn take(&mut self, number: u64, item: &[u8], task: TaskStatus) {
        self.read += 1;
        let begin = self.text.len();
        self.text.extend_from_slice(item);
        self.items.push((number, begin..self.text.len()));
        self.tasks.push(task);
    }

    fn reject(&mut self, reject: Reject) {
        self.read += 1;
        self.rejects.push(reject);
    }

    fn bytes(&self) -> usize {
        let rejected: usize = self.rejects.iter().map(|reject| reject.content.len()).sum();
        self.text.len() + rejected
    }

    fn full(self) -> Event {
        Event::Chunk(Box::new(self))
    }

    /// The task at this index, which the database refused.
    pub fn refused(&self, index: usize, cause: &Cause) -> Reject {
        let (number, range) = &self.items[index];
        Reject::new(*number, std::slice::from_ref(cause), &self.text[range.clone()])
    }
}

impl Reject {
    fn new(line: u64, causes: &[Cause], content: &[u8]) -> Self {
        let locale = Locale::system_default();
        Self {
            line,
            reasons: causes
                .iter()
                .take(MAX_REASONS)
                .map(|cause| locale.text(&cause.message()))
                .collect(),
            content: String::from_utf8_lossy(content.trim_ascii()).into_owned(),
        }
    }
}
