//! Observatory's test of Content-Security-Policy.

use super::facts::Facts;
use super::policy::{Merged, merge};
use super::{Outcome, outcome};

/// What the test said, and what the test of framing wants to know.
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) has_frame_ancestors: bool,
}

const BROAD: [&str; 8] =
    ["ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"];

fn split(lines: impl Iterator<Item = String>) -> Vec<String> {
    lines
        .flat_map(|line| line.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>())
        .collect()
}

pub(super) fn judge(facts: &Facts<'_>) -> Judged {
    let headers = split(facts.header("content-security-policy").into_iter());
    let meta = split(
        facts
            .markup()
            .iter()
            .flat_map(|page| page.policies.iter().map(|meta| meta.content.clone())),
    );
    let all: Vec<String> = headers.iter().chain(&meta).cloned().collect();
    let bare = |outcome| Judged { outcome, has_frame_ancestors: false };
    let Ok(merged) = merge(&all) else { return bare(outcome("csp-header-invalid", -25)) };
    let in_headers = merge(&headers).map_or(0, |merged| merged.directives.len());
    let in_meta = merge(&meta).map_or(0, |merged| {
        let counts =
            |name: &&String| !matches!(name.as_str(), "frame-ancestors" | "report-uri" | "sandbox");
        merged.directives.keys().filter(counts).count()
    });
    if in_headers + in_meta == 0 {
        let reports = facts.header("content-security-policy-report-only");
        return bare(if reports.is_some_and(|text| !text.is_empty()) {
            outcome("csp-not-implemented-but-reporting-enabled", -25)
        } else {
            outcome("csp-not-implemented", -25)
        });
    }
    Judged {
        has_frame_ancestors: merged.directives.contains_key("frame-ancestors"),
        outcome: judge_policy(merged, facts.tls),
    }
}

fn has_nonce_or_hash(sources: &[String]) -> bool {
    sources.iter().any(|source| {
        ["'sha256-", "'sha384-", "'sha512-", "'nonce-"]
            .iter()
            .any(|start| source.starts_with(start))
    })
}

fn is_broad(source: &str) -> bool {
    BROAD.contains(&source)
}

fn is_unsafe(source: &str) -> bool {
    is_broad(source) || source == "'unsafe-inline'" || source == "data:"
}

fn is_plain(source: &str) -> bool {
    source.starts_with("http:") || source.starts_with("ftp:")
}

/// The list of a directive, or of `default-src`; everything where there is neither.
struct Lists(Merged);

impl Lists {
    fn place(&self, name: &'static str) -> Option<&'static str> {
        [name, "default-src"].into_iter().find(|name| self.0.directives.contains_key(*name))
    }

    fn get(&self, name: &'static str) -> Vec<String> {
        self.place(name)
            .and_then(|place| self.0.directives.get(place).cloned())
            .unwrap_or_else(|| vec!["*".to_owned()])
    }

    fn retain(&mut self, name: &'static str, keep: impl Fn(&str) -> bool) {
        if let Some(place) = self.place(name)
            && let Some(sources) = self.0.directives.get_mut(place)
        {
            sources.retain(|source| keep(source));
        }
    }
}

fn judge_policy(merged: Merged, tls: bool) -> Outcome {
    let repeats = merged.repeats_reports;
    let mut lists = Lists(merged);
    for name in ["script-src", "style-src"] {
        if has_nonce_or_hash(&lists.get(name)) {
            lists.retain(name, |source| source != "'unsafe-inline'");
        }
    }
    let strict = |source: &String| source == "'strict-dynamic'";
    if lists.get("script-src").iter().any(strict) {
        if !has_nonce_or_hash(&lists.get("script-src")) {
            return outcome("csp-header-invalid", -25);
        }
        lists.retain("script-src", |source| {
            !(BROAD.iter().any(|broad| source.starts_with(broad))
                || source == "'self'"
                || source == "'unsafe-inline'")
        });
    }
    let scripts = lists.get("script-src");
    let styles = lists.get("style-src");
    let objects = lists.get("object-src");
    let passing = |found: Outcome| {
        if repeats { outcome("csp-implemented-but-duplicate-directives", 0) } else { found }
    };
    if scripts.iter().any(|source| is_unsafe(source)) || objects.iter().any(|s| is_broad(s)) {
        return outcome("csp-implemented-with-unsafe-inline", -20);
    }
    let passive_names = ["img-src", "media-src"];
    let active = lists
        .0
        .directives
        .iter()
        .filter(|(name, _)| !passive_names.contains(&name.as_str()) && *name != "script-src")
        .flat_map(|(_, sources)| sources)
        .chain(&scripts)
        .any(|source| is_plain(source));
    if tls && active {
        return outcome("csp-implemented-with-insecure-scheme", -20);
    }
    if scripts.iter().chain(&styles).any(|source| source == "'unsafe-eval'") {
        return outcome("csp-implemented-with-unsafe-eval", -10);
    }
    let passive = passive_names.iter().any(|name| {
        lists.place(name).is_some() && lists.get(name).iter().any(|source| is_plain(source))
    });
    if tls && passive {
        let found = "csp-implemented-with-insecure-scheme-in-passive-content-only";
        return passing(outcome(found, -10));
    }
    if styles.iter().any(|source| is_unsafe(source)) {
        return passing(outcome("csp-implemented-with-unsafe-inline-in-style-src-only", 0));
    }
    let none = lists.0.directives.get("default-src").is_some_and(|list| *list == ["'none'"]);
    passing(if none {
        outcome("csp-implemented-with-no-unsafe-default-src-none", 10)
    } else {
        outcome("csp-implemented-with-no-unsafe", 5)
    })
}
