//! Observatory's test of subresource integrity.

use url::Url;

use super::facts::Facts;
use super::{Outcome, outcome};
use crate::headers::page::{Page, Script};
use crate::headers::site;

/// From good to worst: of several results the worst counts.
const ORDER: [Outcome; 4] = [
    outcome("sri-implemented-and-all-scripts-loaded-securely", 5),
    outcome("sri-implemented-but-external-scripts-not-loaded-securely", -20),
    outcome("sri-not-implemented-but-external-scripts-loaded-securely", -5),
    outcome("sri-not-implemented-and-external-scripts-not-loaded-securely", -50),
];

pub(super) fn judge(facts: &Facts<'_>) -> Outcome {
    if facts
        .media()
        .is_some_and(|m| !m.is_empty() && !matches!(m, "text/html" | "application/xhtml+xml"))
    {
        return outcome("sri-not-implemented-response-not-html", 0);
    }
    let page = facts.auto.page.as_ref().filter(|page| page.scripts > 0);
    let Some(page) = page else {
        return outcome("sri-not-implemented-but-no-scripts-loaded", 0);
    };
    let mut worst: Option<usize> = None;
    let mut foreign = false;
    for script in &page.loaded {
        match place(script, page, facts) {
            Place::Own { secure } => {
                if script.integrity && secure && worst.is_none() {
                    worst = Some(0);
                }
            }
            Place::Foreign { secure } => {
                foreign = true;
                let result = match (script.integrity, secure) {
                    (true, true) => continue,
                    (true, false) => 1,
                    (false, true) => 2,
                    (false, false) => 3,
                };
                worst = worst.max(Some(result));
            }
        }
    }
    match worst {
        Some(rank) => ORDER[rank],
        None if foreign => outcome("sri-implemented-and-external-scripts-loaded-securely", 5),
        None => outcome("sri-not-implemented-but-all-scripts-loaded-from-secure-origin", 0),
    }
}

enum Place {
    Own { secure: bool },
    Foreign { secure: bool },
}

/// Where a script comes from. Its DOM has no address of its own: only a base element makes
/// relative URLs absolute.
fn place(script: &Script, page: &Page, facts: &Facts<'_>) -> Place {
    let base = page.base.as_deref().and_then(|base| Url::parse(base).ok());
    let absolute = match (Url::parse(&script.src), base) {
        (Ok(url), _) => Some(url),
        (Err(_), Some(base)) => base.join(&script.src).ok(),
        (Err(_), None) => None,
    };
    let web = absolute.filter(|url| matches!(url.scheme(), "http" | "https"));
    if let Some(url) = web {
        let host = url.host_str().unwrap_or_default();
        let secure = url.scheme() == "https";
        // Hosts without a registered name are equal to it.
        return if site::registrable(host) == site::registrable(facts.host) {
            Place::Own { secure }
        } else {
            Place::Foreign { secure }
        };
    }
    let mut start = script.src.bytes();
    let by_scheme_of_page = start.next() == Some(b'/')
        && start.next() == Some(b'/')
        && start.next().is_some_and(|byte| byte != b'/');
    if by_scheme_of_page {
        Place::Foreign { secure: false }
    } else {
        Place::Own { secure: facts.tls }
    }
}
