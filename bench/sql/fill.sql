-- Task statuses number $1 to $2 of $4, of which $3 are pending, created evenly over the 90 days before $5. What a row
-- holds depends on its number alone, so that any number of connections can share the work, and two data sets of one
-- shape are the same.
with kind (number, type, unique_name, description, executor, target_type, counts, steps) as (values
    (0, 'QUARTZ', 'Cloud Account Aggregation', 'Aggregates accounts from the specified application.', 'sailpoint.task.ServiceTaskExecutor', 'APPLICATION', 'accounts', array['Connecting to the source', 'Reading accounts', 'Correlating accounts', 'Refreshing identities']),
    (1, 'QUARTZ', 'Cloud Group Aggregation', 'Aggregates groups from the specified application.', 'sailpoint.task.ServiceTaskExecutor', 'APPLICATION', 'groups', array['Connecting to the source', 'Reading groups', 'Promoting attributes']),
    (2, 'QUARTZ', 'Cloud Refresh Role', 'Recomputes who has which role.', 'sailpoint.task.ServiceTaskExecutor', null, 'roles', array['Started', 'Evaluating membership criteria', 'Provisioning']),
    (3, 'QUARTZ', 'Identity Refresh', 'Recomputes the attributes of an identity.', 'sailpoint.task.IdentityRefreshExecutor', 'IDENTITY', 'attributes', array['Started', 'Evaluating attributes', 'Saving']),
    (4, 'QPOC', 'Cloud Entitlement Import', 'Imports entitlements from a file.', 'sailpoint.task.EntitlementImportExecutor', 'APPLICATION', 'entitlements', array['Waiting for the file', 'Reading rows', 'Saving entitlements']),
    (5, 'QPOC', 'Source Application Discovery', 'Finds applications that a source knows.', 'sailpoint.task.DiscoveryExecutor', 'APPLICATION', 'applications', array['Scanning', 'Comparing with known applications']),
    (6, 'QUEUED_TASK', 'Cloud Attribute Synchronization', 'Writes changed attributes of an identity to its accounts.', 'sailpoint.task.AttributeSyncExecutor', 'IDENTITY', 'accounts', array['Queued', 'Comparing attributes', 'Provisioning']),
    (7, 'QUEUED_TASK', 'Report Export', '', 'sailpoint.task.ReportExecutor', null, 'rows', array['Queued', 'Rendering', 'Uploading'])
), task as (
    select
        n,
        n * $3 / $4 > (n - 1) * $3 / $4 as is_pending,
        $5::timestamptz - interval '90 days' * (1 - n::double precision / $4) as created,
        -- Numbers that look random: each is a hash of the row's with another seed.
        abs(hashint8extended(n, 1) % 8)::integer as kind,
        abs(hashint8extended(n, 2) % 60000) as wait,
        abs(hashint8extended(n, 3) % 3600000) as duration,
        abs(hashint8extended(n, 4) % 100)::integer as percent,
        abs(hashint8extended(n, 5) % 50) as target,
        abs(hashint8extended(n, 6) % 20) as luck,
        abs(hashint8extended(n, 7) % 20) as person,
        abs(hashint8extended(n, 8) % 200000) as total
    from generate_series($1::bigint, $2::bigint) as n
)
insert into task_status (
    id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
    created, modified, launched, completed, completion_status,
    messages, returns, attributes, progress, percent_complete, task_definition_summary)
select
    md5('task ' || n),
    kind.type,
    kind.unique_name,
    kind.description,
    case when person < 15 then 'Nightly ' || kind.unique_name end,
    case when person < 15 then 'scheduler' else 'Person ' || person end,
    case when kind.target_type is not null then md5(kind.target_type || target) end,
    kind.target_type,
    case kind.target_type when 'APPLICATION' then 'Source ' || target || ' [source]' when 'IDENTITY' then 'Identity ' || target end,
    created,
    created + (wait + duration) * interval '1 millisecond',
    case when not is_pending or percent >= 20 then created + wait * interval '1 millisecond' end,
    case when not is_pending then created + (wait + duration) * interval '1 millisecond' end,
    case when not is_pending then coalesce((array['ERROR', 'WARNING', 'TERMINATED', 'TEMPERROR'])[luck + 1], 'SUCCESS') end,
    case when luck = 0 then jsonb_build_array(jsonb_build_object(
        'type', 'WARN',
        'localizedText', jsonb_build_object('locale', 'en-US', 'message', 'Some accounts were skipped because an attribute was missing.'),
        'key', 'accounts_skipped',
        'parameters', jsonb_build_array(jsonb_build_object('name', 'Source ' || target)))) else '[]' end,
    case when is_pending then '[]' else jsonb_build_array(jsonb_build_object(
        'name', 'TASK_OUT_' || upper(kind.counts) || '_TOTAL', 'attributeName', kind.counts)) end,
    jsonb_build_object(
        'appId', case when kind.target_type is not null then md5(kind.target_type || target) end,
        'taskStartDelay', wait / 1000,
        'requestedBy', 'Person ' || person,
        'host', 'worker-' || target || '.tasks.example',
        kind.counts, total),
    kind.steps[1 + percent * array_length(kind.steps, 1) / 100],
    case when is_pending then case when percent >= 20 then percent else 0 end else 100 end,
    case when luck < 18 then jsonb_build_object(
        'id', md5(kind.unique_name),
        'uniqueName', kind.unique_name,
        'description', nullif(kind.description, ''),
        'parentName', kind.unique_name,
        'executor', kind.executor,
        'arguments', jsonb_build_object('optimizedAggregation', person < 15, 'deltaAggregation', luck < 10)) end
from task join kind on kind.number = task.kind
