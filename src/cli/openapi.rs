//! `task-status openapi`: prints the OpenAPI document of the API.

use super::{CommandError, print};
use crate::cli::args::OpenapiArgs;
use crate::http::router;

pub fn run(args: &OpenapiArgs) -> Result<(), CommandError> {
    print(router::description(&args.paths.base_paths))
}
