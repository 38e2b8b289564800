//! `musterd demo --once` as a newcomer runs it.

use crate::harness::{Folder, ran};

#[test]
fn the_demo_finds_the_flaws_and_leaves_the_hardened_specimen_in_peace() {
    let ran = Folder::new().run(&["demo", "--once"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for word in
        ["hardened", "flawed", "health.stub", "health.liveness-follows-dependency", "wanted", "fix"]
    {
        assert!(ran.stdout.contains(word), "{word} is missing in\n{}", ran.stdout);
    }
    let last = ran.stdout.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
    assert!(last.contains(" checks pass, ") && last.contains("; score "), "{last}");
    assert!(!ran.stdout.contains('\x1b'), "colours are for terminals");
}

#[test]
fn in_json_the_hardened_specimen_passes_with_a_full_score() {
    let ran = Folder::new().run(&["demo", "--once", "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["services"][0]["name"], "hardened");
    assert_eq!(report["services"][0]["score"], 100);
    assert_eq!(report["services"][0]["status"], "pass");
    assert_eq!(report["services"][1]["status"], "fail");
    assert_eq!(report["schema"], "musterd.report/1");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = Folder::new();
    let program = assert_cmd::cargo::cargo_bin!("musterd");
    let mut shell = std::process::Command::new("/bin/sh");
    shell.current_dir(folder.path()).arg("-c").arg(format!(
        "{{ {} demo --once --format json; echo code $? >&2; }} | head -c 1",
        program.display()
    ));
    let ran = ran(shell);
    assert!(ran.stderr.contains("code 0"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panic"), "{}", ran.stderr);
}
