-- task_status holds one row per background task. It is a public interface: people write to it with plain SQL, so
-- everything that the API promises about a task status is a constraint here. The names of the constraints are part of
-- that interface, because a writer sees them when a row is refused.
--
-- In this order: the table, its indexes, conveniences for writers, the tally and the counts by time of creation,
-- which triggers keep exact, and who may call what.

-- The shapes of the JSON columns. Strict jsonpath is essential: in lax mode an array stands for its elements, and
-- [[{...}]] would pass.
--
-- Functions of SQL would be read and planned anew in each statement that writes, which would take a third of its time
-- more. Their search path is their own, so that a writer's leads to no other operators.

create function task_status_messages_are_valid(messages jsonb) returns boolean
    language plpgsql immutable strict parallel safe set search_path = pg_catalog as $f$
begin
    return jsonb_typeof(messages) = 'array'
        and jsonb_array_length(messages) = jsonb_array_length(jsonb_path_query_array(messages, $$strict $[*] ? (
            @.type() == "object"
            && (@."type" == "INFO" || @."type" == "WARN" || @."type" == "ERROR")
            && @."key".type() == "string"
            && (@."localizedText" == null
                || (@."localizedText".type() == "object"
                    && @."localizedText"."locale".type() == "string"
                    && @."localizedText"."message".type() == "string"))
            && (@."parameters" == null
                || (@."parameters".type() == "array"
                    && !(exists(@."parameters"[*] ? (@.type() != "object" && @.type() != "string")))))
        )$$))
        and not exists (
            select from jsonb_array_elements(messages) as message
            where char_length(message ->> 'key') > 8192
                or char_length(message -> 'localizedText' ->> 'locale') > 512);
end
$f$;

comment on function task_status_messages_are_valid is
    'An array of messages: type (INFO, WARN, ERROR) and key always; localizedText null or an object with locale and message; parameters null or an array of objects and strings; key of at most 8192 characters, locale of 512.';

create function task_status_returns_are_valid(returns jsonb) returns boolean
    language plpgsql immutable strict parallel safe set search_path = pg_catalog as $f$
begin
    return jsonb_typeof(returns) = 'array'
        and jsonb_array_length(returns) = jsonb_array_length(jsonb_path_query_array(returns, $$strict $[*] ? (
            @.type() == "object" && @."name".type() == "string" && @."attributeName".type() == "string"
        )$$))
        and not exists (
            select from jsonb_array_elements(returns) as details
            where char_length(details ->> 'name') > 8192 or char_length(details ->> 'attributeName') > 8192);
end
$f$;

comment on function task_status_returns_are_valid is
    'An array of objects with name and attributeName, both strings of at most 8192 characters.';

create function task_status_definition_summary_is_valid(summary jsonb) returns boolean
    language plpgsql immutable strict parallel safe set search_path = pg_catalog as $f$
begin
    return jsonb_path_exists(summary, $$strict $ ? (
            @.type() == "object"
            && @."id".type() == "string"
            && @."uniqueName".type() == "string"
            && (@."description" == null || @."description".type() == "string")
            && @."parentName".type() == "string"
            && (@."executor" == null || @."executor".type() == "string")
            && @."arguments".type() == "object"
        )$$)
        and coalesce(char_length(summary ->> 'id') <= 256
            and char_length(summary ->> 'uniqueName') <= 512
            and char_length(summary ->> 'parentName') <= 512
            and char_length(coalesce(summary ->> 'description', '')) <= 8192
            and char_length(coalesce(summary ->> 'executor', '')) <= 512, true);
end
$f$;

comment on function task_status_definition_summary_is_valid is
    'An object with id, uniqueName, parentName (strings), description and executor (strings or null) and arguments (an object), all six present, their texts as long as in the API.';

-- Stored values can be exported and imported again, so the bounds are those of the API. A value of at most 250 bytes can
-- neither be nested deeper nor hold a larger number. The prefix is one that the JSON library of the program interprets.
create function task_status_json_is_bounded(value jsonb) returns boolean
    language plpgsql immutable strict parallel safe set search_path = pg_catalog as $f$
