//! `.sqlx/`: the descriptions of all checked queries, so that a build needs no database.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::support::database::TestDatabase;

/// Compares `.sqlx/` with the output of the macros on a database with the current migrations. To renew it:
/// `UPDATE_SQLX=1 cargo test --test suite prepared_queries -- --ignored`.
#[tokio::test]
#[ignore = "compiles the program once more; the gate runs it"]
async fn the_checked_queries_fit_the_migrations() {
    let database = TestDatabase::new().await;
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = tempfile::tempdir().unwrap();
    // The compiler does not run the macros again if only a variable has changed.
    let library = std::fs::File::options()
        .append(true)
        .open(project.join("src/lib.rs"))
        .unwrap();
    let modified = library.metadata().unwrap().modified().unwrap();
    library.set_modified(SystemTime::now()).unwrap();
    // There are no examples. To ask for them gives the dependencies the features that they have in tests, so that they
    // are not compiled again.
    let checked = Command::new(env!("CARGO"))
        .args(["check", "--locked", "--workspace", "--lib", "--examples"])
        .current_dir(project)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", found.path())
        .env("DATABASE_URL", database.url())
        .status()
        .unwrap();
    assert!(checked.success());

    let committed = project.join(".sqlx");
    if std::env::var_os("UPDATE_SQLX").is_some() {
        for (name, text) in files(found.path()) {
            std::fs::write(committed.join(name), text).unwrap();
        }
        for name in files(&committed)
            .keys()
            .filter(|name| !found.path().join(name).exists())
        {
            std::fs::remove_file(committed.join(name)).unwrap();
        }
    } else {
        // Nothing is compiled again afterwards.
        library.set_modified(modified).unwrap();
    }
    assert_eq!(
        files(&committed),
        files(found.path()),
        "see this test's comment for how to renew .sqlx"
    );
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect()
}
