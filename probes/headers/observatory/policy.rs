//! Observatory's reading of policies: merged into one, source by source.

use std::cmp::Ordering;
use std::collections::HashSet;

use indexmap::IndexMap;
use percent_encoding::percent_decode_str;

/// A merged policy: by directive its sources, in lower case, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) directives: IndexMap<String, Vec<String>>,
    /// Whether `report-uri` or `report-to` stands twice in one policy.
    pub(super) repeats_reports: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    source: String,
    policy: usize,
    keep: bool,
}

/// A policy that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Invalid;

/// The shortest text that can be a policy, in characters.
const SHORTEST: usize = 6;

pub(super) fn merge(policies: &[String]) -> Result<Merged, Invalid> {
    let clean: Vec<String> =
        policies.iter().map(|text| text.replace(['\r', '\n'], "").trim().to_owned()).collect();
    if clean.iter().any(|text| text.encode_utf16().count() < SHORTEST) {
        return Err(Invalid);
    }
    let mut merged: IndexMap<String, Vec<Entry>> = IndexMap::new();
    let mut repeats_reports = false;
    for (index, policy) in clean.iter().enumerate() {
        let mut seen = HashSet::new();
        for part in policy.split(';') {
            let mut words = part.split_whitespace();
            let Some(name) = words.next() else { continue };
            let name = name.to_lowercase();
            if !seen.insert(name.clone()) {
                if !matches!(name.as_str(), "report-uri" | "report-to") {
                    return Err(Invalid);
                }
                repeats_reports = true;
            }
            let mut sources: Vec<String> = words.map(str::to_lowercase).collect();
            if sources.is_empty() && name.ends_with("-src") {
                sources.push("'none'".to_owned());
            }
            let own =
                sources.into_iter().map(|source| Entry { source, policy: index, keep: index == 0 });
            let mut combined: Vec<Entry> = if index == 0 {
                Vec::new()
            } else {
                merged.get(&name).cloned().unwrap_or_default()
            };
            combined.extend(own);
            combined.sort_by(|one, other| compare(&one.source, &other.source));
            weed(&mut combined)?;
            combined.retain(|entry| entry.keep);
            if index == 0 && clean.len() > 1 {
                for entry in &mut combined {
                    entry.keep = false;
                }
            }
            merged.insert(name, combined);
        }
    }
    let directives = merged.into_iter().map(|(name, entries)| (name, sources(entries))).collect();
    Ok(Merged { directives, repeats_reports })
}

/// Drops what a shorter neighbour covers, and keeps what an earlier policy allows too.
fn weed(entries: &mut [Entry]) -> Result<(), Invalid> {
    for at in 1..entries.len() {
        let (before, rest) = entries.split_at_mut(at);
        let (Some(previous), Some(entry)) = (before.last(), rest.first_mut()) else { continue };
        if entry.policy == previous.policy {
            if entry.source.starts_with(&previous.source) {
                entry.keep = false;
            }
        } else if covers(&previous.source, &entry.source)? {
            entry.keep = true;
        }
    }
    Ok(())
}

fn sources(entries: Vec<Entry>) -> Vec<String> {
    let mut sources: Vec<String> = Vec::new();
    let mut known = HashSet::new();
    for entry in entries {
        if known.insert(entry.source.clone()) {
            sources.push(entry.source);
        }
    }
    if sources.is_empty() {
        sources.push("'none'".to_owned());
    }
    sources
}

/// Whether one source covers another, compared as if both were paths.
fn covers(one: &str, other: &str) -> Result<bool, Invalid> {
    if one.is_empty() || (one == "/" && other.is_empty()) {
        return Ok(true);
    }
    let exact = !one.ends_with('/');
    let mut parts: Vec<&str> = one.split('/').collect();
    let others: Vec<&str> = other.split('/').collect();
    if parts.len() > others.len() || (exact && parts.len() != others.len()) {
        return Ok(false);
    }
    if !exact {
        parts.pop();
    }
    for (part, other) in parts.iter().zip(&others) {
        if decoded(part)? != decoded(other)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn decoded(text: &str) -> Result<String, Invalid> {
    let stray = text.split('%').skip(1).any(|rest| {
        !rest.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    if stray {
        return Err(Invalid);
    }
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| Invalid)
}

/// As the collation of English orders them: punctuation, symbols, digits, letters.
fn compare(one: &str, other: &str) -> Ordering {
    one.chars().map(weight).cmp(other.chars().map(weight))
}

fn weight(c: char) -> (u32, u32) {
    const ORDER: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";
    match ORDER.find(c) {
        Some(at) => (0, u32::try_from(at).unwrap_or(u32::MAX)),
        None => (1, u32::from(c)),
    }
}
