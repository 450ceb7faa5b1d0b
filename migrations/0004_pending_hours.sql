-- How many tasks are pending by the time of their creation, so that the page after any number of them is found by adding
-- up some numbers and passing over what is left of one minute, instead of passing over all that precedes it. By the minute,
-- because thousands of tasks are made within one; by the hour too, because three months have a hundred thousand minutes.
--
-- Kept like the tally, in the transaction that changes the rows: in any snapshot the sum for a minute or an hour is
-- count(*) of the pending tasks that were created in it. docs/tally.md has what it costs a writer, docs/pages.md what it
-- gains.

-- Writers add rows and change none, so none waits for another. Folding adds them to the hours here and to the minutes.
create table task_status_pending_hours (
    since     timestamptz not null,
    is_folded boolean not null default false,
    pending   bigint not null
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 1000000000,
    vacuum_truncate = false
);

comment on table task_status_pending_hours is
    'How many tasks are pending by the hour in which they were created: the sum for each hour. Kept by triggers on task_status; "task-status verify" checks it.';
comment on column task_status_pending_hours.since is
    'The beginning of the hour, UTC, or of the minute where it is not folded.';
comment on column task_status_pending_hours.is_folded is
    'Whether it is in task_status_pending_minutes too. What is not is added to that when it is folded.';
comment on column task_status_pending_hours.pending is
    'Pending tasks that came, less those that went. Only sums mean anything.';

create table task_status_pending_minutes (
    minute  timestamptz constraint task_status_pending_minutes_pkey primary key,
    pending bigint not null
);
create index task_status_pending_minutes_none on task_status_pending_minutes (minute) where pending = 0;

comment on table task_status_pending_minutes is
    'How many tasks are pending by the minute in which they were created, without what task_status_pending_hours has that is not folded.';
comment on column task_status_pending_minutes.minute is 'The beginning of the minute, UTC.';
comment on index task_status_pending_minutes_none is 'Minutes that need not be kept any more.';

create function task_status_hour(moment timestamptz) returns timestamptz
    language sql immutable parallel safe
    return date_bin('1 hour', moment, timestamptz '2000-01-01 00:00:00+00');
comment on function task_status_hour is 'The beginning of the hour, UTC.';

create function task_status_minute(moment timestamptz) returns timestamptz
    language sql immutable parallel safe
    return date_bin('1 minute', moment, timestamptz '2000-01-01 00:00:00+00');
comment on function task_status_minute is 'The beginning of the minute, UTC.';

-- Nobody but the migration writes before the triggers know of it.
lock table task_status in share row exclusive mode;

insert into task_status_pending_minutes (minute, pending)
select task_status_minute(created), count(*) from task_status where completion_status is null group by 1;
insert into task_status_pending_hours (since, is_folded, pending)
select task_status_hour(minute), true, sum(pending) from task_status_pending_minutes group by 1;
analyze task_status_pending_hours, task_status_pending_minutes;

-- As before, and by the minute. A report on a task that stays pending, which most statements are, adds nothing to that.
create or replace function task_status_count() returns trigger language plpgsql as $$
declare
    left_pending    bigint := 0;
    entered_pending bigint := 0;
    step            bigint;
    -- 'tall' in ASCII. Any number will do: where somebody else uses it too, a slot may seem taken.
    lock_class      constant integer := 1952541804;
