//! `import`, `export` and `prune`.

mod usage;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use sqlx::Connection;
use tempfile::TempDir;

use crate::support::database::{self, TestDatabase};
use crate::support::program::{as_text, command, output_of};
use crate::support::until;

const SOME_REJECTED: i32 = 3;
const STOPPED: i32 = 130;
/// The advisory lock of `store::retention`.
const RETENTION_LOCK: i64 = 0x7461_736b_5f73_7461;

fn program(database: &TestDatabase, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.env("DATABASE_URL", database.service_url());
    command
}

fn run(database: &TestDatabase, arguments: &[&str]) -> Output {
    as_text(&mut program(database, arguments)).output().unwrap()
}

/// Runs the program with this standard input.
fn feed(database: &TestDatabase, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = program(database, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // Fails if the program does not read to the end.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// The output of a run that ended with this status.
#[track_caller]
fn ended(output: &Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{}", output_of(output));
    output_of(output)
}

/// The counts of the summary: read, created, replaced, superseded, rejected.
#[track_caller]
fn counts(output: &Output) -> [u64; 5] {
    let said = output_of(output);
    let begin = said.find("read ").unwrap_or_else(|| panic!("no summary: {said}"));
    let summary = said[begin..].split(';').next().unwrap();
    let counts: Vec<u64> = summary
        .split(", ")
        .map(|part| part.split(' ').nth(1).unwrap().parse().unwrap())
        .collect();
    counts.try_into().unwrap()
}

fn task(id: &str) -> Value {
    json!({
        "id": id, "type": "QUARTZ", "uniqueName": format!("Name of {id}"), "launcher": "l",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-02T00:00:00.000Z"
    })
}

fn with(mut task: Value, key: &str, value: impl Into<Value>) -> Value {
    task[key] = value.into();
    task
}

/// Adds a constraint that the program does not know.
async fn add_constraint(database: &TestDatabase) {
    database
        .execute("alter table task_status add constraint known_launcher check (launcher <> 'nobody')")
        .await;
}

/// A task that violates the constraint.
fn refused(id: &str) -> Value {
    with(task(id), "launcher", "nobody")
}

fn lines(tasks: &[Value]) -> String {
    tasks.iter().map(|task| task.to_string() + "\n").collect()
}

fn numbered(count: usize) -> Vec<Value> {
    (1..=count).map(|number| task(&format!("t{number:05}"))).collect()
}

/// A file in the folder; its path as an argument.
fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    fs::write(folder.path().join(name), content).unwrap();
    path(folder, name)
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn export(database: &TestDatabase) -> String {
    let output = run(database, &["export"]);
    assert!(output.status.success(), "{}", output_of(&output));
    String::from_utf8(output.stdout).unwrap()
}

async fn stored(database: &TestDatabase) -> i64 {
    database.value("select count(*) from task_status").await
}

fn state(path: &str) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[tokio::test]
async fn lines_an_array_and_standard_input_are_the_same_import() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = numbered(25);
    let spaced = lines(&tasks).replace('\n', "\r\n\n  \n");
    let inputs = [
        ("a.ndjson", lines(&tasks)),
        ("b.ndjson", format!("\u{feff}\n{}", spaced.trim_end())),
        ("c.json", Value::Array(tasks.clone()).to_string()),
        ("d.json", format!("\n{:#}\n", Value::Array(tasks))),
    ];
    let mut exported = Vec::new();
    for (name, content) in inputs {
        let database = TestDatabase::new().await;
        let path = file(&folder, name, &content);
        let output = run(&database, &["import", &path, "--chunk", "10"]);
        ended(&output, 0);
        assert_eq!(counts(&output), [25, 25, 0, 0, 0], "{name}");
        exported.push(export(&database));
        let again = feed(&database, &["import", "-"], content.as_bytes());
        ended(&again, 0);
        assert_eq!(counts(&again), [25, 0, 25, 0, 0], "{name}");
        // A repeated import changes nothing.
        exported.push(export(&database));
    }
    assert!(exported[0].starts_with(r#"{"id":"t00001","type":"QUARTZ","uniqueName":"Name of t00001","#));
    assert!(exported.iter().all(|export| *export == exported[0]));
    assert_eq!(names(&folder), ["a.ndjson", "b.ndjson", "c.json", "d.json"]);

    let database = TestDatabase::new().await;
    for empty in ["", "\n\n", "[]", " [ ]\n"] {
        let output = feed(&database, &["import", "-"], empty.as_bytes());
        ended(&output, 0);
        assert_eq!(counts(&output), [0; 5]);
    }
}

#[tokio::test]
async fn invalid_tasks_are_rejected_by_number_and_the_rest_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new().await;
    add_constraint(&database).await;
    let mut input: Vec<u8> = Vec::new();
    let mut line = |bytes: &[u8]| {
        input.extend_from_slice(bytes);
        input.push(b'\n');
    };
    line(task("a").to_string().as_bytes()); // 1
    line(b"{\"id\":\"b\",");
    line(b"");
    line(
        json!({ "type": "LOUD", "uniqueName": "n" })
            .to_string()
            .as_bytes(),
    ); // 4
    line(b"{\"id\":\"\xff\"}");
    line(refused("c").to_string().as_bytes()); // 6
    line(format!("{{\"id\":\"long\",\"description\":\"{}\"}}", "x".repeat(5 << 20)).as_bytes());
    line(b"[]"); // 8
    line(task("m").to_string().as_bytes());
    line(task("z").to_string().as_bytes()); // 10
    let path = file(&folder, "tasks.ndjson", &input);
    let rejects = file(&folder, "rejects.ndjson", "of an earlier import\n");

    let output = run(&database, &["import", &path, "--rejects", &rejects]);
    ended(&output, SOME_REJECTED);
    assert_eq!(counts(&output), [9, 3, 0, 0, 6]);
    let ids: Vec<String> = database
        .fetch("select id from task_status order by id")
        .await
        .iter()
        .map(|row| sqlx::Row::get(row, 0))
        .collect();
    assert_eq!(ids, ["a", "m", "z"]);

    let text = fs::read_to_string(&rejects).unwrap();
    let rejected: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let reasons: Vec<(u64, Vec<&str>)> = rejected
        .iter()
        .map(|reject| {
            let reasons = reject["reasons"].as_array().unwrap();
            let line = reject["line"].as_u64().unwrap();
            (
                line,
                reasons.iter().map(|reason| reason.as_str().unwrap()).collect(),
            )
        })
        .collect();
    assert_eq!(
        reasons,
        [
            (2, vec!["The content is not valid JSON at line 1, column 10."]),
            (
                4,
                vec![
                    "“/id” is required.",
                    "“/type” must be one of QUARTZ, QPOC, QUEUED_TASK, not “LOUD”.",
                    "“/launcher” is required.",
                ]
            ),
            (5, vec!["The content is not valid JSON at line 1, column 8."]),
            (6, vec!["The database refused a value: known_launcher."]),
            (7, vec!["A line may have at most 4194304 bytes."]),
            (8, vec!["“/” must be an object."]),
        ]
    );
    assert_eq!(rejected[0]["content"], "{\"id\":\"b\",");
    assert_eq!(rejected[2]["content"], "{\"id\":\"\u{fffd}\"}");
    assert_eq!(rejected[3]["content"], refused("c").to_string());
    let shown = rejected[4]["content"].as_str().unwrap();
    assert!(
        shown.starts_with("{\"id\":\"long\"") && shown.len() < 2000,
        "{shown}"
    );

    // Without a file the reasons are on stderr.
    let output = run(&database, &["import", &path]);
    let said = ended(&output, SOME_REJECTED);
    assert!(
        said.contains("\n4: “/id” is required. “/type” must be one of"),
        "{said}"
    );
    assert_eq!(names(&folder), ["rejects.ndjson", "tasks.ndjson"]);
}

#[tokio::test]
async fn a_refused_value_rejects_only_its_task() {
    let database = TestDatabase::new().await;
    add_constraint(&database).await;
    let mut tasks = numbered(100);
    for number in [6, 39, 72] {
        tasks[number - 1] = refused(&format!("t{number:05}"));
    }
    let input = lines(&tasks);
    for _ in 0..2 {
        let output = feed(&database, &["import", "-"], input.as_bytes());
        let said = ended(&output, SOME_REJECTED);
        for line in [6, 39, 72] {
            assert!(
                said.contains(&format!("{line}: The database refused a value")),
                "{said}"
            );
        }
        assert_eq!(counts(&output)[4], 3);
        assert_eq!(stored(&database).await, 97);
    }
}

#[tokio::test]
async fn a_dry_run_reports_every_error_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new().await;
    add_constraint(&database).await;
    ended(
        &feed(&database, &["import", "-"], lines(&numbered(2)).as_bytes()),
        0,
    );
    let before = export(&database);

    let newer = with(task("t00001"), "modified", "2026-02-01T00:00:00Z");
    let older = with(task("t00002"), "modified", "2026-01-01T00:00:00Z");
    let against = refused("against");
    let input = format!("{newer}\n{older}\n{}\n{against}\n1\n", task("new"));
    let path = file(&folder, "tasks.ndjson", &input);
    let output = run(&database, &["import", "--dry-run", &path]);
    let said = ended(&output, SOME_REJECTED);
    assert!(
        said.starts_with("dry run, nothing was changed: read 5,"),
        "{said}"
    );
    assert_eq!(counts(&output), [5, 1, 1, 1, 2]);
    assert!(said.contains("4: The database refused a value"), "{said}");
    assert_eq!(export(&database), before);
    assert_eq!(names(&folder), ["tasks.ndjson"]);
    let written = run(&database, &["import", &path]);
    assert_eq!(counts(&written), [5, 1, 1, 1, 2]);
}

#[tokio::test]
async fn the_newest_version_of_a_task_wins() {
    let database = TestDatabase::new().await;
    let at = |day: &str, name: &str| {
        let task = with(task("a"), "modified", format!("2026-01-{day}T00:00:00Z"));
        with(task, "uniqueName", name)
    };
    let name = async || {
        database
            .value::<String>("select unique_name from task_status")
            .await
    };
    let import = |tasks: &[Value]| {
        let output = feed(&database, &["import", "-"], lines(tasks).as_bytes());
        ended(&output, 0);
        counts(&output)
    };
    let chunk = [
        at("05", "first"),
        at("07", "newest"),
        at("07", "last of the newest"),
        at("06", "late"),
    ];
    assert_eq!(import(&chunk), [4, 1, 0, 3, 0]);
    assert_eq!(name().await, "last of the newest");
    assert_eq!(import(&[at("06", "older")]), [1, 0, 0, 1, 0]);
    assert_eq!(name().await, "last of the newest");
    assert_eq!(import(&[at("08", "newer")]), [1, 0, 1, 0, 0]);
    assert_eq!(name().await, "newer");
    // At equal times the last one counts.
    assert_eq!(import(&[at("08", "as new"), task("b")]), [2, 1, 1, 0, 0]);
    let stored =
        "select unique_name || ' ' || (modified at time zone 'utc')::date from task_status where id = 'a'";
    assert_eq!(database.value::<String>(stored).await, "as new 2026-01-08");
    // The earliest time of creation stays.
    let younger = with(at("09", "younger"), "created", "2026-01-05T00:00:00Z");
    assert_eq!(import(&[younger]), [1, 0, 1, 0, 0]);
    let stored =
        "select unique_name || ' ' || (created at time zone 'utc')::date from task_status where id = 'a'";
    assert_eq!(database.value::<String>(stored).await, "younger 2026-01-01");
}

#[tokio::test]
async fn a_truncated_array_is_imported_up_to_the_break_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new().await;
    let whole = Value::Array(numbered(7)).to_string();
    let path = file(&folder, "tasks.json", &whole[..whole.len() - 40]);
    let output = run(&database, &["import", &path, "--chunk", "4"]);
    let said = ended(&output, SOME_REJECTED);
    assert_eq!(counts(&output), [7, 6, 0, 0, 1]);
    assert!(
        said.contains("7: The content ended before it was complete."),
        "{said}"
    );
    assert!(said.contains("everything up to number 6 is committed"), "{said}");
    assert_eq!(stored(&database).await, 6);

    fs::write(&path, &whole).unwrap();
    let output = run(&database, &["import", "--resume", &path]);
    ended(&output, 0);
    assert_eq!(counts(&output), [7, 7, 0, 0, 0]);
    assert_eq!(stored(&database).await, 7);
    assert_eq!(names(&folder), ["tasks.json"]);

    let trailing = format!("{whole} x");
    let output = feed(&database, &["import", "-"], trailing.as_bytes());
    let said = ended(&output, SOME_REJECTED);
    let column = whole.len() + 2;
    let reason = format!("8: The content is not valid JSON at line 1, column {column}.");
    assert!(said.contains(&reason), "{said}");
}

