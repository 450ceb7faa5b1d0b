//! `task-status version`: what this build is.

use serde_json::json;

use super::{CommandError, print};
use crate::build::{COMMIT, RUSTC, VERSION};
use crate::cli::args::VersionArgs;
use crate::store::schema;

pub fn run(args: &VersionArgs) -> Result<(), CommandError> {
    let schema = schema::newest();
    if args.json {
        let version = json!({ "version": VERSION, "commit": COMMIT, "rustc": RUSTC, "schema": schema });
        return print(format_args!("{version}\n"));
    }
    print(format_args!(
        "task-status {VERSION}\ncommit: {COMMIT}\nrustc: {RUSTC}\nschema: {schema}\n"
    ))
}