begin
    return case
        when octet_length(value::text) <= 22 then true
        when strpos(value::text, '$serde_json::private::') > 0 then false
        when octet_length(value::text) <= 250 then true
        when octet_length(value::text) > 1048576 then false
        else not jsonb_path_exists(value, $$strict $.**{125} ? (@.type() == "object" || @.type() == "array")$$)
            and not jsonb_path_exists(value, $$strict $.** ? (@.type() == "number" && @.abs() >= 1.797693134862315808e308)$$)
    end;
end
$f$;

comment on function task_status_json_is_bounded is
    'At most 1 MiB, nested at most 125 levels deep, no number that is too large for a double, and no text with "$serde_json::private::".';

-- Times are kept to the millisecond, as the API shows them: a time read from the API finds the row again. Strings that
-- are sorted or looked up stay well below what an index entry holds (2704 bytes; a character takes at most four), the
-- others are bounded so that a page of 250 rows has a known largest size.
create table task_status (
    id                      text collate "C"
                            constraint task_status_pkey primary key
                            constraint task_status_id_length_check check (char_length(id) between 1 and 256)
                            constraint task_status_id_route_check check (id not in ('pending-tasks', 'suggestions', 'summary', 'v1', '.', '..')),
    type                    text not null
                            constraint task_status_type_check check (type in ('QUARTZ', 'QPOC', 'QUEUED_TASK')),
    unique_name             text not null
                            constraint task_status_unique_name_length_check check (char_length(unique_name) <= 512),
    description             text not null default ''
                            constraint task_status_description_length_check check (char_length(description) <= 8192),
    parent_name             text
                            constraint task_status_parent_name_length_check check (char_length(parent_name) <= 512),
    launcher                text not null
                            constraint task_status_launcher_length_check check (char_length(launcher) <= 512),
    target_id               text
                            constraint task_status_target_id_length_check check (char_length(target_id) <= 256),
    target_type             text
                            constraint task_status_target_type_check check (target_type in ('APPLICATION', 'IDENTITY')),
    target_name             text
                            constraint task_status_target_name_length_check check (char_length(target_name) <= 512),
    created                 timestamptz(3) not null default now(),
    modified                timestamptz(3) not null default now(),
    launched                timestamptz(3),
    completed               timestamptz(3),
    completion_status       text
                            constraint task_status_completion_status_check
                            check (completion_status in ('SUCCESS', 'WARNING', 'ERROR', 'TERMINATED', 'TEMPERROR')),
    messages                jsonb not null default '[]'
                            constraint task_status_messages_shape_check check (messages = '[]' or task_status_messages_are_valid(messages))
                            constraint task_status_messages_bounds_check
                            check (messages = '[]' or task_status_json_is_bounded(messages)),
    returns                 jsonb not null default '[]'
                            constraint task_status_returns_shape_check check (returns = '[]' or task_status_returns_are_valid(returns))
                            constraint task_status_returns_bounds_check
                            check (returns = '[]' or task_status_json_is_bounded(returns)),
    attributes              jsonb not null default '{}'
                            constraint task_status_attributes_shape_check check (jsonb_typeof(attributes) = 'object')
                            constraint task_status_attributes_bounds_check
                            check (attributes = '{}' or task_status_json_is_bounded(attributes)),
    progress                text
                            constraint task_status_progress_length_check check (char_length(progress) <= 8192),
    percent_complete        integer not null default 0
                            constraint task_status_percent_complete_check check (percent_complete between 0 and 100),
    task_definition_summary jsonb
                            constraint task_status_task_definition_summary_shape_check
                            check (task_status_definition_summary_is_valid(task_definition_summary))
                            constraint task_status_task_definition_summary_bounds_check
                            check (task_status_json_is_bounded(task_definition_summary)),

    constraint task_status_target_check check (
        (target_id is null) = (target_name is null) and (target_id is not null or target_type is null)),
    -- The years that RFC 3339 can write; infinity is not among them.
    constraint task_status_times_check check (
        created >= timestamptz '0001-01-01 00:00:00+00' and created < timestamptz '10000-01-01 00:00:00+00'
        and modified >= timestamptz '0001-01-01 00:00:00+00' and modified < timestamptz '10000-01-01 00:00:00+00'
        and launched >= timestamptz '0001-01-01 00:00:00+00' and launched < timestamptz '10000-01-01 00:00:00+00'
        and completed >= timestamptz '0001-01-01 00:00:00+00' and completed < timestamptz '10000-01-01 00:00:00+00'),
    constraint task_status_completed_check check ((completed is null) = (completion_status is null))
)
-- Changes are to the pending tasks, a small part of a large table: a fifth of it, the default, can be days of changes.
-- With the default pauses many rows are dead again when a vacuum ends. docs/operations.md has figures.
with (
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_vacuum_cost_limit = 2000
);

