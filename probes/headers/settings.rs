//! The settings, and what becomes of them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::preload::PreloadFile;
use super::rules;
use crate::contract::SettingsError;
use crate::header_must::HeaderWanted;
use crate::registry::did_you_mean;

/// Which page, what it is, and what is known of it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Path and query of the page. With a leading `/` it replaces the path of the service's URL,
    /// without one it is appended; by default the URL is requested as it is.
    pub(super) path: String,
    /// What the answer is: `auto` (by its content type), `document` or `api`.
    pub(super) kind: Role,
    /// By header: a regular expression that one of its values must match, `true` when it must be
    /// there, `false` when it must not.
    pub(super) expect: IndexMap<String, HeaderWanted>,
    /// Chromium's HSTS preload list, for an exact score of MDN's HTTP Observatory; without it no
    /// host counts as preloaded.
    pub(super) preload: Option<PreloadFile>,
    /// Ids of rules, such as `headers.version-leaked`, or names of headers, such as `server`, of
    /// which nothing is said.
    pub(super) ignore: Vec<String>,
}

/// What the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// What its content type says.
    #[default]
    Auto,
    /// A page that browsers show.
    Document,
    /// Data for programs.
    Api,
}

/// Names of headers that rules speak of, with the beginnings of these rules' ids. Where a rule
/// names its header as its subject, the beginning is empty.
const HEADERS: [(&str, &[&str]); 30] = [
    ("content-security-policy", &["headers.csp-"]),
    ("content-security-policy-report-only", &["headers.csp-report-only"]),
    ("strict-transport-security", &["headers.hsts-"]),
    ("x-content-type-options", &["headers.nosniff-missing"]),
    ("x-frame-options", &["headers.framing-open"]),
    ("referrer-policy", &["headers.referrer-unsafe"]),
    ("permissions-policy", &["headers.permissions-invalid"]),
    ("location", &["headers.redirect-"]),
    ("set-cookie", &["headers.cookie-"]),
    ("cache-control", &["headers.private-cacheable"]),
    ("cross-origin-opener-policy", &[]),
    ("cross-origin-embedder-policy", &[]),
    ("cross-origin-resource-policy", &[]),
    ("server", &[]),
    ("x-powered-by", &[]),
    ("x-aspnet-version", &[]),
    ("x-aspnetmvc-version", &[]),
    ("x-generator", &[]),
    ("x-jenkins", &[]),
    ("x-xss-protection", &[]),
    ("public-key-pins", &[]),
    ("public-key-pins-report-only", &[]),
    ("expect-ct", &[]),
    ("feature-policy", &[]),
    ("x-content-security-policy", &[]),
    ("x-webkit-csp", &[]),
    ("p3p", &[]),
    ("x-ua-compatible", &[]),
    ("x-powered-cms", &[]),
    ("x-mod-pagespeed", &[]),
];

/// What is left out.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    rules: Vec<String>,
    headers: Vec<String>,
}

impl Ignored {
    pub(super) fn new(written: &[String]) -> Result<Self, SettingsError> {
        let mut ignored = Self::default();
        for word in written {
            let lower = word.trim().to_ascii_lowercase();
            if let Some(about) = rules::ALL.iter().map(|rule| rule.about).find(|a| a.id == lower) {
                if about.id == "headers.undetermined" {
                    return Err(SettingsError::at(
                        "ignore",
                        "headers.undetermined says that nothing could be judged: waive it instead",
                    ));
                }
                ignored.rules.push(lower);
            } else if HEADERS.iter().any(|(header, _)| *header == lower) {
                ignored.headers.push(lower);
            } else {
                return Err(SettingsError::at("ignore", unknown(word, &lower)));
            }
        }
        Ok(ignored)
    }

    /// Whether a rule is left out altogether.
    pub(super) fn has_rule(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule == id)
            || HEADERS
                .iter()
                .filter(|(header, _)| self.headers.iter().any(|known| known == header))
                .any(|(_, starts)| starts.iter().any(|start| id.starts_with(start)))
    }

    /// Whether a finding on this subject is left out: a header, or a header of some answer.
    pub(super) fn has_subject(&self, subject: &str) -> bool {
        let header = subject.split(' ').next().unwrap_or_default();
        self.headers.iter().any(|known| known == header)
    }
}

fn unknown(word: &str, lower: &str) -> String {
    let ids = rules::ALL.iter().map(|rule| rule.about.id);
    let topics = ids.clone().filter_map(|id| id.strip_prefix("headers."));
    if let Some(topic) = did_you_mean(lower, topics) {
        return format!("`{word}` is no rule of this probe: did you mean `headers.{topic}`?");
    }
    let known = ids.chain(HEADERS.iter().map(|(header, _)| *header));
    match did_you_mean(lower, known) {
        Some(meant) => {
            format!("`{word}` is no rule and no header of this probe: did you mean `{meant}`?")
        }
        None => format!(
            "`{word}` is no rule and no header of this probe; `musterd rules headers.` lists them"
        ),
    }
}