#[tokio::test]
async fn an_interrupted_import_is_resumed_to_the_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let whole = TestDatabase::new().await;
    let mut tasks: Vec<String> = numbered(45).iter().map(Value::to_string).collect();
    tasks[3] = "nonsense".to_owned();
    tasks[30] = "12".to_owned();
    let cases = [
        (tasks.join("\n") + "\n", tasks[..20].join("\n").len() + 1),
        (format!("[{}]", tasks.join(",")), tasks[..20].join(",").len() + 1),
    ];
    ended(
        &feed(&whole, &["import", "-"], cases[0].0.as_bytes()),
        SOME_REJECTED,
    );
    for (input, offset) in cases {
        let database = TestDatabase::new().await;
        let (state_file, rejects) = (path(&folder, "state"), path(&folder, "rejects"));
        let arguments = [
            "import",
            "-",
            "--state",
            &state_file,
            "--rejects",
            &rejects,
            "--chunk",
            "10",
        ];
        let mut child = program(&database, &arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Two chunks and a half, and the pipe stays open.
        stdin.write_all(&input.as_bytes()[..offset * 5 / 4]).unwrap();
        stdin.flush().unwrap();
        until("two chunks are committed", async || {
            state(&state_file).is_some_and(|state| state["line"] == 20)
        })
        .await;
        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let said = ended(&output, STOPPED);
        assert_eq!(counts(&output), [20, 19, 0, 0, 1]);
        assert!(said.contains("everything up to number 20 is committed"), "{said}");
        assert!(said.contains("--resume"), "{said}");
        assert_eq!(stored(&database).await, 19);
        let remembered = state(&state_file).unwrap();
        assert_eq!(remembered["offset"], offset);
        assert_eq!(remembered["created"], 19);

        let resumed = feed(
            &database,
            &[&arguments[..], &["--resume"]].concat(),
            input.as_bytes(),
        );
        ended(&resumed, SOME_REJECTED);
        // The counts of both runs.
        assert_eq!(counts(&resumed), [45, 43, 0, 0, 2]);
        assert_eq!(export(&database), export(&whole));
        let rejected = fs::read_to_string(&rejects).unwrap();
        let numbers: Vec<u64> = rejected
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["line"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        assert_eq!(numbers, [4, 31]);
        assert_eq!(names(&folder), ["rejects"]);
    }
}

#[tokio::test]
async fn a_changed_input_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new().await;
    // The import is killed after two chunks.
    let text = lines(&numbered(30));
    let path = file(&folder, "tasks.ndjson", &text);
    let state_file = format!("{path}.import-state");
    let mut holder = database.connect().await;
    sqlx::raw_sql("begin; insert into task_status (id, type, unique_name, launcher) values ('t00025', 'QPOC', 'n', 'l')")
        .execute(&mut holder)
        .await
        .unwrap();
    let mut child = program(&database, &["import", &path, "--chunk", "10"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("two chunks are committed", async || {
        state(&state_file).is_some_and(|state| state["line"] == 20)
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    holder.close().await.unwrap();

    for changed in [
        text.replacen("t00003", "x00003", 1),
        text[..500].to_owned(),
        String::new(),
    ] {
        fs::write(&path, changed).unwrap();
        let said = ended(&run(&database, &["import", "--resume", &path]), 1);
        assert!(said.contains("error: cannot resume: the first"), "{said}");
    }
    assert_eq!(stored(&database).await, 20);
    // Content after the saved position may change.
    fs::write(&path, text + &task("more").to_string()).unwrap();
    let output = run(&database, &["import", "--resume", &path]);
    ended(&output, 0);
    assert_eq!(counts(&output), [31, 31, 0, 0, 0]);
    assert!(!Path::new(&state_file).exists());
    // Without a saved position the import starts from the beginning.
    let output = run(&database, &["import", "--resume", &path]);
    ended(&output, 0);
    assert_eq!(counts(&output), [31, 0, 31, 0, 0]);
}

#[tokio::test]
async fn an_export_survives_import_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second, third) = (
        TestDatabase::new().await,
        TestDatabase::new().await,
        TestDatabase::new().await,
    );
    let input = [
        lines(&numbered(120)),
        r#"{"id":"\u00e9 \"\\ \/ 佐藤 🦀 \u2028 \u0001\t","type":"qpoc","uniqueName":"Zoë\n","description":"\\N","launcher":"a\tb\\","parentName":"","target":{"id":"i","type":null,"name":"ﷺ"},"created":"0001-01-01T00:00:00.001Z","modified":"0001-01-01T00:00:00.999Z","launched":"1969-12-31T23:59:59.999Z","progress":"","percentComplete":100}"#.to_owned(),
        r#"{"id":"numbers","type":"QUEUED_TASK","uniqueName":"n","launcher":"l","attributes":{"z":12345678901234567890123456789.10,"a":1.7976931348623157e308,"deep":DEEP,"b":-0.0,"c":1E-7,"d":[],"e":{},"f":null,"":"\u007f","aa":{"b":[null,true,{"c":"\\u0000"}]}},"created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","completed":"2026-01-01T00:00:00.5Z","completionStatus":"TEMPERROR"}"#.to_owned(),
        r#"{"id":"messages","type":"QUARTZ","uniqueName":"n","launcher":"l","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","messages":[{"type":"info","key":"k"},{"type":"ERROR","key":"","localizedText":{"locale":"en","message":"m"},"parameters":["s",{"n":1.50,"deep":[{}]}]}],"returns":[{"name":"a","attributeName":"b"}],"taskDefinitionSummary":{"id":"i","uniqueName":"u","parentName":"p","description":null,"executor":null,"arguments":{"x":[1,2.0]}}}"#.to_owned(),
    ]
    .join("\n")
    .replace("DEEP", &("[".repeat(124) + &"]".repeat(124)));
    ended(&feed(&first, &["import", "-"], input.as_bytes()), 0);
    let exported = export(&first);
    assert_eq!(exported.lines().count(), 123);
    assert!(exported.contains("12345678901234567890123456789.10"));

    ended(&feed(&second, &["import", "-"], exported.as_bytes()), 0);
    assert_eq!(export(&second), exported);

    let path = path(&folder, "tasks.json");
    ended(&run(&second, &["export", "--format", "array", &path]), 0);
    let array: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 123);
    ended(&run(&third, &["import", &path, "--chunk", "7"]), 0);
    assert_eq!(export(&third), exported);
    assert_eq!(names(&folder), ["tasks.json"]);
}

/// The bounds of values are those of the table.
#[tokio::test]
async fn whatever_sql_stores_can_be_imported() {
    let (from, to) = (TestDatabase::new().await, TestDatabase::new().await);
    let rows = [
        "attributes => jsonb_build_object('digits', (repeat('9', 308) || '.' || repeat('1', 16383))::numeric)",
        "attributes => jsonb_build_object('small', 1e-2000::numeric)",
        "attributes => jsonb_build_object('nulls', (select jsonb_agg(null::int) from generate_series(1, 174000)))",
        "attributes => jsonb_build_object('text', repeat(e'\\n\\t\\\\\"\\u0001', 60000))",
        "attributes => jsonb_build_object('deep', (repeat('[', 124) || repeat(']', 124))::jsonb)",
        "returns => jsonb_build_array(jsonb_build_object('name', repeat('n', 8192), 'attributeName', repeat('a', 8192)))",
        "messages => jsonb_build_array(jsonb_build_object('type', 'INFO', 'key', repeat('k', 8192), 'localizedText',
             jsonb_build_object('locale', repeat('l', 512), 'message', repeat('m', 500000)), 'parameters', null))",
        "task_definition_summary => jsonb_build_object('id', repeat('i', 256), 'uniqueName', repeat('u', 512), 'parentName',
             repeat('p', 512), 'description', repeat('d', 8192), 'executor', repeat('e', 512), 'arguments', '{}'::jsonb)",
    ];
    for (number, row) in rows.iter().enumerate() {
        let (column, value) = row.split_once(" => ").unwrap();
        from.execute(&format!(
            "insert into task_status (id, type, unique_name, launcher, {column}) values ('{number}', 'QPOC', 'n', 'l', {value})"
        ))
        .await;
    }
    let exported = export(&from);
    assert_eq!(exported.lines().count(), rows.len());
    ended(&feed(&to, &["import", "-"], exported.as_bytes()), 0);
    assert_eq!(export(&to), exported);
    for refused in [
        "attributes => '{\"$serde_json::private::Number\": \"1\"}'",
        "returns => jsonb_build_array(jsonb_build_object('name', repeat('n', 8193), 'attributeName', ''))",
        "messages => jsonb_build_array(jsonb_build_object('type', 'INFO', 'key', repeat('k', 8193)))",
        "task_definition_summary => jsonb_build_object('id', repeat('i', 257), 'uniqueName', '', 'parentName', '',
             'description', null, 'executor', null, 'arguments', '{}'::jsonb)",
    ] {
        let (column, value) = refused.split_once(" => ").unwrap();
        let refused = from
            .try_execute(&format!(
                "insert into task_status (id, type, unique_name, launcher, {column}) values ('r', 'QPOC', 'n', 'l', {value})"
            ))
            .await;
        assert!(refused.is_err(), "{column}");
    }
}

