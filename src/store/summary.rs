//! The summary of tasks, counted in one statement and hence in one snapshot.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, Row};

use super::lease::Lease;
use super::list::push_filter;
use super::standby::AtLeast;
use super::statement::condition;
use super::tally::Revision;
use super::{Database, StoreError};
use crate::listing::filter::Filter;
use crate::listing::summary::{Group, Groups, MAX_VALUES, Summary};

/// The pending tasks are read once for all groups. The kind and the folded texts, which are slow, are computed of groups
/// and not of tasks. `grouped` has a bit for each column that is not grouped by.
///
/// Tasks that started and ended are found by their indexes, within a day. So the cost does not grow with the number of
/// tasks that ended before.
///
/// `$3` is a moment before the snapshot: it has everything that was committed until then. Tasks that end after it may be
/// in the snapshot too, so the bound of times is the clock.
const SUMMARY: &str = r#"
with pending as (
    select grouping(type, name, launcher, target_name) as grouped, type, name, launcher, target_name,
        count(*) as tasks, min(created) as oldest, count(*) filter (where modified < $3 - $1 * interval '1 second') as stuck
    from (
        select type, coalesce(task_definition_summary ->> 'uniqueName', unique_name) as name, launcher, target_name, created, modified
        from task_status
        where completion_status is null and {filter}
    ) as task
    group by grouping sets ((), (type), (name), (launcher), (target_name))
),
spelled as (
    select grouped, tasks, case grouped
        when 7 then type when 11 then task_status_kind(null, name) when 13 then launcher else target_name
    end collate "C" as value, grouped in (13, 14) as ignores_case
    from pending
    where grouped <> 15
),
folded as (
    select grouped, tasks, value, case when ignores_case then lower(value collate task_status_case) else value end collate "C" as folded
    from spelled
),
ranked as (
    select grouped, max(value) as value, sum(tasks)::bigint as tasks,
        row_number() over (partition by grouped order by sum(tasks) desc, folded) as rank
    from folded
    group by grouped, folded
)
select '' as part, $3 as moment, null::text as value, coalesce(sum(table_revision), 0)::bigint as tasks, 0::bigint as rank
from task_status_tally
union all
select 'pending', oldest, null, tasks, 0 from pending where grouped = 15
union all
select 'stuck', null, null, stuck, 0 from pending where grouped = 15
union all
select case grouped when 7 then 'type' when 11 then 'kind' when 13 then 'launcher' else 'target' end, null, value, tasks, rank
from ranked
where rank <= $2
union all
select 'started', task_status_minute(launched), null, count(*), 0
from task_status
where launched >= task_status_minute($3) - interval '1 day' and launched <= (select clock_timestamp()) and {filter}
group by task_status_minute(launched)
union all
select 'ended', task_status_minute(completed), completion_status, count(*), 0
from task_status
where completed >= task_status_minute($3) - interval '1 day' and completed <= (select clock_timestamp()) and {filter}
group by task_status_minute(completed), completion_status
order by part, rank
"#;

/// Counts the tasks, and returns the table revision of the same snapshot.
pub async fn summary(
    database: &Database,
    at_least: AtLeast,
    filter: Option<&Filter>,
    stuck_after: i32,
) -> Result<(Revision, Summary), StoreError> {
    let moment = at_least.tally.at;
    if let Some(standby) = database.standby(Some(at_least)).await? {
        // Boxed: the future is large.
        let counted = Box::pin(count(standby, moment, filter, stuck_after)).await;
        if let Some(counted) = database.answered(counted) {
            return counted;
        }
    }
    count(database.connection().await?, moment, filter, stuck_after).await
}

async fn count(
    mut connection: Lease,
    moment: DateTime<Utc>,
    filter: Option<&Filter>,
    stuck_after: i32,
) -> Result<(Revision, Summary), StoreError> {
    let (statement, arguments) = statement(filter, stuck_after, moment)?;
    let bound = connection.bound();
    // Planned with its values, as a list is.
    let reading = sqlx::query_with(AssertSqlSafe(statement), arguments)
        .persistent(false)
        .fetch_all(&mut *connection);
    let rows = bound.run(reading).await;
    let rows = connection.release(rows).await?;

    let (mut revision, mut summary) = (
        Revision(0),
        Summary::new(DateTime::<Utc>::UNIX_EPOCH, stuck_after),
    );
    // The first part comes first.
    for row in rows {
        let count: i64 = row.try_get("tasks")?;
        let moment: Option<DateTime<Utc>> = row.try_get("moment")?;
        let pending = &mut summary.pending;
        match (row.try_get("part")?, moment) {
            ("", Some(now)) => (revision, summary) = (Revision(count), Summary::new(now, stuck_after)),
            ("pending", oldest) => (pending.count, pending.oldest_created) = (count, oldest),
            ("stuck", _) => pending.stuck = count,
            ("started", Some(minute)) => summary.add_started(minute, count),
            ("ended", Some(minute)) => summary.add_ended(minute, row.try_get("value")?, count),
            (part, _) => {
                let groups = match part {
                    "type" => &mut pending.by_type,
                    "kind" => &mut pending.by_kind,
                    "launcher" => &mut pending.by_launcher,
                    _ => &mut pending.by_target,
                };
                let value = row.try_get("value")?;
                groups.values.push(Group { value, count });
            }
        }
    }
    let pending = &mut summary.pending;
    for groups in [
        &mut pending.by_type,
        &mut pending.by_kind,
        &mut pending.by_launcher,
        &mut pending.by_target,
    ] {
        groups.rest = pending.count - listed(groups);
    }
    Ok((revision, summary))
}

/// How many tasks have one of the values.
fn listed(groups: &Groups) -> i64 {
    groups.values.iter().map(|group| group.count).sum()
}

fn statement(
    filter: Option<&Filter>,
    stuck_after: i32,
    moment: DateTime<Utc>,
) -> sqlx::Result<(String, PgArguments)> {
    let mut arguments = PgArguments::default();
    let most = i64::try_from(MAX_VALUES).unwrap_or(i64::MAX);
    for number in [i64::from(stuck_after), most] {
        arguments.add(number).map_err(sqlx::Error::Encode)?;
    }
    arguments.add(moment).map_err(sqlx::Error::Encode)?;
    let (filter, arguments) = condition(arguments, |sql| push_filter(filter, sql))?;
    Ok((SUMMARY.replace("{filter}", &filter), arguments))
}
