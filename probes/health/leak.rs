//! What a public health answer tells that it should keep to itself.

mod secret;

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::severity::Severity;
use secret::{PAIR, is_masked, key_of, secret};

/// More leaks than this of one body are not listed.
pub(crate) const MAX_LEAKS: usize = 8;

/// Longest excerpt, in characters.
const MAX_EXCERPT: usize = 80;

/// More of a body is not searched.
const MAX_BODY: usize = 256 * 1024;

/// An environment dump has at least this many lines.
const DUMP_LINES: usize = 5;

const MASK: &str = "***";

/// What leaked. In order of how bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeakKind {
    /// A connection URI with a password in it.
    ConnectionUri,
    /// The value of a `password`, `secret`, `token` or key.
    Secret,
    PrivateKey,
    AwsKey,
    Jwt,
    EnvironmentDump,
    /// An address of RFC 1918 with a port.
    PrivateAddress,
    StackFrame,
    FilePath,
    /// The message of a driver, with names of hosts, users or tables in it.
    DriverError,
}

impl LeakKind {
    /// High for what is a key to something, medium for what helps an attacker to find the way.
    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::ConnectionUri | Self::Secret | Self::PrivateKey | Self::AwsKey | Self::Jwt => {
                Severity::High
            }
            Self::EnvironmentDump
            | Self::PrivateAddress
            | Self::StackFrame
            | Self::FilePath
            | Self::DriverError => Severity::Medium,
        }
    }

    /// The subject of its finding.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ConnectionUri => "connection-uri",
            Self::Secret => "secret",
            Self::PrivateKey => "private-key",
            Self::AwsKey => "aws-key",
            Self::Jwt => "jwt",
            Self::EnvironmentDump => "environment",
            Self::PrivateAddress => "private-address",
            Self::StackFrame => "stack-frame",
            Self::FilePath => "file-path",
            Self::DriverError => "driver-error",
        }
    }
}

/// One kind of leak and where it shows, with every secret part masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leak {
    pub(crate) kind: LeakKind,
    /// At most 80 characters, without control characters.
    pub(crate) excerpt: String,
}

/// Finds the first leak of one kind and shows it masked.
type Find = fn(&str) -> Option<String>;

/// The leaks of a body, the first of each kind, the worst kinds first.
///
/// Loopback and public addresses, versions, commits, URLs, names and endpoint paths are none.
pub(crate) fn leaks(body: &str) -> Vec<Leak> {
    let body = body.get(..body.floor_char_boundary(MAX_BODY)).unwrap_or_default();
    let finders: [(LeakKind, Find); 9] = [
        (LeakKind::ConnectionUri, connection_uri),
        (LeakKind::Secret, secret),
        (LeakKind::PrivateKey, private_key),
        (LeakKind::AwsKey, aws_key),
        (LeakKind::Jwt, jwt),
        (LeakKind::EnvironmentDump, environment_dump),
        (LeakKind::PrivateAddress, private_address),
        (LeakKind::StackFrame, stack_frame),
        (LeakKind::FilePath, file_path),
    ];
    let leak = |(kind, find): (LeakKind, Find)| {
        find(body).map(|found| Leak { kind, excerpt: excerpt(&found) })
    };
    let mut found: Vec<Leak> = finders.into_iter().filter_map(leak).take(MAX_LEAKS).collect();
    // What else such a message tells is told already.
    if found.is_empty() {
        found.extend(leak((LeakKind::DriverError, driver_error)));
    }
    found
}

/// Masks what is still secret in a find of another kind, then shortens it.
fn excerpt(found: &str) -> String {
    let masked = URI.replace_all(found, |found: &Captures<'_>| shown_uri(found));
    let masked = JWT.replace_all(&masked, MASK);
    let masked = AWS_KEY.replace_all(&masked, MASK);
    let masked =
        PAIR.replace_all(&masked, |found: &Captures<'_>| format!("{}={MASK}", key_of(found)));
    masked.chars().filter(|c| !c.is_control()).take(MAX_EXCERPT).collect()
}

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern that the tests compile")
}

/// `scheme://user:password@host`.
static URI: LazyLock<Regex> = LazyLock::new(|| {
    // Up to the last `@` before a `/`: passwords are often pasted in without percent-encoding.
    compiled(
        r#"(?i)\b([a-z][a-z0-9+.-]+)://([^\s:/@"'<>\\]*):([^\s/?"'<>\\]+)@([a-z0-9._\[\]:-]*)"#,
    )
});

fn connection_uri(body: &str) -> Option<String> {
    let found = URI.captures_iter(body).find(|found| !is_masked(group(found, 3)))?;
    Some(shown_uri(&found))
}

fn shown_uri(found: &Captures<'_>) -> String {
    format!("{}://{MASK}@{}", group(found, 1), group(found, 4))
}

fn group<'t>(found: &Captures<'t>, number: usize) -> &'t str {
    found.get(number).map_or("", |part| part.as_str())
}

static PRIVATE_KEY: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"));

fn private_key(body: &str) -> Option<String> {
    PRIVATE_KEY.find(body).map(|found| format!("{} {MASK}", found.as_str()))
}

static AWS_KEY: LazyLock<Regex> = LazyLock::new(|| compiled(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"));

fn aws_key(body: &str) -> Option<String> {
    AWS_KEY.captures(body).map(|found| format!("{}{MASK}", group(&found, 1)))
}

/// Header and payload of a JSON Web Token both begin with `{"`, in base64 `eyJ`.
static JWT: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?")
});

fn jwt(body: &str) -> Option<String> {
    JWT.is_match(body).then(|| format!("eyJ{MASK}"))
}

static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?m)(?:^|\\n)(?:export )?([A-Z_][A-Z0-9_]+)="));

