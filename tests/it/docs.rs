//! Documentation that cannot lie: every configuration in it passes `config check`, and its tables
//! come from the registry.

use std::path::PathBuf;

use crate::harness::{Folder, root};

fn pages() -> Vec<PathBuf> {
    ["README.md", "config/README.md", "probes/README.md", "deploy/README.md", "CHANGELOG.md"]
        .iter()
        .map(|page| root().join(page))
        .filter(|page| page.exists())
        .collect()
}

fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_configuration_in_a_page_passes_config_check() {
    let mut checked = 0;
    for page in pages() {
        for block in blocks(&std::fs::read_to_string(&page).unwrap(), "yaml") {
            let folder = Folder::new();
            folder.write("musterd.yaml", &block);
            let ran = folder.run(&["config", "check"]);
            assert_eq!(ran.code, 0, "{}\n{block}\n{}{}", page.display(), ran.stdout, ran.stderr);
            checked += 1;
        }
    }
    assert!(checked > 0);
}

#[test]
fn every_example_configuration_passes_config_check() {
    let folder = Folder::new();
    for file in ["config/minimal.yaml", "config/full.yaml"] {
        let path = root().join(file);
        let ran = folder.run(&["config", "check", &path.display().to_string()]);
        assert_eq!(ran.code, 0, "{file}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn the_front_page_shows_what_the_demo_prints() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let shown = blocks(&readme, "text").remove(0);
    let printed = Folder::new().run(&["demo", "--once"]).stdout;
    // Times and ports differ from run to run; everything else is what the program prints.
    let scrub = |text: &str| {
        use musterd_test_support::scrub;
        scrub::pattern(&scrub::ports(text), r"\d+(\.\d+)? (ms|µs|s)\b", "TIME")
    };
    let printed = scrub(&printed);
    for line in scrub(&shown).lines().filter(|line| !line.contains('…')) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = words(line);
        assert!(
            printed.lines().any(|line| words(line) == wanted),
            "the demo does not print {line:?}\n{printed}"
        );
    }
}

#[test]
fn the_table_of_kinds_is_the_registrys() {
    let page = std::fs::read_to_string(root().join("probes/README.md")).unwrap();
    for kind in musterd_probes::KINDS {
        let row = format!("| `{}` | {} | {} |", kind.name, kind.summary, kind.abouts().len());
        assert!(page.contains(&row), "probes/README.md lacks the row {row}");
    }
}
