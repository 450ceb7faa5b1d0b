//! Compressed inputs: gzip and zstd are unpacked, others are named.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::{BUFFER, ImportError};

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// Formats that are not read: their first bytes, and their names.
const OTHERS: [(&[u8], &str); 3] = [(b"\xfd7zXZ", "xz"), (b"BZh", "bzip2"), (b"PK\x03\x04", "zip")];
/// The most bytes that tell a format.
const HEAD: u64 = 5;

/// Whether an input that begins so is unpacked.
pub fn is_compressed(head: &[u8]) -> bool {
    head.starts_with(GZIP) || head.starts_with(ZSTD)
}

/// The input, unpacked if it is compressed.
pub fn unpacked(mut input: Box<dyn BufRead + Send>) -> Result<Box<dyn BufRead + Send>, ImportError> {
    let mut head = Vec::new();
    (&mut input)
        .take(HEAD)
        .read_to_end(&mut head)
        .map_err(ImportError::Read)?;
    if let Some((_, format)) = OTHERS.iter().find(|(begin, _)| head.starts_with(begin)) {
        return Err(ImportError::Compressed { format });
    }
    let (is_gzip, is_zstd) = (head.starts_with(GZIP), head.starts_with(ZSTD));
    let input = Cursor::new(head).chain(input);
    Ok(if is_gzip {
        buffered(MultiGzDecoder::new(input))
    } else if is_zstd {
        buffered(zstd::Decoder::with_buffer(input).map_err(ImportError::Read)?)
    } else {
        Box::new(input)
    })
}

fn buffered(reader: impl io::Read + Send + 'static) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(BUFFER, reader))
}
