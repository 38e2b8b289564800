//! Texts of the file format that are checked as they are read.

use std::borrow::Cow;

use http::HeaderName;
use jiff::civil::Date;
use musterd_probes::KINDS;
use musterd_probes::registry::Registration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use crate::config::yaml::{shorten, suggestion};
use crate::policy;

/// Defines a type that is read from another one, and checked. What is wrong is said in a text, with
/// advice behind `\nhint: `.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident($inner:ty): String, $parse:path, $schema:tt) => {
        checked! {
            @type $(#[$doc])* $name($inner), $schema,
            |deserializer| $parse(&String::deserialize(deserializer)?)
        }
    };
    ($(#[$doc:meta])* $name:ident($inner:ty): $from:ty, $parse:path, $schema:tt) => {
        checked! {
            @type $(#[$doc])* $name($inner), $schema,
            |deserializer| $parse(<$from>::deserialize(deserializer)?)
        }
    };
    (@type $(#[$doc:meta])* $name:ident($inner:ty), $schema:tt, |$from:ident| $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>($from: D) -> Result<Self, D::Error> {
                $parse.map(Self).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}
pub(super) use checked;

checked! {
    /// A name of a service, a check, a profile, an objective or a receiver.
    Name(String): String, name,
    {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"}
}

fn name(text: &str) -> Result<String, String> {
    let mut bytes = text.bytes();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if bytes.next().is_some_and(plain)
        && bytes.all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'))
        && text.len() <= 63
    {
        return Ok(text.to_owned());
    }
    let rule = "a name has 1 to 63 lower-case letters, digits, `.`, `_` and `-`, and starts with a \
                letter or digit";
    let better: String = text
        .to_ascii_lowercase()
        .chars()
        .map(|c| if plain(u8::try_from(c).unwrap_or(b' ')) || c == '.' { c } else { '-' })
        .take(63)
        .collect();
    let better = better.trim_matches(['-', '.']);
    let hint = if better.is_empty() { String::new() } else { format!("\nhint: write `{better}`") };
    Err(format!("`{text}` is no name: {rule}{hint}"))
}

checked! {
    /// A pattern with `*`, `?` and `[a-z]`.
    Glob(glob::Pattern): String, glob, {"type": "string", "minLength": 1}
}

checked! {
    /// A pattern of what findings are about, which is nothing where it is the check itself.
    Subject(glob::Pattern): String, pattern, {"type": "string"}
}

fn glob(text: &str) -> Result<glob::Pattern, String> {
    if text.is_empty() {
        return Err("an empty pattern matches nothing\nhint: write `*` for everything".to_owned());
    }
    pattern(text)
}

fn pattern(text: &str) -> Result<glob::Pattern, String> {
    glob::Pattern::new(text).map_err(|error| {
        let advice = "write `[*]`, `[?]` and `[[]` for the characters themselves";
        format!("`{text}` is no pattern: {} at character {}\nhint: {advice}", error.msg, error.pos)
    })
}

checked! {
    /// A day.
    Day(Date): String, day,
    {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
}

fn day(text: &str) -> Result<Date, String> {
    let date = if text.len() == 10 { text.parse().ok() } else { None };
    date.ok_or_else(|| {
        format!("`{text}` is no day\nhint: write year, month and day, such as 2027-01-31")
    })
}

checked! {
    /// A text that says something to a person.
    Words(String): String, words, {"type": "string", "minLength": 1, "maxLength": 500}
}

fn words(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    match trimmed.chars().count() {
        0 => Err("it says nothing".to_owned()),
        1..=500 => Ok(trimmed.to_owned()),
        _ => Err("it is longer than 500 characters".to_owned()),
    }
}

checked! {
    /// The id of a rule.
    RuleId(String): String, rule, {"type": "string", "pattern": "^[a-z_]+\\.[a-z-]+$"}
}

fn rule(text: &str) -> Result<String, String> {
    let known = KINDS.iter().flat_map(Registration::abouts).chain(policy::ABOUTS);
    let known: Vec<&str> = known.map(|about| about.id).collect();
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    let probe = text.split_once('.').map_or("", |(probe, _)| probe);
    let near: Vec<&str> =
        known.iter().filter(|id| id.split('.').next() == Some(probe)).copied().collect();
    let hint = match suggestion(text, &known) {
        Some(meant) if meant.starts_with("did you") => meant,
        _ => {
            suggestion(text, &near).unwrap_or_else(|| "`musterd rules` lists every rule".to_owned())
        }
    };
    Err(format!("unknown rule `{}`\nhint: {hint}", shorten(text)))
}

checked! {
    /// The name of a header that a configuration may set.
    Header(HeaderName): String, header,
    {"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"}
}

fn header(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text.parse().map_err(|_| format!("`{text}` is no name of a header"))?;
    let way_out = match name.as_str() {
        "host" => "set `server_name`, or `connect_to` beside a `url` with that name",
        "user-agent" => "it tells who asks; set `contact` to tell more",
        "musterd-run" => "it tells which run asks",
        "connection" | "content-length" | "keep-alive" | "te" | "trailer" | "transfer-encoding"
        | "upgrade" => "it belongs to the connection; leave it out",
        _ => return Ok(name),
    };
    Err(format!("the header `{text}` is musterd's own\nhint: {way_out}"))
}

checked! {
    /// A path under which the server stands.
    BasePath(String): String, base_path, {"type": "string", "pattern": "^/[A-Za-z0-9._~/-]*$"}
}

fn base_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._~/-".contains(c);
    if !text.starts_with('/') || !text.chars().all(plain) || text.contains("//") {
        let example = "hint: write a path such as /musterd";
        return Err(format!("`{text}` is no path to stand under\n{example}"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

checked! {
    /// Whom the owners of a target may ask.
    Contact(String): String, contact, {"type": "string", "minLength": 1, "maxLength": 200}
}

fn contact(text: &str) -> Result<String, String> {
    // It stands inside of a comment of a header (RFC 9110 section 10.1.5).
    let plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !"()\\".contains(c);
    if text.trim().is_empty() || text.len() > 200 || !text.chars().all(plain) {
        let rule = "1 to 200 ASCII characters without parentheses";
        let example = "hint: write an address such as mailto:ops@shop.example";
        return Err(format!("`{text}` does not fit into a header: {rule}\n{example}"));
    }
    Ok(text.trim().to_owned())
}

checked! {
    /// Where an instance looks from.
    Location(String): String, location, {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"}
}

fn location(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { name(text) }
}