#[tokio::test]
async fn an_export_equals_the_api_in_order_of_creation() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new().await;
    assert_eq!(export(&database), "");
    let empty = run(&database, &["export", "--format", "array"]);
    assert_eq!(serde_json::from_slice::<Value>(&empty.stdout).unwrap(), json!([]));

    let tasks = [
        with(task("late"), "created", "2026-03-01T00:00:00Z"),
        with(task("b"), "completionStatus", "SUCCESS"),
        task("c"),
        task("a"),
    ];
    ended(&feed(&database, &["import", "-"], lines(&tasks).as_bytes()), 0);
    let ids = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["id"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(ids(&export(&database)), ["a", "b", "c", "late"]);

    let path = file(&folder, "pending.ndjson", "old content");
    ended(
        &run(
            &database,
            &[
                "export",
                &path,
                "--filter",
                "completionStatus isnull and id ne \"a\"",
            ],
        ),
        0,
    );
    assert_eq!(ids(&fs::read_to_string(&path).unwrap()), ["c", "late"]);
    let wrong = ended(&run(&database, &["export", "--filter", "colour eq \"red\""]), 2);
    assert!(
        wrong.contains("Position 1 of the filter: there is no field “colour”."),
        "{wrong}"
    );
}

#[tokio::test]
async fn a_closed_output_pipe_is_not_an_error() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher)
             select number::text, 'QPOC', repeat('n', 500), 'l' from generate_series(1, 5000) as number",
        )
        .await;
    let mut child = program(&database, &["export"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut beginning = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut beginning).unwrap();
    let output = child.wait_with_output().unwrap();
    ended(&output, 0);
    assert_eq!(output_of(&output), "");
}

