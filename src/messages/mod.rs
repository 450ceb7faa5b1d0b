//! What is said to people, in ten languages: the causes of errors, and the locales that put them into words.

pub mod cause;
pub mod locale;
