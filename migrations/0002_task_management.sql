-- What the rest of the Task Management API needs: the kind of a task, and an index for every filter and every order
-- that people use at scale.

-- The kind that filters know a task by: the unique name of its definition, else its own, in upper snake case, such as
-- CLOUD_ACCOUNT_AGGREGATION.
create function task_status_kind(task_definition_summary jsonb, unique_name text) returns text
    language sql immutable parallel safe
    return upper(trim(both '_' from regexp_replace(
        coalesce(task_definition_summary ->> 'uniqueName', unique_name), '[^[:alnum:]]+', '_', 'g')));

comment on function task_status_kind is
    'The kind of a task: the unique name of its definition, else its own, in upper snake case.';

-- Orders; an index read backwards serves the opposite direction. `id` closes each of them: it is part of the index
-- where a deep offset is to be skipped in it or many tasks share a value, and is sorted as they come elsewhere.
create index task_status_created on task_status (created desc, id);
create index task_status_modified on task_status (modified);
create index task_status_launched on task_status (launched, id);
create index task_status_completed on task_status (completed, id);
create index task_status_unique_name on task_status (lower(unique_name) collate "C");
create index task_status_type on task_status (type, id);
create index task_status_percent_complete on task_status (percent_complete, id);

-- Filters, each in the order in which a list is shown unless it asks for another.
-- An id has the collation "C", in which lower() knows the letters of ASCII only.
create index task_status_id_ignoring_case on task_status (lower(id collate "default") collate "C");
create index task_status_kind on task_status (task_status_kind(task_definition_summary, unique_name), created desc);
create index task_status_completion_status on task_status (completion_status, created desc);
create index task_status_launcher on task_status (lower(launcher) collate "C", created desc);
create index task_status_source on task_status (lower(target_id) collate "C", created desc)
    where target_type = 'APPLICATION';
create index task_status_pending_source on task_status (lower(target_id) collate "C", created desc)
    where completion_status is null and target_type = 'APPLICATION';
create index task_status_pending_kind on task_status (task_status_kind(task_definition_summary, unique_name), created desc)
    where completion_status is null;