comment on table task_status is
    'One row per background task: what it is, how it is doing, how it ended. Pending means that completion_status is null.';
comment on column task_status.id is
    'Unique id of the task: 1 to 256 characters, except the routes "pending-tasks", "suggestions", "summary" and "v1" and the path segments "." and "..".';
comment on column task_status.type is 'QUARTZ, QPOC or QUEUED_TASK.';
comment on column task_status.unique_name is 'Name of the task.';
comment on column task_status.description is 'What the task does; empty if unknown.';
comment on column task_status.parent_name is 'Name of the parent of the task; null if it has none.';
comment on column task_status.launcher is 'The service or person that started the task.';
comment on column task_status.target_id is 'Id of the object that the task works on; null, with target_name, if it has no target.';
comment on column task_status.target_type is 'APPLICATION or IDENTITY; null if unknown.';
comment on column task_status.target_name is 'Name of the object that the task works on; empty if unknown; null, with target_id, if it has no target.';
comment on column task_status.created is 'When the task was created, to the millisecond. Pending tasks are listed by it, then by id.';
comment on column task_status.modified is
    'Last sign of life, to the millisecond, at most ten minutes ahead of the database''s clock. An update that does not set it sets it to now.';
comment on column task_status.launched is 'When the task began to run; null if it has not.';
comment on column task_status.completed is 'When the task ended; set with completion_status, to now if the writer gives no time.';
comment on column task_status.completion_status is
    'How the task ended: SUCCESS, WARNING, ERROR, TERMINATED or TEMPERROR; null while it is pending.';
comment on column task_status.messages is
    'Array of messages: [{"type": "INFO|WARN|ERROR", "localizedText": null | {"locale", "message"}, "key": "...", "parameters": null | [object | string]}].';
comment on column task_status.returns is 'Array of return values: [{"name": "...", "attributeName": "..."}].';
comment on column task_status.attributes is 'Object of free-form attributes.';
comment on column task_status.progress is 'Progress in words; null if unknown.';
comment on column task_status.percent_complete is 'Progress in percent, 0 to 100.';
comment on column task_status.task_definition_summary is
    'The definition the task was created from, or null: {"id", "uniqueName", "description", "parentName", "executor", "arguments"}.';

-- Indexes of the pending list. The first is narrow on purpose: a deep offset is skipped in the index alone.
create index task_status_pending_idx on task_status (created, id) where completion_status is null;
comment on index task_status_pending_idx is 'The pending tasks in the order in which they are listed.';

-- Case must not depend on the locale of the database: in Turkish, the lower case of I has no dot. So it is that of a collation
-- without a language, the first that the server has for the encoding of the database. All but the last know the letters
-- of all languages. ICU comes late: there, the lower case of a letter may depend on the next one (the Greek sigma), so a
-- prefix would not be found. SQL_ASCII has the letters of ASCII only.
do $$
declare
    provider text;
    locale   text;
begin
    for provider, locale in values ('builtin', 'C.UTF-8'), ('libc', 'C.UTF-8'), ('icu', 'und'), ('libc', 'C') loop
        continue when locale = 'C.UTF-8' and getdatabaseencoding() <> 'UTF8';
        begin
            execute format('create collation task_status_case (provider = %s, locale = %L)', provider, locale);
            exit;
        exception when others then
            -- The last one is always there.
            null;
        end;
    end loop;
