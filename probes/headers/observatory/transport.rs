//! Observatory's tests of HSTS and of redirection, and its preload list.

use std::collections::BTreeMap;

use url::Url;

use super::facts::{Facts, header, is_verified};
use super::{Outcome, outcome};
use crate::headers::evidence::Hop;

/// Hosts that browsers have on their list, and whether that includes their subdomains. None is
/// shipped: the score is exact for the list that is given.
#[derive(Debug, Clone, Default)]
pub(in crate::headers) struct Preload(pub(super) BTreeMap<String, bool>);

impl Preload {
    /// What a list says of the hosts that matter.
    pub(in crate::headers) fn of(hosts: BTreeMap<String, bool>) -> Self {
        Self(hosts)
    }

    fn has(&self, host: &str) -> bool {
        if self.0.contains_key(host) {
            return true;
        }
        host.match_indices('.')
            .filter_map(|(at, _)| host.get(at + 1..))
            .any(|parent| self.0.get(parent).copied().unwrap_or_default())
    }
}

/// Its six months.
const SIX_MONTHS: f64 = 15_552_000.0;

pub(super) fn hsts(facts: &Facts<'_>, preload: &Preload) -> Outcome {
    let Some(chain) = facts.https else {
        return outcome("hsts-not-implemented-no-https", -20);
    };
    if preload.has(facts.host) {
        return outcome("hsts-preloaded", 5);
    }
    if !is_verified(chain) {
        return outcome("hsts-invalid-cert", -20);
    }
    let line = chain.last().answer.as_ref().and_then(|a| header(a, "strict-transport-security"));
    let Some(line) = line else { return outcome("hsts-not-implemented", -20) };
    let line: String = line.chars().take(1024).collect();
    let age = line
        .split(';')
        .map(|part| part.trim().to_lowercase())
        .filter_map(|part| part.strip_prefix("max-age=").map(leading_number))
        .next_back();
    match age {
        None => outcome("hsts-header-invalid", -20),
        Some(_) if line.contains(',') => outcome("hsts-header-invalid", -20),
        // What is no number is not below anything.
        Some(age) if age < SIX_MONTHS => {
            outcome("hsts-implemented-max-age-less-than-six-months", -10)
        }
        Some(_) => outcome("hsts-implemented-max-age-at-least-six-months", 0),
    }
}

/// As `parseInt` reads it; NaN where no digit stands first.
fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).and_then(|digits| digits.parse::<f64>().ok()).map_or(f64::NAN, |n| sign * n)
}

pub(super) fn redirection(facts: &Facts<'_>, preload: &Preload) -> Outcome {
    let Some(chain) = facts.http else {
        return outcome("redirection-not-needed-no-http", 0);
    };
    if !is_verified(chain) {
        return outcome("redirection-invalid-cert", -20);
    }
    let route: Vec<&Hop> = chain.hops.iter().filter(|hop| hop.answer.is_some()).collect();
    if route.iter().all(|hop| preload.has(&hop.host())) {
        return outcome("redirection-all-redirects-preloaded", 0);
    }
    let plain = |hop: &Hop| Url::parse(&hop.url).is_ok_and(|url| url.scheme() == "http");
    match route.as_slice() {
        [_] => outcome("redirection-missing", -20),
        [.., last] if !last.is_https() => outcome("redirection-not-to-https", -20),
        [_, second, ..] if plain(second) => {
            outcome("redirection-not-to-https-on-initial-redirection", -10)
        }
        [first, second, ..] if plain(first) && first.host() != second.host() => {
            outcome("redirection-off-host-from-http", -5)
        }
        _ => outcome("redirection-to-https", 0),
    }
}
