//! Secrets: references in a configuration, values in memory, and their removal from all output.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::blind::{Blind, Cause};

/// Where a secret stands. Never its value: a configuration holds none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// In this variable of musterd's environment.
    Env(String),
    /// In this file, whose one trailing newline is trimmed; read at each run.
    File(PathBuf),
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// A secret's value. It is wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Values shorter than this are not looked for: they would blot out ordinary text.
pub const SHORTEST: usize = 4;

/// The longest secret that is read from a file, in bytes.
pub const LONGEST: u64 = 64 * 1024;

/// Reads a variable of the environment.
type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Reads secrets, remembers their values, and takes them out of whatever leaves the program.
pub struct Vault {
    environment: Environment,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    values: Vec<Zeroizing<String>>,
    finder: Option<Arc<AhoCorasick>>,
}

impl Default for Vault {
    fn default() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault over an environment, which tests make up.
    pub fn new(environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { environment: Box::new(environment), known: RwLock::default() }
    }

    /// The secret's value of now, which from here on is redacted everywhere.
    pub async fn read(&self, reference: &SecretRef) -> Result<Secret, Blind> {
        let value = match reference {
            SecretRef::Env(name) => (self.environment)(name)
                .ok_or_else(|| absent(reference, "it is not set, or is not UTF-8"))?,
            SecretRef::File(path) => read_file(path, reference).await?,
        };
        if value.is_empty() {
            return Err(absent(reference, "it is empty"));
        }
        self.conceal(&value);
        Ok(value.into())
    }

    /// Redacts this value too from here on: a credential or signature made from a secret.
    pub fn conceal(&self, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let known_already = |known: &Known| known.values.iter().any(|v| v.as_str() == value);
        if known_already(&self.known.read().expect("no panic under this lock")) {
            return;
        }
        let mut known = self.known.write().expect("no panic under this lock");
        if known_already(&known) {
            return;
        }
        known.values.push(Zeroizing::new(value.to_owned()));
        let forms: BTreeSet<String> = known.values.iter().flat_map(|value| forms(value)).collect();
        known.finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms)
            .ok()
            .map(Arc::new);
    }

    fn finder(&self) -> Option<Arc<AhoCorasick>> {
        self.known.read().expect("no panic under this lock").finder.clone()
    }

    /// The text without any secret that was ever read.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.finder() {
            Some(finder) if finder.is_match(text) => {
                let mut clean = String::with_capacity(text.len());
                finder.replace_all_with(text, &mut clean, |_, _, clean| {
                    clean.push_str(MASK);
                    true
                });
                clean.into()
            }
            _ => text.into(),
        }
    }

    /// The bytes without any secret that was ever read.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match self.finder() {
            Some(finder) if finder.is_match(bytes) => {
                let mut clean = Vec::with_capacity(bytes.len());
                finder.replace_all_with_bytes(bytes, &mut clean, |_, _, clean| {
                    clean.extend_from_slice(MASK.as_bytes());
                    true
                });
                clean.into()
            }
            _ => bytes.into(),
        }
    }

    /// The JSON without any secret that was ever read, in keys and in values.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Cow::Owned(clean) = self.redact(text) {
                    *text = clean;
                }
            }
            serde_json::Value::Array(items) => {
                items.iter_mut().for_each(|item| self.redact_json(item));
            }
            serde_json::Value::Object(map) => {
                let dirty = map.keys().any(|key| matches!(self.redact(key), Cow::Owned(_)));
                if dirty {
                    *map = std::mem::take(map)
                        .into_iter()
                        .map(|(key, value)| (self.redact(&key).into_owned(), value))
                        .collect();
                }
                map.values_mut().for_each(|value| self.redact_json(value));
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            }
        }
    }
}

fn absent(reference: &SecretRef, why: &str) -> Blind {
    Blind::new(Cause::Secret, format!("the secret in {reference} cannot be read: {why}"))
}

