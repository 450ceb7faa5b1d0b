//! The parameters of a list: filter, order, cursor, offset and limit; and what a summary of tasks says.

pub mod cursor;
pub mod filter;
pub mod page;
pub mod sorters;
pub mod summary;
