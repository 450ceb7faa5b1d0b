//! Reads a filter: the grammar, and where a text departs from it.
//!
//! ```text
//! filter      = conjunction *( "or" conjunction )
//! conjunction = operand *( "and" operand )
//! operand     = "(" filter ")" / "not" operand / "pr" field / field test
//! test        = "pr" / "isnull" / operator value / ( "in" / "ca" ) "(" value *( "," value ) ")"
//! ```
//!
//! White space may stand between any two tokens and must only where two words meet. A parser is given up for another
//! only on its first token; from there on an error is final, so what comes out is the error at the fault.

use winnow::combinator::{alt, cut_err, delimited, eof, opt, peek, preceded, separated};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;

use super::error::{Expected, FilterError};
use super::expression::{Expression, Relation, Test};
use super::field::Field;
use super::literal::{text, value, value_or_null};
use super::operator::Operator;
use super::token::{
    Fault, Input, Parsed, blanks, count_comparison, input, keyword, nested, position, refuse, symbol, word,
};
use super::{MAX_LENGTH, MAX_VALUES};

const OPERAND: &[Expected] = &[
    Expected::Field,
    Expected::Not,
    Expected::Pr,
    Expected::OpeningParenthesis,
];
const FIELD: &[Expected] = &[Expected::Field];
const OPERATOR: &[Expected] = &[Expected::Operator];
const LIST: &[Expected] = &[Expected::OpeningParenthesis];
const AFTER_VALUE: &[Expected] = &[Expected::Comma, Expected::ClosingParenthesis];
const AFTER_OPERAND: &[Expected] = &[Expected::And, Expected::Or, Expected::End];
const AFTER_OPERAND_INSIDE: &[Expected] = &[Expected::And, Expected::Or, Expected::ClosingParenthesis];

/// The whole of `text`.
pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    let length = text.chars().count();
    if length > MAX_LENGTH {
        return Err(FilterError::TooLong { length });
    }
    let mut input = input(text);
    delimited(blanks, filter, eof.context(AFTER_OPERAND))
        .parse_next(&mut input)
        .map_err(|error| match error {
            ErrMode::Backtrack(Fault(error)) | ErrMode::Cut(Fault(error)) => error,
            // Not of a text that is known whole.
            ErrMode::Incomplete(_) => Fault::from_input(&input).0,
        })
}

fn filter(input: &mut Input<'_>) -> Parsed<Expression> {
    separated(1.., conjunction, keyword("or"))
        .map(Expression::any)
        .parse_next(input)
}

fn conjunction(input: &mut Input<'_>) -> Parsed<Expression> {
    separated(1.., operand, keyword("and"))
        .map(Expression::all)
        .parse_next(input)
}

/// Wherever one is tried one is needed, so nothing is tried after it.
fn operand(input: &mut Input<'_>) -> Parsed<Expression> {
    cut_err(alt((group, negation, presence, comparison)).context(OPERAND)).parse_next(input)
}

fn group(input: &mut Input<'_>) -> Parsed<Expression> {
    peek('(').parse_next(input)?;
    let end = cut_err(symbol(')').context(AFTER_OPERAND_INSIDE));
    nested(input, delimited(symbol('('), filter, end))
}

fn negation(input: &mut Input<'_>) -> Parsed<Expression> {
    peek(keyword("not")).parse_next(input)?;
    nested(input, preceded(keyword("not"), operand).map(Expression::negated))
}

fn presence(input: &mut Input<'_>) -> Parsed<Expression> {
    peek(keyword("pr")).parse_next(input)?;
    count_comparison(input)?;
    let field = preceded(word, cut_err(field.context(FIELD))).parse_next(input)?;
    Ok(Expression::Is(field, Test::Null).negated())
}

fn comparison(input: &mut Input<'_>) -> Parsed<Expression> {
    peek(word).parse_next(input)?;
    count_comparison(input)?;
    let field = field(input)?;
    let operator = operator(field, input)?;
    let test = match operator {
        Operator::Eq | Operator::Ne => match value_or_null(field, input)? {
            Some(value) => Test::Compare(Relation::Eq, value),
            None => Test::Null,
        },
        Operator::Gt => Test::Compare(Relation::Gt, value(field, input)?),
        Operator::Ge => Test::Compare(Relation::Ge, value(field, input)?),
        Operator::Lt => Test::Compare(Relation::Lt, value(field, input)?),
        Operator::Le => Test::Compare(Relation::Le, value(field, input)?),
        Operator::Co => Test::Contains(text(field, input)?),
        Operator::Sw => Test::StartsWith(text(field, input)?),
        Operator::In => Test::In(list(input, |input: &mut Input<'_>| value(field, input))?),
        Operator::Ca => Test::ContainsAll(list(input, |input: &mut Input<'_>| text(field, input))?),
        Operator::Pr | Operator::IsNull => Test::Null,
    };
    let is = Expression::Is(field, test);
    Ok(match operator {
        Operator::Ne | Operator::Pr => is.negated(),
        _ => is,
    })
}

fn field(input: &mut Input<'_>) -> Parsed<Field> {
    let position = position(input);
    let name = word(input)?;
    match Field::named(name) {
        Some(field) => Ok(field),
        None => refuse(FilterError::UnknownField {
            position,
            name: name.to_owned(),
        }),
    }
}

fn operator(field: Field, input: &mut Input<'_>) -> Parsed<Operator> {
    let position = position(input);
    let name = cut_err(word.context(OPERATOR)).parse_next(input)?;
    match Operator::named(name) {
        Some(operator) if field.operators().contains(&operator) => Ok(operator),
        _ => refuse(FilterError::OperatorNotTaken {
            position,
            field,
            operator: name.to_owned(),
        }),
    }
}

/// One value or more, in parentheses. The parser of a value never gives up for another.
fn list<'t, T>(
    input: &mut Input<'t>,
    mut value: impl Parser<Input<'t>, T, ErrMode<Fault>>,
) -> Parsed<Vec<T>> {
    cut_err(symbol('(').context(LIST)).parse_next(input)?;
    let mut values = vec![value.parse_next(input)?];
    while opt(symbol(',')).parse_next(input)?.is_some() {
        if values.len() == MAX_VALUES {
            return refuse(FilterError::TooManyValues {
                position: position(input),
            });
        }
        values.push(value.parse_next(input)?);
    }
    cut_err(symbol(')').context(AFTER_VALUE)).parse_next(input)?;
    Ok(values)
}
