//! Splits an input into items, with one item in memory: lines of newline-delimited JSON, or elements of an array.
//!
//! Elements are found by brackets and strings alone. Invalid JSON is found later, when an element is parsed.

use std::io::{self, BufRead, Read};

use serde::{Deserialize, Serialize};

use super::source::{InputHash, Source, is_whitespace};
use crate::messages::cause::Cause;
use crate::task::json::JsonError;

/// The longest item, in bytes.
pub const MAX_ITEM_BYTES: usize = 4 * 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The form of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    Ndjson,
    Array,
}

/// A position between two items.
#[derive(Debug, Clone)]
pub struct Position {
    pub form: Form,
    /// Bytes before it.
    pub offset: u64,
    /// Number of the item before it.
    pub number: u64,
    /// Hash of the bytes before it.
    pub hash: InputHash,
}

/// The result of reading the next item.
#[derive(Debug)]
pub enum Next {
    /// An item, in [`Splitter::item`].
    Item,
    /// An item that is too long; its beginning is in [`Splitter::item`].
    TooLong,
    /// The input is complete.
    End,
    /// The array is incomplete or malformed: its further items cannot be found.
    Broken(Cause),
}

pub struct Splitter<R> {
    source: Source<R>,
    form: Form,
    /// Number of items so far: lines, blank ones included, or elements.
    number: u64,
    item: Vec<u8>,
}

impl<R: BufRead> Splitter<R> {
    /// Begins at the start of an input. Its first byte that is not whitespace decides its form.
    pub fn begin(mut source: Source<R>) -> io::Result<Self> {
        if source.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            source.consume(BYTE_ORDER_MARK.len());
        }
        let mut number = 0;
        let form = loop {
            match source.peek()? {
                Some(byte) if is_whitespace(byte) => {
                    source.consume(1);
                    number += u64::from(byte == b'\n');
                }
                Some(b'[') => {
                    source.consume(1);
                    number = 0;
                    break Form::Array;
                }
                _ => break Form::Ndjson,
            }
        };
        Ok(Self::resume(source, form, number))
    }

    /// Continues after an item.
    pub fn resume(source: Source<R>, form: Form, number: u64) -> Self {
        Self {
            source,
            form,
            number,
            item: Vec::new(),
        }
    }

    /// The position after the item that was read last.
    pub fn position(&self) -> Position {
        Position {
            form: self.form,
            offset: self.source.offset(),
            number: self.number,
            hash: self.source.hash(),
        }
    }

    /// The number of the item that was read last, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The item that was read last.
    pub fn item(&self) -> &[u8] {
        &self.item
    }

    /// Reads the next item.
    pub fn next(&mut self) -> io::Result<Next> {
        self.item.clear();
        match self.form {
            Form::Ndjson => self.line(),
            Form::Array => self.element(),
        }
    }

    fn line(&mut self) -> io::Result<Next> {
        loop {
            self.item.clear();
            // One byte more than an item, for its line break or to detect that it is too long.
            let max = MAX_ITEM_BYTES as u64 + 1;
            let read = (&mut self.source).take(max).read_until(b'\n', &mut self.item)?;
            if read == 0 {
                return Ok(Next::End);
            }
            self.number += 1;
            if self.item.len() > MAX_ITEM_BYTES && self.item.last() != Some(&b'\n') {
                self.source.skip_line()?;
                return Ok(Next::TooLong);
            }
            if !self.item.iter().all(|byte| is_whitespace(*byte)) {
                return Ok(Next::Item);
            }
        }
    }

    fn element(&mut self) -> io::Result<Next> {
        self.source.skip_whitespace()?;
        match self.source.peek()? {
            Some(b']') => {
                self.source.consume(1);
                self.source.skip_whitespace()?;
                return Ok(match self.source.peek()? {
                    None => Next::End,
                    Some(_) => self.not_json(),
                });
            }
            Some(b',') if self.number > 0 => {
                self.source.consume(1);
                self.source.skip_whitespace()?;
            }
            Some(_) if self.number > 0 => return Ok(self.not_json()),
            _ => {}
        }
        match self.source.peek()? {
            None => return Ok(self.broken(Cause::ContentIncomplete)),
            Some(b',' | b']' | b'}') => return Ok(self.not_json()),
            Some(_) => {}
        }
        self.number += 1;
        let mut scan = Scan::default();
        let mut too_long = false;
        loop {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Next::Broken(Cause::ContentIncomplete));
            }
            let (count, complete) = scan.advance(buffer);
            let room = MAX_ITEM_BYTES - self.item.len();
            too_long |= count > room;
            self.item.extend_from_slice(&buffer[..count.min(room)]);
            self.source.consume(count);
            if complete {
                return Ok(if too_long { Next::TooLong } else { Next::Item });
            }
        }
    }

    fn not_json(&mut self) -> Next {
        let (line, column) = self.source.line_and_column();
        self.broken(JsonError::Syntax { line, column }.into())
    }

    /// An error at the next element.
    fn broken(&mut self, cause: Cause) -> Next {
        self.number += 1;
        Next::Broken(cause)
    }
}

