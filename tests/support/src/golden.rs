//! Files that hold what the public surface looks like.

use std::path::Path;

/// Compares a text with a golden file. With `BLESS` in the environment it writes the file anew.
///
/// # Panics
///
/// When the file differs, or cannot be written.
#[track_caller]
pub fn golden(path: &Path, actual: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a file has a folder"))
            .and_then(|()| std::fs::write(path, actual))
            .expect("a golden file can be written");
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; run the tests with BLESS=1 if the change is meant\n--- expected\n{expected}\n\
         --- actual\n{actual}",
        path.display()
    );
}
