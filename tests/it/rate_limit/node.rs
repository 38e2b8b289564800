//! Limiters in Node.

use std::process::{Command, Stdio};

use super::{MODES, Row, Served, expect_three_times, redis, start};
use crate::harness::Folder;

/// In the order of `limits.mjs`: 12 requests in 4 seconds.
const LIMITERS: [Row; 13] = [
    ("erl6", "fixed_window ?", "", "fixed_window ?", ""),
    ("erl7", "fixed_window ?", "", "fixed_window ?", ""),
    ("erl8", "fixed_window ?", "", "fixed_window ?", ""),
    ("erl8-bare", "-", "unproven", "fixed_window ?", "hint-missing unproven?"),
    ("fastify", "fixed_window ?", "", "fixed_window ?", ""),
    // A lock-out is not seen by whoever does not go over the limit.
    ("nest", "sliding_log ?", "", "penalty ?", ""),
    ("nest-log", "sliding_log ?", "", "?", "unproven?"),
    ("flexible", "fixed_window ?", "", "fixed_window ?", "retry-after-wrong"),
    ("trusting", "fixed_window ?", "key-spoofable", "fixed_window ?", "key-spoofable"),
    ("not-trusting", "fixed_window ?", "", "fixed_window ?", ""),
    ("fails-open", "-", "unproven", "?", "not-enforced"),
    (
        "unknown",
        "fixed_window ?",
        "key-spoofable bucket-shared",
        "fixed_window ?",
        "key-spoofable bucket-shared",
    ),
    ("two", "?", "instances-separate", "?", "instances-separate"),
];

/// In the order of `upstash.mjs`.
const UPSTASH: [Row; 5] = [
    ("upstash-fixed", "fixed_window ?", "", "fixed_window ?", ""),
    // It refuses until the window ends, once it has refused.
    ("upstash-sliding", "sliding_counter ?", "", "sliding_counter ?", "unproven?"),
    ("upstash-sliding-forgetful", "sliding_counter ?", "", "sliding_counter ?", ""),
    ("upstash-bucket", "token_bucket ?", "", "token_bucket ?", ""),
    ("upstash-bucket-of-three", "token_bucket ?", "", "token_bucket ?", "unproven?"),
];

fn node(script: &str, mode: &'static str, rows: &'static [Row], redis: u16) -> Served {
    let mut command = Command::new("node");
    command.arg(script).env("REDIS", redis.to_string()).stderr(Stdio::null());
    start(command, mode, rows)
}

#[test]
fn limiters_in_node_are_judged_as_they_deserve_three_runs_in_a_row() {
    let folder = Folder::new();
    let (_redis, redis) = redis(&folder);
    let of_each = |mode| {
        [node("limits.mjs", mode, &LIMITERS, redis), node("upstash.mjs", mode, &UPSTASH, redis)]
    };
    expect_three_times(&MODES.into_iter().flat_map(of_each).collect::<Vec<_>>());
}
