//! Writes rejected items to a file or to stderr.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::ImportError;
use super::read::Reject;
use crate::cli::progress::Progress;

/// Of each kind, the items that are shown on stderr; others are counted.
const SHOWN: u64 = 10;

pub enum Rejects {
    File {
        path: PathBuf,
        file: BufWriter<File>,
    },
    /// The number of items of each kind, and the reasons of one of them.
    Stderr(BTreeMap<&'static str, (u64, String)>),
}

impl Rejects {
    /// Opens the file, truncated unless `append` is set.
    pub fn open(path: Option<&Path>, input: &Path, append: bool) -> Result<Self, ImportError> {
        let Some(path) = path else {
            return Ok(Self::Stderr(BTreeMap::new()));
        };
        if is_same_file(path, input) {
            return Err(ImportError::OverInput {
                path: path.to_owned(),
            });
        }
        let file = File::options()
            .create(true)
            .write(true)
            .append(append)
            .truncate(!append)
            .open(path)
            .map_err(|source| ImportError::Rejects {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self::File {
            path: path.to_owned(),
            file: BufWriter::new(file),
        })
    }

    /// Writes items and flushes them.
    pub fn write(&mut self, rejects: &[Reject], progress: &Progress) -> Result<(), ImportError> {
        match self {
            _ if rejects.is_empty() => Ok(()),
            Self::File { path, file } => {
                let mut write = || {
                    for reject in rejects {
                        serde_json::to_writer(&mut *file, reject)?;
                        file.write_all(b"\n")?;
                    }
                    file.flush()
                };
                write().map_err(|source| ImportError::Rejects {
                    path: path.clone(),
                    source,
                })
            }
            Self::Stderr(kinds) => {
                progress.suspend(|| {
                    let mut stderr = io::stderr().lock();
                    for reject in rejects {
                        let (number, reasons) = kinds.entry(reject.kind).or_default();
                        *number += 1;
                        if *number <= SHOWN {
                            *reasons = reject.reasons.join(" ");
                            // A closed stderr cannot be reported.
                            let _ = writeln!(stderr, "{}: {reasons}", reject.line);
                        }
                    }
                });
                Ok(())
            }
        }
    }

    /// Says on stderr how many items were not shown.
    pub fn summarise(&self) {
        let Self::Stderr(kinds) = self else { return };
        for (number, reasons) in kinds.values().filter(|(number, _)| *number > SHOWN) {
            let others = number - SHOWN;
            let _ = writeln!(
                io::stderr(),
                "{others} more such as: {reasons} (--rejects FILE lists all of them)"
            );
        }
    }
}

/// Whether both paths exist and lead to one file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}
