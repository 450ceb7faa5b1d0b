//! The sources of keys: a file, or an issuer's URL. Keys are reloaded when they change.
//!
//! If a source cannot be read, its last keys stay in use: an outage of the issuer locks no caller out.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use rustls::crypto::ring;
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::is_this_machine;
use super::keys::{KeySet, KeysError};
use crate::telemetry::error_chain;
use crate::watched_file::{ReadError, WatchedFiles, read_file};

/// The intervals of fetches from an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The interval between fetches.
    pub refresh: Duration,
    /// The least time between fetches caused by tokens with unknown keys.
    pub refetch: Duration,
    /// The wait after the first failure; doubled after each further one.
    pub first_retry: Duration,
    /// The longest wait.
    pub last_retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            refresh: Duration::from_mins(5),
            refetch: Duration::from_secs(10),
            first_retry: Duration::from_secs(1),
            last_retry: Duration::from_secs(30),
        }
    }
}

/// The longest time of a fetch.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time that a request waits for newer keys.
const NEWER_KEYS_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest key set, in bytes.
const MAX_BYTES: usize = 512 * 1024;

/// The reason why a source has no keys.
#[derive(Debug, Error)]
pub enum KeySourceError {
    #[error(
        "the URL of the keys must begin with https:// (http:// only to a loopback address, or with \
         --jwt-allow-insecure-jwks) and have no user and no password"
    )]
    Url,
    #[error("cannot create an HTTP client")]
    Client(#[source] reqwest::Error),
    #[error("cannot fetch the keys")]
    Fetch(#[source] reqwest::Error),
    #[error("the issuer responded with {0} instead of its keys")]
    Status(StatusCode),
    #[error("the issuer's response is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot use the keys of {of}")]
    Keys {
        of: String,
        #[source]
        source: KeysError,
    },
}

/// Keys and their source.
#[derive(Debug)]
pub struct KeySource {
    current: RwLock<Option<Arc<KeySet>>>,
    origin: Origin,
}

enum Origin {
    /// Keys that never change.
    Fixed,
    /// A file. The first call of [`KeySource::watch`] takes the watcher.
    File {
        path: PathBuf,
        read: fn(&[u8]) -> Result<KeySet, KeysError>,
        watched: Mutex<Option<WatchedFiles<1>>>,
    },
    Issuer(Issuer),
}

/// The URL of a JSON Web Key Set.
struct Issuer {
    url: Url,
    client: Client,
    pace: Pace,
    /// The progress of fetches. Only [`KeySource::watch`] fetches, so that a cancelled request cancels no fetch.
    progress: watch::Sender<Progress>,
    /// Notified when a request needs newer keys.
    wanted: Notify,
}

/// The progress of fetches from an issuer.
#[derive(Debug, Default, Clone, Copy)]
struct Progress {
    /// The number of fetches that have ended.
    done: u64,
    /// The start of the last fetch.
    started: Option<Instant>,
    /// Whether a fetch is in flight.
    in_flight: bool,
}

impl KeySource {
    /// Keys that never change.
    pub fn fixed(keys: KeySet) -> Self {
        Self::new(Some(keys), Origin::Fixed)
    }

    /// The keys of a file, a JSON Web Key Set or PEM, reloaded when it changes.
    pub async fn file(path: PathBuf) -> Result<Self, KeySourceError> {
        Self::read_by(path, KeySet::from_file).await
    }

    /// The shared secret in a file, without trailing line ends, reloaded when it changes.
    pub async fn secret_file(path: PathBuf) -> Result<Self, KeySourceError> {
        Self::read_by(path, |content| KeySet::from_secret(without_line_end(content))).await
    }

    async fn read_by(
        path: PathBuf,
        read: fn(&[u8]) -> Result<KeySet, KeysError>,
    ) -> Result<Self, KeySourceError> {
        let (watched, [content]) = WatchedFiles::open([path.clone()]).await?;
        let keys = read(&content).map_err(|source| KeySourceError::Keys {
            of: path.display().to_string(),
            source,
        })?;
        let origin = Origin::File {
            path,
            read,
            watched: Mutex::new(Some(watched)),
        };
        Ok(Self::new(Some(keys), origin))
    }

    /// The keys of an issuer, by the URL of its key set. [`KeySource::watch`] fetches them; until then there are none.
    /// The URL must be https or of this machine, unless `may_be_insecure`: keys fetched in the clear can be replaced on the
    /// way.
    pub fn issuer(url: &str, may_be_insecure: bool, pace: Pace) -> Result<Self, KeySourceError> {
        let url = Url::parse(url).map_err(|_| KeySourceError::Url)?;
        let on_this_machine = is_this_machine(url.host_str().unwrap_or_default());
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let is_allowed = match url.scheme() {
            "https" => true,
            "http" => on_this_machine || may_be_insecure,
            _ => false,
        };
        if has_credentials || !is_allowed {
            return Err(KeySourceError::Url);
        }
        // Fails if a provider is already installed, which is fine.
        let _ = ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("task-status/", env!("CARGO_PKG_VERSION")))
            .timeout(FETCH_TIMEOUT)
            .redirect(Policy::none());
        // A proxy of the environment is another machine, with another loopback.
        let client = if on_this_machine {
            client.no_proxy()
        } else {
            client
        };
        let client = client.build().map_err(KeySourceError::Client)?;
        let issuer = Issuer {
            url,
            client,
            pace,
            progress: watch::Sender::default(),
            wanted: Notify::new(),
        };
        Ok(Self::new(None, Origin::Issuer(issuer)))
    }

    fn new(keys: Option<KeySet>, origin: Origin) -> Self {
        Self {
            current: RwLock::new(keys.map(Arc::new)),
            origin,
        }
    }

    /// The current keys; none before the first fetch.
    pub fn current(&self) -> Option<Arc<KeySet>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Newer keys, for a token that none of the `known` keys has signed. Unless newer ones are already here, they are
    /// fetched now, if the last fetch is long enough ago. Concurrent requests share one fetch.
    pub async fn newer_than(&self, known: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        let newer = || self.current().filter(|keys| !Arc::ptr_eq(keys, known));
        let Origin::Issuer(issuer) = &self.origin else {
            return newer();
        };
        let mut progress = issuer.progress.subscribe();
        let Progress { done, in_flight, .. } = *progress.borrow();
        if let Some(keys) = newer() {
            return Some(keys);
        }
        if !in_flight {
            if issuer.fetched_recently() {
                return None;
            }
            issuer.wanted.notify_one();
        }
        // After the timeout the token is refused.
        let answered = progress.wait_for(|progress| progress.done > done);
        let _ = timeout(NEWER_KEYS_TIMEOUT, answered).await;
        newer()
    }

    /// Keeps the keys current while polled.
    pub async fn watch(&self) -> Infallible {
        match &self.origin {
            Origin::Fixed => pending().await,
            Origin::File { path, read, watched } => {
                let watched = watched.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(watched) = watched else {
                    return pending().await;
                };
                let name = format!("key file {}", path.display());
                let apply = |[content]: [Vec<u8>; 1]| read(&content).map(|keys| self.replace(keys));
                watched.follow(&name, apply).await
            }
            Origin::Issuer(issuer) => self.refresh(issuer).await,
        }
    }

    async fn refresh(&self, issuer: &Issuer) -> Infallible {
        let Pace {
            refresh,
            first_retry,
            last_retry,
            ..
        } = issuer.pace;
        let mut retry = first_retry;
        loop {
            issuer.progress.send_modify(|progress| {
                progress.started = Some(Instant::now());
                progress.in_flight = true;
            });
            let fetched = issuer.fetch().await;
            let wait = match fetched {
                Ok(keys) => {
                    self.replace(keys);
                    retry = first_retry;
                    refresh
                }
                Err(error) => {
                    let kept = self.current().is_some();
                    tracing::warn!(error = error_chain(&error), kept, "cannot refresh the token keys");
                    let wait = retry;
                    retry = (retry * 2).min(last_retry);
                    wait
                }
            };
            issuer.progress.send_modify(|progress| {
                progress.done += 1;
                progress.in_flight = false;
            });
            issuer.pause(wait).await;
        }
    }

    fn replace(&self, keys: KeySet) {
        let number = keys.count();
        let before = self
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(Arc::new(keys));
        if before.is_none() {
            tracing::info!(number, "token keys loaded");
        } else {
            tracing::debug!(number, "token keys reloaded");
        }
    }
}

