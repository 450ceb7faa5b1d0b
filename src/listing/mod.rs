//! What a list may be asked for: a filter, an order, a cursor, an offset and a limit.

pub mod cursor;
pub mod filter;
pub mod page;
pub mod sorters;
