//! The language as a whole.

mod faults;
mod forms;
mod laws;

use super::{Filter, FilterError};

fn parsed(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn fault(text: &str) -> FilterError {
    match Filter::parse(text) {
        Err(error) => error,
        Ok(filter) => panic!("{text} is accepted: {filter}"),
    }
}
