//! `task-status migrate`: the migrations alone.

use super::CommandError;
use crate::config::MigrateArgs;
use crate::store::schema;

/// Runs the migrations that are missing.
///
/// # Errors
/// The database cannot be reached, or a migration failed.
pub async fn run(args: MigrateArgs) -> Result<(), CommandError> {
    schema::migrate(&args.database.database_url.options()?).await?;
    tracing::info!("the database is up to date");
    Ok(())
}
