//! The parameters of a list, read in one place.

use crate::http::error::ApiError;
use crate::http::page_headers::LEFT_OUT;
use crate::http::query::Query;
use crate::listing::cursor::Cursor;
use crate::listing::filter::{Field, Filter};
use crate::listing::page::{Limit, MAX_LIMIT, Offset, Pagination};
use crate::listing::sorters::Sorters;
use crate::messages::cause::Cause;
use crate::store::export::MAX_TASKS;
use crate::task::violation::Problem;

/// Reads parameters one by one and keeps the fault of each, so that a response names all of them.
pub struct PageParams<'a> {
    query: &'a Query,
    causes: Vec<Cause>,
}

/// The part of a list that a request asks for.
#[derive(Debug, Default)]
pub struct PageRange {
    pub pagination: Pagination,
    pub after: Option<Cursor>,
}

/// The part of a list that is exported.
#[derive(Debug)]
pub struct ExportRange {
    pub offset: Offset,
    pub limit: Option<i32>,
    pub after: Option<Cursor>,
}

impl<'a> PageParams<'a> {
    pub fn new(query: &'a Query) -> Self {
        Self {
            query,
            causes: Vec::new(),
        }
    }

    /// 400 if a parameter that was read is repeated or has a value that is not allowed.
    pub fn check(self) -> Result<(), ApiError> {
        if self.causes.is_empty() {
            Ok(())
        } else {
            Err(ApiError::from_query(self.causes))
        }
    }

    /// The same, and 400 if a parameter that has to be given was not.
    pub fn require<T>(mut self, parameter: &'static str, value: Option<T>) -> Result<T, ApiError> {
        if value.is_none() && self.causes.is_empty() {
            self.causes.push(Cause::ParameterRequired { parameter });
        }
        value
            .filter(|_| self.causes.is_empty())
            .ok_or_else(|| ApiError::from_query(self.causes))
    }

    /// `filters`; an empty one is none.
    pub fn filters(&mut self) -> Option<Filter> {
        let text = self.single("filters").filter(|text| !text.trim().is_empty())?;
        let filter = Filter::parse(text).map_err(Cause::Filter);
        self.keep(filter)
    }

    /// `sorters`; an empty one is none.
    pub fn sorters(&mut self) -> Sorters {
        let sorters = self
            .single("sorters")
            .filter(|text| !text.trim().is_empty())
            .map(|text| Sorters::parse(text).map_err(Cause::Sorters));
        sorters.and_then(|sorters| self.keep(sorters)).unwrap_or_default()
    }

    /// `offset`, `limit`, `count` and `after`. A value out of bounds is refused and not clamped: a client that asked for
    /// 1000 and got 250 would take the page for the last.
    pub fn range(&mut self, order: &Sorters) -> PageRange {
        PageRange {
            pagination: Pagination {
                offset: self.offset(),
                limit: self
                    .integer("limit", 0, MAX_LIMIT)
                    .and_then(Limit::new)
                    .unwrap_or_default(),
                count: self.boolean("count"),
            },
            after: self.after(order),
        }
    }

    /// The same for an export, which has no page and no count.
    pub fn export_range(&mut self, order: &Sorters) -> ExportRange {
        ExportRange {
            offset: self.offset(),
            limit: self.integer("limit", 0, MAX_TASKS),
            after: self.after(order),
        }
    }

    /// `field`, the name of one with texts or names.
    pub fn field(&mut self) -> Option<Field> {
        let given = self.single("field")?;
        let field = Field::with_names().find(|field| field.name() == given);
        let allowed = || {
            Field::with_names()
                .map(Field::name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.keep(field.ok_or_else(|| {
            let (given, allowed) = (given.to_owned(), allowed());
            Problem::NotOneOf { given, allowed }.at("field").into()
        }))
    }

    /// Any text.
    pub fn text(&mut self, parameter: &'static str) -> Option<&'a str> {
        self.single(parameter)
    }

    /// `dryRun`.
    pub fn dry_run(&mut self) -> bool {
        self.boolean("dryRun")
    }

    fn offset(&mut self) -> Offset {
        self.integer("offset", 0, i32::MAX)
            .and_then(Offset::new)
            .unwrap_or_default()
    }

    fn after(&mut self, order: &Sorters) -> Option<Cursor> {
        let parameter = "after";
        let text = self.single(parameter)?;
        let offset = self.query.single("offset").ok().flatten();
        if offset.is_some_and(|offset| offset != "0") {
            self.causes.push(Cause::ParametersExclude {
                parameter,
                other: "offset",
            });
        }
        self.keep(Cursor::decode(text, order).ok_or(Cause::NotACursor { parameter }))
    }

    /// An integer from `min` to `max`, in decimal digits; none if it is missing.
    pub fn integer(&mut self, parameter: &'static str, min: i32, max: i32) -> Option<i32> {
        let given = self.single(parameter)?;
        let digits = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_digit());
        let value = given
            .parse()
            .ok()
            .filter(|value| digits && (min..=max).contains(value));
        self.keep(value.ok_or_else(|| Cause::NotAnInteger {
            parameter,
            given: given.to_owned(),
            min,
            max,
        }))
    }

    /// `true` or `false` in any case, as some clients write their own booleans; false if it is missing.
    fn boolean(&mut self, parameter: &'static str) -> bool {
        let Some(given) = self.single(parameter) else {
            return false;
        };
        let value = given
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| Cause::NotABoolean {
                parameter,
                given: given.to_owned(),
            });
        self.keep(value).unwrap_or_default()
    }

    fn single(&mut self, parameter: &'static str) -> Option<&'a str> {
        let value = self.keep(self.query.single(parameter)).flatten()?;
        let value = if value == LEFT_OUT {
            Err(Cause::LeftOutOfLink { parameter })
        } else {
            Ok(value)
        };
        self.keep(value)
    }

    fn keep<T>(&mut self, value: Result<T, Cause>) -> Option<T> {
        value.map_err(|cause| self.causes.push(cause)).ok()
    }
}
