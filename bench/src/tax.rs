//! The cost of the tally's triggers for a writer: pgbench writes to a copy of the table with and without them, in turn.

use std::path::Path;

use private_postgres::PrivatePostgres;
use sqlx::{Connection, PgConnection};

use crate::Error;
use crate::data::{DataSet, execute};
use crate::tools::Tools;
use crate::wrk::{pgbench, transactions_per_second};

/// How many writers there are.
pub const WRITERS: usize = 16;
/// How many statements, each a transaction, are a turn of the script.
const STATEMENTS: f64 = 3.0;
const SCRIPT: &str = "\\set key random(1, 1000000000000000)
insert into task_status (id, type, unique_name, launcher, attributes) values ('tax-' || :client_id || '-' || :key, 'QUEUED_TASK', 'Nightly export', 'scheduler', '{\"rows\": 0}');
update task_status set progress = 'Reading rows', percent_complete = 40 where id = 'tax-' || :client_id || '-' || :key;
delete from task_status where id = 'tax-' || :client_id || '-' || :key;
";

/// A copy of a data set, to be written to. Its own vacuum is off: it would come to one way and not to the other.
#[derive(Debug)]
pub struct Copy(DataSet);

/// Writes a second with the triggers and without.
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
        // The way of copying that does not write all of it to the log, too.
        let statement = format!("create database {copy} template {from} strategy file_copy");
        execute(&mut admin, statement).await?;
        let copy = Self(DataSet::named(postgres, data.size, copy.to_owned()));
        let off = "alter table task_status set (autovacuum_enabled = off)";
        copy.execute(off.to_owned()).await?;
        Ok(copy)
    }

    /// One round: with and without, each with commits that wait for the disk and with such that do not. Who is first
    /// changes from round to round.
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

    /// Removes it.
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
