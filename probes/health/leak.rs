//! What a public health answer tells that it should keep to itself.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

use super::vocabulary;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
}

/// How bad a leak is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gravity {
    /// It helps an attacker to find the way.
    Medium,
    /// It is a key to something.
    High,
}

impl LeakKind {
    pub(crate) fn gravity(self) -> Gravity {
        match self {
            Self::ConnectionUri | Self::Secret | Self::PrivateKey | Self::AwsKey | Self::Jwt => {
                Gravity::High
            }
            Self::EnvironmentDump | Self::PrivateAddress | Self::StackFrame | Self::FilePath => {
                Gravity::Medium
            }
        }
    }
}

/// One kind of leak and where it shows, with every secret part masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    finders
        .into_iter()
        .filter_map(|(kind, find)| find(body).map(|found| Leak { kind, excerpt: excerpt(&found) }))
        .take(MAX_LEAKS)
        .collect()
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

/// A key that names a secret by its last word, and its value: in JSON (escaped once more inside
/// a string or not), in Python's dictionaries, in `NAME=value` and in lines of YAML. `tokenizer`
/// and `secrets_manager` do not end in such a word; `next_page_token` and others are told apart
/// by [`PUBLIC_KEYS`].
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    const KEY: &str = r"[a-z0-9_.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key)(?:[_-]?base)?";
    compiled(&format!(
        r#"(?im)["']({KEY})\\?["']\s{{0,8}}:\s{{0,8}}\\?["']([^"'\\\r\n]+)|\b({KEY})\s?=\s?\\?["']?([^\s"'&;,<>\\]+)|^[ \t-]{{0,16}}({KEY}):[ \t]{{1,8}}["']?([^\s"'{{\[]+)["']?[ \t\r]{{0,8}}$"#,
    ))
});

/// Keys that end like secrets and are none.
const PUBLIC_KEYS: [&str; 9] = [
    "pagetoken",
    "pagingtoken",
    "continuationtoken",
    "csrftoken",
    "xsrftoken",
    "synctoken",
    "maxtoken",
    "pertoken",
    "publickey",
];

/// What stands for a secret without being one, beside the words of health.
const NO_SECRETS: [&str; 31] = [
    "null",
    "none",
    "nil",
    "undefined",
    "empty",
    "true",
    "false",
    "set",
    "unset",
    "notset",
    "present",
    "missing",
    "absent",
    "configured",
    "loaded",
    "found",
    "notfound",
    "valid",
    "invalid",
    "expired",
    "required",
    "enabled",
    "redacted",
    "hidden",
    "masked",
    "filtered",
    "secret",
    "protected",
    "bearer",
    "string",
    "removed",
];

fn secret(body: &str) -> Option<String> {
    PAIR.captures_iter(body)
        .find(|found| {
            let key: String =
                key_of(found).chars().filter(char::is_ascii_alphanumeric).collect::<String>();
            let key = key.to_ascii_lowercase();
            !PUBLIC_KEYS.iter().any(|public| key.ends_with(public))
                && is_secret(value_of(found))
                && !found.get(4).is_some_and(|value| is_code(value.as_str()))
        })
        .map(|found| format!("{}={MASK}", key_of(&found)))
}

fn key_of<'t>(found: &Captures<'t>) -> &'t str {
    [1, 3, 5].into_iter().find_map(|number| found.get(number)).map_or("", |part| part.as_str())
}

fn value_of<'t>(found: &Captures<'t>) -> &'t str {
    [2, 4, 6].into_iter().find_map(|number| found.get(number)).map_or("", |part| part.as_str())
}

fn is_secret(value: &str) -> bool {
    let value = value.trim();
    let word: String =
        value.chars().filter(|c| c.is_alphanumeric()).take(32).collect::<String>().to_lowercase();
    let describes = vocabulary::level(value).is_some()
        || NO_SECRETS.contains(&word.as_str())
        // Prose about the secret, and where to get one.
        || value.contains(char::is_whitespace)
        || value.starts_with('/')
        || value.contains("://")
        // A count of tokens.
        || (value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit()));
    !(describes || is_masked(value))
}

