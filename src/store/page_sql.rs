//! The statement of a page: one statement, hence one snapshot.
//!
//! A page of which nothing is known is read in one pass. If the caller knows tasks of it, the versions of all are read
//! first, and then the tasks that are not known.

use sqlx::Arguments;
use sqlx::postgres::PgArguments;

use super::filtered;
use super::keyset::push_after;
use super::list::{PageQuery, Version, push_filter};
use super::row::STORED;
use super::share::Work;
use super::statement::{condition, one_more};
use crate::listing::sorters::Direction;

/// The beginning of the statement of any page.
const HEAD: &str = "
with tally as materialized (
    select now() as at, coalesce(sum(pending), 0)::bigint as pending, coalesce(sum(revision), 0)::bigint as revision,
        coalesce(sum(table_revision), 0)::bigint as table_revision
    from task_status_tally
),
total as materialized (
    select {total} as total
),
epoch as materialized (
    select pg_postmaster_start_time() as server, concat_ws(' ', pg_stat_get_bgwriter_stat_reset_time(),
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint >> 31) as epoch
)";

/// All tasks of a page, and one more if there is one.
const ALL: &str = "
select tally.*, total.total, epoch.*, null::boolean as more, null::bigint[] as known, page.*
from tally
cross join total
cross join epoch
left join lateral (
    {tasks}
) as page on true
";

/// The tasks of a page that are not known: those that are ($2, $3) are answered by their index. So is the last one if
/// there is more, for the cursor of the next page.
const UNKNOWN: &str = ",
version as materialized (
    {versions}
),
more as materialized (
    select count(*) > {limit} as more from version
),
shown as materialized (
    select version.*, known.n as known
    from version
    left join unnest($2, $3) with ordinality as known (id, xmin, n)
        on known.id = version.id and known.xmin = version.xmin
    where version.n <= {limit}
),
page as (
    select shown.n, shown.xmin, task.*
    from shown
    cross join lateral (select {stored} from task_status where id = shown.id limit 1) as task
    where shown.known is null or shown.n = {limit} and (select more from more)
)
select tally.*, total.total, epoch.*, more.more,
    case when lag(page.n) over (order by page.n) is null
        then array(select coalesce(known, 0) from shown order by n) end as known,
    page.*
from tally
cross join total
cross join epoch
cross join more
left join page on true
order by page.n
";

/// The first task of a page that skips tasks of a list by `created`: they are skipped in the narrow index alone.
const START: &str = ",
start as materialized (
    select created, id
    from task_status
    where {filter} and {from}
    order by {order_by}
    limit 1
    offset {skipped}
)";

/// In which hour and minute a page begins that skips many tasks of the list of all pending ones by `created`: the first
/// up to whose end there are more. The counts are added up as `float8`, which is exact to 2^53 and much quicker than
/// `numeric`, the type of a sum of `bigint`.
const MINUTE: &str = ",
hour as materialized (
    select hour, upto
    from (
        select hour, sum(pending) over (order by hour {direction}) as upto
        from (
            select hour, pending::float8 as pending from task_status_pending_hour
            union all
            select task_status_hour(minute), pending from task_status_pending_delta
        ) as counts
    ) as hours
    where upto > $1
    order by hour {direction}
    limit 1
),
minute as materialized (
    select minute, upto, pending
    from (
        select minute, sum(pending) over (partition by minute) as pending,
            (select upto from hour) - sum(pending) over () + sum(pending) over (order by minute {direction}) as upto
        from (
            select minute, pending::float8 as pending from task_status_pending_minute
            where minute >= (select hour from hour) and minute < (select hour from hour) + interval '1 hour'
            union all
            select minute, pending from task_status_pending_delta
            where task_status_hour(minute) = (select hour from hour)
        ) as counts
    ) as minutes
    where upto > $1
    order by minute {direction}
    limit 1
)";

/// An offset as the planner cannot see it: a plan for any offset would seem too dear to be kept.
const SKIPPED: &str = "(select $1)";

/// The rest of an offset in that minute. Counts that are wrong must not make it negative.
const REST: &str = "(select greatest($1 - upto + pending, 0)::bigint from minute)";

/// The versions of a page that begins where an index can begin.
const VERSIONS: &str = "
    select id, xmin::text::bigint as xmin, row_number() over (order by {order_by}) as n
    from task_status
    where {filter} and {from}
    order by {order_by}
    limit {one_more}
";

/// The same with the tasks.
const TASKS: &str = "
    select n, xmin, {stored}
    from (
        select task_status.*, xmin::text::bigint as xmin, row_number() over (order by {order_by}) as n
        from task_status
        where {filter} and {from}
        order by {order_by}
        limit {one_more}
    ) as task_status
";

/// The ids of any other page, at an offset ($1): what precedes the page is skipped. They are found in a narrow index first,
/// because with `limit` and `offset` on whole rows the planner sorts all of them if the offset is deep.
const NARROW: &str = ",
narrow as materialized (
    select id, n
    from unnest(array(
        select id
        from task_status
        where {filter} and {after}
        order by {order_by}
        limit {one_more}
        offset $1
    )) with ordinality as narrow (id, n)
)";

