//! Configurations, from files and through the whole way.

mod bad;
mod files;
mod good;
mod hostile;
mod reference;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};

/// The day on which these tests take place.
const TODAY: Date = date(2026, 11, 20);

/// A path of the workspace.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The names and contents of the configurations in a directory of the workspace.
fn configurations(relative: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = fs::read_dir(path(relative))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    found
}
