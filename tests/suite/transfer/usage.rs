//! `import` and `export` as people use them: compressed files, many rejects, interruptions.

use std::fs;
use std::io::Write;

use serde_json::Value;
use sqlx::Connection;

use super::{
    SOME_REJECTED, STOPPED, counts, ended, export, feed, file, lines, names, numbered, path, program, run,
    state, stored, task,
};
use crate::support::database::TestDatabase;
use crate::support::program::Program;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_inputs_are_unpacked_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let plain = TestDatabase::new().await;
    let text = lines(&numbered(25));
    ended(&feed(&plain, &["import", "-"], text.as_bytes()), 0);
    let (first, second) = text.as_bytes().split_at(1000);
    let zstd = |content| zstd::encode_all(content, 1).unwrap();
    // Files of two parts too, as `cat a.gz b.gz` makes them.
    let inputs = [
        gzip(text.as_bytes()),
        [gzip(first), gzip(second)].concat(),
        [zstd(first), zstd(second)].concat(),
    ];
    for input in &inputs {
        let database = TestDatabase::new().await;
        ended(&feed(&database, &["import", "-"], input), 0);
        let path = file(&folder, "tasks", input);
        let again = run(&database, &["import", &path]);
        ended(&again, 0);
        assert_eq!(counts(&again), [25, 0, 25, 0, 0]);
        assert_eq!(export(&database), export(&plain));
    }

    // A download that broke off is resumed when it is whole.
    let database = TestDatabase::new().await;
    let path = file(&folder, "tasks", [&inputs[1][..], &inputs[0][..20]].concat());
    let said = ended(&run(&database, &["import", &path, "--chunk", "10"]), 1);
    assert!(said.contains("error: cannot read the input"), "{said}");
    assert_eq!(state(&format!("{path}.import-state")).unwrap()["line"], 20);
    fs::write(&path, [&inputs[1][..], &gzip(b"\n")[..]].concat()).unwrap();
    let resumed = run(&database, &["import", &path, "--resume"]);
    ended(&resumed, 0);
    assert_eq!(counts(&resumed), [25, 25, 0, 0, 0]);

    let other = feed(&database, &["import", "-"], b"\xfd7zXZ\0rest");
    let said = ended(&other, 1);
    assert!(said.contains("the input is compressed by xz"), "{said}");
    assert_eq!(stored(&database).await, 25);
}

#[tokio::test]
async fn repeated_rejects_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new().await;
    let mut tasks = numbered(30);
    for task in &mut tasks[..25] {
        task["type"] = "LOUD".into();
    }
    tasks[27] = Value::Null;
    let path = file(&folder, "tasks", lines(&tasks));
    let said = ended(&run(&database, &["import", &path]), SOME_REJECTED);
    let reason = "“/type” must be one of QUARTZ, QPOC, QUEUED_TASK, not “LOUD”.";
    let mut shown: Vec<String> = (1..=10).map(|number| format!("{number}: {reason}")).collect();
    shown.push("28: “/” must be an object.".to_owned());
    shown.push(format!(
        "15 more such as: {reason} (--rejects FILE lists all of them)"
    ));
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("read ")).collect();
    assert_eq!(lines, shown);

    let rejects = self::path(&folder, "rejects");
    ended(
        &run(&database, &["import", &path, "--rejects", &rejects]),
        SOME_REJECTED,
    );
    assert_eq!(fs::read_to_string(rejects).unwrap().lines().count(), 26);
}

#[tokio::test]
async fn an_interrupted_export_leaves_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new().await;
    ended(
        &feed(&database, &["import", "-"], lines(&[task("a")]).as_bytes()),
        0,
    );
    let path = file(&folder, "tasks.ndjson", "of yesterday");
    for (target, said) in [
        (
            path.as_str(),
            "the export is incomplete and was removed: the file is as it was before",
        ),
        ("-", "the export is incomplete: only the first tasks were written"),
    ] {
        // One each: PostgreSQL has a statement that waits go on without its client.
        let holder = database.lock().await;
        let mut program = Program::start(program(&database, &["export", target]));
        database.until_blocked(1, "from task_status").await;
        program.signal("TERM");
        assert_eq!(program.wait().code(), Some(STOPPED), "{}", program.log());
        assert!(program.log().contains(said), "{}", program.log());
        assert_eq!(fs::read_to_string(&path).unwrap(), "of yesterday");
        assert_eq!(names(&folder), ["tasks.ndjson"]);
        holder.close().await.unwrap();
    }

    // The result is a line of the log.
    let mut program = Program::start(program(&database, &["export", &path]));
    assert!(program.wait().success(), "{}", program.log());
    let line: Value = serde_json::from_str(&program.log()).unwrap();
    assert_eq!(
        (&line["tasks"], &line["message"]),
        (&1.into(), &"the export is complete".into())
    );
    assert_eq!(line["file"], path.as_str());
}
