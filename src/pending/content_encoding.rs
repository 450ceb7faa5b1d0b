//! Content codings: negotiation and compression.
//!
//! tower-http negotiates inside its layer only, which would compress a page again for each response.

use std::io::{self, Write};

/// A content coding of responses (RFC 9110, section 8.4.1).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentEncoding {
    /// Not compressed.
    #[default]
    Identity,
    Zstd,
    Brotli,
    Gzip,
}

/// Shorter bodies are not compressed: they would fill no fewer packets.
const MIN_COMPRESSED_BYTES: usize = 1024;
/// Larger bodies are not compressed either: that would take long, and as much memory again.
const MAX_COMPRESSED_BYTES: usize = 8 * 1024 * 1024;

/// Levels at which a page of 250 tasks shrinks to a quarter or less in a few milliseconds.
const ZSTD_LEVEL: i32 = 3;
const BROTLI_QUALITY: i32 = 5;
const GZIP_LEVEL: u32 = 6;
/// Binary logarithm of brotli's window: as large as a page.
const BROTLI_WINDOW: i32 = 19;

impl ContentEncoding {
    /// Every compressed coding, the cheapest first.
    pub const COMPRESSED: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    pub const ALL: [Self; 4] = {
        let [zstd, brotli, gzip] = Self::COMPRESSED;
        [Self::Identity, zstd, brotli, gzip]
    };

    /// The token in headers; `Identity` has none.
    pub const fn token(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Zstd => Some("zstd"),
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
        }
    }

    /// The coding with the highest weight in the lines of `Accept-Encoding` (RFC 9110, section 12.5.3); of equals the
    /// cheapest. Items that cannot be parsed weigh nothing. If no coding is acceptable it is `Identity`, as the RFC
    /// recommends.
    pub fn negotiate<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        // In thousandths, of each coding and of all that are not named; 0 excludes. The first of a name counts.
        let (mut explicit, mut others) = ([None; Self::ALL.len()], None);
        for item in lines.flat_map(|line| line.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let named = Self::ALL.iter().position(|coding| coding.is_named(name));
            let slot = match named.and_then(|index| explicit.get_mut(index)) {
                Some(slot) => slot,
                None if name == "*" => &mut others,
                None => continue,
            };
            slot.get_or_insert_with(|| parts.next().map_or(Some(1000), quality).unwrap_or(0));
        }
        let [identity, compressed @ ..] = explicit;
        let (mut best, mut best_weight) = (Self::Identity, 0);
        for (coding, weight) in Self::COMPRESSED.into_iter().zip(compressed) {
            let weight = weight.or(others).unwrap_or(0);
            if weight > best_weight {
                (best, best_weight) = (coding, weight);
            }
        }
        // Only an explicit, higher weight: a client that names codings wants one of them.
        if identity.is_some_and(|weight| weight > best_weight) {
            return Self::Identity;
        }
        best
    }

    fn is_named(self, name: &str) -> bool {
        // The old name of gzip is the same coding (RFC 9110, section 8.4.1.3).
        name.eq_ignore_ascii_case(self.token().unwrap_or("identity"))
            || self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip")
    }

    /// The coding in which a body of this length is sent to a client that wants this one.
    #[must_use]
    pub fn for_length(self, length: usize) -> Self {
        if (MIN_COMPRESSED_BYTES..=MAX_COMPRESSED_BYTES).contains(&length) {
            self
        } else {
            Self::Identity
        }
    }

    /// Encodes bytes in this coding.
    pub fn encode(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(bytes.to_vec()),
            Self::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
            Self::Brotli => {
                let params = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW,
                    size_hint: bytes.len(),
                    ..Default::default()
                };
                let mut encoded = Vec::with_capacity(bytes.len() / 4);
                brotli::BrotliCompress(&mut &bytes[..], &mut encoded, &params)?;
                Ok(encoded)
            }
            Self::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
                encoder.write_all(bytes)?;
                encoder.finish()
            }
        }
    }
}

/// `q=0.123` in thousandths.
pub fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim_end().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value
        .trim_start()
        .split_once('.')
        .unwrap_or((value.trim_start(), ""));
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit()) && fraction.len() <= 3;
    let thousandths: u16 = format!("{whole}{fraction:0<3}").parse().ok()?;
    (digits && whole.len() == 1 && thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_coding_with_the_highest_weight_is_chosen() {
        for (accepted, coding) in [
            ("", ContentEncoding::Identity),
            ("identity", ContentEncoding::Identity),
            ("gzip", ContentEncoding::Gzip),
            ("X-GZIP", ContentEncoding::Gzip),
            ("gzip, deflate, br, zstd", ContentEncoding::Zstd),
            ("gzip, deflate, br", ContentEncoding::Brotli),
            ("gzip;q=1.0, br;q=0.8", ContentEncoding::Gzip),
            ("gzip;q=0.5, br;q=0.501", ContentEncoding::Brotli),
            ("gzip ; Q=0.5 ,br; q=0.4", ContentEncoding::Gzip),
            ("*", ContentEncoding::Zstd),
            ("*;q=0.5, zstd;q=0", ContentEncoding::Brotli),
            ("gzip;q=0, *;q=0", ContentEncoding::Identity),
            ("identity;q=0", ContentEncoding::Identity),
            ("identity;q=0.9, gzip;q=0.5", ContentEncoding::Identity),
            ("identity;q=0.5, gzip", ContentEncoding::Gzip),
            ("identity, gzip", ContentEncoding::Gzip),
            ("deflate, compress", ContentEncoding::Identity),
            ("gzip;q=2", ContentEncoding::Identity),
            ("gzip;q=0.1234, br;q=0.1", ContentEncoding::Brotli),
            ("gzip;q=-1", ContentEncoding::Identity),
            ("gzip;q=", ContentEncoding::Identity),
            ("gzip;level=9", ContentEncoding::Identity),
            (",, ,gzip,", ContentEncoding::Gzip),
            ("gzipped", ContentEncoding::Identity),
            ("é", ContentEncoding::Identity),
        ] {
            assert_eq!(
                ContentEncoding::negotiate([accepted].into_iter()),
                coding,
                "{accepted}"
            );
        }
    }

    #[test]
    fn encoded_bytes_can_be_decoded() {
        let bytes = b"the same again ".repeat(1000);
        for coding in ContentEncoding::COMPRESSED {
            let encoded = coding.encode(&bytes).expect("bytes");
            assert!(encoded.len() < bytes.len() / 20, "{coding:?}: {}", encoded.len());
            let mut decoded = Vec::new();
            match coding {
                ContentEncoding::Identity => unreachable!(),
                ContentEncoding::Zstd => zstd::stream::copy_decode(&encoded[..], &mut decoded).expect("zstd"),
                ContentEncoding::Brotli => {
                    brotli::BrotliDecompress(&mut &encoded[..], &mut decoded).expect("brotli");
                }
                ContentEncoding::Gzip => {
                    flate2::read::GzDecoder::new(&encoded[..])
                        .read_to_end(&mut decoded)
                        .expect("gzip");
                }
            }
            assert_eq!(decoded, bytes, "{coding:?}");
        }
    }
}
