//! The bytes of an import and how many of them have been taken, with a digest by which they are known again.

use std::fmt;
use std::io::{self, BufRead, Read};

use sha2::{Digest as _, Sha256};

/// SHA-256 of the bytes until somewhere. Displayed in hexadecimal, which is when it is computed.
#[derive(Debug, Clone)]
pub struct Digest(Sha256);

/// A reader that knows where it is. Only what is consumed counts, not what is buffered.
pub struct Source<R> {
    inner: R,
    offset: u64,
    digest: Sha256,
    /// Where the line begins that is being read, and how many there were before it.
    line_begins: u64,
    lines: u64,
}

impl<R: BufRead> Source<R> {
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            offset: 0,
            digest: Sha256::new(),
            line_begins: 0,
            lines: 0,
        }
    }

    /// Bytes taken.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What the bytes taken are known by.
    pub fn digest(&self) -> Digest {
        Digest(self.digest.clone())
    }

    /// Line and column of the next byte, from 1.
    pub fn place(&self) -> (usize, usize) {
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).saturating_add(1);
        (number(self.lines), number(self.offset - self.line_begins))
    }

    /// The next byte, which is not taken. None at the end.
    pub fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.fill_buf()?.first().copied())
    }

    /// Takes bytes until `offset`; false where there are not so many.
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

    /// Takes blanks and line breaks.
    pub fn skip_blanks(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.fill_buf()?;
            let blanks = buffer.iter().take_while(|byte| is_blank(**byte)).count();
            let more = blanks > 0 && blanks == buffer.len();
            self.consume(blanks);
            if !more {
                return Ok(());
            }
        }
    }

    /// Takes the rest of the line.
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

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .clone()
            .finalize()
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Blank as JSON has it.
pub fn is_blank(byte: u8) -> bool {
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
        // What is consumed is in the buffer, so that nothing is read and nothing can fail.
        if let Ok(buffer) = self.inner.fill_buf() {
            let taken = &buffer[..count.min(buffer.len())];
            self.digest.update(taken);
            self.lines += taken.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            if let Some(last) = taken.iter().rposition(|byte| *byte == b'\n') {
                self.line_begins = self.offset + last as u64 + 1;
            }
            self.offset += taken.len() as u64;
        }
        self.inner.consume(count);
    }
}
