//! `task-status migrate`: runs the migrations, and grants privileges to the role of the service.

use super::CommandError;
use crate::cli::args::MigrateArgs;
use crate::store::{privileges, schema};

pub async fn run(args: MigrateArgs) -> Result<(), CommandError> {
    let options = args.database.hosts()?.resolve().await?;
    schema::migrate(&options).await?;
    tracing::info!("the database is up to date");
    if let Some(role) = args.grant_to {
        privileges::grant(&options, &role).await?;
        tracing::info!(role, "granted the privileges of the service");
    }
    Ok(())
}
