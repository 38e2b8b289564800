//! Shorter limits beside the one that is looked at, such as a few requests a second beside many a
//! minute: a run keeps to them, so that none gets into its way.

use crate::rate_limit::RateLimit;
use crate::rate_limit::declared::Policy;
use crate::rate_limit::evidence::Mode;
use crate::rate_limit::infer::limiter::count;
use crate::rate_limit::plan::whole;
use crate::rate_limit::reading::Told;

/// Where a window ends is not known to the moment.
const MARGIN: f64 = 0.1;

/// A limit that is kept to: so many requests within so many seconds.
type Kept = (usize, f64);

/// From when on the next request keeps to every other limit, in seconds of the run.
pub(super) fn not_before(
    sent: &[f64],
    answers: &[Told],
    mode: Mode,
    leading: Option<(f64, f64)>,
) -> f64 {
    let Some(leading) = leading else { return 0.0 };
    let Some(told) = answers.iter().find(|told| told.declared.policies.len() > 1) else {
        return 0.0;
    };
    let kept = told.declared.policies.iter().filter_map(|policy| kept(policy, mode, leading));
    let end = |(most, window): Kept| {
        let first = sent.len().checked_sub(most).and_then(|first| sent.get(first))?;
        Some(first + window + MARGIN.max(0.02 * window))
    };
    kept.filter_map(end).fold(0.0, f64::max)
}

fn kept(policy: &Policy, mode: Mode, (limit, window): (f64, f64)) -> Option<Kept> {
    let shorter = policy.limit.filter(|own| policy.counts_requests && *own < limit - 0.5)?;
    // A reset that is told where nothing was used yet is the window.
    let own = policy.window.or(policy.reset.map(|reset| reset.seconds))?;
    if own <= 0.0 || own >= window || shorter < 0.5 {
        return None;
    }
    let most = match mode {
        Mode::Exhaust => whole(shorter - 1.0).max(1),
        Mode::Headers | Mode::Differential => RateLimit::half(shorter).max(1),
    };
    // Whoever keeps to some limits never gets beyond the other one.
    let takes = (limit + 2.0) / count(most) * (own + MARGIN);
    (mode != Mode::Exhaust || takes < 0.9 * window).then_some((most, own))
}
