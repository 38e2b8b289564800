//! Text from outside, made fit for a report.

/// The beginning of a text, without control characters and at most `most` characters long.
pub fn excerpt(text: &str, most: usize) -> String {
    let mut clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(most + 1)
        .collect::<String>()
        .trim()
        .to_owned();
    if clean.chars().count() > most {
        clean = clean.chars().take(most.saturating_sub(1)).collect();
        clean.push('…');
    }
    clean
}

/// So many bytes, as people say it.
pub fn bytes(count: usize) -> String {
    if count == 1 {
        "1 byte".to_owned()
    } else if count < 10 * 1024 {
        format!("{count} bytes")
    } else if count < 10 * 1024 * 1024 {
        format!("{} KiB", count / 1024)
    } else {
        format!("{} MiB", count / (1024 * 1024))
    }
}

/// Words in a list: `a`, `a and b`, `a, b and c`.
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt("a\nb\u{1b}[31m", 10), "a b [31m");
        assert_eq!(excerpt("abcdef", 4), "abc…");
        assert_eq!(excerpt("abcd", 4), "abcd");
    }

    #[test]
    fn counts_and_lists_read_as_people_say_them() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(65_536), "64 KiB");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
