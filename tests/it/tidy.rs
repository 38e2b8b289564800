//! The house's rules that a compiler does not hold us to.

use std::path::{Path, PathBuf};

use crate::harness::root;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

fn all() -> Vec<PathBuf> {
    ["src", "probes", "tests/it", "tests/support"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .collect()
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for path in all() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with `//!`", path.display());
    }
}

#[test]
fn no_file_grows_beyond_what_one_thing_needs() {
    for path in all() {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        assert!(code.lines().count() <= 700, "{} is too long", path.display());
    }
}

/// Which modules of `src` each module may use. What is not listed may use all of the lower ones
/// that it names; `cli` may use everything.
const LAYERS: &[(&str, &[&str])] = &[
    ("hash", &[]),
    ("heartbeat", &[]),
    ("blocking", &[]),
    ("clock", &[]),
    ("commands", &["config"]),
    ("damping", &["policy", "status"]),
    ("durable", &[]),
    ("ledger", &["blocking", "config", "durable"]),
    ("store", &["config", "damping", "durable", "policy", "runner", "status"]),
    (
        "schedule",
        &[
            "clock",
            "commands",
            "config",
            "hash",
            "heartbeat",
            "ledger",
            "runner",
            "status",
            "store",
        ],
    ),
    ("config", &["hash", "policy"]),
    ("status", &[]),
    ("score", &[]),
    ("policy", &["config"]),
    ("runner", &["config", "policy"]),
    ("evidence", &["runner"]),
    ("report", &["config", "policy", "runner", "score", "status", "store"]),
    ("metrics", &["config", "report", "status"]),
    ("alerting", &["config", "metrics"]),
    ("oneshot", &["config", "ledger", "report", "runner"]),
    ("demo", &["config", "oneshot", "status"]),
    ("telemetry", &[]),
    ("notify", &["blocking", "clock", "config", "damping", "durable", "policy", "status", "store"]),
    (
        "api",
        &[
            "clock",
            "commands",
            "config",
            "damping",
            "evidence",
            "hash",
            "heartbeat",
            "metrics",
            "policy",
            "report",
            "runner",
            "score",
            "status",
            "store",
        ],
    ),
    (
        "app",
        &[
            "api",
            "blocking",
            "clock",
            "commands",
            "config",
            "hash",
            "heartbeat",
            "ledger",
            "notify",
            "oneshot",
            "schedule",
            "store",
        ],
    ),
];

#[test]
fn modules_use_only_the_layers_below_them() {
    for (layer, allowed) in LAYERS {
        let folder = root().join("src").join(layer);
        let file = root().join("src").join(format!("{layer}.rs"));
        let files = if folder.is_dir() { sources(&folder) } else { vec![file] };
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines() {
                let Some(rest) = line.trim_start().strip_prefix("use crate::") else { continue };
                let module = rest.split([':', ';', ' ']).next().unwrap_or_default();
                assert!(
                    module == *layer || module == "testing" || allowed.contains(&module),
                    "{} uses crate::{module}, which does not lie below {layer}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn probes_know_nothing_of_the_daemon() {
    let manifest = std::fs::read_to_string(root().join("probes/Cargo.toml")).unwrap();
    for package in ["musterd =", "axum", "clap", "prometheus", "reqwest", "serde-saphyr"] {
        assert!(!manifest.contains(package), "probes/Cargo.toml names {package}");
    }
    let manifest = std::fs::read_to_string(root().join("tests/support/Cargo.toml")).unwrap();
    assert!(!manifest.contains("musterd-probes"), "the fakes know none of our crates");
}

#[test]
fn every_kind_has_an_example_in_the_full_configuration() {
    let full = std::fs::read_to_string(root().join("config/full.yaml")).unwrap();
    for kind in musterd_probes::KINDS {
        assert!(
            full.contains(&format!("- {}:", kind.name)),
            "config/full.yaml lacks {}",
            kind.name
        );
    }
}
