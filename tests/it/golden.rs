//! Golden files of this package.

use crate::harness::root;

/// Compares a text with a golden file below `tests/golden`.
#[track_caller]
pub(crate) fn golden(name: &str, actual: &str) {
    musterd_test_support::golden::golden(&root().join("tests/golden").join(name), actual);
}
