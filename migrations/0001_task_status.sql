-- The table of task statuses. It is a public interface: people write to it with plain SQL, so everything that
-- the API promises about a task status (what is required, what is enumerated, what shape the JSON has) is a
-- constraint here, and no row can make an answer break the contract.
--
-- Constraint names are part of the interface too: they are what a writer sees when a row is refused.

-- The JSON shapes are checked by functions, so that the constraints stay readable and the rules have one place.
-- Strict jsonpath is essential: in lax mode an array stands for its elements, and [[{...}]] would pass.

create function task_status_messages_are_valid(messages jsonb) returns boolean
    language sql immutable parallel safe
    return messages = '[]' or (
        jsonb_typeof(messages) = 'array'
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
        )$$)));

comment on function task_status_messages_are_valid is
    'An array of messages: type (INFO, WARN, ERROR) and key always; localizedText null or an object with locale and message; parameters null or an array of objects and strings.';

create function task_status_returns_are_valid(returns jsonb) returns boolean
    language sql immutable parallel safe
    return returns = '[]' or (
        jsonb_typeof(returns) = 'array'
        and jsonb_array_length(returns) = jsonb_array_length(jsonb_path_query_array(returns, $$strict $[*] ? (
            @.type() == "object" && @."name".type() == "string" && @."attributeName".type() == "string"
        )$$)));

comment on function task_status_returns_are_valid is
    'An array of objects with name and attributeName, both strings.';

create function task_definition_summary_is_valid(summary jsonb) returns boolean
    language sql immutable parallel safe
    return jsonb_path_exists(summary, $$strict $ ? (
            @.type() == "object"
            && @."id".type() == "string"
            && @."uniqueName".type() == "string"
            && (@."description" == null || @."description".type() == "string")
            && @."parentName".type() == "string"
            && (@."executor" == null || @."executor".type() == "string")
            && @."arguments".type() == "object"
        )$$);

comment on function task_definition_summary_is_valid is
    'An object with id, uniqueName, parentName (strings), description and executor (strings or null) and arguments (an object), all six present.';

-- Times are kept to the millisecond, which is what the API shows: a time read from it finds the row again, and a
-- page boundary made from it is exact. Texts that are sorted or looked up are bounded well below what an index entry
-- holds (2704 bytes; a character takes four at most), the others so that a page of 250 rows has a known largest size.
create table task_status (
    id                      text collate "C"
                            constraint task_status_pkey primary key
                            constraint task_status_id_length check (char_length(id) between 1 and 256)
                            constraint task_status_id_not_a_route check (id not in ('pending-tasks', 'v1', '.', '..')),
    type                    text not null
                            constraint task_status_type check (type in ('QUARTZ', 'QPOC', 'QUEUED_TASK')),
    unique_name             text not null
                            constraint task_status_unique_name_length check (char_length(unique_name) <= 512),
    description             text not null default ''
                            constraint task_status_description_length check (char_length(description) <= 8192),
    parent_name             text
                            constraint task_status_parent_name_length check (char_length(parent_name) <= 512),
    launcher                text not null
                            constraint task_status_launcher_length check (char_length(launcher) <= 512),
    target_id               text
                            constraint task_status_target_id_length check (char_length(target_id) <= 256),
    target_type             text
                            constraint task_status_target_type check (target_type in ('APPLICATION', 'IDENTITY')),
    target_name             text
                            constraint task_status_target_name_length check (char_length(target_name) <= 512),
    created                 timestamptz(3) not null default now(),
    modified                timestamptz(3) not null default now(),
    launched                timestamptz(3),
    completed               timestamptz(3),
    completion_status       text
                            constraint task_status_completion_status
                            check (completion_status in ('SUCCESS', 'WARNING', 'ERROR', 'TERMINATED', 'TEMPERROR')),
    messages                jsonb not null default '[]'
                            constraint task_status_messages_shape check (task_status_messages_are_valid(messages))
                            constraint task_status_messages_length check (octet_length(messages::text) <= 1048576),
    returns                 jsonb not null default '[]'
                            constraint task_status_returns_shape check (task_status_returns_are_valid(returns))
                            constraint task_status_returns_length check (octet_length(returns::text) <= 1048576),
    attributes              jsonb not null default '{}'
                            constraint task_status_attributes_shape check (jsonb_typeof(attributes) = 'object')
                            constraint task_status_attributes_length check (octet_length(attributes::text) <= 1048576),
    progress                text
                            constraint task_status_progress_length check (char_length(progress) <= 8192),
    percent_complete        integer not null default 0
                            constraint task_status_percent_complete check (percent_complete between 0 and 100),
    task_definition_summary jsonb
                            constraint task_status_task_definition_summary_shape
                            check (task_definition_summary_is_valid(task_definition_summary))
                            constraint task_status_task_definition_summary_length
                            check (octet_length(task_definition_summary::text) <= 1048576),

    constraint task_status_target_is_whole check (
        (target_id is null) = (target_name is null) and (target_id is not null or target_type is null)),
    -- The years that RFC 3339 can write; they exclude infinity too.
    constraint task_status_times_have_four_digit_years check (
        created >= timestamptz '0001-01-01 00:00:00+00' and created < timestamptz '10000-01-01 00:00:00+00'
        and modified >= timestamptz '0001-01-01 00:00:00+00' and modified < timestamptz '10000-01-01 00:00:00+00'
        and launched >= timestamptz '0001-01-01 00:00:00+00' and launched < timestamptz '10000-01-01 00:00:00+00'
        and completed >= timestamptz '0001-01-01 00:00:00+00' and completed < timestamptz '10000-01-01 00:00:00+00'),
    constraint task_status_completed_with_status check ((completed is null) = (completion_status is null))
);

