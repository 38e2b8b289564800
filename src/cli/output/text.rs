//! Text from outside made fit for a terminal: nothing invisible, nothing that moves the cursor,
//! and known in columns.

/// What is longer than this is cut: the whole of it stands in the JSON report.
const LONGEST: usize = 1000;
const HEADLINE: usize = 120;

/// One line that shows what it says: spaces for line breaks and tabs, and escapes in words for
/// every character that a terminal would obey or hide.
pub(super) fn legible(text: &str) -> String {
    legible_within(text, LONGEST)
}

/// What a finding is about, short enough for a headline.
pub(super) fn headline(text: &str) -> String {
    legible_within(text, HEADLINE)
}

fn legible_within(text: &str, most: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(most));
    for (index, c) in text.trim().chars().enumerate() {
        if index == most {
            clean.push('…');
            break;
        }
        match c {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => clean.push(' '),
            c if is_deceptive(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    clean
}

/// Control characters, the marks that turn the direction of writing, invisible ones, and what
/// XML forbids.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// How many columns a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The blocks that terminals draw two columns wide, and those that join the character before.
fn columns_of(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{200c}'
        | '\u{200d}'
        | '\u{20d0}'..='\u{20f0}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// The words of a text, those longer than `most` columns in pieces.
pub(super) fn words(text: &str, most: usize) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty()).flat_map(move |word| pieces(word, most.max(2)))
}

fn pieces(word: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut taken = 0;
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                taken += columns_of(*c);
                taken > most
            })
            .map_or(rest.len(), |(index, _)| index);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// `1 finding`, `2 findings`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_or_hides_is_left() {
        for (text, clean) in [
            ("a\nb\tc\r\n", "a b c"),
            ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            (
                "nul\0 bell\u{7} del\u{7f} csi\u{9b}2J",
                "nul\\u{0} bell\\u{7} del\\u{7f} csi\\u{9b}2J",
            ),
            ("admin\u{202e}nimda", "admin\\u{202e}nimda"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("é 漢字 👩\u{200d}🚒", "é 漢字 👩\u{200d}🚒"),
        ] {
            assert_eq!(legible(text), clean);
        }
        assert_eq!(legible(&"x".repeat(5000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn columns_are_counted_as_terminals_draw_them() {
        for (text, wide) in [("abc", 3), ("漢字", 4), ("e\u{301}", 1), ("é", 1), ("🚒", 2)] {
            assert_eq!(columns(text), wide, "{text}");
        }
    }

    #[test]
    fn long_words_are_split_and_none_is_lost() {
        assert_eq!(words("a bcdefg  h", 3).collect::<Vec<_>>(), ["a", "bcd", "efg", "h"]);
        assert_eq!(words("漢字漢", 3).collect::<Vec<_>>(), ["漢", "字", "漢"]);
        assert_eq!(words("", 3).count(), 0);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!((count(1, "rule"), count(0, "rule")), ("1 rule".into(), "0 rules".into()));
    }
}
