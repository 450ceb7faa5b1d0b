//! The middleware that every request passes, one file each. [`super::router`] puts it together.

pub mod authorize;
pub mod cors;
pub mod head;
pub mod hosts;
pub mod limits;
pub mod long_poll;
pub mod track;