#[tokio::test]
async fn pruning_deletes_old_tasks_in_batches_by_one_process() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher, modified)
             select number::text, 'QPOC', 'n', 'l', now() - interval '91 days' from generate_series(1, 2500) as number;
             insert into task_status (id, type, unique_name, launcher, modified)
             values ('young', 'QPOC', 'n', 'l', now() - interval '89 days')",
        )
        .await;
    let prune = ["prune", "--older-than", "90d", "--confirm"];
    let dry = ended(&run(&database, &["prune", "--older-than", "90d", "--dry-run"]), 0);
    assert!(dry.contains("2500 tasks would be deleted"), "{dry}");
    assert_eq!(stored(&database).await, 2501);

    let mut holder = database.connect().await;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(RETENTION_LOCK)
        .execute(&mut holder)
        .await
        .unwrap();
    let elsewhere = ended(&run(&database, &prune), 1);
    assert!(elsewhere.contains("0 tasks were deleted"), "{elsewhere}");
    assert!(
        elsewhere.contains("error: another process is already deleting old tasks"),
        "{elsewhere}"
    );
    assert_eq!(stored(&database).await, 2501);
    holder.close().await.unwrap();

    let pruned = ended(&run(&database, &prune), 0);
    assert!(pruned.contains("2500 tasks were deleted"), "{pruned}");
    assert_eq!(stored(&database).await, 1);
    ended(&run(&database, &["prune", "--older-than", "0s"]), 2);
    ended(&run(&database, &["prune"]), 2);
}