end
$$;
comment on collation task_status_case is
    'Upper and lower case as filters and orders know them, whatever the locale of the database.';

-- A write computes it for up to three indexes, a filter of each row that it looks at. Most names are words with single spaces
-- between: these need no replacement by a regular expression, which takes more than twice the time.
create function task_status_kind(task_definition_summary jsonb, unique_name text) returns text
    language sql immutable parallel safe
    return upper(case
        when coalesce(task_definition_summary ->> 'uniqueName', unique_name) collate task_status_case ~ '^[[:alnum:]]+( [[:alnum:]]+)*$'
        then replace(coalesce(task_definition_summary ->> 'uniqueName', unique_name) collate task_status_case, ' ', '_')
        else trim(both '_' from regexp_replace(
            coalesce(task_definition_summary ->> 'uniqueName', unique_name) collate task_status_case, '[^[:alnum:]]+', '_', 'g'))
    end);
comment on function task_status_kind is
    'The kind of a task, as filters on "type" know it: the unique name of its definition, else its own, in upper snake case, such as CLOUD_ACCOUNT_AGGREGATION.';

create index task_status_pending_source_idx on task_status (lower(target_id collate task_status_case) collate "C", created desc)
    where completion_status is null and target_type = 'APPLICATION';
create index task_status_pending_kind_idx on task_status (task_status_kind(task_definition_summary, unique_name) collate "C", created desc)
    where completion_status is null;

-- Indexes of the orders; read backwards, each serves the opposite direction. Ties are broken by id. It is part of an
-- index if many tasks share a value or if a deep offset is to be skipped in the index. The completion status lets the
-- summary count in the index alone: 30 ms for the 66 000 tasks that ended within a day, against 178 ms.
create index task_status_created_idx on task_status (created desc, id);
create index task_status_modified_idx on task_status (modified);
create index task_status_launched_idx on task_status (launched, id);
create index task_status_completed_idx on task_status (completed, id) include (completion_status);
create index task_status_unique_name_idx on task_status (lower(unique_name collate task_status_case) collate "C", id);
create index task_status_type_idx on task_status (type, id);
create index task_status_percent_complete_idx on task_status (percent_complete, id);

-- Indexes of the filters. Those of fields by which lists are filtered most are in the default order of the list too. The
-- others are a tenth as large without: many tasks share an entry.
create index task_status_id_ignoring_case_idx on task_status (lower(id collate task_status_case) collate "C");
create index task_status_kind_idx on task_status (task_status_kind(task_definition_summary, unique_name) collate "C", created desc);
create index task_status_kind_name_idx on task_status (task_status_kind(task_definition_summary, unique_name) collate "C", lower(unique_name collate task_status_case) collate "C", id);
create index task_status_completion_status_idx on task_status (completion_status, created desc);
create index task_status_launcher_idx on task_status (lower(launcher collate task_status_case) collate "C", created desc);
create index task_status_target_idx on task_status (target_type, lower(target_id collate task_status_case) collate "C", created desc);
create index task_status_target_name_idx on task_status (lower(target_name collate task_status_case) collate "C");
create index task_status_parent_name_idx on task_status (lower(parent_name collate task_status_case) collate "C");

-- Time is the database's. Of two reports the newer one by "modified" counts, so a time far ahead would shut out all later
-- reports, and keep the task from retention. The clock itself is read, since a long transaction began long before it.

create function task_status_latest() returns timestamptz
    language sql volatile parallel safe
    return clock_timestamp() + interval '10 minutes';
comment on function task_status_latest is
    'The latest time that "modified" may have: ten minutes ahead of the database''s clock.';

create function task_status_advanced(modified timestamptz, sign_of_life timestamptz) returns timestamptz
    language sql volatile parallel safe
    return case when modified > task_status_latest() then sign_of_life else greatest(modified, sign_of_life) end;
comment on function task_status_advanced is
    'What "modified" becomes by a sign of life: it never turns back, unless it is too far ahead to be right.';

-- Two conveniences for writers. Each trigger has a WHEN clause: a write that needs neither pays for no call.