begin
    case tg_op
    when 'INSERT' then
        with entered as (
            insert into task_status_pending_hours (since, pending)
            select task_status_minute(created), count(*) from new_rows where completion_status is null group by 1
            returning pending
        )
        select coalesce(sum(pending), 0) into entered_pending from entered;
    when 'DELETE' then
        with gone as (
            insert into task_status_pending_hours (since, pending)
            select task_status_minute(created), -count(*) from old_rows where completion_status is null group by 1
            returning pending
        )
        select coalesce(-sum(pending), 0) into left_pending from gone;
    else
        left_pending := (select count(*) from old_rows where completion_status is null);
        entered_pending := (select count(*) from new_rows where completion_status is null);
        if left_pending <> entered_pending
            or left_pending > 1
            or left_pending = 1 and (select created from old_rows where completion_status is null)
                <> (select created from new_rows where completion_status is null)
        then
            insert into task_status_pending_hours (since, pending)
            select since, sum(change) from (
                select task_status_minute(created) as since, 1 as change from new_rows where completion_status is null
                union all
                select task_status_minute(created), -1 from old_rows where completion_status is null
            ) as changes
            group by since having sum(change) <> 0;
        end if;
    end case;
    if left_pending = 0 and entered_pending = 0 then
        return null;
    end if;

    -- By how much the revision moves. Any step would do while history is one line. Where it is not - a server that lost
    -- its last commits comes back, a standby that lacked them takes over, a backup is restored - other changes follow
    -- the same revision, and steps of one would soon reach a number that has stood for something else.
    step := 1 + floor(random() * 1048576);
    if current_setting('transaction_isolation') in ('read committed', 'read uncommitted') then
        -- Backends begin at different slots, and go on to the next that nobody holds. Who has the lock of a slot is alone
        -- with its row until the transaction ends; to find a free row by locking rows took longer.
        for slot_to_try in (pg_backend_pid() & 31)..63 loop
            if pg_try_advisory_xact_lock(lock_class, slot_to_try) then
                update task_status_tally
                set pending = pending + entered_pending - left_pending, revision = revision + step
                where slot = slot_to_try;
                exit when not found;
                return null;
            end if;
        end loop;
    end if;
    -- A snapshot that lasts for the transaction may not update a row that somebody has changed since (SQLSTATE 40001),
    -- but a row of its own can always be added.
    insert into task_status_tally (pending, revision) values (entered_pending - left_pending, step);
    return null;
end
$$;

create or replace function task_status_count_none() returns trigger language plpgsql as $$
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'task_status cannot be truncated at the isolation level "%"', current_setting('transaction_isolation')
            using errcode = 'feature_not_supported',
                hint = 'Truncate in a transaction at READ COMMITTED, or delete the rows.';
    end if;
    lock table task_status_tally, task_status_pending_hours, task_status_pending_minutes in share row exclusive mode;
    update task_status_tally set pending = 0, revision = revision + 1 + floor(random() * 1048576)::bigint;
    delete from task_status_pending_hours;
    delete from task_status_pending_minutes;
    return null;
end
$$;

-- Adds what writers have added to its hour and its minute. The sums stay what they are; a service may call it.
create function task_status_fold_pending_hours() returns bigint language sql as $$
    delete from task_status_pending_minutes where pending = 0;

    with many as (
        select since from task_status_pending_hours where is_folded group by since having count(*) > 1
    ), added as (
        select ctid from task_status_pending_hours
        where not is_folded or since in (select since from many)
        limit 20000 for update skip locked
    ), folded as (
        delete from task_status_pending_hours where ctid = any(array(select ctid from added))
        returning since, is_folded, pending
    ), minutes as (
        insert into task_status_pending_minutes (minute, pending)
        select since, sum(pending) from folded where not is_folded group by since having sum(pending) <> 0 order by since
        on conflict (minute) do update set pending = task_status_pending_minutes.pending + excluded.pending
    ), hours as (
        insert into task_status_pending_hours (since, is_folded, pending)
        select task_status_hour(since), true, sum(pending) from folded group by 1 having sum(pending) <> 0
    )
    select count(*) from folded
$$;
comment on function task_status_fold_pending_hours is
    'Folds rows of task_status_pending_hours into one for each hour and returns how many there were. The sums stay what they are.';

-- As the functions of the tally: they act as their owner, and those of triggers cannot be called by themselves.
do $$
declare
    name text;
begin
    foreach name in array array['task_status_count', 'task_status_count_none', 'task_status_fold_pending_hours'] loop
        execute format(
            'alter function %I() security definer set search_path = pg_catalog, %I, pg_temp', name, current_schema);
    end loop;
end
$$;
revoke all on function task_status_fold_pending_hours() from public;
