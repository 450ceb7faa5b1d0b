//! Reading very many tasks: a stream of one statement and hence of one snapshot, a few rows in memory at a time.

use futures_util::{Stream, TryStreamExt};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::StoreError;
use super::list::push_filter;
use super::row::STORED;
use crate::listing::filter::Filter;
use crate::task::TaskStatus;

/// The tasks to export, in the order in which they were created.
pub struct Export(QueryBuilder<Postgres>);

impl Export {
    /// All tasks, or those that match.
    pub fn of(filter: Option<&Filter>) -> Self {
        let mut sql = QueryBuilder::new(format!("select {STORED} from task_status where "));
        push_filter(filter, &mut sql);
        // Without the table's name they would be the columns of the result, which no index serves.
        sql.push(" order by task_status.created, task_status.id");
        Self(sql)
    }

    /// The tasks, as fast as they are taken.
    pub fn tasks<'a>(
        &'a mut self,
        connection: &'a mut PgConnection,
    ) -> impl Stream<Item = Result<TaskStatus, StoreError>> + 'a {
        self.0
            .build_query_as::<TaskStatus>()
            .fetch(connection)
            .map_err(StoreError::from)
    }
}