create function task_status_complete() returns trigger language plpgsql as $$
begin
    new.completed := now();
    return new;
end
$$;
comment on function task_status_complete is 'A completion status without a time completes the task now.';

create trigger task_status_complete before insert or update on task_status
    for each row when (new.completion_status is not null and new.completed is null)
    execute function task_status_complete();

create function task_status_name_target() returns trigger language plpgsql as $$
begin
    new.target_name := '';
    return new;
end
$$;
comment on function task_status_name_target is 'A target without a name has an empty one, as in the API.';

create trigger task_status_name_target before insert or update on task_status
    for each row when (new.target_id is not null and new.target_name is null)
    execute function task_status_name_target();

create function task_status_touch() returns trigger language plpgsql as $$
begin
    new.modified := task_status_advanced(old.modified, now());
    return new;
end
$$;
comment on function task_status_touch is
    'A change that leaves "modified" alone is a sign of life now, except in sessions with task_status.keep_modified = on.';

-- The service always says what "modified" is, and may mean the stored value.
create trigger task_status_touch before update on task_status
    for each row when (
        new.modified = old.modified and current_setting('task_status.keep_modified', true) is distinct from 'on')
    execute function task_status_touch();

create function task_status_refuse_ahead() returns trigger language plpgsql as $$
declare
    utc_format constant text := 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
begin
    raise check_violation using
        schema = tg_table_schema, table = tg_table_name, column = 'modified', constraint = 'task_status_modified_check',
        message = format('"modified" of the task "%s" is more than ten minutes ahead of the database''s clock', new.id),
        detail = json_build_object(
            'modified', to_char(new.modified at time zone 'utc', utc_format),
            'now', to_char(clock_timestamp() at time zone 'utc', utc_format)),
        hint = 'Leave "modified" out: it is set to now.';
end
$$;
comment on function task_status_refuse_ahead is
    'Refuses a "modified" later than task_status_latest(), as the constraint task_status_modified_check. A check constraint cannot depend on the time.';

-- Fires last, since triggers fire in the order of their names: an update of a row that is too far ahead already brings it
-- back.
create trigger task_status_z_refuse_ahead before insert or update on task_status
    for each row when (new.modified > task_status_latest())
    execute function task_status_refuse_ahead();

-- The tally: how many tasks are pending, a revision of them, and a revision of the whole table, exact in every snapshot.
-- Statement triggers change it in the transaction that changes the rows. docs/freshness.md has the proof, the limits and
-- the cost to a writer.
--
-- Each writer changes a row that no other transaction holds, so no writer waits for another. The table is hot: a row is
-- updated in place as long as its page has room, so a page is filled to a tenth. Vacuum removes what a long snapshot
-- has kept, and does not wait for a share of the table. It cannot shorten the file, because the slots have moved to the
-- end of it: task_status_shrink_tally does.
--
-- The filler makes the slots take ten pages. PostgreSQL reads a table of less than eight whole where an index would do,
-- so each writer would look at all slots, and at what others have left of them.
--
-- Added rows have no slot. So no row has a number that a restore of old rows could give out a second time.
create table task_status_tally (
    slot           integer constraint task_status_tally_slot_key unique,
    pending        bigint not null,
    revision       bigint not null,
    table_revision bigint not null,
    filler         text
) with (
    fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 1000000000,
    vacuum_truncate = false
);

comment on table task_status_tally is
    'How many tasks are pending, the revision of them, and that of all tasks: the sums over all rows. Kept by triggers on task_status; "task-status verify" checks it.';
comment on column task_status_tally.slot is
    '0 to 63: the slots that writers share out. Null: added when no slot was free, and folded together later.';
comment on column task_status_tally.pending is
    'Tasks that became pending by way of this slot, less those that ceased to be. Only the sum means anything.';
comment on column task_status_tally.revision is
    'Grows with every change to pending tasks by way of this slot. Only the sum means anything.';
comment on column task_status_tally.table_revision is
    'Grows with every change to any task by way of this slot. Only the sum means anything.';
comment on column task_status_tally.filler is 'Nothing; it spreads the slots over more pages, so that writers find theirs by the index.';

