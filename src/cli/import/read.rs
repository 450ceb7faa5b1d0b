//! The reading thread: splits, parses and checks items while the database writes the chunk before.

use std::io::BufRead;
use std::ops::Range;
use std::thread;

use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::ImportError;
use super::compression::unpacked;
use super::source::Source;
use super::split::{MAX_ITEM_BYTES, Next, Position, Splitter};
use super::state::State;
use crate::messages::cause::Cause;
use crate::messages::locale::{Locale, Message};
use crate::task::json;
use crate::task::report::{Report, read};

/// The size at which a chunk is full, whatever its number of items.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// The number of chunks that may wait for the database.
const MAX_WAITING: usize = 1;
/// The most reasons given for one item.
const MAX_REASONS: usize = 100;
/// The length shown of an item that is too long or incomplete.
const SHOWN_BYTES: usize = 1024;

/// Items committed together.
pub struct Chunk {
    pub reports: Vec<Report>,
    /// Number of items, rejected ones included.
    pub read: u64,
    pub rejects: Vec<Reject>,
    pub end: Position,
    /// The number of each report, and the range of its text.
    items: Vec<(u64, Range<usize>)>,
    text: Vec<u8>,
}

/// A rejected item.
#[derive(Debug, Serialize)]
pub struct Reject {
    /// The number of the line or the element.
    pub line: u64,
    pub reasons: Vec<String>,
    pub content: String,
    /// The id of the first reason's message.
    #[serde(skip)]
    pub kind: &'static str,
}

/// A message of the thread.
pub enum Event {
    Chunk(Box<Chunk>),
    /// The input is complete; the last event.
    End,
    /// The rest cannot be read; the last event.
    Broken(Reject),
}

pub type Events = Receiver<Result<Event, ImportError>>;

/// Reads in a thread of its own, from the position of an earlier run if it committed anything. The last message is
/// [`Event::End`], [`Event::Broken`] or an error.
///
/// The thread is never joined: reading from a silent pipe may block it for ever.
pub fn start(input: Box<dyn BufRead + Send>, from: State, chunk_size: usize) -> Events {
    let (sender, events) = channel(MAX_WAITING);
    thread::spawn(move || {
        let input = unpacked(input);
        let ended = input
            .and_then(|input| splitter(input, &from))
            .and_then(|splitter| run(splitter, chunk_size, &sender));
        if let Err(error) = ended {
            // The receiver is gone if the import was stopped.
            let _ = sender.blocking_send(Err(error));
        }
    });
    events
}

fn splitter<R: BufRead>(input: R, from: &State) -> Result<Splitter<R>, ImportError> {
    let mut source = Source::new(input);
    let Some(form) = from.form else {
        return Splitter::begin(source).map_err(ImportError::Read);
    };
    let long_enough = source.skip_to(from.offset).map_err(ImportError::Read)?;
    if !long_enough || source.hash().to_string() != from.sha256 {
        return Err(ImportError::InputChanged { offset: from.offset });
    }
    Ok(Splitter::resume(source, form, from.line))
}

fn run<R: BufRead>(
    mut splitter: Splitter<R>,
    chunk_size: usize,
    sender: &Sender<Result<Event, ImportError>>,
) -> Result<(), ImportError> {
    // False if the receiver is gone: then the thread ends.
    let send = |event| sender.blocking_send(Ok(event)).is_ok();
    let mut chunk = Chunk::at(splitter.position());
    loop {
        let next = splitter.next().map_err(ImportError::Read)?;
        let (number, item) = (splitter.number(), splitter.item());
        match next {
            Next::Item => match report(item) {
                Ok(report) => chunk.take(number, item, report),
                Err(causes) => chunk.reject(Reject::new(number, &causes, item)),
            },
            Next::TooLong => {
                let cause = Cause::LineTooLong {
                    limit: MAX_ITEM_BYTES,
                };
                chunk.reject(Reject::new(number, &[cause], beginning(item)));
            }
            Next::End => {
                chunk.end = splitter.position();
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
        chunk.end = splitter.position();
        if chunk.read >= chunk_size as u64 || chunk.bytes() >= CHUNK_BYTES {
            let following = Chunk::at(splitter.position());
            if !send(std::mem::replace(&mut chunk, following).full()) {
                return Ok(());
            }
        }
    }
}

fn report(item: &[u8]) -> Result<Report, Vec<Cause>> {
    let value = json::parse(item.trim_ascii_end()).map_err(|error| vec![error.into()])?;
    read(&value, None).map_err(|violations| violations.into_iter().map(Cause::from).collect())
}

fn beginning(item: &[u8]) -> &[u8] {
    &item[..item.len().min(SHOWN_BYTES)]
}

impl Chunk {
    fn at(end: Position) -> Self {
        Self {
            reports: Vec::new(),
            read: 0,
            rejects: Vec::new(),
            end,
            items: Vec::new(),
            text: Vec::new(),
        }
    }

    fn take(&mut self, number: u64, item: &[u8], report: Report) {
        self.read += 1;
        let begin = self.text.len();
        self.text.extend_from_slice(item);
        self.items.push((number, begin..self.text.len()));
        self.reports.push(report);
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

    /// Rejects the task at this index, which the database has refused.
    pub fn refused(&self, index: usize, cause: &Cause) -> Reject {
        let (number, range) = &self.items[index];
        Reject::new(*number, std::slice::from_ref(cause), &self.text[range.clone()])
    }
}

impl Reject {
    fn new(line: u64, causes: &[Cause], content: &[u8]) -> Self {
        let locale = Locale::system_default();
        let messages = causes.iter().take(MAX_REASONS).map(Cause::message);
        let messages: Vec<_> = messages.collect();
        Self {
            line,
            kind: messages.first().map_or("", Message::id),
            reasons: messages.iter().map(|message| locale.text(message)).collect(),
            content: String::from_utf8_lossy(content.trim_ascii()).into_owned(),
        }
    }
}
