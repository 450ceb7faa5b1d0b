//! `task-status migrate`: the migrations alone, and who may use what they made.

use super::CommandError;
use crate::cli::args::MigrateArgs;
use crate::store::{privileges, schema};

/// Runs the migrations that are missing, and then grants what the service needs to the role that is to have it.
pub async fn run(args: MigrateArgs) -> Result<(), CommandError> {
    let options = args.database.database_url.options()?;
    schema::migrate(&options).await?;
    tracing::info!("the database is up to date");
    if let Some(role) = args.grant_to {
        privileges::grant(&options, &role).await?;
        tracing::info!(role, "the role may do what the service needs");
    }
    Ok(())
}