insert into task_status_tally (slot, pending, revision, table_revision, filler)
select slot, 0, start, start, repeat(' ', 55)
from generate_series(0, 63) as slot,
    lateral (select case slot when 0 then floor(random() * 1099511627776)::bigint else 0 end as start) as revisions;
alter table task_status_tally cluster on task_status_tally_slot_key;
-- A publication of all tables refuses updates and deletes of rows that nothing identifies.
alter table task_status_tally replica identity full;
analyze task_status_tally;

-- How many tasks are pending by time of creation. A page at any offset is found by adding up the hours, then the minutes
-- of one hour, and skipping within one minute. Both are kept: thousands of tasks are created within a minute, and three
-- months have a hundred thousand minutes. docs/freshness.md has the gain and the cost to a writer.
--
-- Writers only add rows to task_status_pending_delta, so no writer waits for another; folding moves the rows to the
-- minutes and the hours. In any snapshot, minutes and deltas add up to count(*) of the pending tasks that were created
-- in a minute, and so do hours and deltas for an hour.
create table task_status_pending_delta (
    minute  timestamptz not null,
    pending bigint not null
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 1000000000
);
alter table task_status_pending_delta replica identity full;
create table task_status_pending_minute (
    minute  timestamptz constraint task_status_pending_minute_pkey primary key,
    pending bigint not null
);
create table task_status_pending_hour (
    hour    timestamptz constraint task_status_pending_hour_pkey primary key,
    pending bigint not null
);
create index task_status_pending_minute_zero_idx on task_status_pending_minute (minute) where pending = 0;
analyze task_status_pending_delta, task_status_pending_minute, task_status_pending_hour;

comment on table task_status_pending_delta is
    'Changes to the number of pending tasks that are not folded into task_status_pending_minute and task_status_pending_hour yet. Kept by triggers on task_status; "task-status verify" checks it.';
comment on column task_status_pending_delta.minute is 'The minute, UTC, in which the tasks were created.';
comment on column task_status_pending_delta.pending is
    'Tasks of that minute that became pending, less those that ceased to be. Only sums mean anything.';
comment on table task_status_pending_minute is
    'How many tasks are pending by the minute in which they were created, without task_status_pending_delta.';
comment on column task_status_pending_minute.minute is 'The beginning of the minute, UTC.';
comment on table task_status_pending_hour is
    'How many tasks are pending by the hour in which they were created, without task_status_pending_delta.';
comment on column task_status_pending_hour.hour is 'The beginning of the hour, UTC.';
comment on index task_status_pending_minute_zero_idx is 'Minutes to be deleted.';

create function task_status_minute(moment timestamptz) returns timestamptz
    language sql immutable parallel safe
    return date_bin('1 minute', moment, timestamptz '2000-01-01 00:00:00+00');
comment on function task_status_minute is 'The beginning of the minute, UTC.';

create function task_status_hour(moment timestamptz) returns timestamptz
    language sql immutable parallel safe
    return date_bin('1 hour', moment, timestamptz '2000-01-01 00:00:00+00');
comment on function task_status_hour is 'The beginning of the hour, UTC.';

-- One text for insert, update and delete, which differ in the rows they look at: those that entered count one, those that
-- left minus one. An update that leaves a task pending counts as both: it moves the revision, and no count by time of
-- creation. A statement on completed tasks alone moves the revision of the table.
--
-- Writers pay for each statement and each node in here. The functions act as their owner, and every name and operator
-- says its schema, so that a writer's search path finds nothing else. A search path of their own cost a quarter of a call.
do $do$
declare
    operation text;
    changes   text;
