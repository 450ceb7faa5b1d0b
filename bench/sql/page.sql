-- A page of pending tasks as JSON. The first parameter is how many tasks it holds at most, the second how many precede
-- it. The page is found on the narrow index alone and its rows are fetched after, which costs a hundredth of `limit` and
-- `offset` on whole rows where the offset is deep. A task without a definition has no key for it.
with place as (
    select created, id from task_status where completion_status is null order by created, id limit $1::bigint offset $2::bigint
), page as (
    select task.* from place cross join lateral (select * from task_status where id = place.id limit 1) as task
)
select coalesce(json_agg(case when task_definition_summary is null
    then json_build_object(
        'id', id, 'type', type, 'uniqueName', unique_name, 'description', description, 'parentName', parent_name,
        'launcher', launcher,
        'target', case when target_id is not null
            then json_build_object('id', target_id, 'type', target_type, 'name', target_name) end,
        'created', to_char(created, 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'),
        'modified', to_char(modified, 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'),
        'launched', to_char(launched, 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'),
        'completed', to_char(completed, 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'),
        'completionStatus', completion_status, 'messages', messages, 'returns', returns, 'attributes', attributes,
        'progress', progress, 'percentComplete', percent_complete)
    else json_build_object(
        'id', id, 'type', type, 'uniqueName', unique_name, 'description', description, 'parentName', parent_name,
        'launcher', launcher,
        'target', case when target_id is not null
            then json_build_object('id', target_id, 'type', target_type, 'name', target_name) end,
        'created', to_char(created, 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'),
        'modified', to_char(modified, 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'),
        'launched', to_char(launched, 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'),
        'completed', to_char(completed, 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'),
        'completionStatus', completion_status, 'messages', messages, 'returns', returns, 'attributes', attributes,
        'progress', progress, 'percentComplete', percent_complete, 'taskDefinitionSummary', task_definition_summary)
    end order by created, id), '[]')::text as body
from page
