//! Shared helpers: a database for each test, the service around it, clients, the real program.

pub mod certificates;
pub mod database;
pub mod identity;
pub mod node;
pub mod packages;
pub mod pgbouncer;
pub mod program;
pub mod proxy;
pub mod service;
pub mod tasks;

use std::io::Read;
use std::time::{Duration, Instant};

/// How long a test waits for something that must happen. Only a failing test waits as long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Polls until there is a value.
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

/// Decodes a body by its `Content-Encoding`.
pub fn decoded(coding: Option<&str>, bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match coding {
        None => return bytes.to_vec(),
        Some("gzip") => drop(
            flate2::read::GzDecoder::new(bytes)
                .read_to_end(&mut decoded)
                .unwrap(),
        ),
        Some("br") => brotli::BrotliDecompress(&mut &*bytes, &mut decoded).unwrap(),
        Some(_) => zstd::stream::copy_decode(bytes, &mut decoded).unwrap(),
    }
    decoded
}

/// Installs the cryptography of the tests' HTTP clients, which need it even for plain HTTP. The service does not use it.
pub fn give_clients_cryptography() {
    // An error means that it is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