begin
    for operation, changes in values
        ('insert', 'select created, completion_status, 1 as change from new_rows'),
        ('delete', 'select created, completion_status, -1 as change from old_rows'),
        ('update', 'select created, completion_status, 1 as change from new_rows
                    union all select created, completion_status, -1 from old_rows')
    loop
        execute format($create$
create function task_status_count_%1$s() returns trigger language plpgsql security definer as $$
declare
    first_minute   timestamptz;
    last_minute    timestamptz;
    pending_change bigint;
    step           bigint;
    own_slot       integer;
    -- 'tall' in ASCII. Any number will do: if others use it too, a slot may seem taken.
    lock_class     constant integer := 1952541804;
begin
    -- Steps are random because history is not always one line: a server that lost its last commits comes back, a standby
    -- that lacked them takes over, a backup is restored. Other changes then follow the same revision, and steps of one
    -- would soon reach a number that has stood for something else.
    --
    -- A slot may be updated at READ COMMITTED and READ UNCOMMITTED. A snapshot that lasts for the transaction may not
    -- update a row that has changed since (SQLSTATE 40001), but it can always add a row.
    select %2$I.task_status_minute(pg_catalog.min(created)), %2$I.task_status_minute(pg_catalog.max(created)),
        coalesce(pg_catalog.sum(change), 0),
        pg_catalog.floor(pg_catalog.random() operator(pg_catalog.*) 1048576) operator(pg_catalog.+) 1,
        case when pg_catalog.starts_with(pg_catalog.current_setting('transaction_isolation'), 'read ')
            then pg_catalog.pg_backend_pid() operator(pg_catalog.&) 31 end
    into first_minute, last_minute, pending_change, step, own_slot
    from (%3$s) as changes
    where completion_status is null;

    if first_minute operator(pg_catalog.<>) last_minute then
        insert into %2$I.task_status_pending_delta (minute, pending)
        select %2$I.task_status_minute(created), pg_catalog.sum(change)
        from (%3$s) as changes
        where completion_status is null
        group by 1 having pg_catalog.sum(change) operator(pg_catalog.<>) 0;
    elsif pending_change operator(pg_catalog.<>) 0 then
        insert into %2$I.task_status_pending_delta (minute, pending) values (first_minute, pending_change);
    elsif first_minute is null and not exists (%3$s) then
        return null;
    end if;

    -- Backends begin at different slots and go on to the next free one. The holder of a slot's lock is alone with its row
    -- until the transaction ends. To find a free row by locking rows took longer.
    while own_slot operator(pg_catalog.<) 64 loop
        if pg_catalog.pg_try_advisory_xact_lock(lock_class, own_slot) then
            update %2$I.task_status_tally
            set pending = pending operator(pg_catalog.+) pending_change,
                revision = revision operator(pg_catalog.+) case when first_minute is null then 0 else step end,
                table_revision = table_revision operator(pg_catalog.+) step
            where slot operator(pg_catalog.=) own_slot;
            exit when not found;
            return null;
        end if;
        own_slot := own_slot operator(pg_catalog.+) 1;
    end loop;
    insert into %2$I.task_status_tally (pending, revision, table_revision)
    values (pending_change, case when first_minute is null then 0 else step end, step);
    return null;
end
$$$create$, operation, current_schema, changes);
        execute format(
            'comment on function task_status_count_%s is %L', operation,
            'Keeps task_status_tally and task_status_pending_delta true to the changes of a statement to task_status.');
    end loop;
end
$do$;

-- TRUNCATE locks the table until it commits and has waited for all writers, so all counts are visible, except those of a
-- fold in flight. The lock waits for that, and needs a snapshot of its own for each statement.
create function task_status_count_truncate() returns trigger language plpgsql as $$
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'task_status cannot be truncated at the isolation level "%"', current_setting('transaction_isolation')
            using errcode = 'feature_not_supported',
                hint = 'Truncate in a transaction at READ COMMITTED, or delete the rows.';
    end if;
    lock table task_status_tally, task_status_pending_delta, task_status_pending_minute, task_status_pending_hour
        in share row exclusive mode;
    update task_status_tally
    set pending = 0, revision = revision + step, table_revision = table_revision + step
    from (select 1 + floor(random() * 1048576)::bigint as step) as steps;
    delete from task_status_pending_delta;
    delete from task_status_pending_minute;
    delete from task_status_pending_hour;
    return null;
end
$$;
comment on function task_status_count_truncate is 'Sets all counts to zero when task_status is truncated.';

create trigger task_status_count_insert after insert on task_status
    referencing new table as new_rows
    for each statement execute function task_status_count_insert();
create trigger task_status_count_update after update on task_status
    referencing old table as old_rows new table as new_rows
    for each statement execute function task_status_count_update();
create trigger task_status_count_delete after delete on task_status
    referencing old table as old_rows
    for each statement execute function task_status_count_delete();
create trigger task_status_count_truncate after truncate on task_status
    for each statement execute function task_status_count_truncate();

-- Sessions that act as replicas (session_replication_role) are counted too.
alter table task_status enable always trigger task_status_count_insert;
alter table task_status enable always trigger task_status_count_update;
alter table task_status enable always trigger task_status_count_delete;
alter table task_status enable always trigger task_status_count_truncate;

create function task_status_fold_tally() returns bigint language sql as $$
    with folded as (
        delete from task_status_tally where ctid = any(array(
            select ctid from task_status_tally where slot is null limit 10000 for update skip locked))
        returning pending, revision, table_revision
    ), one as (
        insert into task_status_tally (pending, revision, table_revision)
        select sum(pending), sum(revision), sum(table_revision) from folded having count(*) > 0
    )
    select count(*) from folded
$$;
comment on function task_status_fold_tally is
    'Folds added rows of task_status_tally into one and returns how many there were. The sums do not change.';

-- After a long snapshot the table is large and almost empty. Clustering it gives the room back and keeps what older
-- snapshots see, which TRUNCATE would not. Others queue behind the lock, so it is waited for briefly. While about half
-- of the room is taken by old rows nothing is done: they would be copied.
create function task_status_shrink_tally() returns boolean language plpgsql set lock_timeout = '10ms' as $$
begin
    if pg_relation_size('task_status_tally') <= 262144
        or pg_stat_get_dead_tuples('task_status_tally'::regclass) * 256 > pg_relation_size('task_status_tally')
    then
        return false;
    end if;
    cluster task_status_tally;
    return true;
exception when lock_not_available then
    return false;
end
$$;
comment on function task_status_shrink_tally is
    'Makes the file of task_status_tally small again if it has grown and is almost empty, and says if it did. The sums do not change.';

create function task_status_fold_pending() returns bigint language sql as $$
    -- In the order in which TRUNCATE and a repair lock the tables.
    lock table task_status_pending_delta in row exclusive mode;
    delete from task_status_pending_minute where pending = 0;
    delete from task_status_pending_hour where pending = 0;

    with folded as (
        delete from task_status_pending_delta where ctid = any(array(
            select ctid from task_status_pending_delta limit 20000 for update skip locked))
        returning minute, pending
    ), minutes as (
        insert into task_status_pending_minute (minute, pending)
        select minute, sum(pending) from folded group by minute having sum(pending) <> 0 order by minute
        on conflict (minute) do update set pending = task_status_pending_minute.pending + excluded.pending
    ), hours as (
        insert into task_status_pending_hour (hour, pending)
        select task_status_hour(minute), sum(pending) from folded group by 1 having sum(pending) <> 0 order by 1
        on conflict (hour) do update set pending = task_status_pending_hour.pending + excluded.pending
    )
    select count(*) from folded
$$;
comment on function task_status_fold_pending is
    'Folds rows of task_status_pending_delta into their minutes and hours and returns how many there were. The sums do not change.';

-- Functions act as their owner, so a role that may write tasks needs no privilege on the counts. They see no objects but
-- their own and the system's, and those of triggers cannot be called by themselves.
do $$
declare
    name text;
begin
    foreach name in array array[
        'task_status_count_truncate', 'task_status_fold_tally', 'task_status_fold_pending', 'task_status_shrink_tally'
    ] loop
        execute format(
            'alter function %I() security definer set search_path = pg_catalog, %I, pg_temp', name, current_schema);
    end loop;
    foreach name in array array[
        'task_status_count_insert', 'task_status_count_update', 'task_status_count_delete', 'task_status_count_truncate',
        'task_status_fold_tally', 'task_status_fold_pending', 'task_status_shrink_tally'
    ] loop
        execute format('revoke all on function %I() from public', name);
    end loop;
end
$$;