async fn read_file(path: &std::path::Path, reference: &SecretRef) -> Result<String, Blind> {
    use tokio::io::AsyncReadExt as _;
    // A path may lead to a pipe or a dead network drive: a run does not wait for it for ever.
    let reading = async {
        let mut bytes = Zeroizing::new(Vec::new());
        tokio::fs::File::open(path).await?.take(LONGEST + 1).read_to_end(&mut bytes).await?;
        Ok::<_, std::io::Error>(bytes)
    };
    let bytes = tokio::time::timeout(std::time::Duration::from_secs(5), reading)
        .await
        .map_err(|_| absent(reference, "it did not answer within 5 s"))?
        .map_err(|error| absent(reference, &error.to_string()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err(absent(reference, "it is longer than 64 KiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| absent(reference, "it is not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// The ways in which a value may come back: as it is, percent-encoded, in base64 at any offset,
/// and escaped in JSON.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![
        value.to_owned(),
        utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
    ];
    if let Ok(json) = serde_json::to_string(value) {
        forms.push(json.trim_matches('"').to_owned());
        forms.push(json.trim_matches('"').replace('/', "\\/"));
    }
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(value));
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        forms.extend((0..3).filter_map(|offset| inner_base64(&engine, value, offset)));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// The characters of base64 that depend on the value alone when it stands `offset` bytes after
/// a multiple of three.
fn inner_base64(engine: &impl base64::Engine, value: &str, offset: usize) -> Option<String> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(value.as_bytes());
    let encoded = engine.encode(&bytes);
    let first = [0, 2, 3][offset];
    let whole = encoded.len() - usize::from(bytes.len() % 3 != 0);
    let inner = encoded.get(first..whole)?;
    (inner.len() >= 2 * SHORTEST).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::new(|name| (name == "TOKEN").then(|| "s3cr/et \"q\"+x".to_owned()))
    }

    async fn opened() -> Vault {
        let vault = vault();
        vault.read(&SecretRef::Env("TOKEN".into())).await.unwrap();
        vault
    }

    #[tokio::test]
    async fn a_secret_is_redacted_in_every_form_in_which_it_may_come_back() {
        let vault = opened().await;
        let value = "s3cr/et \"q\"+x";
        let basic = format!("Basic {}", STANDARD.encode(format!("user:{value}")));
        let longer = STANDARD.encode(format!("ab{value}cdef"));
        for text in [
            format!("token={value}!"),
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
            serde_json::to_string(value).unwrap(),
            STANDARD.encode(value),
            URL_SAFE_NO_PAD.encode(value),
            basic,
            longer,
        ] {
            let clean = vault.redact(&text);
            assert!(clean.contains(MASK), "{text} came out as {clean}");
            assert!(!clean.contains("s3cr"), "{clean}");
        }
    }

    #[tokio::test]
    async fn json_is_redacted_in_keys_and_values() {
        let vault = opened().await;
        let mut json = serde_json::json!({"a": ["s3cr/et \"q\"+x"], "s3cr/et \"q\"+x": 1});
        vault.redact_json(&mut json);
        assert_eq!(json, serde_json::json!({"a": ["***"], "***": 1}));
    }

    #[tokio::test]
    async fn what_is_no_secret_stays_as_it_is() {
        let vault = opened().await;
        assert!(matches!(vault.redact("nothing to see"), Cow::Borrowed(_)));
    }

    #[tokio::test]
    async fn an_absent_secret_says_which_and_why() {
        let error = vault().read(&SecretRef::Env("NOPE".into())).await.unwrap_err();
        assert_eq!(error.cause, Cause::Secret);
        assert!(error.reason.contains("environment variable NOPE"), "{error}");
        let error = vault().read(&SecretRef::File("/no/such/file".into())).await.unwrap_err();
        assert!(error.reason.contains("/no/such/file"), "{error}");
    }

    #[tokio::test]
    async fn one_trailing_newline_of_a_file_is_trimmed_and_a_long_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "value\n\n").unwrap();
        let secret = vault().read(&SecretRef::File(path.clone())).await.unwrap();
        assert_eq!(secret.expose(), "value\n");
        std::fs::write(&path, vec![b'x'; 70_000]).unwrap();
        let error = vault().read(&SecretRef::File(path)).await.unwrap_err();
        assert!(error.reason.contains("longer than 64 KiB"), "{error}");
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::from("hunter22".to_owned())), "Secret(***)");
    }
}
