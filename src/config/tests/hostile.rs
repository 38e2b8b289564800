//! Files that want to do harm, or are none at all.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::TODAY;
use crate::config::load::load_at;
use crate::config::yaml::Problems;

fn problems(path: &Path) -> String {
    let problems: Problems = load_at(path, TODAY).expect_err("it is wrong");
    let text = problems.to_string();
    let directory = path.parent().unwrap().to_str().unwrap().to_owned() + "/";
    text.replace(&directory, "")
}

/// What is said of a file with this content.
fn of_content(content: impl AsRef<[u8]>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.yaml");
    fs::write(&path, content).unwrap();
    problems(&path)
}

#[test]
fn what_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(
        problems(&directory.path().join("absent.yaml")),
        "absent.yaml: error: it cannot be read: there is no such file or directory"
    );
    let dangling = directory.path().join("dangling.yaml");
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    assert!(problems(&dangling).contains("there is no such file"));
}

#[test]
fn a_directory_without_configuration_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("conf.d");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("notes.txt"), "services: []").unwrap();
    fs::write(inner.join(".hidden.yaml"), "services: []").unwrap();
    assert_eq!(
        problems(&inner),
        "conf.d: error: the directory holds no configuration\n   \
         hint: its files are called *.yaml or *.yml"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.yaml");
    fs::write(&path, "services: []").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever may read everything finds an empty list instead.
    let problems = problems(&path);
    assert!(
        problems.contains("permission denied") || problems.contains("nothing to watch"),
        "{problems}"
    );
}

#[test]
fn what_is_no_text_is_refused() {
    let mut binary = vec![0x7f; 10 * 1024 * 1024];
    binary[1] = b'E';
    assert_eq!(of_content(&binary).lines().count(), 4);
    assert!(of_content(&binary).contains("m.yaml:1:1: error: a control character"));
    assert!(of_content(b"services: \xff").contains("m.yaml:1:11: error: the file is not UTF-8"));
    assert_eq!(of_content(""), "m.yaml: error: the file is empty");
    assert!(of_content("a".repeat(65 * 1024 * 1024)).contains("larger than 64 MiB"));
}

#[test]
fn what_grows_without_end_is_refused() {
    let nested = "services: ".to_owned() + &"[".repeat(10 * 1024 * 1024);
    let message = of_content(nested);
    assert!(message.contains("nested more than 64 deep") && message.len() < 1000, "{message}");

    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (before, name) in
        ["a", "b", "c", "d", "e", "f", "g", "h", "i"].windows(2).map(|w| (w[0], w[1]))
    {
        let uses = vec![format!("*{before}"); 10].join(", ");
        writeln!(bomb, "{name}: &{name} [{uses}]").unwrap();
    }
    let message = of_content(bomb);
    assert!(message.contains("with what aliases repeat") && message.len() < 1000, "{message}");
}

#[test]
fn an_endless_file_is_read_to_its_bound_only() {
    let endless = Path::new("/dev/zero");
    if endless.exists() {
        assert!(problems(endless).contains("larger than 64 MiB"));
    }
}

#[test]
fn thousands_of_mistakes_are_cut_short() {
    let wrong = "      - htpp: {}\n".repeat(20_000);
    let head = "services:\n  - name: shop\n    url: https://shop.example\n    checks:\n";
    let message = of_content(format!("{head}{wrong}"));
    assert_eq!(message.matches("error: ").count(), 100);
    assert!(message.ends_with("m.yaml: and more"));

    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("conf.d");
    fs::create_dir(&inner).unwrap();
    for file in 0..30 {
        let wrong = "      - htpp: {}\n".repeat(90);
        fs::write(inner.join(format!("{file:02}.yaml")), format!("{head}{wrong}")).unwrap();
    }
    let message = problems(&inner);
    assert_eq!(message.matches("error: ").count(), 1000);
    assert!(message.ends_with("other files: and more"));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    /// However an example is torn apart, it is read or refused, and nothing else.
    #[test]
    fn torn_files_are_survived(
        cuts in proptest::collection::vec((0_usize..200, 0_usize..60), 1..6),
        word in "(null|5|-|: |\\[|\\{|\"|\\*a|&a |name|http|- |\t| )",
    ) {
        let mut lines: Vec<String> = crate::config::EXAMPLE.lines().map(str::to_owned).collect();
        for (line, column) in cuts {
            let at = line % lines.len();
            let head: String = lines[at].chars().take(column).collect();
            lines[at] = format!("{head}{word}");
        }
        let text = lines.join("\n");
        let outcome = crate::config::load::load_text_at("torn.yaml", &text, TODAY);
        if let Err(problems) = outcome {
            proptest::prop_assert!(problems.to_string().contains("error: "));
        }
    }
}
