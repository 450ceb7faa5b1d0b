//! What can be measured of the pending tasks and of the memory of them.

use super::Pending;
use crate::pending::counters::{CacheStats, Reads};
use crate::store::StoreError;

impl Pending {
    /// How many tasks are pending, in a snapshot that was taken after this was called.
    ///
    /// # Errors
    /// The database has not said in time, or cannot be asked.
    pub async fn number(&self) -> Result<i64, StoreError> {
        Ok(self.0.barrier.pass().await?.pending)
    }

    /// How the reads have ended by which answers are confirmed.
    pub fn reads(&self) -> &Reads {
        self.0.barrier.reads()
    }

    /// Where pages were found until now.
    pub fn cache_stats(&self) -> &CacheStats {
        &self.0.cache_stats
    }
}
