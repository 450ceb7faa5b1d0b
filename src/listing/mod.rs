//! The parameters of a list: filter, order, cursor, offset and limit.

pub mod cursor;
pub mod filter;
pub mod page;
pub mod sorters;
