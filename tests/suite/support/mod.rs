//! Shared helpers: a database for each test, the service around it, clients, the real program.

pub mod browser;
pub mod certificates;
pub mod database;
pub mod gateway;
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

/// The time limit for anything that must happen. Only a failing test takes as long.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// Polls until there is a value.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < TIMEOUT, "waited too long: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Polls until a condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    eventually(what, async || holds().await.then_some(())).await;
}

/// Says that a required program is missing. In CI that is an error, so that no test is silently left out.
pub fn left_out(reason: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{reason}");
    eprintln!("{reason}");
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

/// Installs the cryptography of the HTTP clients, which need it even for plain HTTP.
pub fn give_clients_cryptography() {
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
