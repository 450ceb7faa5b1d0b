//! The lines of a streamed response that wait for the client to read them. They count against the memory of responses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::memory::{Reserved, ResponseMemory};

/// The most bytes that wait. Enough for the results of all lines, so that a client may send everything before it reads.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How long the client may read nothing if there is no room.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The end that sends.
pub(super) struct Sender {
    lines: UnboundedSender<Vec<u8>>,
    waiting: Arc<Waiting>,
}

/// The client has closed the connection, or does not read the response.
pub(super) struct Gone;

struct Waiting {
    bytes: Mutex<Reserved>,
    /// Notified when the client has read.
    read: Notify,
}

/// Both ends.
pub(super) fn results(memory: &ResponseMemory) -> (Sender, impl Stream<Item = Vec<u8>> + use<>) {
    let (lines, receiver) = unbounded_channel();
    let waiting = Arc::new(Waiting {
        bytes: Mutex::new(memory.reserve()),
        read: Notify::new(),
    });
    let sender = Sender {
        lines,
        waiting: Arc::clone(&waiting),
    };
    let read = UnboundedReceiverStream::new(receiver).inspect(move |line: &Vec<u8>| {
        let mut bytes = waiting.bytes();
        let left = bytes.bytes().saturating_sub(line.len());
        bytes.shrink_to(left);
        waiting.read.notify_one();
    });
    (sender, read)
}

impl Sender {
    /// Sends a line. Waits for room while the memory is in use, or this client has too much of it.
    pub(super) async fn send(&self, line: Vec<u8>) -> Result<(), Gone> {
        let room = async {
            while !self.waiting.has_room(line.len()) {
                self.waiting.read.notified().await;
            }
        };
        timeout(READ_TIMEOUT, room).await.map_err(|_| Gone)?;
        self.lines.send(line).map_err(|_| Gone)
    }
}

impl Waiting {
    fn has_room(&self, length: usize) -> bool {
        let mut bytes = self.bytes();
        // One line may always wait.
        let is_empty = bytes.bytes() == 0;
        bytes.bytes() + length <= MAX_BYTES && bytes.add_at_once(length).is_ok() || is_empty
    }

    fn bytes(&self) -> MutexGuard<'_, Reserved> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const LINE: usize = 64 * 1024;

    #[tokio::test(start_paused = true)]
    async fn lines_wait_while_there_is_memory() {
        let memory = ResponseMemory::new(4 * LINE);
        let (one, read) = results(&memory);
        let (other, unread) = results(&memory);
        let line = || vec![b'x'; LINE];
        let mut read = pin!(read);
        for sender in [&one, &other, &one] {
            assert!(sender.send(line()).await.is_ok());
        }
        // Half of the memory is the most for one, and the other has one line.
        let (sent, taken) = tokio::join!(one.send(line()), read.next());
        assert!(sent.is_ok() && taken.is_some());
        // Nobody reads any more.
        assert!(one.send(line()).await.is_err());
        drop(unread);
        assert!(other.send(line()).await.is_err());
    }
}
