//! The format of a list, by `Accept` (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, Version, header};

use crate::http::error::ApiError;
use crate::http::extract::{JSON, NDJSON};
use crate::messages::cause::Cause;
use crate::pending::content_encoding::quality;

pub const CSV: &str = "text/csv";

/// The formats, the preferred first.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    #[default]
    Json,
    Csv,
    Ndjson,
}

/// The format that a request asks for. Over HTTP/1.0 it can only be JSON, whose end shows: the others are long, and are broken
/// off without their last chunk if something fails.
pub fn format(version: Version, headers: &HeaderMap) -> Result<Format, ApiError> {
    match negotiate(headers) {
        Format::Csv | Format::Ndjson if version < Version::HTTP_11 => {
            Err(ApiError::BadContent(vec![Cause::ExportVersion]))
        }
        format => Ok(format),
    }
}

/// The format with the highest weight. If none is acceptable it is JSON, as for clients that send no `Accept`.
fn negotiate(headers: &HeaderMap) -> Format {
    if !headers.contains_key(header::ACCEPT) {
        return Format::Json;
    }
    let ranges: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    let mut best = (Format::Json, weight(&ranges, &[JSON]));
    for (format, types) in [(Format::Csv, &[CSV][..]), (Format::Ndjson, &NDJSON)] {
        let weight = weight(&ranges, types);
        if weight > best.1 {
            best = (format, weight);
        }
    }
    best.0
}

/// The weight of a format in thousandths: that of the most specific range with one of its types.
fn weight(ranges: &[&str], types: &[&str]) -> u16 {
    let weights = ranges.iter().filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (name, subtype) = parts.next()?.split_once('/')?;
        let is_within = |of: &&str| {
            of.split_once('/')
                .is_some_and(|(of, _)| name.eq_ignore_ascii_case(of))
        };
        let is_one = |of: &&str| {
            of.split_once('/')
                .is_some_and(|(_, of)| subtype.eq_ignore_ascii_case(of))
        };
        let specificity = match (name, subtype) {
            ("*", "*") => 0,
            (_, "*") if types.iter().any(is_within) => 1,
            _ if types.iter().any(|of| is_within(of) && is_one(of)) => 2,
            _ => return None,
        };
        let is_weight = |part: &&str| part.get(..1).is_some_and(|name| name.eq_ignore_ascii_case("q"));
        Some((
            specificity,
            parts.find(is_weight).map_or(Some(1000), quality).unwrap_or(0),
        ))
    });
    weights.max().map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_with_the_highest_weight_is_chosen() {
        use Format::{Csv, Json, Ndjson};
        for (lines, chosen) in [
            (&[][..], Json),
            (&["*/*"], Json),
            (&["application/json"], Json),
            (&["application/*"], Json),
            (
                &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
                Json,
            ),
            (&["text/html"], Json),
            (&["", "é"], Json),
            (&["text/csv"], Csv),
            (&["Text/CSV; header=present; Q=0.5"], Csv),
            (&["text/*"], Csv),
            (&["text/csv, */*;q=0.1"], Csv),
            (&["text/csv, application/json"], Json),
            (&["application/json;q=0.5", "text/csv;q=0.501"], Csv),
            (&["text/csv;q=0, text/*"], Json),
            (&["text/csv;q=2"], Json),
            (&["application/x-ndjson"], Ndjson),
            (&["application/jsonl"], Ndjson),
            (&["application/json;q=0.1, application/*"], Ndjson),
            (
                &["application/x-ndjson;q=0.3, text/csv;q=0.4, application/json;q=0.2"],
                Csv,
            ),
            (&["application/x-ndjson, */*;q=0.1"], Ndjson),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::ACCEPT, line.parse().expect("a value"));
            }
            assert_eq!(negotiate(&headers), chosen, "{lines:?}");
        }
    }
}
