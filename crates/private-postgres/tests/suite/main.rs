//! The private PostgreSQL starts, answers, keeps its data, and leaves nothing behind, however its process ends.
//!
//! A test that needs a process to kill runs [`helper`] in another process of this test binary.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod tools;

use std::env;
use std::fs::{self, DirBuilder};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use private_postgres::{Error, PrivatePostgres, Settings, start};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::runtime::Runtime;

use self::tools::{Helper, Scratch, eventually, lives, ps, shell, signal, socket_folder};

/// Far more than any wait here takes, even on a busy machine.
const BOUND: Duration = Duration::from_mins(1);

/// Names the folder for [`helper`]; empty for a temporary one.
const HELPER: &str = "TASK_STATUS_TEST_PRIVATE_POSTGRES";

#[test]
fn a_server_starts_and_answers() {
    let postgres = shared();
    assert_eq!(ask(postgres, "select 1::text"), "1");
    assert_eq!(ask(postgres, "show timezone"), "UTC");
    assert_eq!(ask(postgres, "show fsync"), "off");
    assert_eq!(ask(postgres, "show max_connections"), "20");
    assert_eq!(ask(postgres, "show listen_addresses"), "");
}

#[test]
fn the_locale_has_the_letters_of_all_languages() {
    let postgres = shared();
    assert_eq!(ask(postgres, "select lower('É')"), "é");
    assert_eq!(ask(postgres, "select ('ÄRGER' ilike 'ärger')::text"), "true");
    assert_eq!(ask(postgres, "show server_encoding"), "UTF8");
}

#[test]
fn a_durable_server_syncs_its_writes() {
    let settings = Settings {
        durable: true,
        ..settings(None)
    };
    let postgres = start(&settings).expect("a durable server");
    for setting in ["fsync", "synchronous_commit", "full_page_writes", "autovacuum"] {
        assert_eq!(ask(&postgres, &format!("show {setting}")), "on", "{setting}");
    }
}

#[test]
fn further_settings_override_the_defaults() {
    let settings = Settings {
        options: vec!["shared_buffers=32MB".to_owned()],
        ..settings(None)
    };
    let postgres = start(&settings).expect("a server");
    assert_eq!(ask(&postgres, "show shared_buffers"), "32MB");
}

#[test]
fn a_server_can_be_shared_between_tasks() {
    fn shareable<T: Send + Sync + 'static>(_: &T) {}
    fn sendable<T: Send>(_: &T) {}
    let postgres = shared();
    shareable(postgres);
    sendable(&postgres.exited());
}

#[test]
fn two_servers_run_at_the_same_time() {
    let starting = thread::spawn(|| start_in(None));
    let one = start_in(None);
    let other = starting.join().expect("the other one");
    ask(&one, "create table only_here as select 1");
    assert_ne!(one.pid(), other.pid());
    assert_eq!(ask(&one, "select to_regclass('only_here')::text"), "only_here");
    assert_eq!(
        ask(&other, "select coalesce(to_regclass('only_here')::text, 'none')"),
        "none"
    );
}

#[test]
fn stopping_removes_a_temporary_folder_even_with_open_sessions() {
    let postgres = start_in(None);
    let (pid, folder) = (postgres.pid(), postgres.data_dir().to_owned());
    let runtime = Runtime::new().expect("a runtime");
    let options = postgres.connect_options();
    let _session = runtime
        .block_on(PgConnection::connect_with(&options))
        .expect("a session");
    postgres.stop().expect("an end");
    assert!(!lives(pid));
    assert!(!folder.exists());
}

#[test]
fn dropping_does_what_stopping_does() {
    let postgres = start_in(None);
    let (pid, folder) = (postgres.pid(), postgres.data_dir().to_owned());
    drop(postgres);
    assert!(!lives(pid));
    assert!(!folder.exists());
}

#[test]
fn kept_data_survives_stop_and_start() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("not/yet/there");
    let postgres = start_in(Some(&kept));
    ask(&postgres, "create table kept as select 'still here' as word");
    postgres.stop().expect("an end");

    let postgres = start_in(Some(&kept));
    assert_eq!(ask(&postgres, "select word from kept"), "still here");
}

#[test]
fn only_its_owner_and_root_can_reach_it() {
    let postgres = shared();
    let mode = |path: &Path| fs::metadata(path).expect("a folder").mode() & 0o777;
    assert_eq!(mode(postgres.data_dir()) & 0o007, 0);
    assert_eq!(mode(&postgres.data_dir().join("s")), 0o700);
    assert_eq!(mode(&postgres.data_dir().join("data")), 0o700);
}

