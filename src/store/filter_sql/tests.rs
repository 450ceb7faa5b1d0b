use super::*;

fn sql(text: &str) -> String {
    let mut query = QueryBuilder::new("");
    Filter::parse(text).expect(text).push_sql(&mut query);
    query.into_string()
}

#[test]
fn filters_have_the_form_of_indexed_expressions() {
    for (text, expected) in [
        ("completionStatus isnull", "completion_status is null"),
        ("pr completionStatus", "completion_status is not null"),
        ("completionStatus eq \"Error\"", "completion_status = $1"),
        (
            "completionStatus in (\"Error\",\"Warning\")",
            "completion_status in ($1, $2)",
        ),
        (
            "launcher eq \"x\"",
            "lower(launcher collate task_status_case) collate \"C\" = lower($1 collate task_status_case) collate \"C\"",
        ),
        (
            "launcher in (\"x\",\"y\")",
            "lower(launcher collate task_status_case) collate \"C\" in (lower($1 collate task_status_case) collate \"C\", lower($2 collate task_status_case) collate \"C\")",
        ),
        (
            "launcher sw \"x\"",
            "starts_with(lower(launcher collate task_status_case) collate \"C\", lower($1 collate task_status_case) collate \"C\")",
        ),
        (
            "launcher co \"x\"",
            "strpos(lower(launcher collate task_status_case) collate \"C\", lower($1 collate task_status_case) collate \"C\") > 0",
        ),
        (
            "id eq \"x\"",
            "lower(id collate task_status_case) collate \"C\" = lower($1 collate task_status_case) collate \"C\"",
        ),
        (
            "progress ca (\"x\",\"y\")",
            "(strpos(lower(progress collate task_status_case) collate \"C\", lower($1 collate task_status_case) collate \"C\") > 0 and strpos(lower(progress collate task_status_case) collate \"C\", lower($2 collate task_status_case) collate \"C\") > 0)",
        ),
        (
            "sourceId eq \"x\"",
            "(target_type = 'APPLICATION' and lower(target_id collate task_status_case) collate \"C\" = lower($1 collate task_status_case) collate \"C\")",
        ),
        (
            "target.id sw \"x\"",
            "((target_type in ('APPLICATION', 'IDENTITY') and starts_with(lower(target_id collate task_status_case) collate \"C\", lower($1 collate task_status_case) collate \"C\")) \
             or (target_type is null and starts_with(lower(target_id collate task_status_case) collate \"C\", lower($2 collate task_status_case) collate \"C\")))",
        ),
        (
            "target.id isnull",
            "(target_type is null and lower(target_id collate task_status_case) collate \"C\" is null)",
        ),
        (
            "pr parentName",
            "lower(parent_name collate task_status_case) collate \"C\" is not null",
        ),
        ("pr sourceId", "target_type = 'APPLICATION'"),
        ("sourceId isnull", "(target_type = 'APPLICATION') is not true"),
        (
            "type eq \"Refresh\"",
            "task_status_kind(task_definition_summary, unique_name) collate \"C\" = upper($1 collate task_status_case) collate \"C\"",
        ),
        (
            "type eq \"Quartz\"",
            "(type = $1 or task_status_kind(task_definition_summary, unique_name) collate \"C\" = upper($2 collate task_status_case) collate \"C\")",
        ),
        (
            "type in (\"Quartz\",\"Refresh\")",
            "(type = $1 or task_status_kind(task_definition_summary, unique_name) collate \"C\" in (upper($2 collate task_status_case) collate \"C\", upper($3 collate task_status_case) collate \"C\"))",
        ),
        (
            "created ge 2018 and created lt 2019",
            "(created >= $1 and created < $2)",
        ),
        ("percentComplete le 50", "percent_complete <= $1"),
        ("percentComplete lt 50.5", "percent_complete <= $1"),
        ("percentComplete ge 50.5", "percent_complete > $1"),
        ("percentComplete eq 50.5", "false"),
        ("percentComplete in (50.5,50)", "percent_complete = $1"),
        ("launcher isnull", "false"),
        ("pr launcher", "true"),
    ] {
        assert_eq!(sql(text), expected, "{text}");
    }
}

#[test]
fn only_negations_handle_null() {
    assert_eq!(
        sql("completionStatus ne \"Error\""),
        "(completion_status = $1) is not true"
    );
    assert_eq!(
        sql("not (launched gt 2018 or completed isnull)"),
        "(launched > $1 or completed is null) is not true"
    );
    assert_eq!(
        sql("completionStatus isnull and (type eq \"A\" or not id sw \"b\")"),
        "(completion_status is null and (task_status_kind(task_definition_summary, unique_name) collate \"C\" = upper($1 collate task_status_case) collate \"C\" \
         or (starts_with(lower(id collate task_status_case) collate \"C\", lower($2 collate task_status_case) collate \"C\")) is not true))"
    );
}
