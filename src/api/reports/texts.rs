//! Every text of a service that was posted: none is longer than it may be, and none shows a secret.
//!
//! Each structure is taken apart whole, so that a text that is added later cannot be forgotten.

use std::borrow::Cow;

use musterd_probes::secret::Vault;

use crate::report::{CheckStatus, FindingStatus, ServiceStatus, Untested, WaivedStatus};

/// The most bytes of a name or a word.
const WORD: usize = 256;

/// The most bytes of what fits in a line.
const LINE: usize = 4 * 1024;

/// The most bytes of what explains something.
const LONG: usize = 16 * 1024;

/// Cleans the texts of a service; the error names one that is too long.
pub(super) fn clean(service: &mut ServiceStatus, vault: &Vault) -> Result<(), String> {
    let clean = |name: &str, most, text: &mut String| clean_text(name, most, text, vault);
    let ServiceStatus { name, url, labels, status: _, score: _, since: _, findings, checks } =
        service;
    clean("name", WORD, name)?;
    clean("url", LINE, url)?;
    for (mut key, mut value) in std::mem::take(labels) {
        clean("labels", WORD, &mut key)?;
        clean("labels", LINE, &mut value)?;
        labels.insert(key, value);
    }
    for finding in findings {
        clean_finding(finding, vault)?;
    }
    for check in checks {
        let CheckStatus {
            id,
            probe,
            verdict: _,
            status: _,
            reason,
            since: _,
            last_run: _,
            next_run: _,
            interval_seconds: _,
            duration_seconds: _,
            findings,
            untested,
            evidence: _,
        } = check;
        clean("id", WORD, id)?;
        clean("probe", WORD, probe)?;
        if let Some(reason) = reason {
            clean("reason", LONG, reason)?;
        }
        for finding in findings {
            clean_finding(finding, vault)?;
        }
        for Untested { rule, reason } in untested {
            clean("rule", WORD, rule)?;
            clean("reason", LONG, reason)?;
        }
    }
    Ok(())
}

fn clean_finding(finding: &mut FindingStatus, vault: &Vault) -> Result<(), String> {
    let clean = |name: &str, most, text: &mut String| clean_text(name, most, text, vault);
    let FindingStatus {
        rule,
        severity: _,
        subject,
        title,
        saw,
        wanted,
        why,
        fix,
        references,
        opened_at: _,
        waived,
    } = finding;
    clean("rule", WORD, rule)?;
    clean("subject", LINE, subject)?;
    clean("title", LINE, title)?;
    clean("saw", LONG, saw)?;
    clean("wanted", LONG, wanted)?;
    clean("why", LONG, why)?;
    clean("fix", LONG, fix)?;
    for reference in references {
        clean("references", LINE, reference)?;
    }
    if let Some(WaivedStatus { reason, until: _ }) = waived {
        clean("reason", LONG, reason)?;
    }
    Ok(())
}

fn clean_text(name: &str, most: usize, text: &mut String, vault: &Vault) -> Result<(), String> {
    if text.len() > most {
        return Err(format!("a text of `{name}` has {} bytes; the most are {most}", text.len()));
    }
    if let Cow::Owned(redacted) = vault.redact(text) {
        *text = redacted;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use musterd_probes::KINDS;
    use musterd_probes::registry::Registration;

    use super::*;
    use crate::policy;
    use crate::report::bounds;

    #[test]
    fn every_rule_fits_into_a_report() {
        for about in KINDS.iter().flat_map(Registration::abouts).chain(policy::ABOUTS) {
            let id = about.id;
            assert!(id.len() <= WORD && about.title.len() <= LINE, "{id}");
            assert!(about.why.len() <= LONG && about.fix.len() <= LONG, "{id}");
            assert!(about.references.len() <= bounds::REFERENCES, "{id}");
            assert!(about.references.iter().all(|text| text.len() <= LINE), "{id}");
        }
    }
}