comment on table task_status is
    'One row per background task: what it is, how it is doing, how it ended. Pending means that completion_status is null.';
comment on column task_status.id is 'Unique id of the task: 1 to 256 characters, any but the routes "pending-tasks" and "v1".';
comment on column task_status.type is 'QUARTZ, QPOC or QUEUED_TASK.';
comment on column task_status.unique_name is 'Name of the task.';
comment on column task_status.description is 'What the task does; empty if nothing was said.';
comment on column task_status.parent_name is 'Name of the parent of the task; null if it has none.';
comment on column task_status.launcher is 'The service or person that started the task.';
comment on column task_status.target_id is 'Id of what the task works on; null, with target_name, if it has no target.';
comment on column task_status.target_type is 'APPLICATION or IDENTITY; null if unknown.';
comment on column task_status.target_name is 'Name of what the task works on; null, with target_id, if it has no target.';
comment on column task_status.created is 'When the task was made, to the millisecond. Pending tasks are listed by it, then by id.';
comment on column task_status.modified is 'Last sign of life, to the millisecond. An update that does not set it sets it to now.';
comment on column task_status.launched is 'When the task began to run; null if it has not.';
comment on column task_status.completed is 'When the task ended; set with completion_status, to now if the writer gives no time.';
comment on column task_status.completion_status is
    'How the task ended: SUCCESS, WARNING, ERROR, TERMINATED or TEMPERROR; null while it is pending.';
comment on column task_status.messages is
    'Array of messages: [{"type": "INFO|WARN|ERROR", "localizedText": null | {"locale", "message"}, "key": "...", "parameters": null | [object | string]}].';
comment on column task_status.returns is 'Array of return values: [{"name": "...", "attributeName": "..."}].';
comment on column task_status.attributes is 'Object of free-form attributes.';
comment on column task_status.progress is 'What the task is doing, in words; null if nothing was said.';
comment on column task_status.percent_complete is 'How much is done, 0 to 100.';
comment on column task_status.task_definition_summary is
    'The definition the task was made from, or null: {"id", "uniqueName", "description", "parentName", "executor", "arguments"}.';

-- The order of the pending list, and nothing but it: narrow enough that a deep offset is skipped in the index alone.
create index task_status_pending on task_status (created, id) where completion_status is null;
comment on index task_status_pending is 'The pending tasks in the order in which they are listed.';

-- Two conveniences for writers. Each has a WHEN clause, so that a write that needs neither pays for no call.

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

create function task_status_touch() returns trigger language plpgsql as $$
begin
    new.modified := greatest(old.modified, now());
    return new;
end
$$;
comment on function task_status_touch is
    'A change that leaves "modified" alone is a sign of life now, except in sessions with task_status.keep_modified = on.';

-- The service always says what "modified" is, and may mean the value that is there: a report that is sent twice.
create trigger task_status_touch before update on task_status
    for each row when (
        new.modified = old.modified and current_setting('task_status.keep_modified', true) is distinct from 'on')
    execute function task_status_touch();
