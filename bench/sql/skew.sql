-- Gives the rows of fill.sql the values of a company, for bench/lists: a few frequent ones, many rare ones and nulls. They
-- depend on the id alone. What is pending stays pending, so the counts stay right without their triggers. To be followed
-- by "vacuum full task_status" and "analyze task_status".
begin;
alter table task_status disable trigger user;
with drawn as (
    select id,
        abs(hashtextextended(id, 1)) as name,
        abs(hashtextextended(id, 2)) as parent,
        abs(hashtextextended(id, 3)) as launcher,
        abs(hashtextextended(id, 4)) as target,
        abs(hashtextextended(id, 5)) as definition,
        abs(hashtextextended(id, 6)) as identity,
        abs(hashtextextended(id, 7)) as progress,
        abs(hashtextextended(id, 8)) as status,
        -- 0 is the most frequent of 20 and of 1000.
        floor(20 * power(abs(hashtextextended(id, 9)) % 100000 / 100000.0, 3))::integer as kind,
        floor(1000 * power(abs(hashtextextended(id, 10)) % 100000 / 100000.0, 3))::integer as source
    from task_status
),
named as (
    select *, case
        when name % 10000 = 0 then 'Rare Task'
        when name % 50 = 0 then 'Ad hoc ' || name % 30000
        else 'Cloud Task Number ' || kind || ' Of Many'
    end as unique_name
    from drawn
)
update task_status
set type = case when kind < 12 then 'QUARTZ' when kind < 17 then 'QPOC' else 'QUEUED_TASK' end,
    unique_name = named.unique_name,
    task_definition_summary = case when definition % 10 < 9 then jsonb_build_object(
        'id', md5(named.unique_name), 'uniqueName', named.unique_name, 'description', null,
        'parentName', named.unique_name, 'executor', 'sailpoint.task.ServiceTaskExecutor',
        'arguments', jsonb_build_object('optimizedAggregation', true)) end,
    parent_name = case parent % 4
        when 0 then null when 1 then 'Run ' || md5((parent % 100000)::text) else 'Nightly ' || named.unique_name end,
    launcher = case when named.launcher % 10 < 7 then 'scheduler' else 'Person ' || named.launcher % 2000 end,
    target_type = case when target % 5 < 2 then 'APPLICATION' when target % 5 < 4 then 'IDENTITY' end,
    target_id = case when target % 5 < 2 then md5('source' || source) when target % 5 < 4 then md5('identity' || identity % 100000) end,
    target_name = case when target % 5 < 2 then 'Source ' || source || ' [source]' when target % 5 < 4 then 'Identity ' || identity % 100000 end,
    progress = case
        when named.progress % 20 = 0 then null
        when named.progress % 20 < 5 then 'Processed ' || named.progress % 1000000 || ' of ' || identity % 1000000 || ' accounts'
        else task_status.progress end,
    completion_status = case
        when completion_status is null then null
        when status % 10000 = 0 then 'TEMPERROR'
        when status % 1000 = 1 then 'TERMINATED'
        when status % 100 < 4 then 'ERROR'
        when status % 100 < 6 then 'WARNING'
        else 'SUCCESS' end
from named
where named.id = task_status.id;
alter table task_status enable trigger user;
alter table task_status enable always trigger task_status_count_insert;
alter table task_status enable always trigger task_status_count_update;
alter table task_status enable always trigger task_status_count_delete;
alter table task_status enable always trigger task_status_count_truncate;
commit;
