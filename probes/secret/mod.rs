//! Secrets: references in a configuration, values in memory, and their removal from all output.

mod forms;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::blind::{Blind, Cause};
use crate::files;
use forms::forms;

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

/// Of a secret that changes, so many values are remembered: the one before may still come back.
const VALUES_OF_A_SECRET: usize = 2;

/// Values computed from secrets are made anew for every signature: this many of the latest ones
/// are remembered at least, and twice as many at most.
const COMPUTED: usize = 256;

#[derive(Default)]
struct Known {
    /// The values of each secret of the configuration, the latest last.
    secrets: HashMap<SecretRef, Vec<Zeroizing<String>>>,
    finder: Finder,
    /// The latest computed values, and those before them.
    computed: [Generation; 2],
}

#[derive(Default)]
struct Generation {
    values: Vec<Zeroizing<String>>,
    finder: Finder,
}

/// Finds values in all their forms. Building one costs more than a search, so it waits for one.
#[derive(Default)]
enum Finder {
    #[default]
    Empty,
    Stale,
    Built(Arc<AhoCorasick>),
}

impl Finder {
    fn refresh<'a>(&mut self, values: impl IntoIterator<Item = &'a Zeroizing<String>>) {
        if matches!(self, Self::Stale) {
            let forms: BTreeSet<String> = values.into_iter().flat_map(|v| forms(v)).collect();
            let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms);
            *self = built.map_or(Self::Empty, |built| Self::Built(Arc::new(built)));
        }
    }
}

impl Known {
    fn has_secret(&self, reference: &SecretRef, value: &str) -> bool {
        let latest = self.secrets.get(reference).and_then(|values| values.last());
        latest.is_some_and(|latest| latest.as_str() == value)
    }

    fn has_computed(&self, value: &str) -> bool {
        self.computed[0].values.iter().any(|known| known.as_str() == value)
    }

    fn add_secret(&mut self, reference: &SecretRef, value: &str) {
        let values = self.secrets.entry(reference.clone()).or_default();
        values.retain(|known| known.as_str() != value);
        values.push(Zeroizing::new(value.to_owned()));
        if values.len() > VALUES_OF_A_SECRET {
            values.remove(0);
        }
        self.finder = Finder::Stale;
    }

    fn add_computed(&mut self, value: &str) {
        if self.computed[0].values.len() >= COMPUTED {
            self.computed[1] = std::mem::take(&mut self.computed[0]);
        }
        let latest = &mut self.computed[0];
        latest.values.push(Zeroizing::new(value.to_owned()));
        latest.finder = Finder::Stale;
    }

    /// The finders of everything, unless one is stale. Computed values go first: a secret within
    /// one would be found there and the rest of it left.
    fn finders(&self) -> Option<Vec<Arc<AhoCorasick>>> {
        let [latest, before] = &self.computed;
        [&latest.finder, &before.finder, &self.finder]
            .into_iter()
            .filter_map(|finder| match finder {
                Finder::Empty => None,
                Finder::Stale => Some(None),
                Finder::Built(finder) => Some(Some(Arc::clone(finder))),
            })
            .collect()
    }

    fn refresh(&mut self) {
        self.finder.refresh(self.secrets.values().flatten());
        for generation in &mut self.computed {
            generation.finder.refresh(&generation.values);
        }
    }
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
        self.remember(reference, &value);
        Ok(value.into())
    }

    fn remember(&self, reference: &SecretRef, value: &str) {
        if value.len() < SHORTEST
            || self.known.read().expect("no panic under this lock").has_secret(reference, value)
        {
            return;
        }
        let mut known = self.known.write().expect("no panic under this lock");
        if !known.has_secret(reference, value) {
            known.add_secret(reference, value);
        }
    }

    /// Redacts this value too from here on: a credential or signature made from a secret. Only the
    /// latest few hundred are remembered.
    pub fn conceal(&self, value: &str) {
        if value.len() < SHORTEST
            || self.known.read().expect("no panic under this lock").has_computed(value)
        {
            return;
        }
        let mut known = self.known.write().expect("no panic under this lock");
        if !known.has_computed(value) {
            known.add_computed(value);
        }
    }

    fn finders(&self) -> Vec<Arc<AhoCorasick>> {
        if let Some(finders) = self.known.read().expect("no panic under this lock").finders() {
            return finders;
        }
        let mut known = self.known.write().expect("no panic under this lock");
        known.refresh();
        known.finders().unwrap_or_default()
    }

    /// The text without any secret that was ever read.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for finder in self.finders() {
            if finder.is_match(&*text) {
                let mut clean = String::with_capacity(text.len());
                finder.replace_all_with(&text, &mut clean, |_, _, clean| {
                    clean.push_str(MASK);
                    true
                });
                text = clean.into();
            }
        }
        text
    }

    /// The bytes without any secret that was ever read.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut bytes = Cow::Borrowed(bytes);
        for finder in self.finders() {
            if finder.is_match(&*bytes) {
                let mut clean = Vec::with_capacity(bytes.len());
                finder.replace_all_with_bytes(&bytes, &mut clean, |_, _, clean| {
                    clean.extend_from_slice(MASK.as_bytes());
                    true
                });
                bytes = clean.into();
            }
        }
        bytes
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
                for item in items {
                    self.redact_json(item);
                }
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

async fn read_file(path: &Path, reference: &SecretRef) -> Result<String, Blind> {
    let bytes = files::read_one(path, LONGEST).await.map_err(|why| absent(reference, &why))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| absent(reference, "it is not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

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
    fn every_escaping_of_a_difficult_value_is_known() {
        let vault = vault();
        let value = "Pä'ss <w>&/\"~(1)\"";
        vault.conceal(value);
        for text in [
            "P%C3%A4'ss%20%3Cw%3E%26%2F%22~(1)%22",
            "P%c3%a4%27ss+%3cw%3e%26%2f%22%7e%281%29%22",
            "P%C3%A4%27ss%20%3Cw%3E%26/%22~%281%29%22",
            r#"P\u00e4'ss <w>&/\"~(1)\""#,
            r#"P\u00e4\u0027ss \u003cw\u003e\u0026/\"~(1)\""#,
            r#"Pä'ss <w>&\/\"~(1)\""#,
            "Pä&#39;ss &lt;w&gt;&amp;/&quot;~(1)&quot;",
        ] {
            assert_eq!(vault.redact(text), MASK, "{text}");
        }
    }

    #[test]
    fn what_was_computed_long_ago_is_forgotten_so_that_memory_is_bounded() {
        let vault = vault();
        let value = |number: usize| format!("signature-{number:06}");
        for number in 0..3 * COMPUTED {
            vault.conceal(&value(number));
        }
        let kept = (0..3 * COMPUTED).filter(|number| vault.redact(&value(*number)) == MASK);
        assert_eq!(kept.collect::<Vec<_>>(), (COMPUTED..3 * COMPUTED).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_secret_that_changed_is_redacted_in_its_last_value_too_and_others_stay_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let vault = opened().await;
        for value in ["first", "second", "third"] {
            std::fs::write(&path, value).unwrap();
            vault.read(&SecretRef::File(path.clone())).await.unwrap();
        }
        assert_eq!(vault.redact("first second third"), "first *** ***");
        assert_eq!(vault.redact("s3cr/et \"q\"+x"), MASK);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::from("hunter22".to_owned())), "Secret(***)");
    }
}
