//! Error messages in ten languages: causes, and the locales that put them into words.

pub mod cause;
pub mod locale;
