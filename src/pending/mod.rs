//! The hot path: answers about the pending tasks from memory, each as fresh as if it had been read for its request.
//!
//! Reading order: [`barrier`] (what every such answer waits for).

pub mod barrier;