fn environment_dump(body: &str) -> Option<String> {
    let names: Vec<String> = VARIABLE
        .captures_iter(body)
        .take(DUMP_LINES)
        .map(|found| format!("{}={MASK}", group(&found, 1)))
        .collect();
    (names.len() == DUMP_LINES).then(|| names.join(" "))
}

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"(?:^|[^0-9.])((?:10|172|192)\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}):([0-9]{2,5})\b")
});

fn private_address(body: &str) -> Option<String> {
    ADDRESS.captures_iter(body).find_map(|found| {
        let address: Ipv4Addr = group(&found, 1).parse().ok()?;
        let port: u16 = group(&found, 2).parse().ok()?;
        address.is_private().then(|| format!("{address}:{port}"))
    })
}

/// Frames and first lines as Node, the JVM, Python, .NET, PHP, Go and Rust write them.
static FRAME: LazyLock<Regex> = LazyLock::new(|| {
    const START: &str = r"(?:\\[nrt]|\b)";
    compiled(
        &[
            &format!(r"{START}(?:at (?:async |new )?[A-Za-z0-9_.$<>\[\] ]+ \([^()\s\x22]+:[0-9]{{1,7}}:[0-9]{{1,7}}\))"),
            &format!(r"{START}(?:at (?:async )?(?:file://|node:|/|[A-Z]:\\)[^()\s\x22]+:[0-9]{{1,7}}:[0-9]{{1,7}})"),
            &format!(r"{START}(?:at [A-Za-z0-9_.$/<>]{{3,}}\([A-Za-z0-9_$]+\.(?:java|kt|scala|groovy|clj):[0-9]{{1,7}}\))"),
            &format!(r"{START}(?:at [A-Za-z0-9_.<>`\[\]]{{3,}}\([^()\n]*\) in [^\n\x22]+:line [0-9]{{1,7}})"),
            r"(?:File \\?\x22[^\x22\n\\]+\\?\x22, line [0-9]{1,7})",
            r"(?:#[0-9]{1,3} /[^()\s\x22]+\.php\([0-9]{1,7}\))",
            r"(?:thread '[^'\n]+'[^\n]{0,20} panicked at )",
            r"(?:goroutine [0-9]{1,9} \[[a-z ]+\])",
            r"(?:panic: runtime error)",
        ]
        .join("|"),
    )
});

fn stack_frame(body: &str) -> Option<String> {
    FRAME.find(body).map(|found| {
        ["\\n", "\\r", "\\t"]
            .iter()
            .find_map(|escape| found.as_str().strip_prefix(escape))
            .unwrap_or(found.as_str())
            .to_owned()
    })
}

/// What drivers of databases, caches and sockets say when they fail, with the name of a host,
/// user or table behind it.
static DRIVER: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        &[
            r"\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH) [A-Za-z0-9.:_-]{2,80}",
            r"password authentication failed for user [^,}]{1,80}",
            r"[Aa]ccess denied for user [^,}]{1,80}",
            r"no pg_hba\.conf entry for host [^,}]{1,80}",
            r"Can't reach database server at [^,}]{1,80}",
            r"(?:relation|database|role) (?:\\?\x22|')[A-Za-z0-9_.-]{1,64}(?:\\?\x22|') does not exist",
            r"\bdial tcp[^,}]{0,20}: lookup [A-Za-z0-9._-]{1,80}",
            r"SQLSTATE\[[0-9A-Z]{2,5}\][^,}]{0,80}",
            r"\bORA-[0-9]{5}\b[^,}]{0,80}",
        ]
        .join("|"),
    )
});

fn driver_error(body: &str) -> Option<String> {
    let found =
        DRIVER.find_iter(body).map(|found| found.as_str()).find(|text| !is_loopback(text))?;
    Some(found.trim_end_matches(['"', '\\', ' ']).to_owned())
}

/// Whether what failed is on the machine itself, which tells nothing to anybody.
fn is_loopback(text: &str) -> bool {
    ["127.0.0.1", "::1", "localhost"].iter().any(|name| text.contains(name))
}

/// Absolute paths below directories that only servers have, and below those that URLs have too
/// (`/app`, `/data`, `/src`) when the name is one of a source, key or configuration.
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    const NAME: &str = r"[A-Za-z0-9_.@+-]+";
    compiled(&format!(
        r"(?:^|[\s\x22'(=:,\[])((?:/(?:(?:home|Users|opt|srv|mnt)/{NAME}|root/\.?{NAME}|usr/(?:src|lib|local|share|bin|sbin)|var/(?:www|lib|log|run|task|app|opt|cache|tmp)|etc|proc/[0-9a-z]{{1,10}}|nix/store)(?:/{NAME})+)|(?:/(?:app|src|code|workspace|data|tmp|build|var)(?:/{NAME})*/[A-Za-z0-9_@+.-]*\.(?:js|mjs|cjs|ts|tsx|jsx|py|rb|php|java|go|rs|cs|env|ya?ml|toml|ini|conf|log|db|sqlite3?|pem|key|sock))|(?:[A-Z]:\\{{1,2}}(?:[A-Za-z0-9_.$ -]+\\{{1,2}})+{NAME}))"
    ))
});

fn file_path(body: &str) -> Option<String> {
    PATH.captures_iter(body).find_map(|found| {
        let path = found.get(1)?;
        // The attributes of a page hold the paths of URLs.
        let before = body.get(..path.start())?.trim_end_matches(['"', '\'']);
        let attribute = ["href=", "src=", "action=", "content=", "srcset=", "url("]
            .iter()
            .any(|name| before.ends_with(name));
        (!attribute).then(|| path.as_str().to_owned())
    })
}

#[cfg(test)]
mod tests;
