//! The state file of an import, with the position after the last commit.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ImportError;
use super::split::{Form, Position};
use crate::cli::create_anew;

/// Numbers of items, by result.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub read: u64,
    pub created: u64,
    pub replaced: u64,
    pub superseded: u64,
    pub rejected: u64,
}

/// The content of the file: everything before `offset` is committed.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct State {
    /// `None` until something is committed.
    #[serde(default)]
    pub form: Option<Form>,
    pub offset: u64,
    /// Number of the last line or element.
    pub line: u64,
    /// Hash of the bytes before `offset`, in hexadecimal: tells whether the input has changed.
    pub sha256: String,
    #[serde(flatten)]
    pub counts: Counts,
}

impl State {
    pub fn new(position: &Position, counts: Counts) -> Self {
        Self {
            form: Some(position.form),
            offset: position.offset,
            line: position.number,
            sha256: position.hash.to_string(),
            counts,
        }
    }

    /// Reads the file; `None` if it does not exist.
    pub fn read(path: &Path) -> Result<Option<Self>, ImportError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(ImportError::State {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| ImportError::NotAState {
                path: path.to_owned(),
                source,
            })
    }

    /// Replaces the file atomically.
    pub fn write(&self, path: &Path) -> Result<(), ImportError> {
        let write = || {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let mut name = path.as_os_str().to_owned();
            name.push(".new");
            let new = PathBuf::from(name);
            let mut file = create_anew(&new)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&new, path)
        };
        write().map_err(|source| ImportError::State {
            path: path.to_owned(),
            source,
        })
    }
}

/// The default state file for an input file.
pub fn default_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".import-state");
    name.into()
}
