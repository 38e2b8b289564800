//! `Permissions-Policy`: a dictionary of structured fields (W3C Permissions Policy section 5.2).

use sfv::{BareItem, Dictionary, Item, ListEntry, Parser};

/// What a policy says that it should not, by feature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Features whose value browsers ignore, and why.
    pub(crate) ignored: Vec<(String, String)>,
    /// Powerful features that every origin in a frame gets.
    pub(crate) given_away: Vec<String>,
}

/// Features that reach for people or devices.
const POWERFUL: [&str; 16] = [
    "bluetooth",
    "camera",
    "clipboard-read",
    "display-capture",
    "geolocation",
    "hid",
    "idle-detection",
    "local-fonts",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "serial",
    "usb",
    "window-management",
    "xr-spatial-tracking",
];

/// Reads all lines joined by commas. `Err`: browsers ignore the whole header.
pub(crate) fn parse(joined: &str) -> Result<Reading, String> {
    let dictionary: Dictionary =
        Parser::new(joined).parse().map_err(|error| hint(joined, &error.to_string()))?;
    let mut reading = Reading::default();
    for (feature, entry) in &dictionary {
        let items: &[Item] = match entry {
            ListEntry::Item(item) => std::slice::from_ref(item),
            ListEntry::InnerList(list) => &list.items,
        };
        if let Some(why) = items.iter().find_map(unknown) {
            reading.ignored.push((feature.as_str().to_owned(), why));
        }
        let everybody = items.iter().any(|item| is_token(item, "*"));
        if everybody && POWERFUL.contains(&feature.as_str()) {
            reading.given_away.push(feature.as_str().to_owned());
        }
    }
    Ok(reading)
}

fn is_token(item: &Item, text: &str) -> bool {
    matches!(&item.bare_item, BareItem::Token(token) if token.as_str() == text)
}

/// Why a member of an allowlist means nothing.
fn unknown(item: &Item) -> Option<String> {
    match &item.bare_item {
        BareItem::Token(token) => match token.as_str() {
            "*" | "self" | "src" => None,
            "none" => Some("`none` is no value: an empty list `()` means nobody".to_owned()),
            other => {
                Some(format!("`{}` is neither `*` nor `self`", crate::text::excerpt(other, 40)))
            }
        },
        BareItem::String(_) => None,
        BareItem::Boolean(_) => Some("it has no allowlist".to_owned()),
        _ => Some("its allowlist holds something that is no origin".to_owned()),
    }
}

fn hint(text: &str, error: &str) -> String {
    let old = text.contains("'self'") || text.contains("'none'") || text.contains(';');
    if old { "it is written in the syntax of Feature-Policy".to_owned() } else { error.to_owned() }
}
