//! The cost of the tally's triggers for a writer: pgbench writes to a copy of the table with and without them, in turn.

use std::path::Path;

use private_postgres::PrivatePostgres;
use sqlx::{Connection, PgConnection};

use crate::Error;
use crate::data::{DataSet, execute};
use crate::tools::Tools;
use crate::wrk::{pgbench, transactions_per_second};

/// The number of writers.
pub const WRITERS: usize = 16;
/// The statements of a script, each a transaction.
const STATEMENTS: f64 = 3.0;
const SCRIPT: &str = "\\set key random(1, 1000000000000000)
insert into task_status (id, type, unique_name, launcher, attributes) values ('tax-' || :client_id || '-' || :key, 'QUEUED_TASK', 'Nightly export', 'scheduler', '{\"rows\": 0}');
update task_status set progress = 'Reading rows', percent_complete = 40 where id = 'tax-' || :client_id || '-' || :key;
delete from task_status where id = 'tax-' || :client_id || '-' || :key;
";

/// A writable copy of a data set, without autovacuum, which could affect only one of the two cases.
#[derive(Debug)]
pub struct Copy(DataSet);

/// Writes per second with and without the triggers.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Whether a commit waits for the disk.
    pub flushed: bool,
    pub with: f64,
    pub without: f64,
}

impl Copy {
    /// Copies a data set without connections.
    pub async fn of(postgres: &PrivatePostgres, data: &DataSet) -> Result<Self, Error> {
        let mut admin = PgConnection::connect_with(&postgres.connect_options()).await?;
        let (copy, from) = ("tasks_copy", &data.database);
        execute(&mut admin, format!("drop database if exists {copy} with (force)")).await?;
        // A file copy, which does not write the data to the WAL.
        let statement = format!("create database {copy} template {from} strategy file_copy");
        execute(&mut admin, statement).await?;
        let copy = Self(DataSet::named(postgres, data.size, copy.to_owned()));
        let off = "alter table task_status set (autovacuum_enabled = off)";
        copy.execute(off.to_owned()).await?;
        Ok(copy)
    }

    /// One round with and without triggers, each with and without commits that wait for the disk. The order alternates.
    pub async fn round(
        &self,
        tools: &Tools,
        bin_dir: &Path,
        seconds: u8,
        round: u8,
    ) -> Result<[Turn; 2], Error> {
        let script = tools.file("tax.pgbench");
        std::fs::write(&script, SCRIPT).map_err(Error::io("write the script of pgbench"))?;
        let mut turns = [true, false].map(|flushed| Turn {
            flushed,
            with: 0.0,
            without: 0.0,
        });
        for turn in &mut turns {
            let first = round.is_multiple_of(2);
            for counted in [first, !first] {
                self.count(counted).await?;
                let commit = if turn.flushed {
                    "synchronous_commit=on"
                } else {
                    "synchronous_commit=off"
                };
                let printed = pgbench(bin_dir, &self.0, &script, WRITERS, seconds, &[commit]).await?;
                let rate = transactions_per_second(&printed)? * STATEMENTS;
                *(if counted {
                    &mut turn.with
                } else {
                    &mut turn.without
                }) = rate;
            }
        }
        Ok(turns)
    }

    pub async fn remove(self, postgres: &PrivatePostgres) -> Result<(), Error> {
        let mut admin = PgConnection::connect_with(&postgres.connect_options()).await?;
        execute(
            &mut admin,
            format!("drop database {} with (force)", self.0.database),
        )
        .await
    }

    /// Enables the triggers as the migration does, or disables them.
    async fn count(&self, enabled: bool) -> Result<(), Error> {
        let how = if enabled { "enable always" } else { "disable" };
        let statements = ["insert", "update", "delete", "truncate"]
            .map(|event| format!("alter table task_status {how} trigger task_status_count_{event}"));
        self.execute(format!("{}; checkpoint", statements.join("; ")))
            .await
    }

    async fn execute(&self, statements: String) -> Result<(), Error> {
        let mut connection = PgConnection::connect_with(&self.0.options).await?;
        execute(&mut connection, statements).await
    }
}
