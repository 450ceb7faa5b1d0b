//! What the tests share: a database for each, the service around it, clients, the real program.

pub mod certificates;
pub mod database;
pub mod identity;
pub mod packages;
pub mod program;
pub mod service;
pub mod tasks;

use std::time::{Duration, Instant};

/// How long a test waits for something that is bound to happen. Generous: it is only reached where a test fails.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again and again until the answer is there.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Gives the tests' HTTP clients their cryptography: the library takes what the process has, also where it only speaks
/// plain HTTP. The service does not rely on it.
pub fn give_clients_cryptography() {
    // Refused where it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
