//! The tokens of the language, and what every parser of it shares: positions, errors, bounds.
//!
//! Every token takes the white space after it along, so that a parser always begins at what it may complain about.

use winnow::combinator::{opt, terminated};
use winnow::error::{AddContext, ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{any, one_of, take_till, take_while};

use super::error::{Expected, FilterError};
use super::{MAX_COMPARISONS, MAX_DEPTH, MAX_TEXT_LENGTH};

pub(super) type Input<'t> = Stateful<LocatingSlice<&'t str>, State<'t>>;
pub(super) type Parsed<T> = ModalResult<T, Fault>;

/// What the parsers share beside the text that is left.
#[derive(Debug)]
pub(super) struct State<'t> {
    text: &'t str,
    depth: usize,
    comparisons: usize,
}

/// A [`FilterError`] as winnow wants it: it is born at a position, and learns what was expected there further out.
#[derive(Debug)]
pub(super) struct Fault(pub(super) FilterError);

pub(super) fn input(text: &str) -> Input<'_> {
    Input {
        input: LocatingSlice::new(text),
        state: State {
            text,
            depth: 0,
            comparisons: 0,
        },
    }
}

impl<'t> ParserError<Input<'t>> for Fault {
    type Inner = Self;

    fn from_input(input: &Input<'t>) -> Self {
        Self(FilterError::Unexpected {
            position: position(input),
            found: next(input).map(str::to_owned),
            expected: &[],
        })
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

impl<'t> AddContext<Input<'t>, &'static [Expected]> for Fault {
    fn add_context(
        mut self,
        _: &Input<'t>,
        _: &<Input<'t> as Stream>::Checkpoint,
        context: &'static [Expected],
    ) -> Self {
        if let FilterError::Unexpected { expected, .. } = &mut self.0
            && expected.is_empty()
        {
            *expected = context;
        }
        self
    }
}

/// An error that no other parser is tried after.
pub(super) fn refuse<T>(error: FilterError) -> Parsed<T> {
    Err(ErrMode::Cut(Fault(error)))
}

/// Where the next token begins, in characters from 1.
pub(super) fn position(input: &Input<'_>) -> usize {
    let before = input.state.text.get(..input.current_token_start());
    before.unwrap_or_default().chars().count() + 1
}

/// The next token, or as much of it as an error should show.
fn next<'t>(input: &Input<'t>) -> Option<&'t str> {
    let rest = input.state.text.get(input.current_token_start()..)?;
    let first = rest.chars().next()?;
    let word = rest.find(|character| !is_bare(character)).unwrap_or(rest.len());
    rest.get(..word.max(first.len_utf8()))
}

/// Runs a parser of what is nested within the next token.
pub(super) fn nested<'t, T>(
    input: &mut Input<'t>,
    mut parser: impl Parser<Input<'t>, T, ErrMode<Fault>>,
) -> Parsed<T> {
    if input.state.depth == MAX_DEPTH {
        return refuse(FilterError::TooDeep {
            position: position(input),
        });
    }
    input.state.depth += 1;
    let parsed = parser.parse_next(input)?;
    input.state.depth -= 1;
    Ok(parsed)
}

/// Counts the comparison that begins here.
pub(super) fn count_comparison(input: &mut Input<'_>) -> Parsed<()> {
    if input.state.comparisons == MAX_COMPARISONS {
        return refuse(FilterError::TooManyComparisons {
            position: position(input),
        });
    }
    input.state.comparisons += 1;
    Ok(())
}

pub(super) fn blanks(input: &mut Input<'_>) -> Parsed<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

pub(super) fn symbol<'t>(symbol: char) -> impl Parser<Input<'t>, char, ErrMode<Fault>> {
    terminated(symbol, blanks)
}

/// A keyword or the name of a field or of an operator.
pub(super) fn word<'t>(input: &mut Input<'t>) -> Parsed<&'t str> {
    let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.');
    terminated(take_while(1.., is_word), blanks).parse_next(input)
}

pub(super) fn keyword<'t>(keyword: &'static str) -> impl Parser<Input<'t>, &'t str, ErrMode<Fault>> {
    word.verify(move |word: &str| word == keyword)
}

/// A value without quotes.
pub(super) fn bare<'t>(input: &mut Input<'t>) -> Parsed<&'t str> {
    terminated(take_while(1.., is_bare), blanks).parse_next(input)
}

fn is_bare(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '-' | '+' | ':')
}

/// A text in double quotes, without them and its escapes.
pub(super) fn quoted(input: &mut Input<'_>) -> Parsed<String> {
    let begin = position(input);
    '"'.parse_next(input)?;
    let mut text = String::new();
    loop {
        text += take_till(0.., ['"', '\\', '\0']).parse_next(input)?;
        match opt(any).parse_next(input)? {
            Some('"') => break,
            Some('\\') => match opt(one_of(['"', '\\'])).parse_next(input)? {
                Some(escaped) => text.push(escaped),
                None => {
                    return refuse(FilterError::UnknownEscape {
                        position: position(input) - 1,
                    });
                }
            },
            Some(_) => {
                return refuse(FilterError::NulCharacter {
                    position: position(input) - 1,
                });
            }
            None => return refuse(FilterError::UnterminatedText { position: begin }),
        }
    }
    if text.chars().count() > MAX_TEXT_LENGTH {
        return refuse(FilterError::TextTooLong { position: begin });
    }
    blanks(input)?;
    Ok(text)
}
