//! `task-status openapi`: prints the OpenAPI document of the API.

use std::io::{self, Write};

use super::CommandError;
use crate::cli::args::OpenapiArgs;
use crate::http::router;

pub fn run(args: &OpenapiArgs) -> Result<(), CommandError> {
    let document = router::description(&args.paths.base_paths);
    io::stdout()
        .write_all(document.as_bytes())
        .map_err(CommandError::Output)
}