/// Their versions. `limit 1` keeps the planner from merging the two steps.
const NARROW_VERSIONS: &str = "
    select narrow.id, task.xmin, narrow.n
    from narrow
    cross join lateral (select xmin::text::bigint as xmin from task_status where id = narrow.id limit 1) as task
";

/// The same with the tasks.
const NARROW_TASKS: &str = "
    select narrow.n, task.*
    from narrow
    cross join lateral (
        select xmin::text::bigint as xmin, {stored} from task_status where id = narrow.id limit 1
    ) as task
";

/// A statement and its values.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) arguments: PgArguments,
    /// Whether a session keeps the statement, and its plan with it. Others are planned with their values: the best plan
    /// depends on the offset, and a prefix is a range of an index only if the planner sees it.
    pub(super) is_kept: bool,
}

impl Statement {
    pub(super) fn new(query: PageQuery<'_>, known: &[Version]) -> sqlx::Result<Self> {
        let (work, offset) = (Work::of(query.filter), query.offset.get());
        let by_created = query.order.by_created_alone().filter(|_| work == Work::Page);
        let is_kept = by_created.is_some() || work == Work::Page && offset == 0;
        let (direction, from_minute, from_start) = match by_created {
            Some(Direction::Descending) => (
                "desc",
                "created < (select minute from minute) + interval '1 minute'",
                "created <= (select created from start)
            and (created < (select created from start) or id >= (select id from start))",
            ),
            _ => (
                "asc",
                "created >= (select minute from minute)",
                "(created, id) >= (select created, id from start)",
            ),
        };
        let before = if by_created.is_none() {
            // To sort all pending tasks takes less than so many steps to a deep offset: the planner chooses.
            let filter = query.filter.filter(|_| work != Work::Page || is_kept);
            let narrow = filter
                .and_then(|filter| filtered::narrow(filter, query.order, offset + one_more(query.limit)));
            narrow.unwrap_or_else(|| NARROW.to_owned())
        } else if offset == 0 {
            String::new()
        } else if query.after.is_some() {
            START.replace("{from}", "{after}").replace("{skipped}", SKIPPED)
        } else {
            let start = START.replace("{from}", from_minute).replace("{skipped}", REST);
            MINUTE.replace("{direction}", direction) + &start
        };
        let from = if offset == 0 { "{after}" } else { from_start };
        let (versions, tasks) = if by_created.is_some() {
            (VERSIONS.replace("{from}", from), TASKS.replace("{from}", from))
        } else {
            (NARROW_VERSIONS.to_owned(), NARROW_TASKS.to_owned())
        };

        let mut arguments = PgArguments::default();
        arguments.add(offset).map_err(sqlx::Error::Encode)?;
        let rest = if known.is_empty() {
            ALL.replace("{tasks}", tasks.trim())
        } else {
            let ids: Vec<&str> = known.iter().map(|version| version.id.as_ref()).collect();
            let xmins: Vec<i64> = known.iter().map(|version| version.xmin).collect();
            arguments.add(ids).map_err(sqlx::Error::Encode)?;
            arguments.add(xmins).map_err(sqlx::Error::Encode)?;
            UNKNOWN.replace("{versions}", versions.trim())
        };
        let total = match work {
            Work::Page => "(select pending from tally)",
            Work::Other if query.count => "(select count(*) from task_status where {filter})",
            _ => "null::bigint",
        };
        let (filter, arguments) = condition(arguments, |sql| push_filter(query.filter, sql))?;
        let (after, arguments) = condition(arguments, |sql| push_after(query.after, query.order, sql))?;
        let sql = (HEAD.to_owned() + &before + &rest)
            .replace("{total}", total)
            .replace("{filter}", &filter)
            .replace("{after}", &after)
            .replace("{order_by}", &query.order.order_by())
            .replace("{limit}", &query.limit.get().to_string())
            .replace("{one_more}", &one_more(query.limit).to_string())
            .replace("{stored}", STORED);
        Ok(Self {
            sql,
            arguments,
            is_kept,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::filter::Filter;
    use crate::listing::page::{Limit, Offset};
    use crate::listing::sorters::Sorters;

    #[test]
    fn a_page_by_created_has_a_statement_that_a_session_keeps_for_any_offset() {
        let filter = Filter::parse("completionStatus isnull").expect("a filter");
        for (order, kept) in [("created", true), ("-created", true), ("modified", false)] {
            let order = Sorters::parse(order).expect("an order");
            for known in [false, true] {
                let version = || Version {
                    id: "a".into(),
                    xmin: 1,
                };
                let known: Vec<Version> = known.then(version).into_iter().collect();
                let statement = |offset| {
                    let query = PageQuery {
                        filter: Some(&filter),
                        order: &order,
                        after: None,
                        offset: Offset::new(offset).expect("an offset"),
                        limit: Limit::default(),
                        count: false,
                    };
                    Statement::new(query, &known).expect("a statement")
                };
                for (one, other) in [(1, 50), (51, 1_000_000)] {
                    let (one, other) = (statement(one), statement(other));
                    assert_eq!((&one.sql, one.is_kept), (&other.sql, kept));
                    assert!(!one.sql.contains('{'), "{}", one.sql);
                }
                assert!(statement(0).is_kept);
            }
        }
    }
}
