//! Random rows and filters, drawn from pools so small that they often match.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::reference::{Given, Law, Row};

const TEXT_FIELDS: &[&str] = &[
    "id",
    "uniqueName",
    "parentName",
    "launcher",
    "sourceId",
    "target.id",
    "target.name",
    "progress",
];
const TIME_FIELDS: &[&str] = &["created", "modified", "launched", "completed"];
const TASK_TYPES: &[&str] = &["QUARTZ", "QPOC", "QUEUED_TASK"];
const TARGET_TYPES: &[&str] = &["APPLICATION", "IDENTITY"];
const STATUSES: &[&str] = &["SUCCESS", "WARNING", "ERROR", "TERMINATED", "TEMPERROR"];

/// In many forms; all but the first and the last are near the times of the rows.
const TIMES: &[(&str, &str)] = &[
    ("0001-01-01", "0001-01-01T00:00:00Z"),
    ("2017-12-31T23:59:59.9999999Z", "2017-12-31T23:59:59.9999999Z"),
    ("2018", "2018-01-01T00:00:00Z"),
    ("2018-01-01", "2018-01-01T00:00:00Z"),
    ("2018-01-01T00:00:00.000000001Z", "2018-01-01T00:00:00.000000001Z"),
    ("2018-01-01T00:00:00.001Z", "2018-01-01T00:00:00.001Z"),
    ("2018-01-01T02:00:00.0015+02:00", "2018-01-01T00:00:00.0015Z"),
    ("\"2018-01-01 00:00:00.002000+00:00\"", "2018-01-01T00:00:00.002Z"),
    (
        "2017-12-31T19:00:00.0029999999-05:00",
        "2018-01-01T00:00:00.0029999999Z",
    ),
    ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
];
/// 2018-01-01T00:00:00Z
const BASE_MILLIS: i64 = 1_514_764_800_000;

fn text() -> impl Strategy<Value = String> {
    vec(
        select(&["a", "A", "b", "É", "é", "%", "_", "\\", "\"", "'", "😀", " "][..]),
        0..3,
    )
    .prop_map(|parts| parts.concat())
}

fn millis() -> impl Strategy<Value = i64> {
    (-1..4_i64).prop_map(|offset| BASE_MILLIS + offset)
}

fn definition() -> impl Strategy<Value = Option<String>> {
    option::of(select(
        &["Cloud Account Aggregation", "cloud-refresh", "qpoc"][..],
    ))
    .prop_map(|name| name.map(str::to_owned))
}

/// A row whose id ends in `number`, which makes it unique.
pub fn row(number: usize) -> impl Strategy<Value = Row> {
    let words = (text(), select(TASK_TYPES), text(), option::of(text()), text());
    let target = option::of((text(), option::of(select(TARGET_TYPES)), text()));
    let times = (
        millis(),
        option::of(millis()),
        option::of((select(STATUSES), millis())),
    );
    let rest = (option::of(text()), 0..5_i32, definition());
    (words, target, times, rest).prop_map(move |(words, target, times, rest)| Row {
        id: format!("{}{number}", words.0),
        task_type: words.1,
        unique_name: words.2,
        parent_name: words.3,
        launcher: words.4,
        target,
        created: times.0,
        launched: times.1,
        completed: times.2,
        progress: rest.0,
        percent_complete: rest.1,
        definition: rest.2,
    })
}

fn name(field: &'static str) -> BoxedStrategy<Given> {
    let written = match field {
        "completionStatus" => &["Success", "WARNING", "error", "Terminated", "TempError"][..],
        "target.type" => &["Application", "identity"][..],
        _ => &[
            "Quartz",
            "QPOC",
            "queued_task",
            "cloud_account_aggregation",
            "CLOUD_REFRESH",
            "é",
            "other",
        ][..],
    };
    select(written)
        .prop_map(|name| Given::Text(name.to_owned()))
        .boxed()
}

fn ask(
    fields: &'static [&'static str],
    operators: &'static [&'static str],
    given: impl Strategy<Value = Given> + 'static,
) -> BoxedStrategy<Law> {
    (select(fields), select(operators), vec(given, 1..4))
        .prop_map(|(field, operator, values)| Law::Ask(field, operator, values))
        .boxed()
}

fn question() -> impl Strategy<Value = Law> {
    const ALL: &[&str] = &[
        "eq", "ne", "gt", "ge", "lt", "le", "co", "sw", "in", "ca", "pr", "isnull",
    ];
    const ORDERED: &[&str] = &["eq", "ne", "gt", "ge", "lt", "le", "in", "pr", "isnull"];
    const NAMED: &[&str] = &["eq", "ne", "in", "pr", "isnull"];
    let time = select(TIMES).prop_map(|(text, time)| Given::Time(text, time));
    let number = prop_oneof![4 => 0..5_i64, 1 => Just(1000), 1 => Just(-1)]
        .prop_flat_map(|number| select(vec![0, 0, 1, 50, -25]).prop_map(move |more| number * 100 + more));
    prop_oneof![
        4 => ask(TEXT_FIELDS, ALL, text().prop_map(Given::Text)),
        2 => ask(TIME_FIELDS, ORDERED, time),
        1 => ask(&["percentComplete"], ORDERED, number.prop_map(Given::Hundredths)),
        1 => ask(&["completionStatus"], NAMED, name("completionStatus")),
        1 => ask(&["target.type"], NAMED, name("target.type")),
        1 => ask(&["type"], NAMED, name("type")),
    ]
}

pub fn law() -> impl Strategy<Value = Law> {
    question().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|law| Law::Not(Box::new(law))),
            vec(inner.clone(), 2..4).prop_map(Law::And),
            vec(inner, 2..4).prop_map(Law::Or),
        ]
    })
}
