//! The values of the language.

use std::fmt::{self, Display, Formatter};

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

/// The right-hand side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// In upper case for enumerations.
    Text(String),
    /// Whole microseconds.
    Time(DateTime<Utc>),
    Number(Number),
}

/// A number as far as integers can be compared with it: an integer, or any number between an integer and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    pub(crate) floor: i64,
    pub(crate) is_whole: bool,
}

impl Value {
    /// Whether it is a number between two integers.
    pub(crate) fn is_between(&self) -> bool {
        matches!(self, Self::Number(number) if !number.is_whole)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    Form,
    Range,
}

impl Number {
    /// Decimal digits, optionally with a minus and a fraction.
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(digits) || !all_digits(fraction) {
            return Err(Invalid::Form);
        }
        let towards_zero: i64 = whole.parse().map_err(|_| Invalid::Range)?;
        let is_whole = fraction.bytes().all(|digit| digit == b'0');
        let below = i64::from(!is_whole && whole.starts_with('-'));
        Ok(Self {
            floor: towards_zero.checked_sub(below).ok_or(Invalid::Range)?,
            is_whole,
        })
    }
}

/// Parses RFC 3339, also with a space for the `T`. A date or a year means its first instant in UTC.
///
/// Stored times are whole milliseconds, so a finer literal only has to stay between the same two of them. Digits beyond
/// microseconds are dropped; if that would leave a whole millisecond, a microsecond is added.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, Invalid> {
    let digits = text
        .trim_start_matches(['+', '-'])
        .split('-')
        .next()
        .unwrap_or_default();
    let has_long_year = digits.len() > 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if has_long_year && text.len() > digits.len() {
        return Err(Invalid::Range);
    }
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match text.len() {
        4 if is_year => format!("{text}-01-01T00:00:00Z"),
        10 => format!("{text}T00:00:00Z"),
        _ => text.to_owned(),
    };
    let given = DateTime::parse_from_rfc3339(&whole).map_err(|_| Invalid::Form)?;
    let micros = given.timestamp_micros();
    let is_finer = given.timestamp_subsec_nanos() % 1000 != 0;
    let moved = i64::from(is_finer && micros % 1000 == 0);
    DateTime::from_timestamp_micros(micros + moved)
        .filter(|time| (1..=9999).contains(&time.year()))
        .ok_or(Invalid::Range)
}

impl Display for Value {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(formatter),
            Self::Time(time) => formatter.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Number(number) => number.fmt(formatter),
        }
    }
}

impl Display for Number {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match (self.is_whole, self.floor) {
            (true, whole) => write!(formatter, "{whole}"),
            (false, -1) => formatter.write_str("-0.5"),
            (false, floor) if floor < 0 => write!(formatter, "{}.5", floor + 1),
            (false, floor) => write!(formatter, "{floor}.5"),
        }
    }
}

/// A string as a literal of the language.
pub(super) struct Quoted<'t>(pub(super) &'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "\"{}\"",
            self.0.replace('\\', "\\\\").replace('"', "\\\"")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(floor: i64, is_whole: bool) -> Number {
        Number { floor, is_whole }
    }

    #[test]
    fn numbers_are_exact() {
        for (text, expected) in [
            ("50", Ok(number(50, true))),
            ("-0", Ok(number(0, true))),
            ("007", Ok(number(7, true))),
            ("50.000", Ok(number(50, true))),
            ("50.5", Ok(number(50, false))),
            ("0.00000000000000000000000001", Ok(number(0, false))),
            ("-0.1", Ok(number(-1, false))),
            ("-50.9", Ok(number(-51, false))),
            ("9223372036854775807.9", Ok(number(i64::MAX, false))),
            ("-9223372036854775808", Ok(number(i64::MIN, true))),
            ("9223372036854775808", Err(Invalid::Range)),
            ("-9223372036854775808.5", Err(Invalid::Range)),
            ("", Err(Invalid::Form)),
            ("-", Err(Invalid::Form)),
            ("+5", Err(Invalid::Form)),
            ("5.", Err(Invalid::Form)),
            (".5", Err(Invalid::Form)),
            ("1e3", Err(Invalid::Form)),
            ("1.2.3", Err(Invalid::Form)),
            ("٣", Err(Invalid::Form)),
        ] {
            assert_eq!(Number::parse(text), expected, "{text}");
            if let Ok(number) = expected {
                assert_eq!(Number::parse(&number.to_string()), expected, "{text}");
            }
        }
    }

    #[test]
    fn times_are_read_in_all_documented_forms() {
        for (text, expected) in [
            ("2018-12-18T23:05:55Z", "2018-12-18T23:05:55Z"),
            ("2018-12-18t23:05:55z", "2018-12-18T23:05:55Z"),
            ("2018-12-18T23:05:55.1-02:30", "2018-12-19T01:35:55.100Z"),
            ("2018-12-18 23:05:55.123456+00:00", "2018-12-18T23:05:55.123456Z"),
            ("2018-12-18", "2018-12-18T00:00:00Z"),
            ("2018", "2018-01-01T00:00:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("0001-01-01", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            // Between the same two milliseconds as before.
            ("2018-12-18T23:05:55.123000001Z", "2018-12-18T23:05:55.123001Z"),
            ("2018-12-18T23:05:55.123999999Z", "2018-12-18T23:05:55.123999Z"),
            ("1918-12-18T23:05:55.123000001Z", "1918-12-18T23:05:55.123001Z"),
        ] {
            let value = time(text).map(Value::Time);
            assert_eq!(
                value.as_ref().map(ToString::to_string),
                Ok(expected.to_owned()),
                "{text}"
            );
            assert_eq!(time(expected).map(Value::Time), value, "{text}");
        }
        for text in [
            "",
            "18",
            "20181",
            "-2018-01-01",
            "2018-13-01",
            "2018-02-30",
            "2018-1-1",
            "2018-12-18T23:05:55",
            "2018-12-18T23:05Z",
            "20181218T230555Z",
            "yesterday",
            "1545174355000",
            "２０１８",
            "2018-12-é",
            "-",
            "12:00:00",
        ] {
            assert_eq!(time(text), Err(Invalid::Form), "{text}");
        }
        for text in [
            "0000",
            "0000-12-31",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "10000-01-01",
            "+12018-01-01T00:00:00Z",
        ] {
            assert_eq!(time(text), Err(Invalid::Range), "{text}");
        }
    }
}
