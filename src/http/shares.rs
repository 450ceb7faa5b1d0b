//! The requests and streams in flight, in all and of each client. A client has a share of them, and of the connections to
//! the database, so that it keeps no other client out.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::client::Client;
use crate::http::error::ApiError;
use crate::store::Database;
use crate::store::share::Share;

/// A client may have one of so many requests in flight.
const REQUESTS_PART: usize = 2;
/// And one of so many streams.
const STREAMS_PART: usize = 4;
/// Unused shares are dropped when there are this many, and then when there are twice as many as were left.
const MIN_SWEEP: usize = 64;

/// The bounds of requests in flight.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub requests: NonZeroU32,
    /// Streams are not counted as requests.
    pub streams: NonZeroU32,
}

/// The shares of all clients. Clones share them.
#[derive(Debug, Clone)]
pub struct Shares(Arc<All>);

#[derive(Debug)]
struct All {
    bounds: Bounds,
    database: Database,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    clients: Mutex<Clients>,
}

#[derive(Debug)]
struct Clients {
    shares: HashMap<Client, ClientShare>,
    sweep_at: usize,
}

/// The places and connections of one client. In use as long as there is another clone of it, or a permit.
#[derive(Debug, Clone)]
struct ClientShare {
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    connections: Share,
}

/// The place of a request, released when the last clone is dropped. Extension of every request that has one.
#[derive(Debug, Clone)]
pub struct Place(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    all: Shares,
    share: ClientShare,
    _permits: [OwnedSemaphorePermit; 2],
}

/// The place of a stream, released when it is dropped.
#[derive(Debug)]
pub struct StreamPlace(#[expect(dead_code, reason = "held, never read")] [OwnedSemaphorePermit; 2]);

impl Shares {
    pub fn new(bounds: Bounds, database: Database) -> Self {
        Self(Arc::new(All {
            bounds,
            database,
            requests: permits(bounds.requests, 1),
            streams: permits(bounds.streams, 1),
            clients: Mutex::new(Clients {
                shares: HashMap::new(),
                sweep_at: MIN_SWEEP,
            }),
        }))
    }

    /// A place for a request of a client, unless all places are taken or the client has its share.
    pub fn place(&self, client: Client) -> Result<Place, ApiError> {
        let permit = take(&self.0.requests)?;
        let share = self.share(client);
        Ok(Place(Arc::new(Taken {
            _permits: [permit, take(&share.requests)?],
            all: self.clone(),
            share,
        })))
    }

    fn share(&self, client: Client) -> ClientShare {
        let mut clients = self.clients();
        if clients.shares.len() >= clients.sweep_at {
            clients.shares.retain(|_, share| share.is_in_use());
            clients.sweep_at = MIN_SWEEP.max(2 * clients.shares.len());
        }
        let share = || ClientShare {
            requests: permits(self.0.bounds.requests, REQUESTS_PART),
            streams: permits(self.0.bounds.streams, STREAMS_PART),
            connections: self.0.database.share(),
        };
        clients.shares.entry(client).or_insert_with(share).clone()
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        // No change under the lock can be left half done.
        self.0.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientShare {
    fn is_in_use(&self) -> bool {
        [&self.requests, &self.streams]
            .iter()
            .any(|permits| Arc::strong_count(permits) > 1)
            || self.connections.is_in_use()
    }
}

impl Place {
    /// A place for a stream, besides that of its request.
    pub fn stream(&self) -> Result<StreamPlace, ApiError> {
        Ok(StreamPlace([
            take(&self.0.all.0.streams)?,
            take(&self.0.share.streams)?,
        ]))
    }

    /// The client's share of the connections.
    pub fn connections(&self) -> &Share {
        &self.0.share.connections
    }
}

/// A part of this number, one at least.
fn permits(number: NonZeroU32, part: usize) -> Arc<Semaphore> {
    let number = usize::try_from(number.get()).unwrap_or(Semaphore::MAX_PERMITS);
    Arc::new(Semaphore::new((number / part).clamp(1, Semaphore::MAX_PERMITS)))
}

fn take(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    Arc::clone(permits)
        .try_acquire_owned()
        .map_err(|_| ApiError::Overloaded)
}
