//! The bounds of the connections of a listener.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::auth::client::client_network;
use crate::auth::proxies::Proxies;

/// How often another connection is asked to end while a new one waits.
const EVICTION_INTERVAL: Duration = Duration::from_millis(10);

/// The bounds.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// The most connections at a time.
    pub max: usize,
    /// The most connections of one client address at a time. Trusted proxies have no such bound.
    pub max_per_address: usize,
    pub proxies: Proxies,
    /// How long a peer may take nothing of what it is sent. Held on Linux only.
    pub write_timeout: Duration,
    /// How long a connection may wait for its next request, and how long the head of a request may take.
    pub idle_timeout: Duration,
}

/// The default of `--idle-timeout`: longer than the minute for which balancers keep idle connections, so that it is they
/// who close them.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

impl ConnectionLimits {
    /// A number of connections from any address.
    pub fn of(max: usize) -> Self {
        Self {
            max,
            max_per_address: usize::MAX,
            proxies: Proxies::default(),
            write_timeout: Duration::from_secs(30),
            idle_timeout: IDLE_TIMEOUT,
        }
    }
}

/// The connections of a listener.
#[derive(Debug)]
pub struct Connections {
    limits: ConnectionLimits,
    free: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    /// Wakes the connection that has waited for it longest.
    crowded: Arc<Notify>,
}

/// The place of one connection.
#[derive(Debug)]
pub struct Place {
    /// Notified if the connection should end as soon as it is idle.
    pub crowded: Arc<Notify>,
    pub idle_timeout: Duration,
    _share: Option<Share>,
    _permit: OwnedSemaphorePermit,
}

/// One of the connections of an address.
#[derive(Debug)]
struct Share {
    address: IpAddr,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Connections {
    pub fn new(limits: ConnectionLimits) -> Self {
        Self {
            free: Arc::new(Semaphore::new(limits.max.min(Semaphore::MAX_PERMITS))),
            by_address: Arc::default(),
            crowded: Arc::default(),
            limits,
        }
    }

    /// A place for a connection from this address, or none if the address has its share. Waits while all places are
    /// taken, and asks the other connections to end one by one, the oldest first.
    pub async fn place(&self, peer: IpAddr) -> Option<Place> {
        let is_proxy = self.limits.proxies.trust(peer);
        let share = if is_proxy {
            None
        } else {
            let Some(share) = self.share(client_network(peer.to_canonical())) else {
                tracing::warn!(%peer, "closed a connection: the address has as many as it may");
                return None;
            };
            Some(share)
        };
        let permit = loop {
            let free = Arc::clone(&self.free);
            if let Ok(permit) = timeout(EVICTION_INTERVAL, free.acquire_owned()).await {
                // Never closed.
                break permit.ok()?;
            }
            self.crowded.notify_one();
            tracing::warn!(
                max = self.limits.max,
                "new connections wait: there are as many as may be"
            );
        };
        // If no connection was left to end, this one must not end for itself.
        let _ = self.crowded.notified().now_or_never();
        Some(Place {
            crowded: Arc::clone(&self.crowded),
            idle_timeout: self.limits.idle_timeout,
            _share: share,
            _permit: permit,
        })
    }

    fn share(&self, address: IpAddr) -> Option<Share> {
        let mut taken = locked(&self.by_address);
        let number = taken.entry(address).or_default();
        (*number < self.limits.max_per_address).then(|| {
            *number += 1;
            Share {
                address,
                by_address: Arc::clone(&self.by_address),
            }
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = locked(&self.by_address);
        if let Some(number) = taken.get_mut(&self.address) {
            *number -= 1;
            if *number == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

fn locked(taken: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn a_connection_is_not_asked_to_end_for_the_sake_of_itself() {
        let connections = Connections::new(ConnectionLimits::of(1));
        let peer = IpAddr::from(Ipv4Addr::LOCALHOST);
        let busy = connections.place(peer).await;
        // Busy, it does not hear that it should end.
        let waiting = timeout(3 * EVICTION_INTERVAL, connections.place(peer));
        assert!(waiting.await.is_err());
        drop(busy);
        let next = connections.place(peer).await.expect("a free place");
        assert!(next.crowded.notified().now_or_never().is_none());
    }
}
