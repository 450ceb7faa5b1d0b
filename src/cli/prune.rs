//! `task-status prune`: deletes tasks whose `modified` is too old.

use sqlx::Connection;

use super::progress::Progress;
use super::{CommandError, print};
use crate::cli::args::PruneArgs;
use crate::store::bulk;
use crate::store::database::{Database, Limits};
use crate::store::retention::{self, Run};
use crate::store::schema::Schema;

pub async fn run(args: PruneArgs) -> Result<(), CommandError> {
    let hosts = args.database.hosts()?;
    // Fails at once if the database cannot be reached or takes no writes, while `Database` would wait for it.
    let mut connection = bulk::connect(&hosts.resolve().await?, None).await?;
    bulk::check_primary(&mut connection).await?;
    connection
        .close()
        .await
        .map_err(|error| CommandError::Store(error.into()))?;
    let limits = Limits {
        max_connections: 1,
        acquire_timeout: bulk::STATEMENT_TIMEOUT,
        statement_timeout: bulk::STATEMENT_TIMEOUT,
    };
    let database = Database::new(hosts, limits);
    let result = tokio::select! {
        result = work(&args, &database) => result,
        // Ends only if the database is unusable.
        result = database.watch(Schema::Expect) => result.map_err(CommandError::from),
    };
    database.close().await;
    result
}

async fn work(args: &PruneArgs, database: &Database) -> Result<(), CommandError> {
    database.wait_until_up().await;
    let run = Run::new(database, args.older_than).await?;
    if args.dry_run || run.is_implausible() && !args.confirm {
        let expired = retention::count(database, run).await?;
        let share = if run.is_implausible() {
            ", which is more than half of all tasks and needs --confirm"
        } else {
            ""
        };
        print(format_args!("{expired} tasks would be deleted{share}\n"))?;
        return if args.dry_run {
            Ok(())
        } else {
            Err(CommandError::PruneUnconfirmed { kept: run.kept })
        };
    }
    let progress = Progress::new(None, 0);
    let mut deleted = 0;
    let result = retention::prune(database, run, |batch| {
        deleted += batch;
        progress.update(deleted, 0);
    })
    .await;
    progress.finish();
    // Tasks deleted before a failure stay deleted.
    print(format_args!("{deleted} tasks were deleted\n"))?;
    if result? {
        Ok(())
    } else {
        Err(CommandError::PruneElsewhere)
    }
}
