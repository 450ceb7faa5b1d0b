//! The input of an import: counts and hashes the bytes consumed.

use std::fmt;
use std::io::{self, BufRead, Read};

use sha2::{Digest as _, Sha256};

/// SHA-256 of the bytes consumed. Finished when displayed, in hexadecimal.
#[derive(Debug, Clone)]
pub struct InputHash(Sha256);

/// A reader that tracks its position by the bytes consumed, not those buffered.
pub struct Source<R> {
    inner: R,
    offset: u64,
    hash: Sha256,
    /// Offset of the current line.
    line_begins: u64,
    /// Number of lines before the current one.
    lines: u64,
}

impl<R: BufRead> Source<R> {
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            offset: 0,
            hash: Sha256::new(),
            line_begins: 0,
            lines: 0,
        }
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn hash(&self) -> InputHash {
        InputHash(self.hash.clone())
    }

    /// Line and column of the next byte, from 1.
    pub fn line_and_column(&self) -> (usize, usize) {
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).saturating_add(1);
        (number(self.lines), number(self.offset - self.line_begins))
    }

    /// The next byte, without consuming it; `None` at the end.
    pub fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.fill_buf()?.first().copied())
    }

    /// Consumes bytes until `offset`; false if the input is shorter.
    pub fn skip_to(&mut self, offset: u64) -> io::Result<bool> {
        while self.offset < offset {
            let available = self.fill_buf()?.len();
            if available == 0 {
                return Ok(false);
            }
            let wanted = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            self.consume(available.min(wanted));
        }
        Ok(true)
    }

    /// Consumes whitespace.
    pub fn skip_whitespace(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.fill_buf()?;
            let count = buffer.iter().take_while(|byte| is_whitespace(**byte)).count();
            let more = count > 0 && count == buffer.len();
            self.consume(count);
            if !more {
                return Ok(());
            }
        }
    }

    /// Consumes the rest of the line.
    pub fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.fill_buf()?;
            let (count, more) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(position) => (position + 1, false),
                None => (buffer.len(), !buffer.is_empty()),
            };
            self.consume(count);
            if !more {
                return Ok(());
            }
        }
    }
}

impl fmt::Display for InputHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .clone()
            .finalize()
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Whitespace of JSON (RFC 8259, section 2).
pub fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while let Err(error) = self.inner.fill_buf() {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        // The bytes consumed are in the buffer, so this reads nothing and cannot fail.
        if let Ok(buffer) = self.inner.fill_buf() {
            let taken = &buffer[..count.min(buffer.len())];
            self.hash.update(taken);
            self.lines += taken.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            if let Some(last) = taken.iter().rposition(|byte| *byte == b'\n') {
                self.line_begins = self.offset + last as u64 + 1;
            }
            self.offset += taken.len() as u64;
        }
        self.inner.consume(count);
    }
}