#[test]
fn the_url_and_the_psql_command_work_as_printed() {
    let scratch = Scratch::new();
    both_work(shared());
    both_work(&start_in(Some(&scratch.0.join("it's a \"folder\""))));
    both_work(&start_in(Some(&scratch.0.join("with, comma"))));
}

fn both_work(postgres: &PrivatePostgres) {
    ask(postgres, "create database \"its own\"");

    let options: PgConnectOptions = postgres.url("its own").parse().expect("a URL for sqlx");
    assert_eq!(ask_with(&options, "select current_database()::text"), "its own");

    let psql = postgres.bin_dir().join("psql");
    if !psql.is_file() {
        eprintln!("not checked with psql: {} does not exist", psql.display());
        return;
    }
    let url = Command::new(psql)
        .args([
            "-AtX",
            "-c",
            "select current_database()",
            &postgres.url("its own"),
        ])
        .output()
        .expect("psql");
    assert_eq!(String::from_utf8_lossy(&url.stdout), "its own\n", "{url:?}");

    let pasted = format!(
        "{} -AtX -c 'select current_database()'",
        postgres.psql_command("its own")
    );
    let pasted = Command::new("/bin/sh")
        .args(["-c", &pasted])
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&pasted.stdout), "its own\n", "{pasted:?}");
}

#[test]
fn nothing_is_left_after_its_process_is_killed() {
    let mut helper = Helper::start(None);
    helper.kill();
    eventually("the server is gone", || !lives(helper.server));
    eventually("the folder is gone", || !helper.folder.exists());
    eventually("the guard is gone", || !lives(helper.guard));
}

#[test]
fn a_kept_folder_can_be_started_right_after_a_kill() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    let mut helper = Helper::start(Some(&kept));
    ask_with(
        &helper.connect_options(),
        "create table kept as select 'still here' as word",
    );
    helper.kill();

    let postgres = start_in(Some(&kept));
    assert_ne!(postgres.pid(), helper.server);
    assert!(!lives(helper.server), "two servers on one folder");
    assert_eq!(ask(&postgres, "select word from kept"), "still here");
}

#[test]
fn a_kill_during_initdb_does_no_harm() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    let mut child = Helper::spawn(Some(&kept));
    eventually("initdb has begun", || kept.join("data.new/base").exists());
    child.kill().expect("a kill");
    child.wait().expect("an end");
    assert!(!kept.join("data").exists(), "killed too late");

    let postgres = start_in(Some(&kept));
    assert_eq!(ask(&postgres, "select 1::text"), "1");
    assert!(!kept.join("data.new").exists());
}

#[test]
fn a_server_without_process_and_guard_is_adopted() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    let mut helper = Helper::start(Some(&kept));
    signal("KILL", helper.guard);
    eventually("the guard is gone", || !lives(helper.guard));
    helper.kill();
    assert!(lives(helper.server), "there is nothing to adopt");

    let postgres = start_in(Some(&kept));
    assert_eq!(postgres.pid(), helper.server);
    assert_eq!(ask(&postgres, "select 1::text"), "1");
    postgres.stop().expect("an end");
    eventually("the server is gone", || !lives(helper.server));
}

#[test]
fn an_adopted_server_is_watched() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    let mut helper = Helper::start(Some(&kept));
    signal("KILL", helper.guard);
    helper.kill();

    let postgres = start_in(Some(&kept));
    assert_eq!(postgres.pid(), helper.server);
    signal("KILL", postgres.pid());
    assert!(matches!(exited(&postgres), Error::Exited { pid, .. } if pid == helper.server));
}

#[test]
fn a_server_left_with_other_settings_is_replaced() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    let mut helper = Helper::start(Some(&kept));
    signal("KILL", helper.guard);
    helper.kill();

    let durable = Settings {
        durable: true,
        ..settings(Some(&kept))
    };
    let postgres = start(&durable).expect("a server");
    assert_ne!(postgres.pid(), helper.server);
    assert!(!lives(helper.server));
    assert_eq!(ask(&postgres, "show fsync"), "on");
}

