//! The tokens of the language.
//!
//! Every token takes the whitespace after it along, so the scanner always stands where the next token begins.

use super::MAX_TEXT_LENGTH;
use super::error::{Expected, FilterError, FilterProblem};

pub(super) struct Scanner<'t> {
    text: &'t str,
    /// The byte at which the next token begins.
    offset: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut scanner = Self { text, offset: 0 };
        scanner.advance(0);
        scanner
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// An error about the token that begins at a byte.
    pub(super) fn error(&self, offset: usize, problem: FilterProblem) -> FilterError {
        FilterError {
            position: self.text[..offset].chars().count() + 1,
            problem,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// A keyword, or the name of a field or an operator.
    pub(super) fn word(&mut self) -> Option<&'t str> {
        self.run(is_word)
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.offset;
        let found = self.word() == Some(keyword);
        if !found {
            self.offset = before;
        }
        found
    }

    pub(super) fn symbol(&mut self, symbol: char) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.advance(symbol.len_utf8());
        }
        found
    }

    /// A value without quotes.
    pub(super) fn bare(&mut self) -> Option<&'t str> {
        self.run(is_bare)
    }

    /// A string in double quotes, without them and with what its escapes stand for.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, FilterError> {
        let begin = self.offset;
        let Some(rest) = self.rest().strip_prefix('"') else {
            return Ok(None);
        };
        let (mut text, mut index) = (String::new(), 0);
        while let Some(character) = rest[index..].chars().next() {
            let here = begin + 1 + index;
            let (length, meant) = match character {
                '"' if text.chars().count() > MAX_TEXT_LENGTH => {
                    return Err(self.error(begin, FilterProblem::TextTooLong));
                }
                '"' => {
                    self.advance(index + 2);
                    return Ok(Some(text));
                }
                '\\' => {
                    escape(&rest[index..]).ok_or_else(|| self.error(here, FilterProblem::UnknownEscape))?
                }
                other => (other.len_utf8(), other),
            };
            if meant == '\0' {
                return Err(self.error(here, FilterProblem::NulCharacter));
            }
            text.push(meant);
            index += length;
        }
        Err(self.error(begin, FilterProblem::UnterminatedText))
    }

    /// The error of a next token that is none of those expected.
    pub(super) fn unexpected(&self, expected: &'static [Expected]) -> FilterError {
        let rest = self.rest();
        let found = rest.chars().next().map(|first| {
            let word = rest.find(|character| !is_bare(character)).unwrap_or(rest.len());
            rest[..word.max(first.len_utf8())].to_owned()
        });
        self.error(self.offset, FilterProblem::Unexpected { found, expected })
    }

    fn rest(&self) -> &'t str {
        &self.text[self.offset..]
    }

    /// The next token as far as its characters belong to it.
    fn run(&mut self, belongs: fn(char) -> bool) -> Option<&'t str> {
        let rest = self.rest();
        let length = rest.find(|character| !belongs(character)).unwrap_or(rest.len());
        self.advance(length);
        (length > 0).then(|| &rest[..length])
    }

    fn advance(&mut self, length: usize) {
        self.offset += length;
        let rest = self.rest();
        self.offset += rest.len() - rest.trim_start().len();
    }
}

/// The length of the escape that the text begins with, and the character that it stands for. The escapes are those of
/// JSON: `\n`, `\u00e9`, or two for a character beyond 16 bits.
fn escape(text: &str) -> Option<(usize, char)> {
    [2, 6, 12].into_iter().find_map(|length| {
        let literal = format!("\"{}\"", text.get(..length)?);
        Some((length, serde_json::from_str(&literal).ok()?))
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.')
}

fn is_bare(character: char) -> bool {
    is_word(character) || matches!(character, '-' | '+' | ':')
}
