//! The query of a request, decoded strictly: a query that cannot be decoded is refused.

use percent_encoding::percent_decode_str;

use crate::messages::cause::Cause;

/// The parameters of a query in the order in which they were given, decoded.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    /// Decodes `application/x-www-form-urlencoded` text: `+` and `%20` are both a blank, since clients send either.
    /// A cause names the first piece that is not percent-encoding or not UTF-8.
    pub fn parse(raw: &str) -> Result<Self, Cause> {
        let mut parameters = Vec::new();
        let mut position = 1;
        for pair in raw.split('&') {
            if !pair.is_empty() {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                parameters.push((decode(name, position)?, decode(value, position + name.len() + 1)?));
            }
            position += pair.len() + 1;
        }
        Ok(Self { parameters })
    }

    /// Every parameter in the order in which it was given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a parameter that may be given once at most.
    pub fn single(&self, parameter: &'static str) -> Result<Option<&str>, Cause> {
        let mut values = self
            .parameters
            .iter()
            .filter(|(name, _)| name == parameter)
            .map(|(_, value)| value.as_str());
        let first = values.next();
        match values.count() {
            0 => Ok(first),
            more => Err(Cause::ParameterRepeated {
                parameter,
                times: more + 1,
            }),
        }
    }
}

/// Decodes a segment of a path.
pub fn decode_segment(raw: &str) -> Result<String, Cause> {
    // In a path a plus sign is itself.
    decode(&raw.replace('+', "%2B"), 1).map_err(|_| Cause::PathEncoding {
        segment: raw.to_owned(),
    })
}

/// `position` is the position of `raw` in the query, in bytes from 1.
fn decode(raw: &str, position: usize) -> Result<String, Cause> {
    let bytes = raw.as_bytes();
    if !bytes.iter().any(|byte| b"%+".contains(byte)) {
        return Ok(raw.to_owned());
    }
    for (index, _) in raw.match_indices('%') {
        let encoded = bytes.get(index + 1..index + 3);
        if !encoded.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(Cause::PercentEncoding {
                position: position + index,
            });
        }
    }
    percent_decode_str(&raw.replace('+', " "))
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Cause::QueryNotUtf8 { position })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(raw: &str) -> Vec<(String, String)> {
        Query::parse(raw).expect("a query").parameters
    }

    #[test]
    fn blanks_and_escapes_are_decoded() {
        let expected = vec![("a b".to_owned(), "c \"é".to_owned())];
        assert_eq!(pairs("a+b=c%20%22%C3%A9"), expected);
        assert_eq!(pairs("&a%20b=c+%22%c3%a9&"), expected);
        assert_eq!(
            pairs("x&y=&=z"),
            [("x", ""), ("y", ""), ("", "z")].map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
    }

    #[test]
    fn a_query_that_cannot_be_decoded_is_refused_with_the_position() {
        for (raw, position) in [("a=%", 3), ("a=1&b=%4", 7), ("%zz=1", 1), ("a=%4é", 3)] {
            assert_eq!(
                Query::parse(raw),
                Err(Cause::PercentEncoding { position }),
                "{raw}"
            );
        }
        assert_eq!(
            Query::parse("a=1&b=%ff"),
            Err(Cause::QueryNotUtf8 { position: 7 })
        );
    }

    #[test]
    fn a_parameter_given_twice_is_refused_even_with_equal_values() {
        let query = Query::parse("a=1&b=2&a=1").expect("a query");
        assert_eq!(query.single("b"), Ok(Some("2")));
        assert_eq!(query.single("c"), Ok(None));
        assert_eq!(
            query.single("a"),
            Err(Cause::ParameterRepeated {
                parameter: "a",
                times: 2
            })
        );
    }
}
