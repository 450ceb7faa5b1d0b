//! Reads a filter: the grammar, and where a text departs from it.
//!
//! ```text
//! filter      = conjunction *( "or" conjunction )
//! conjunction = operand *( "and" operand )
//! operand     = "(" filter ")" / "not" operand / "pr" field / field test
//! test        = "pr" / "isnull" / operator value / ( "in" / "ca" ) "(" value *( "," value ) ")"
//! ```
//!
//! Whitespace is allowed between any two tokens, and required only between two words. The first token decides how to
//! go on, so the parser never goes back, and the error is that of the first fault.

use super::error::{Expected, FilterError, FilterProblem};
use super::expression::{Expression, Relation, Test};
use super::field::Field;
use super::literal::{text, value, value_or_null};
use super::operator::Operator;
use super::scanner::Scanner;
use super::{MAX_COMPARISONS, MAX_DEPTH, MAX_LENGTH, MAX_VALUES};

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

type Parsed<T> = Result<T, FilterError>;

struct Parser<'t> {
    scanner: Scanner<'t>,
    depth: usize,
    comparisons: usize,
}

/// Reads the whole of `text`.
pub(super) fn parse(text: &str) -> Parsed<Expression> {
    let length = text.chars().count();
    if length > MAX_LENGTH {
        return Err(FilterError {
            position: MAX_LENGTH + 1,
            problem: FilterProblem::TooLong { length },
        });
    }
    let mut parser = Parser {
        scanner: Scanner::new(text),
        depth: 0,
        comparisons: 0,
    };
    let expression = parser.filter()?;
    if parser.scanner.is_at_end() {
        Ok(expression)
    } else {
        Err(parser.scanner.unexpected(AFTER_OPERAND))
    }
}

impl Parser<'_> {
    fn filter(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.conjunction()?];
        while self.scanner.keyword("or") {
            parts.push(self.conjunction()?);
        }
        Ok(Expression::any(parts))
    }

    fn conjunction(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.operand()?];
        while self.scanner.keyword("and") {
            parts.push(self.operand()?);
        }
        Ok(Expression::all(parts))
    }

    fn operand(&mut self) -> Parsed<Expression> {
        let begin = self.scanner.offset();
        if self.scanner.symbol('(') {
            return self.nested(begin, |parser| {
                let filter = parser.filter()?;
                parser.expect(')', AFTER_OPERAND_INSIDE)?;
                Ok(filter)
            });
        }
        match self.scanner.word() {
            None => Err(self.scanner.unexpected(OPERAND)),
            Some("not") => self.nested(begin, |parser| parser.operand().map(Expression::negated)),
            Some("pr") => {
                self.count_comparison(begin)?;
                let begin = self.scanner.offset();
                let name = self
                    .scanner
                    .word()
                    .ok_or_else(|| self.scanner.unexpected(FIELD))?;
                Ok(Expression::Is(self.field(name, begin)?, Test::Null).negated())
            }
            Some(name) => {
                self.count_comparison(begin)?;
                let field = self.field(name, begin)?;
                self.comparison(field)
            }
        }
    }

    /// Parses what is nested within the token at `begin`.
    fn nested(
        &mut self,
        begin: usize,
        parse: impl FnOnce(&mut Self) -> Parsed<Expression>,
    ) -> Parsed<Expression> {
        if self.depth == MAX_DEPTH {
            return Err(self.scanner.error(begin, FilterProblem::TooDeep));
        }
        self.depth += 1;
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn comparison(&mut self, field: Field) -> Parsed<Expression> {
        let operator = self.operator(field)?;
        let scanner = &mut self.scanner;
        let test = match operator {
            Operator::Eq | Operator::Ne => match value_or_null(field, scanner)? {
                Some(value) => Test::Compare(Relation::Eq, value),
                None => Test::Null,
            },
            Operator::Gt => Test::Compare(Relation::Gt, value(field, scanner)?),
            Operator::Ge => Test::Compare(Relation::Ge, value(field, scanner)?),
            Operator::Lt => Test::Compare(Relation::Lt, value(field, scanner)?),
            Operator::Le => Test::Compare(Relation::Le, value(field, scanner)?),
            Operator::Co => Test::Contains(text(field, scanner)?),
            Operator::Sw => Test::StartsWith(text(field, scanner)?),
            Operator::In => Test::In(self.list(|scanner| value(field, scanner))?),
            Operator::Ca => Test::ContainsAll(self.list(|scanner| text(field, scanner))?),
            Operator::Pr | Operator::IsNull => Test::Null,
        };
        let is = Expression::Is(field, test);
        Ok(match operator {
            Operator::Ne | Operator::Pr => is.negated(),
            _ => is,
        })
    }

    fn field(&self, name: &str, begin: usize) -> Parsed<Field> {
        Field::named(name).ok_or_else(|| {
            let name = name.to_owned();
            self.scanner.error(begin, FilterProblem::UnknownField { name })
        })
    }

    fn operator(&mut self, field: Field) -> Parsed<Operator> {
        let begin = self.scanner.offset();
        let name = self
            .scanner
            .word()
            .ok_or_else(|| self.scanner.unexpected(OPERATOR))?;
        let operator = Operator::named(name).filter(|operator| field.operators().contains(operator));
        operator.ok_or_else(|| {
            let operator = name.to_owned();
            self.scanner
                .error(begin, FilterProblem::OperatorNotTaken { field, operator })
        })
    }

    /// One value or more, in parentheses.
    fn list<T>(&mut self, value: impl Fn(&mut Scanner<'_>) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect('(', LIST)?;
        let mut values = vec![value(&mut self.scanner)?];
        while self.scanner.symbol(',') {
            if values.len() == MAX_VALUES {
                return Err(self
                    .scanner
                    .error(self.scanner.offset(), FilterProblem::TooManyValues));
            }
            values.push(value(&mut self.scanner)?);
        }
        self.expect(')', AFTER_VALUE)?;
        Ok(values)
    }

    fn expect(&mut self, symbol: char, expected: &'static [Expected]) -> Parsed<()> {
        if self.scanner.symbol(symbol) {
            Ok(())
        } else {
            Err(self.scanner.unexpected(expected))
        }
    }

    /// Counts the comparison at `begin`.
    fn count_comparison(&mut self, begin: usize) -> Parsed<()> {
        if self.comparisons == MAX_COMPARISONS {
            return Err(self.scanner.error(begin, FilterProblem::TooManyComparisons));
        }
        self.comparisons += 1;
        Ok(())
    }
}
