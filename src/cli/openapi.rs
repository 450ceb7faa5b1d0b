//! `task-status openapi`: the description of the API, without serving it.

use std::io::{self, Write};

use super::CommandError;
use crate::cli::args::OpenapiArgs;
use crate::http::router;

/// Prints the OpenAPI document.
pub fn run(args: &OpenapiArgs) -> Result<(), CommandError> {
    let document = router::description(&args.paths.base_paths);
    io::stdout()
        .write_all(document.as_bytes())
        .map_err(CommandError::Output)
}
