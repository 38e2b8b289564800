//! `musterd config`: problems, schema and example, as they are printed.

use crate::harness::{Folder, root};

#[test]
fn a_good_configuration_is_summed_up_in_a_line() {
    let folder = Folder::new();
    let text = std::fs::read_to_string(root().join("config/minimal.yaml")).unwrap();
    folder.write("musterd.yaml", text);
    let ran = folder.run(&["config", "check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, "./musterd.yaml: 1 service, 2 checks, no problem\n");
}

#[test]
fn warnings_are_printed_and_let_pass() {
    let folder = Folder::new();
    let text = std::fs::read_to_string(root().join("tests/configs/bad/waiver-expired.yaml"));
    folder.write("musterd.yaml", text.unwrap());
    let ran = folder.run(&["config", "check", "musterd.yaml"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.starts_with("musterd.yaml:5:49: warning: "), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("\n\nmusterd.yaml: 1 service, 1 check, 1 warning\n"));
}

#[test]
fn errors_are_counted_and_refused() {
    let folder = Folder::new();
    let text = "services:\n  - {name: A, url: x, checks: [htpp: ]}\n";
    folder.write("musterd.yaml", text);
    let ran = folder.run(&["config", "check", "musterd.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (2, ""));
    assert!(ran.stdout.ends_with("\n\nmusterd.yaml: 3 errors\n"), "{}", ran.stdout);
}

#[test]
fn schema_and_example_are_those_of_the_repository() {
    let folder = Folder::new();
    for (what, file) in [("schema", "config/schema.json"), ("example", "config/full.yaml")] {
        let ran = folder.run(&["config", what]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert!(ran.stdout == std::fs::read_to_string(root().join(file)).unwrap(), "{what}");
    }
}
