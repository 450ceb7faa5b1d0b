//! The modules of `src/` and their dependencies, as `src/lib.rs` documents them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules that it may name, lowest first.
const MODULES: [(&str, &str); 12] = [
    ("build", ""),
    ("memory", ""),
    ("telemetry", ""),
    ("watched_file", "telemetry"),
    ("task", ""),
    ("listing", "task"),
    ("store", "listing memory task telemetry"),
    ("pending", "listing memory store task telemetry"),
    ("auth", "telemetry watched_file"),
    ("messages", "auth listing task"),
    (
        "http",
        "auth build listing memory messages pending store task telemetry watched_file",
    ),
    (
        "cli",
        "auth build http listing memory messages pending store task telemetry watched_file",
    ),
];

/// Modules without HTTP, and the crates that they may not name.
const WITHOUT_HTTP: [&str; 4] = ["task", "listing", "store", "pending"];
const HTTP_CRATES: [&str; 6] = ["axum", "axum_server", "http", "hyper", "tower", "tower_http"];

/// The `.rs` files of a module: one file or a folder.
fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_owned());
    }
}

/// The paths in a file without its comments, each as its segments. Names in braces are not included.
fn paths(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| line.split(|char: char| !char.is_alphanumeric() && !"_:".contains(char)))
        .filter(|path| path.contains("::"))
        .map(|path| path.split("::").collect())
}

/// The module that a path names in a file at this depth. Modules of tests are one level deeper than their file.
fn module<'a>(path: &[&'a str], depth: usize) -> Option<&'a str> {
    let climbs = path.iter().take_while(|segment| **segment == "super").count();
    let named = match path[0] {
        "crate" => path[1],
        "super" if climbs >= depth => path.get(climbs)?,
        _ => return None,
    };
    assert!(
        path != ["crate", ""],
        "`use crate::{{...}}` hides modules from this test"
    );
    MODULES
        .iter()
        .any(|(module, _)| *module == named)
        .then_some(named)
}

#[test]
fn modules_depend_only_on_lower_modules() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = BTreeSet::new();
    for (name, allowed) in MODULES {
        let mut found = Vec::new();
        files(&src.join(name), &mut found);
        files(&src.join(name).with_extension("rs"), &mut found);
        for file in found.iter().filter(|file| file.exists()) {
            let within = file.strip_prefix(&src).unwrap();
            let depth = within.components().count() - usize::from(within.ends_with("mod.rs"));
            let text = fs::read_to_string(file).unwrap();
            for path in paths(&text) {
                let other = module(&path, depth)
                    .filter(|other| *other != name && !allowed.split(' ').any(|allowed| allowed == *other));
                let http =
                    (WITHOUT_HTTP.contains(&name) && HTTP_CRATES.contains(&path[0])).then_some(path[0]);
                wrong.extend(
                    other
                        .or(http)
                        .map(|named| format!("{} names {named}", within.display())),
                );
            }
        }
    }
    let modules = fs::read_dir(&src).unwrap().map(|entry| entry.unwrap().path());
    for module in modules.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())) {
        if !["lib", "main"].contains(&&*module) && MODULES.iter().all(|(name, _)| *name != module) {
            wrong.insert(format!("{module} is missing in this test"));
        }
    }
    assert_eq!(wrong, BTreeSet::new());
}