/// The state of the scan for the end of an element.
#[derive(Debug, Default)]
struct Scan {
    begun: bool,
    /// Number of open brackets and braces.
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// The number of bytes that belong to the element, and whether it ends with them.
    fn advance(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (index, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (index + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (index + 1, true);
                    }
                }
                // A number or a word ends before the next separator.
                b',' | b']' if self.depth == 0 => return (index, true),
                byte if self.depth == 0 && self.begun && is_whitespace(*byte) => return (index, true),
                _ => {}
            }
            self.begun = true;
        }
        (bytes.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    /// The items with their numbers, and the end.
    fn split(input: &[u8], capacity: usize) -> (Vec<(u64, String)>, String) {
        let source = Source::new(BufReader::with_capacity(capacity, input));
        let mut splitter = Splitter::begin(source).expect("a splitter");
        let mut items = Vec::new();
        loop {
            match splitter.next().expect("an item") {
                Next::Item => {
                    let item = String::from_utf8_lossy(splitter.item().trim_ascii());
                    items.push((splitter.number(), item.into_owned()));
                }
                Next::TooLong => items.push((splitter.number(), "too long".to_owned())),
                Next::End => {
                    assert_eq!(splitter.position().offset, input.len() as u64);
                    return (items, "end".to_owned());
                }
                Next::Broken(cause) => return (items, format!("{} {cause:?}", splitter.number())),
            }
        }
    }

    fn both(input: &str) -> (Vec<(u64, String)>, String) {
        let whole = split(input.as_bytes(), 1 << 16);
        assert_eq!(split(input.as_bytes(), 3), whole, "{input}");
        whole
    }

    fn items(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
        expected
            .iter()
            .map(|(number, item)| (*number, (*item).to_owned()))
            .collect()
    }

    #[test]
    fn lines_are_numbered_blank_ones_included() {
        for input in ["\u{feff}\n{\"a\":1}\r\n \n\n2\n{", " \n{\"a\":1}\n\t\n\n2\n{\n\n"] {
            let (found, end) = split(input.as_bytes(), 1 << 16);
            assert_eq!(found, items(&[(2, "{\"a\":1}"), (5, "2"), (6, "{")]), "{input}");
            assert_eq!(end, "end");
        }
        for empty in ["", "\n \n", "[]", " [ ] \n"] {
            assert_eq!(both(empty), (Vec::new(), "end".to_owned()));
        }
    }

    #[test]
    fn strings_may_contain_brackets_and_separators() {
        let input = "\n [ {\"a]\": \"\\\"},{\\\\\"}\n, [[\"[\"]],\"x,]\", 12 ,null,{}] \n";
        let expected = [
            (1, "{\"a]\": \"\\\"},{\\\\\"}"),
            (2, "[[\"[\"]]"),
            (3, "\"x,]\""),
            (4, "12"),
            (5, "null"),
            (6, "{}"),
        ];
        assert_eq!(both(input), (items(&expected), "end".to_owned()));
    }

    #[test]
    fn a_malformed_array_is_reported_with_its_position() {
        let not_json =
            |number, line, column| format!("{number} Json(Syntax {{ line: {line}, column: {column} }})");
        for (input, count, end) in [
            ("[", 0, "1 ContentIncomplete".to_owned()),
            ("[1,", 1, "2 ContentIncomplete".to_owned()),
            ("[1, {\"a\":", 1, "2 ContentIncomplete".to_owned()),
            ("[1, \"a", 1, "2 ContentIncomplete".to_owned()),
            ("[1", 0, "1 ContentIncomplete".to_owned()),
            ("[1,\n]", 1, not_json(2, 2, 1)),
            ("[,1]", 0, not_json(1, 1, 2)),
            ("[{}\n\n {}]", 1, not_json(2, 3, 2)),
            ("[{}] {}", 1, not_json(2, 1, 6)),
            ("[{}}]", 1, not_json(2, 1, 4)),
        ] {
            let (found, ended) = both(input);
            assert_eq!((found.len(), ended), (count, end), "{input}");
        }
    }

    #[test]
    fn an_item_that_is_too_long_is_skipped() {
        let longest = format!("\"{}\"", "x".repeat(MAX_ITEM_BYTES - 2));
        let longer = format!("\"{}\"", "x".repeat(MAX_ITEM_BYTES - 1));
        for input in [
            format!("{longest}\n{longer}\n1"),
            format!("[{longest}, {longer},1]"),
        ] {
            let (found, end) = split(input.as_bytes(), 1 << 16);
            let found: Vec<(u64, usize)> = found.iter().map(|(number, item)| (*number, item.len())).collect();
            assert_eq!(found, [(1, MAX_ITEM_BYTES), (2, "too long".len()), (3, 1)]);
            assert_eq!(end, "end");
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[\\\\\"\\[\\]{},: a\u{e9}\n]{0,6}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[\"\\]}a]{0,3}", inner, 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_array_is_split_into_its_elements(
            elements in prop::collection::vec(json(), 0..5), pretty: bool, capacity in 1_usize..9,
        ) {
            let array = serde_json::Value::Array(elements.clone());
            let text = if pretty {
                serde_json::to_string_pretty(&array)
            } else {
                serde_json::to_string(&array)
            }
            .expect("JSON");
            let (found, end) = split(text.as_bytes(), capacity);
            let found: Vec<serde_json::Value> = found
                .iter()
                .map(|(_, item)| serde_json::from_str(item).expect("JSON"))
                .collect();
            prop_assert_eq!(found, elements);
            prop_assert_eq!(end, "end");
        }
    }
}
