//! The small file that remembers how far an import has come.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ImportError;
use super::read::Known;
use super::split::{Form, Place};

/// What became of the items.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub read: u64,
    pub created: u64,
    pub replaced: u64,
    pub superseded: u64,
    pub rejected: u64,
}

/// The content of the file: everything before `offset` is committed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// None as long as nothing is committed.
    #[serde(default)]
    pub form: Option<Form>,
    pub offset: u64,
    /// The last line, or element.
    pub line: u64,
    /// Of the bytes before `offset`, in hexadecimal: by it the input is known again.
    pub sha256: String,
    #[serde(flatten)]
    pub counts: Counts,
}

impl State {
    pub fn new(place: &Place, counts: Counts) -> Self {
        Self {
            form: Some(place.form),
            offset: place.offset,
            line: place.number,
            sha256: place.digest.to_string(),
            counts,
        }
    }

    /// Where to go on.
    pub fn known(&self) -> Option<Known> {
        Some(Known {
            form: self.form?,
            offset: self.offset,
            number: self.line,
            sha256: self.sha256.clone(),
        })
    }

    /// Reads the file. None where there is none.
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

    /// Writes the file, so that it holds either this or what it held before.
    pub fn write(&self, path: &Path) -> Result<(), ImportError> {
        let write = || {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let mut name = path.as_os_str().to_owned();
            name.push(".new");
            let new = PathBuf::from(name);
            let mut file = File::create(&new)?;
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

/// Where the state of an import of this file is kept unless somebody says otherwise.
pub fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".import-state");
    name.into()
}