#[tokio::test]
async fn impossible_requests_fail_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (database, bare) = (TestDatabase::new().await, TestDatabase::empty().await);
    let path = file(&folder, "tasks.ndjson", lines(&numbered(3)));
    let commands = [
        &["import", &path][..],
        &["import", "--dry-run", &path],
        &["export"],
        &["prune", "--older-than", "1d"],
    ];
    for arguments in commands {
        let behind = ended(&run(&bare, arguments), 1);
        assert!(
            behind.contains("error: the database lacks migration 1"),
            "{behind}"
        );
        let mut nowhere = command(arguments);
        nowhere.env("DATABASE_URL", "postgres://u:secret@127.0.0.1:1/d");
        let down = ended(&as_text(&mut nowhere).output().unwrap(), 1);
        assert!(down.contains("error: the database is not available"), "{down}");
        assert!(!down.contains("secret"), "{down}");
        let mut missing = command(arguments);
        missing.env("DATABASE_URL", database::missing_url());
        let missing = ended(&missing.output().unwrap(), 1);
        assert!(missing.contains("does not exist"), "{missing}");
    }

    let missing = self::path(&folder, "missing");
    let said = ended(&run(&database, &["import", &missing]), 1);
    assert!(said.contains(&format!("error: cannot open {missing}")), "{said}");
    for option in ["--rejects", "--state"] {
        let said = ended(&run(&database, &["import", &path, option, &path]), 1);
        assert!(said.contains("is the input itself"), "{said}");
    }
    let said = ended(&run(&database, &["import", "-", "--resume"]), 1);
    assert!(said.contains("error: --resume needs --state"), "{said}");
    let nowhere = self::path(&folder, "no/such/folder");
    let said = ended(&run(&database, &["import", &path, "--state", &nowhere]), 1);
    assert!(said.contains("error: cannot access the state file"), "{said}");
    let said = ended(
        &run(&database, &["import", &path, "--resume", "--state", &path]),
        1,
    );
    assert!(said.contains("is the input itself"), "{said}");
    let odd = file(&folder, "odd", "{}");
    let said = ended(
        &run(&database, &["import", &path, "--resume", "--state", &odd]),
        1,
    );
    assert!(said.contains("is not the state file of an import"), "{said}");
    let said = ended(&run(&database, &["export", &nowhere]), 1);
    assert!(said.contains("error: cannot write"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(&numbered(3)));
    assert_eq!(stored(&database).await, 0);
}

#[test]
fn the_help_of_each_command_has_an_example_and_exit_statuses() {
    for (subcommand, words) in [
        (
            "import",
            &[
                "--resume",
                "--dry-run",
                "Exit status:",
                "  3    some items were rejected",
                "Examples:",
            ][..],
        ),
        (
            "export",
            &["--filter", "--format", "- array:  One JSON array", "Examples:"],
        ),
        ("prune", &["--older-than", "Examples:"]),
    ] {
        let output = command(&[subcommand, "--help"]).output().unwrap();
        let help = ended(&output, 0);
        for word in words {
            assert!(help.contains(word), "{word} in {help}");
        }
    }
}