#[test]
fn a_pid_file_that_names_another_process_is_no_obstacle() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    start_in(Some(&kept)).stop().expect("an end");

    let sleep = |seconds| Command::new("sleep").arg(seconds).spawn().expect("a process");
    let mut unrelated = sleep("60");
    let zombie = sleep("0");
    eventually("the other is a zombie", || !lives(zombie.id()));
    for pid in [unrelated.id(), zombie.id()] {
        let data = kept.join("data");
        let sockets = kept.join("s").display().to_string();
        let text = format!(
            "{pid}\n{}\n1\n5432\n{sockets}\n\n  1 1\nready   \n",
            data.display()
        );
        let file = data.join("postmaster.pid");
        fs::write(&file, text).expect("a stale file");
        let owner = fs::metadata(&data).expect("a folder");
        chown(&file, Some(owner.uid()), Some(owner.gid())).expect("the server's file");
        let postgres = start_in(Some(&kept));
        assert_eq!(ask(&postgres, "select 1::text"), "1");
        postgres.stop().expect("an end");
    }
    assert!(lives(unrelated.id()), "an unrelated process was stopped");
    unrelated.kill().expect("a kill");
    for mut child in [unrelated, zombie] {
        child.wait().expect("an end");
    }
}

#[test]
fn a_folder_in_use_is_refused_with_the_pid_of_its_process() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    let helper = Helper::start(Some(&kept));
    let expected = format!("another process (pid {})", helper.child.id());
    let refuse = || {
        let began = Instant::now();
        let error = start(&settings(Some(&kept))).expect_err("two services on one folder");
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "there is nothing to wait for"
        );
        assert!(lives(helper.server));
    };
    refuse();
    // The lock does not depend on the guard.
    signal("KILL", helper.guard);
    eventually("the guard is gone", || !lives(helper.guard));
    refuse();
    signal("QUIT", helper.server);
}

#[test]
fn an_incomplete_cluster_is_created_again() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    let half = kept.join("data.new/base");
    DirBuilder::new().recursive(true).create(&half).expect("a folder");
    fs::write(kept.join("data.new/PG_VERSION"), "15\n").expect("a file");
    let postgres = start_in(Some(&kept));
    assert_eq!(ask(&postgres, "select 1::text"), "1");
    assert!(!kept.join("data.new").exists());
}

#[test]
fn a_path_too_long_for_a_socket_works() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("long".repeat(30));
    assert!(kept.as_os_str().len() > 100);
    let mut helper = Helper::start(Some(&kept));
    let url = helper.url.clone();
    assert_eq!(ask_with(&url.parse().expect("a URL"), "select 1::text"), "1");
    helper.kill();

    let postgres = start_in(Some(&kept));
    assert_eq!(
        postgres.url("postgres"),
        url,
        "the socket of a later start is elsewhere"
    );
    assert_eq!(ask(&postgres, "select 1::text"), "1");
    let sockets = socket_folder(&url);
    assert!(sockets.starts_with("/tmp"));
    postgres.stop().expect("an end");
    assert!(!sockets.exists());
}

#[test]
fn data_of_another_version_is_refused() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    DirBuilder::new()
        .recursive(true)
        .create(kept.join("data"))
        .expect("a folder");
    fs::write(kept.join("data/PG_VERSION"), "9.6\n").expect("an old file");
    let error = start(&settings(Some(&kept))).expect_err("a start on old data");
    assert!(
        error.to_string().contains("was made by PostgreSQL 9.6"),
        "{error}"
    );
    assert!(error.to_string().contains("PG_BIN_DIR"), "{error}");
}

#[test]
fn a_folder_with_foreign_files_is_refused_untouched() {
    let scratch = Scratch::new();
    let mode = || fs::metadata(&scratch.0).expect("a folder").permissions().mode();
    let before = mode();
    fs::write(scratch.0.join("thesis.txt"), "precious").expect("a file");
    let error = start(&settings(Some(&scratch.0))).expect_err("a start on a thesis");
    assert!(error.to_string().contains("`thesis.txt`"), "{error}");
    assert_eq!(mode(), before);
    assert_eq!(fs::read_dir(&scratch.0).expect("a folder").count(), 1);
}

#[test]
fn links_in_place_of_a_folder_or_its_files_are_refused() {
    let scratch = Scratch::new();
    let (home, precious) = (scratch.0.join("kept"), scratch.0.join("thesis.txt"));
    fs::write(&precious, "precious").expect("a file");
    let refused = |home: &Path| {
        let error = start(&settings(Some(home))).expect_err("a start through a link");
        assert!(error.to_string().contains("is a link"), "{error}");
        assert_eq!(fs::read_to_string(&precious).expect("a file"), "precious");
    };
    for name in ["lock", "log", "data", "data.new", "s"] {
        fs::create_dir(&home).expect("a folder");
        symlink(&precious, home.join(name)).expect("a link");
        refused(&home);
        fs::remove_dir_all(&home).expect("removed");
    }
    symlink(&scratch.0, &home).expect("a link");
    refused(&home);
}

