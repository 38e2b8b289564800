//! Limiters in Python.

use std::process::Command;

use super::{MODES, Row, Served, expect_three_times, installed, start};

/// In the order of `STRATEGIES` in `flask_app.py`.
const FLASK: [Row; 4] = [
    ("flask-fixed", "fixed_window ?", "", "fixed_window ?", "retry-after-wrong?"),
    ("flask-moving", "sliding_log ?", "", "sliding_log ?", "retry-after-wrong?"),
    ("flask-counter", "sliding_counter ?", "", "sliding_counter ?", "retry-after-wrong? unproven?"),
    ("flask-bare", "-", "unproven", "fixed_window ?", "hint-missing unproven?"),
];

/// In the order of `LIMITERS` in `slowapi_app.py`.
const SLOWAPI: [Row; 3] = [
    ("slowapi-fixed", "fixed_window ?", "", "fixed_window ?", "retry-after-wrong?"),
    ("slowapi-moving", "sliding_log ?", "", "sliding_log ?", "retry-after-wrong?"),
    ("slowapi-bare", "-", "unproven", "fixed_window ?", "hint-missing unproven?"),
];

/// In the order of `VIEWS` in `django_app.py`.
const DJANGO: [Row; 3] = [
    (
        "django-ratelimit",
        "-",
        "unproven",
        "fixed_window ?",
        "status-unusual hint-missing unproven?",
    ),
    // The whole of `X-Forwarded-For` is the key, unless NUM_PROXIES says how many there are.
    ("rest", "-", "unproven", "sliding_log ?", "key-spoofable"),
    ("rest-direct", "-", "unproven", "sliding_log ?", ""),
];

fn python(script: &str, mode: &'static str, rows: &'static [Row]) -> Served {
    let mut command = Command::new(installed("venv/bin/python3"));
    command.arg(script);
    start(command, mode, rows)
}

#[test]
fn limiters_in_python_are_judged_as_they_deserve_three_runs_in_a_row() {
    let of_each = |mode| {
        [
            python("flask_app.py", mode, &FLASK),
            python("slowapi_app.py", mode, &SLOWAPI),
            python("django_app.py", mode, &DJANGO),
        ]
    };
    let served: Vec<Served> = MODES.into_iter().flat_map(of_each).collect();
    expect_three_times(&served);
}
