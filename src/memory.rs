//! The memory of large responses: a budget of bytes that they share, from when they are read until they are sent.
//!
//! A client that reads slowly keeps its response in memory. Without a budget, a few of them would end the process.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit of the budget, in bytes. What is smaller is not counted: connections bound it.
const UNIT: usize = 64 * 1024;

/// A response that grows beyond so many bytes waits for its turn: if many did so at once, none would find room.
const LARGE: usize = 8 * 1024 * 1024;

/// The budget. Clones share it.
#[derive(Debug, Clone)]
pub struct ResponseMemory {
    units: Arc<Semaphore>,
    /// The permit of the one large response that grows.
    turn: Arc<Semaphore>,
    /// The most bytes of one response: half of the budget, so that one client cannot take it all.
    largest: usize,
}

/// Why a response has no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MemoryError {
    /// The same request may succeed in a moment.
    #[error("the memory for responses is in use")]
    Exhausted,
    #[error("the response would be larger than {limit} bytes")]
    TooLarge { limit: usize },
}

/// A part of the budget. It is given back when dropped.
#[derive(Debug, Default)]
pub struct Reserved {
    /// Without a budget nothing is counted.
    budget: Option<ResponseMemory>,
    permit: Option<OwnedSemaphorePermit>,
    turn: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl ResponseMemory {
    pub fn new(bytes: usize) -> Self {
        Self {
            units: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))),
            turn: Arc::new(Semaphore::new(1)),
            largest: bytes / 2,
        }
    }

    /// How many bytes are reserved, in whole units.
    pub fn used(&self) -> usize {
        let units = (2 * self.largest / UNIT).min(Semaphore::MAX_PERMITS);
        units.saturating_sub(self.units.available_permits()) * UNIT
    }

    /// A reservation for a response, to which bytes are added.
    pub fn reserve(&self) -> Reserved {
        Reserved {
            budget: Some(self.clone()),
            ..Reserved::default()
        }
    }
}

impl Reserved {
    /// Reserves more bytes. A large response waits until no other one grows.
    pub async fn add(&mut self, bytes: usize) -> Result<(), MemoryError> {
        if let Some(budget) = &self.budget
            && self.bytes.saturating_add(bytes) > LARGE
            && self.turn.is_none()
        {
            self.turn = Arc::clone(&budget.turn).acquire_owned().await.ok();
        }
        self.add_at_once(bytes)
    }

    /// The same without waiting for a turn.
    pub fn add_at_once(&mut self, bytes: usize) -> Result<(), MemoryError> {
        let total = self.bytes.saturating_add(bytes);
        let Some(budget) = &self.budget else {
            return Ok(());
        };
        if total > budget.largest {
            let limit = budget.largest;
            return Err(MemoryError::TooLarge { limit });
        }
        let missing = total / UNIT - self.bytes / UNIT;
        if missing > 0 {
            let units = u32::try_from(missing).map_err(|_| MemoryError::Exhausted)?;
            let more = Arc::clone(&budget.units).try_acquire_many_owned(units);
            let more = more.map_err(|_| MemoryError::Exhausted)?;
            match &mut self.permit {
                Some(permit) => permit.merge(more),
                None => self.permit = Some(more),
            }
        }
        self.bytes = total;
        Ok(())
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives all but this number of bytes back.
    pub fn shrink_to(&mut self, bytes: usize) {
        let total = self.bytes.min(bytes);
        let returned = self.bytes / UNIT - total / UNIT;
        if let Some(permit) = &mut self.permit {
            drop(permit.split(returned));
        }
        self.bytes = total;
    }

    /// The pieces of the response. The bytes stay reserved until the last clone of the last piece is dropped.
    pub fn hold(mut self, pieces: impl IntoIterator<Item = Vec<u8>>) -> impl Iterator<Item = Bytes> {
        self.turn = None;
        let reserved = Arc::new(self);
        pieces
            .into_iter()
            .map(move |piece| Bytes::from_owner(Held(piece, Arc::clone(&reserved))))
    }
}

/// Bytes with their reservation, which others may share.
struct Held(
    Vec<u8>,
    #[expect(dead_code, reason = "held, never read")] Arc<Reserved>,
);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn large_responses_share_the_budget() {
        let memory = ResponseMemory::new(10 * UNIT);
        let left = || memory.units.available_permits();
        let reserve = async |bytes| {
            let mut reserved = memory.reserve();
            reserved.add(bytes).await.map(|()| reserved)
        };
        let mut one = reserve(5 * UNIT).await.expect("half of it");
        assert_eq!(one.add(1).await, Err(MemoryError::TooLarge { limit: 5 * UNIT }));
        let mut other = reserve(UNIT - 1).await.expect("it is not counted");
        assert_eq!(left(), 5);
        other.add(3 * UNIT + 1).await.expect("a part");
        assert_eq!(left(), 1);
        assert_eq!(reserve(2 * UNIT).await.err(), Some(MemoryError::Exhausted));
        other.shrink_to(2 * UNIT);
        assert_eq!(left(), 3);
        drop(one);
        assert_eq!(left(), 8);
        let pieces: Vec<Bytes> = other.hold([vec![1], vec![2]]).collect();
        let clone = pieces[1].clone();
        drop(pieces);
        assert_eq!(left(), 8);
        drop(clone);
        assert_eq!(left(), 10);
    }

    #[tokio::test]
    async fn one_large_response_grows_at_a_time() {
        let memory = ResponseMemory::new(8 * LARGE);
        let mut one = memory.reserve();
        one.add(LARGE + 1).await.expect("room");
        let mut other = memory.reserve();
        other.add(LARGE).await.expect("it is not large");
        {
            let mut growing = std::pin::pin!(other.add(1));
            assert!(timeout(Duration::ZERO, &mut growing).await.is_err());
            let pieces: Vec<Bytes> = one.hold([vec![1]]).collect();
            assert_eq!(growing.await, Ok(()));
            drop(pieces);
        }
    }
}
