//! The help texts and the catalogue of rules are public: a change is a change of a golden file.

use crate::golden::golden;
use crate::harness::Folder;

#[test]
fn help_texts_are_as_promised() {
    let folder = Folder::new();
    for command in [
        "",
        "check",
        "demo",
        "config",
        "config check",
        "rules",
        "replay",
        "healthcheck",
        "generate",
        "generate prometheus-rules",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let ran = folder.run(&arguments);
        assert_eq!(ran.code, 0, "{command}: {}", ran.stderr);
        let name =
            if command.is_empty() { "musterd".to_owned() } else { command.replace(' ', "-") };
        golden(&format!("help/{name}.txt"), &ran.stdout);
    }
}

#[test]
fn the_catalogue_of_rules_is_as_promised() {
    let ran = Folder::new().run(&["rules", "--format", "json"]);
    assert_eq!(ran.code, 0);
    golden("rules.json", &ran.stdout);
}

#[test]
fn a_rule_is_explained_and_a_slip_is_recognised() {
    let folder = Folder::new();
    let ran = folder.run(&["rules", "health.down"]);
    assert_eq!(ran.code, 0);
    golden("rules-health.down.txt", &ran.stdout);
    let ran = folder.run(&["rules", "health.dwon"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean `health.down`?"), "{}", ran.stderr);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let folder = Folder::new();
    for arguments in [&["chekc"][..], &[], &["check", "--format", "yaml"], &["check", "--nope"]] {
        assert_eq!(folder.run(arguments).code, 2, "{arguments:?}");
    }
}