impl Issuer {
    /// Whether it is too early to fetch again because of a token.
    fn fetched_recently(&self) -> bool {
        let started = self.progress.borrow().started;
        started.is_some_and(|started| started.elapsed() < self.pace.refetch)
    }

    /// Waits until the time is over or, if it is not too early, until a request needs newer keys.
    async fn pause(&self, wait: Duration) {
        let mut due = std::pin::pin!(sleep(wait));
        loop {
            tokio::select! {
                () = &mut due => return,
                () = self.wanted.notified() => if !self.fetched_recently() {
                    return;
                },
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, KeySourceError> {
        let mut response = self
            .client
            .get(self.url.clone())
            .send()
            .await
            .map_err(fetch_error)?;
        if response.status() != StatusCode::OK {
            return Err(KeySourceError::Status(response.status()));
        }
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(fetch_error)? {
            content.extend_from_slice(&chunk);
            if content.len() > MAX_BYTES {
                return Err(KeySourceError::TooLarge);
            }
        }
        KeySet::from_jwks(&content).map_err(|source| KeySourceError::Keys {
            of: shown(&self.url),
            source,
        })
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed => formatter.write_str("Fixed"),
            Self::File { path, .. } => formatter.debug_tuple("File").field(path).finish(),
            Self::Issuer(issuer) => formatter
                .debug_tuple("Issuer")
                .field(&shown(&issuer.url))
                .finish(),
        }
    }
}

/// A URL without its query, which may contain a key.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

fn fetch_error(error: reqwest::Error) -> KeySourceError {
    KeySourceError::Fetch(error.without_url())
}

/// Reads a secret from a file, without trailing line ends.
pub fn read_secret(path: &Path) -> io::Result<Vec<u8>> {
    Ok(without_line_end(&read_file(path)?).to_vec())
}

/// Strips trailing line ends, which editors and `echo` add.
fn without_line_end(content: &[u8]) -> &[u8] {
    let mut content = content;
    while let Some(rest) = content
        .strip_suffix(b"\n")
        .or_else(|| content.strip_suffix(b"\r"))
    {
        content = rest;
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_in_the_clear_from_this_machine_only() {
        for trusted in [
            "https://issuer.example/jwks",
            "http://127.0.0.1:8080/jwks",
            "http://[::1]/jwks",
            "http://localhost/jwks",
        ] {
            assert!(
                KeySource::issuer(trusted, false, Pace::default()).is_ok(),
                "{trusted}"
            );
        }
        for other in [
            "http://issuer.example/jwks",
            "http://localhost.example/jwks",
            "http://10.0.0.1/jwks",
            "https://user@issuer.example/jwks",
            "https://:password@issuer.example/jwks",
            "ftp://127.0.0.1/jwks",
            "file:///etc/passwd",
            "jwks",
            "",
        ] {
            assert!(
                matches!(
                    KeySource::issuer(other, false, Pace::default()),
                    Err(KeySourceError::Url)
                ),
                "{other}"
            );
        }
    }

    #[test]
    fn trailing_line_ends_are_not_part_of_a_secret() {
        assert_eq!(without_line_end(b"secret\r\n\n"), b"secret");
        assert_eq!(without_line_end(b" secret "), b" secret ");
        assert_eq!(without_line_end(b"\n"), b"");
    }
}
