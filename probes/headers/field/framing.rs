//! `X-Frame-Options` as the HTML standard processes it.

use super::members;

/// What the header does to whoever frames the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no such header.
    Absent,
    /// Only the origin itself frames the page, or nobody.
    Fenced,
    /// Values contradict each other: browsers refuse every frame.
    Contradictory(String),
    /// No browser acts on this value.
    Ignored(String),
}

/// Reads all lines: equal values count once.
pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Framing {
    let mut values: Vec<String> = Vec::new();
    let mut present = false;
    for line in lines {
        present = true;
        for value in members(line) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    let known = |value: &String| matches!(value.as_str(), "deny" | "sameorigin" | "allowall");
    match values.as_slice() {
        [] if present => Framing::Ignored("an empty value".to_owned()),
        [] => Framing::Absent,
        [one] if one == "deny" || one == "sameorigin" => Framing::Fenced,
        [one] => Framing::Ignored(one.clone()),
        many if many.iter().any(known) => Framing::Contradictory(many.join(", ")),
        many => Framing::Ignored(many.join(", ")),
    }
}