#[test]
fn a_folder_of_another_account_is_refused() {
    let scratch = Scratch::new();
    let home = scratch.0.join("kept");
    fs::create_dir(&home).expect("a folder");
    if chown(&home, Some(12345), None).is_err() {
        eprintln!("not checked: only root gives folders away");
        return;
    }
    let file = home.join("lock");
    fs::write(&file, "").expect("a file");
    chown(&file, Some(54321), None).expect("a changed owner");
    let error = start(&settings(Some(&home))).expect_err("a start in a foreign folder");
    assert!(
        error.to_string().contains("belongs to another account"),
        "{error}"
    );
}

#[test]
fn a_folder_closed_to_the_servers_account_is_refused() {
    let scratch = Scratch::new();
    if fs::metadata(&scratch.0).expect("a folder").uid() != 0 {
        eprintln!("not checked: only root runs the server as another account");
        return;
    }
    let closed = scratch.0.join("closed");
    DirBuilder::new().mode(0o700).create(&closed).expect("a folder");
    let error = start(&settings(Some(&closed.join("kept")))).expect_err("a start behind it");
    assert!(
        error
            .to_string()
            .contains(&format!("cannot enter {}", closed.display())),
        "{error}"
    );
    assert!(!closed.join("kept").exists());
}

#[test]
fn a_named_folder_without_programs_is_refused() {
    let scratch = Scratch::new();
    let named = Settings {
        bin_dir: Some(scratch.0.clone()),
        ..settings(None)
    };
    let error = start(&named).expect_err("a start without programs");
    assert!(matches!(&error, Error::BinDir { .. }), "{error}");
    assert!(
        error.to_string().contains(&scratch.0.display().to_string()),
        "{error}"
    );
}