/// Whether what is assigned without quotes is an expression of a page's script.
fn is_code(value: &str) -> bool {
    let names = |text: &str| {
        text.split('.').all(|name| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || "_$".contains(c))
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "_$".contains(c))
        })
    };
    value.len() < 4
        || value.contains(['(', ')', '!'])
        || (value.contains('.') && names(value))
        || ["void", "await", "this", "function", "typeof", "return"].contains(&value)
}

/// Whether a value was masked by its sender, or is a placeholder of a template.
fn is_masked(value: &str) -> bool {
    let value = value.trim();
    let filler = |c: char| matches!(c, '*' | 'x' | 'X' | '•' | '●' | '.' | '-' | '_' | '#' | '…');
    value.is_empty()
        || value.chars().all(filler)
        || value.contains("***")
        || value.to_ascii_uppercase().contains("%2A%2A")
        || value.to_ascii_lowercase().contains("redacted")
        || value.starts_with(['$', '<', '[', '{', '%', '('])
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
mod tests {
    use proptest::prelude::proptest;

    use super::{Gravity, LeakKind, MAX_EXCERPT, MAX_LEAKS, leaks};
    use LeakKind::{
        AwsKey, ConnectionUri, EnvironmentDump, FilePath, Jwt, PrivateAddress, PrivateKey, Secret,
        StackFrame,
    };

    #[test]
    fn leaks_are_found_and_masked() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl";
        let bearer = format!("token {jwt} expired");
        // Body, kind, excerpt.
        let rows: &[(&str, LeakKind, &str)] = &[
            (
                r#"{"message":"cannot reach postgres://app:hunter2@db.internal:5432/app"}"#,
                ConnectionUri,
                "postgres://***@db.internal:5432",
            ),
            ("redis://:p@ss@10.1.2.3:6379", ConnectionUri, "redis://***@10.1.2.3:6379"),
            (
                "mongodb+srv://u:p%40x@c0.example.net/db",
                ConnectionUri,
                "mongodb+srv://***@c0.example.net",
            ),
            ("amqp://guest:guest@rabbit/", ConnectionUri, "amqp://***@rabbit"),
            (r#"{"password":"hunter2"}"#, Secret, "password=***"),
            (r#"{"db_password" : "a"}"#, Secret, "db_password=***"),
            (r#"{"config":{"apiKey":"sk_live_4eC39H"}}"#, Secret, "apiKey=***"),
            (r#"{"SECRET_KEY_BASE":"0a1b2c3d"}"#, Secret, "SECRET_KEY_BASE=***"),
            (r#"{"message":"{\"access_key\":\"abc123\"}"}"#, Secret, "access_key=***"),
            ("{'token': 'abc123'}", Secret, "token=***"),
            ("Server=db;User Id=sa;Password=Pa55;", Secret, "Password=***"),
            ("GET /x?api_key=abc123&y=1", Secret, "api_key=***"),
            ("db:\n  password: hunter2\n", Secret, "password=***"),
            ("STRIPE_SECRET=sk_test_1", Secret, "STRIPE_SECRET=***"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIEow",
                PrivateKey,
                "-----BEGIN RSA PRIVATE KEY----- ***",
            ),
            ("-----BEGIN PRIVATE KEY-----\\nMII", PrivateKey, "-----BEGIN PRIVATE KEY----- ***"),
            (&bearer, Jwt, "eyJ***"),
            ("key AKIAIOSFODNN7EXAMPLE denied", AwsKey, "AKIA***"),
            ("connect ECONNREFUSED 10.0.0.5:6379", PrivateAddress, "10.0.0.5:6379"),
            (r#"{"host":"192.168.1.10:5432"}"#, PrivateAddress, "192.168.1.10:5432"),
            ("dial tcp 172.31.0.9:80: i/o timeout", PrivateAddress, "172.31.0.9:80"),
            (
                r#"{"stack":"Error: x\n    at check (/app/dist/db.js:10:15)\n"}"#,
                StackFrame,
                "at check (/app/dist/db.js:10:15)",
            ),
            (r#""\nat /srv/x.js:1:2""#, StackFrame, "at /srv/x.js:1:2"),
            (
                r#""x\n\tat org.acme.Db.ping(Db.java:42)""#,
                StackFrame,
                "at org.acme.Db.ping(Db.java:42)",
            ),
            ("  File \"x.py\", line 12, in ping", StackFrame, "File \"x.py\", line 12"),
            (
                "   at Acme.Db.Ping(String a) in C:\\src\\Db.cs:line 12",
                StackFrame,
                "at Acme.Db.Ping(String a) in C:\\src\\Db.cs:line 12",
            ),
            ("#0 /x/index.php(12): f()", StackFrame, "#0 /x/index.php(12)"),
            ("thread 'main' panicked at src/db.rs:1:2", StackFrame, "thread 'main' panicked at "),
            ("goroutine 17 [running]:", StackFrame, "goroutine 17 [running]"),
            ("open /etc/app/config.yaml: denied", FilePath, "/etc/app/config.yaml"),
            (r#"{"path":"/home/deploy/app/data"}"#, FilePath, "/home/deploy/app/data"),
            ("cannot open /app/.env", FilePath, "/app/.env"),
            (r#"{"file":"C:\\Users\\app\\db.mdf"}"#, FilePath, r"C:\\Users\\app\\db.mdf"),
            (
                "PATH=/bin\nHOME=/\nLANG=C\nUSER=app\nPORT=80\n",
                EnvironmentDump,
                "PATH=*** HOME=*** LANG=*** USER=*** PORT=***",
            ),
        ];
        for (body, kind, excerpt) in rows {
            let found = leaks(body);
            let leak = found.iter().find(|leak| leak.kind == *kind);
            assert_eq!(leak.map(|leak| leak.excerpt.as_str()), Some(*excerpt), "{body} {found:?}");
        }
    }

    #[test]
    fn no_excerpt_shows_a_credential() {
        let secrets = ["hunter2", "AKIAIOSFODNN7EXAMPLE", "sk_live_1", "MIIEow", "c2lnbmF0dXJl"];
        let body = "postgres://u:hunter2@10.0.0.5:5432/x password=hunter2 AKIAIOSFODNN7EXAMPLE \
            eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl\n\
            -----BEGIN PRIVATE KEY-----MIIEow\n\
            at f (/app/x.js?token=sk_live_1:1:2) /etc/app/AKIAIOSFODNN7EXAMPLE/x\n\
            A1=hunter2\nB1=hunter2\nC1=hunter2\nD1=hunter2\nE1=hunter2\n";
        let found = leaks(body);
        assert_eq!(found.len(), MAX_LEAKS);
        for leak in found {
            assert!(leak.excerpt.chars().count() <= MAX_EXCERPT);
            for secret in secrets {
                assert!(!leak.excerpt.contains(secret), "{leak:?}");
            }
        }
    }

    #[test]
    fn ordinary_answers_leak_nothing() {
        for body in [
            // The conventions' own samples
            r#"{"status":"pass","version":"1","releaseId":"1.2.2","serviceId":"f03e522f-1f44-4062-9b55-9587f91c9c41","checks":{"cassandra:responseTime":[{"componentId":"dfd6cf2b-1b6e-4412-a0b8-f6f7797a60d2","observedValue":250,"observedUnit":"ms","status":"pass","affectedEndpoints":["/users/{userId}","/customers/{customerId}/status"],"time":"2018-01-17T03:36:48Z","links":{"self":"http://api.example.com/dbnode/dfd6cf2b/health"}}]}}"#,
            r#"{"status":"UP","components":{"diskSpace":{"status":"UP","details":{"total":499963174912,"path":"/app/.","exists":true}},"ping":{"status":"UP"}}}"#,
            r#"{"status":"DOWN","checks":[{"name":"db","status":"DOWN","data":{"host":"db"}}]}"#,
            r#"{"status":"ok","info":{"db":{"status":"up"}},"error":{},"details":{"db":{"status":"up"}}}"#,
            r#"{"status":"Healthy","totalDuration":"00:00:00.0123","entries":{"sql":{"data":{},"duration":"00:00:00.01","status":"Healthy","tags":[]}}}"#,
            "Healthy",
            "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n",
            r#"<!DOCTYPE html><html><body style="background-color: green"></body></html>"#,
            r#"{"status":"healthy","checks":{"database":"ok","redis":"ok","inngest":"ok"},"timestamp":"2025-10-20T12:00:00Z"}"#,
            r#"{"status":"ok","timestamp":"2025-10-20T12:00:00.000Z","uptime":123.45,"checks":{"database":{"status":"ok"},"s3":{"status":"ok"},"ai_service":{"status":"error","message":"503"}}}"#,
            r#"{"status":"healthy","timestamp":"2025-10-20T12:00:00Z"}"#,
            // Names that look like secrets
            r#"{"tokenizer":"ok","secrets_manager":"up","token_service":{"status":"up"}}"#,
            r#"{"token":"ok","secret":"UP","password":"not_configured","api_key":"valid"}"#,
            r#"{"token":{"status":"up"},"secrets":["a"],"tokens":4096,"max_token":"4096"}"#,
            r#"{"password":"","secret":null,"token":true,"api_key":"***","private_key":"[redacted]"}"#,
            r#"{"password":"********","secret":"xxxx","token":"<hidden>","api_key":"${API_KEY}"}"#,
            r#"{"token":"expired two days ago","token_type":"Bearer","nextPageToken":"CAUQAA"}"#,
            r#"{"token":"https://auth.example.com/token","secret":"/oauth/secret"}"#,
            "token: ok\npassword: set\n",
            // URLs and paths
            r#"{"path":"/api/health","self":"https://api.example.com:8443/users/@me","docs":"/docs/health"}"#,
            r#"{"path":"/app/health","endpoints":["/data/export","/src/status","/home","/users/1"]}"#,
            "https://example.com/var/www/x https://example.com/home/a/b",
            "postgres://db.internal:5432/app redis://user@cache",
            "postgres://app:***@db.internal/app postgres://app:<password>@db mysql://u:[REDACTED]@h",
            r#"<script type="module" src="/src/main.tsx"></script><link href="/app/x.js"><img src='/data/a/b.js'>"#,
            "<script>let a;e.token=t.token;n.secret = await f();var password=e,token=x(1)</script>",
            "https://example.com:8443?mail=a@example.com",
            r#"<input type="password" name="password" placeholder="Password"> <a href="/reset?x=1">"#,
            // Addresses
            "127.0.0.1:5432 localhost:6379 8.8.8.8:53 172.15.0.1:80 172.32.0.1:80 10.0.0.5 0.0.0.0:80",
            r#"{"version":"10.2.3.4","commit":"9f8e7d6c5b4a39281706","build":"1.10.0.0.5:12"}"#,
            // Prose
            "looking at it (see notes) at 10:15:30",
            "File a ticket, line 12 of the form",
            "A=1\nB1=2\nwe are fine",
            "",
        ] {
            assert_eq!(leaks(body), [], "{body}");
        }
    }

    #[test]
    fn credentials_are_graver() {
        for kind in [ConnectionUri, Secret, PrivateKey, AwsKey, Jwt] {
            assert_eq!(kind.gravity(), Gravity::High);
        }
        for kind in [EnvironmentDump, PrivateAddress, StackFrame, FilePath] {
            assert_eq!(kind.gravity(), Gravity::Medium);
        }
    }

    proptest! {
        #[test]
        fn a_password_is_never_shown(password in "[a-zA-Z0-9+!-]{9,40}Q7", user in "[a-z]{0,8}") {
            for body in [
                format!("postgres://{user}:{password}@10.0.0.5:5432/app at f (/app/x.js:1:1)"),
                format!("{{\"password\":\"{password}\"}}"),
                format!("/etc/app/x PASSWORD={password}"),
            ] {
                for leak in leaks(&body) {
                    assert!(!leak.excerpt.contains(&password), "{leak:?}");
                }
            }
        }

        #[test]
        fn any_text_is_searched(body in "(\\PC|[\n\\\\\"/:@=.]|at |://|password|10\\.){0,80}") {
            let found = leaks(&body);
            assert!(found.len() <= MAX_LEAKS);
            assert!(found.iter().all(|leak| leak.excerpt.chars().count() <= MAX_EXCERPT));
        }
    }
}
