//! Files with settings: certificates, keys, secrets. [`WatchedFiles`] are reloaded when their contents change.
//!
//! Contents are compared once a second. This detects every kind of change on every file system: a swapped symbolic link (as
//! in a mounted Kubernetes secret), a rename, a rewrite in place.

use std::convert::Infallible;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::fs;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::telemetry::error_chain;

/// The most bytes of a file. More is another file, such as a device that never ends.
const MAX_BYTES: usize = 1024 * 1024;
/// The interval between reads.
const INTERVAL: Duration = Duration::from_secs(1);

/// The contents of `N` files, in order.
pub type Contents<const N: usize> = [Vec<u8>; N];

/// A file cannot be read.
#[derive(Debug, Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl PartialEq for ReadError {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && self.source.kind() == other.source.kind()
    }
}

/// Files that are used and replaced together, such as a certificate and its key.
pub struct WatchedFiles<const N: usize> {
    paths: [PathBuf; N],
    /// The contents last applied or refused.
    known: Result<Contents<N>, ReadError>,
}

impl<const N: usize> WatchedFiles<N> {
    pub async fn open(paths: [PathBuf; N]) -> Result<(Self, Contents<N>), ReadError> {
        let contents = read(&paths).await?;
        let known = Ok(contents.clone());
        Ok((Self { paths, known }, contents))
    }

    /// Passes changed contents to `apply` while polled. If they cannot be read or `apply` refuses them, this logs one
    /// warning, and the last good contents stay in use.
    pub async fn follow<E: Error>(
        mut self,
        what: &str,
        mut apply: impl FnMut(Contents<N>) -> Result<(), E>,
    ) -> Infallible {
        let mut before = None;
        loop {
            sleep(INTERVAL).await;
            let now = read(&self.paths).await;
            // Applied only after two equal reads, so that half-written or half-replaced files are not.
            if now != self.known && before.as_ref() == Some(&now) {
                let result = match &now {
                    Ok(contents) => apply(contents.clone()).map_err(|error| error_chain(&error)),
                    Err(error) => Err(error_chain(error)),
                };
                if let Err(error) = result {
                    tracing::warn!(
                        error,
                        "cannot use the changed {what}; the last good one stays in use"
                    );
                }
                self.known = now;
                before = None;
            } else {
                before = Some(now);
            }
        }
    }
}

async fn read<const N: usize>(paths: &[PathBuf; N]) -> Result<Contents<N>, ReadError> {
    let mut contents = [const { Vec::new() }; N];
    for (content, path) in contents.iter_mut().zip(paths) {
        *content = read_one(path).await.map_err(|source| ReadError {
            path: path.clone(),
            source,
        })?;
    }
    Ok(contents)
}

async fn read_one(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe cannot be read twice: the second read may never end.
    if !fs::metadata(path).await?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let path = path.to_owned();
    spawn_blocking(move || read_file(&path)).await?
}

/// Reads a file with a setting as text.
pub fn read_text(path: &Path) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8");
    String::from_utf8(read_file(path)?).map_err(not_text)
}

/// Reads a file with a setting, which may be a pipe but not a large file.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let most = MAX_BYTES as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut content)?;
    if content.len() > MAX_BYTES {
        let error = format!("larger than {MAX_BYTES} bytes, the most that such a file may have");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio::sync::mpsc;

    use super::*;

    #[derive(Debug, Error)]
    #[error("refused")]
    struct Refused;

    #[tokio::test]
    async fn every_kind_of_change_is_applied_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("a written file");
        write("old", "1");
        write("new", "2");
        write("other", "x");
        symlink("old", path("link")).expect("a link");

        let (watched, first) = WatchedFiles::open([path("link"), path("other")])
            .await
            .expect("contents");
        assert_eq!(first, [b"1", b"x"]);
        let (sender, mut seen) = mpsc::unbounded_channel();
        let following = watched.follow("files", move |contents| {
            let refused = contents[0] == b"refused";
            sender.send(contents).map_err(|_| Refused)?;
            if refused { Err(Refused) } else { Ok(()) }
        });
        let changing = async {
            symlink("new", path("next")).expect("a link");
            std::fs::rename(path("next"), path("link")).expect("a renamed link");
            assert_eq!(seen.recv().await.expect("a swapped link"), [b"2", b"x"]);
            write("new", "refused");
            assert_eq!(seen.recv().await.expect("refused"), [&b"refused"[..], b"x"]);
            write("renamed", "y");
            std::fs::rename(path("renamed"), path("other")).expect("a renamed file");
            assert_eq!(
                seen.recv().await.expect("a renamed file"),
                [&b"refused"[..], b"y"]
            );
            write("new", "3");
            assert_eq!(seen.recv().await.expect("a rewritten file"), [b"3", b"y"]);
        };
        tokio::select! {
            never = following => match never {},
            () = changing => {}
        }
        assert!(seen.try_recv().is_err(), "nothing else");
    }

    #[tokio::test]
    async fn unreadable_and_endless_files_are_errors() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in [folder.path().to_owned(), folder.path().join("missing")] {
            let error = WatchedFiles::open([path.clone()]).await.err().expect("an error");
            assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
        }
        let most = folder.path().join("most");
        std::fs::write(&most, vec![b' '; MAX_BYTES]).expect("a file");
        assert_eq!(
            read_text(&most).expect("a file of the most bytes").len(),
            MAX_BYTES
        );
        let endless = read_file(Path::new("/dev/zero")).expect_err("too large");
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
    }
}