#[test]
fn a_failed_start_is_reported_with_the_log() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    start_in(Some(&kept)).stop().expect("an end");
    fs::write(kept.join("data/postgresql.conf"), "no_such_setting = 1\n").expect("a file");
    let error = start(&settings(Some(&kept))).expect_err("a start with a broken configuration");
    assert!(matches!(&error, Error::NotStarted { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn the_death_of_the_server_is_reported_with_the_end_of_its_log() {
    let postgres = start_in(None);
    let refused = ask_for_error(&postgres, "select 'a trace in the log' from no_such_table");
    assert!(refused.contains("no_such_table"));
    signal("KILL", postgres.pid());
    let error = exited(&postgres).to_string();
    assert!(
        error.contains(&format!("PostgreSQL (pid {}) ended", postgres.pid())),
        "{error}"
    );
    assert!(error.contains("signal: 9"), "{error}");
    assert!(error.contains("a trace in the log"), "{error}");

    let folder = postgres.data_dir().to_owned();
    postgres.stop().expect("it is stopped already");
    assert!(!folder.exists());
}

#[test]
fn a_folder_can_be_started_right_after_its_server_is_killed() {
    let scratch = Scratch::new();
    let kept = scratch.0.join("kept");
    // Without durability the last commits may be lost with the server.
    let durable = Settings {
        durable: true,
        ..settings(Some(&kept))
    };
    let postgres = start(&durable).expect("a server");
    ask(&postgres, "create table kept as select 'still here' as word");
    signal("KILL", postgres.pid());
    exited(&postgres);
    drop(postgres);
    let postgres = start(&durable).expect("a server");
    assert_eq!(ask(&postgres, "select word from kept"), "still here");
}

#[test]
fn a_running_server_is_not_reported_dead() {
    let postgres = shared();
    let runtime = Runtime::new().expect("a runtime");
    let waited =
        runtime.block_on(async { tokio::time::timeout(Duration::from_millis(300), postgres.exited()).await });
    assert!(waited.is_err());
}

#[test]
fn ctrl_c_in_the_terminal_reaches_neither_server_nor_guard() {
    let mut helper = Helper::start(None);
    let group = |pid| ps("pgid=", pid).expect("a process");
    assert_eq!(group(helper.server), helper.server.to_string());
    assert_eq!(group(helper.guard), helper.guard.to_string());
    // The terminal sends the signal to the whole process group in the foreground.
    let own = group(helper.child.id());
    assert_eq!(own, helper.child.id().to_string(), "the helper leads its group");
    shell(&format!("kill -s INT -- -{own}"));
    helper.child.wait().expect("an end");
    eventually("the folder is gone", || !helper.folder.exists());
}

/// Hides every PostgreSQL and Python of this machine, in a mount namespace.
#[test]
fn without_postgresql_and_python_the_message_says_what_to_do() {
    const HIDE: &str = r#"
        for folder in /usr/lib/postgresql /var/cache/task-status; do
            [ ! -d "$folder" ] || mount -t tmpfs none "$folder" || exit 77
        done
        exec env -u PG_BIN_DIR PATH="$1" HOME="$1" XDG_CACHE_HOME="$1" \
            "$2" --exact "$3" --ignored --nocapture
    "#;
    let scratch = Scratch::new();
    let find = Command::new("/bin/sh")
        .args(["-c", "command -v id"])
        .output()
        .expect("a shell");
    let id = String::from_utf8_lossy(&find.stdout).trim().to_owned();
    std::os::unix::fs::symlink(id, scratch.0.join("id")).expect("a link");

    let root = fs::metadata(&scratch.0).expect("a folder").uid() == 0;
    let namespace: &[_] = if root { &["-m"] } else { &["-r", "-m"] };
    let outcome = Command::new("unshare")
        .args(namespace)
        .args(["/bin/sh", "-c", HIDE, "hide"])
        .arg(&scratch.0)
        .arg(env::current_exe().expect("this program"))
        .arg("helper")
        .env(HELPER, "")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = outcome else {
        eprintln!("not checked: there is no `unshare`");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || said.contains("unshare failed") {
        eprintln!("not checked, this user cannot hide a folder: {said}");
        return;
    }
    for part in [
        "no PostgreSQL (version 14 or newer)",
        "apt-get install postgresql",
        "python3",
    ] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
}

/// Not a test: the process that other tests kill. It runs a server until its standard input ends.
#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn helper() {
    let Some(folder) = env::var_os(HELPER) else {
        return;
    };
    let kept = Some(PathBuf::from(folder)).filter(|folder| !folder.as_os_str().is_empty());
    let postgres = match start(&settings(kept.as_deref())) {
        Ok(postgres) => postgres,
        Err(error) => {
            println!("{}", chain(&error));
            return;
        }
    };
    let (pid, folder) = (postgres.pid(), postgres.data_dir().display());
    println!("\nready\t{pid}\t{}\t{folder}", postgres.url("postgres"));
    std::io::stdout().flush().expect("a reader");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    postgres.stop().expect("an end");
}

fn settings(kept: Option<&Path>) -> Settings {
    let data_dir = kept.map(Path::to_owned);
    Settings {
        bin_dir: None,
        data_dir,
        durable: false,
        max_connections: 20,
        tcp_port: None,
        options: Vec::new(),
    }
}

/// One server for the tests that only read. It is never dropped: the guard stops it, as after a crash.
fn shared() -> &'static PrivatePostgres {
    static SHARED: LazyLock<PrivatePostgres> = LazyLock::new(|| start_in(None));
    &SHARED
}

fn start_in(kept: Option<&Path>) -> PrivatePostgres {
    start(&settings(kept)).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

fn ask(postgres: &PrivatePostgres, sql: &str) -> String {
    ask_with(&postgres.connect_options(), sql)
}

fn ask_with(options: &PgConnectOptions, sql: &str) -> String {
    query(options, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn ask_for_error(postgres: &PrivatePostgres, sql: &str) -> String {
    query(&postgres.connect_options(), sql)
        .expect_err("an error")
        .to_string()
}

/// The first column of the first row, if there is one.
fn query(options: &PgConnectOptions, sql: &str) -> Result<String, sqlx::Error> {
    Runtime::new()?.block_on(async {
        let mut connection = PgConnection::connect_with(options).await?;
        let sql = sqlx::AssertSqlSafe(sql);
        let answer = sqlx::query_scalar(sql).fetch_optional(&mut connection).await?;
        connection.close().await?;
        Ok(answer.unwrap_or_default())
    })
}

fn exited(postgres: &PrivatePostgres) -> Error {
    let runtime = Runtime::new().expect("a runtime");
    runtime
        .block_on(async { tokio::time::timeout(BOUND, postgres.exited()).await })
        .expect("a report within the bound")
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}\n\ncaused by: {}", chain(source)),
        None => error.to_string(),
    }
}
