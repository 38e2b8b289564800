//! Every mistake has a message that says where it is and what to do.

use super::{TODAY, configurations};
use crate::config::load::{Loaded, load_text_at};
use crate::testing::golden;

fn message(name: &str, text: &str) -> String {
    match load_text_at(name, text, TODAY) {
        Ok(Loaded { warnings, .. }) => format!("{warnings}\n"),
        Err(problems) => format!("{problems}\n"),
    }
}

#[test]
fn every_mistake_has_its_message() {
    let mistakes = configurations("tests/configs/bad");
    assert!(mistakes.len() >= 60);
    for (name, text) in mistakes {
        let message = message(&name, &text);
        assert_ne!(message, "\n", "{name} is right");
        golden(&format!("../configs/bad/{}", name.replace(".yaml", ".txt")), &message);
    }
}

#[test]
fn no_message_repeats_a_secret_or_much_of_a_value() {
    for (name, text) in configurations("tests/configs/bad") {
        let message = message(&name, &text);
        for secret in ["hunter22", "battery", "abcdef\n", "session=", "12345678"] {
            assert!(!message.contains(secret), "{name}:\n{message}");
        }
        for line in message.lines().filter(|line| !line.contains(" | ")) {
            let longest = line.split([' ', '`', '"', '|']).map(|word| word.chars().count()).max();
            assert!(longest.unwrap_or_default() <= 64, "{name}: {line}");
        }
    }
}

#[test]
fn every_golden_message_belongs_to_a_mistake() {
    let mistakes = configurations("tests/configs/bad");
    for entry in std::fs::read_dir(super::path("tests/configs/bad")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let yaml = name.replace(".txt", ".yaml");
        assert!(mistakes.iter().any(|(mistake, _)| *mistake == yaml), "{name} is left over");
    }
}
