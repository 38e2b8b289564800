//! Limiters in Rust.

use std::process::Command;

use super::{MODES, Row, Served, expect_three_times, installed, start};

/// In the order of `LIMITERS` in `governor.rs`.
const GOVERNOR: [Row; 2] = [
    ("governor", "-", "unproven", "token_bucket ?", "retry-after-wrong"),
    ("governor-headers", "token_bucket ?", "", "token_bucket ?", "retry-after-wrong"),
];

fn governor(mode: &'static str) -> Served {
    start(Command::new(installed("cargo/debug/governor")), mode, &GOVERNOR)
}

#[test]
fn limiters_in_rust_are_judged_as_they_deserve_three_runs_in_a_row() {
    expect_three_times(&MODES.map(governor));
}
