//! Whether a path that is written differently leads to the same thing: a service that has a page for
//! every path answers it, and what answers is another one.

use crate::rate_limit::evidence::{Evidence, Purpose, Sample};
use crate::rate_limit::reading::base_status;

/// How far an answer is like those of the ordinary request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// As far as can be seen.
    Alike,
    /// Not word for word, where the ordinary request is always answered so.
    Doubtful,
    /// It is another thing.
    Other,
}

/// How far a variant was answered like the request itself.
pub(super) fn of(sample: &Sample, evidence: &Evidence) -> Likeness {
    let base = base_status(&evidence.samples);
    if sample.status != base {
        return Likeness::Other;
    }
    if !matches!(sample.purpose, Purpose::Path(_)) {
        return Likeness::Alike;
    }
    let ordinary = || evidence.samples.iter().filter(|s| s.is_plain() && s.status == base);
    if media_type(sample).is_some() && ordinary().all(|o| media_type(o) != media_type(sample)) {
        return Likeness::Other;
    }
    let mut bodies: Vec<&str> = ordinary().filter_map(|sample| sample.body.as_deref()).collect();
    bodies.dedup();
    match (bodies.as_slice(), sample.body.as_deref()) {
        ([usual], Some(body)) if body != *usual => Likeness::Doubtful,
        _ => Likeness::Alike,
    }
}

fn media_type(sample: &Sample) -> Option<String> {
    let value = sample.header("content-type")?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
