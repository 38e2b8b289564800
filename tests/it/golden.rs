//! Files that hold what the public surface looks like; `BLESS=1` writes them anew.

use crate::harness::root;

/// Compares a text with a golden file below `tests/golden`.
pub(crate) fn golden(name: &str, actual: &str) {
    let path = root().join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).unwrap();
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; run the tests with BLESS=1 if the change is meant\n--- expected\n{expected}\n--- actual\n{actual}",
        path.display()
    );
}
