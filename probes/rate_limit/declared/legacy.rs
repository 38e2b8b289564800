//! `X-RateLimit-*` and its spellings, also with a period or a name as suffix, and the draft's own
//! fields up to 06.

use super::moment::{Notation, Now, reset};
use super::structured;
use super::{Declared, Generation, Policy};

/// Reads every field of the family.
pub(super) fn read(headers: &[(String, String)], now: Now, declared: &mut Declared) {
    // Limits come first, wherever they stand: they say which policy the other fields belong to.
    let (limits, others): (Vec<_>, Vec<_>) = headers
        .iter()
        .filter_map(|(name, value)| {
            let (generation, rest) = family(name)?;
            let (what, suffix) = rest.split_once('-').unwrap_or((rest, ""));
            Some((name, value, generation, what, suffix))
        })
        .partition(|(.., what, _)| *what == "limit");
    for (name, value, generation, what, suffix) in limits.into_iter().chain(others) {
        match what {
            "limit" if limit(declared, generation, suffix, value) => {}
            "limit" => declared.malformed.push(name.clone()),
            "remaining" | "available" => match amount(value) {
                Some(left) => policy(declared, generation, suffix).remaining = Some(left.max(0.0)),
                None => declared.malformed.push(name.clone()),
            },
            // Discord's and others' `-Reset-After` is always a delay.
            "reset" => {
                let suffix = if suffix == "after" { "" } else { suffix };
                match reset(value, now) {
                    Some(delay) => policy(declared, generation, suffix).reset = Some(delay),
                    None => declared.malformed.push(name.clone()),
                }
            }
            // tower_governor says beside Retry-After how long to wait, Bucket4j instead of it.
            "after" | "retry" => {
                let wait = reset(value, now).filter(|d| d.notation == Notation::Seconds);
                if wait.is_some() {
                    declared.odd_hints.push(name.clone());
                }
            }
            _ => {}
        }
    }
}

/// The generation that a field's name belongs to, and what follows the family's name in it.
fn family(name: &str) -> Option<(Generation, &str)> {
    let (generation, bare) = match name.strip_prefix("x-") {
        Some(bare) => (Generation::Legacy, bare),
        None => (Generation::Draft6, name),
    };
    let rest = bare.strip_prefix("ratelimit-").or_else(|| bare.strip_prefix("rate-limit-"))?;
    Some((generation, rest))
}

/// `false` when it cannot be read.
fn limit(declared: &mut Declared, generation: Generation, suffix: &str, value: &str) -> bool {
    // Draft 00 to 03, and proxies that write the old name in the new form: `100, 100;w=60`.
    if let Some((first, windows)) = structured::quotas(value).filter(|(_, w)| !w.is_empty()) {
        let policy = policy(declared, generation, suffix);
        policy.limit = Some(first);
        let own = windows.iter().find(|(quota, _)| (quota - first).abs() < 0.5);
        if let Some((_, window)) = own.or(windows.first()) {
            policy.window = Some(*window);
        }
    } else if let Some(value) = amount(value) {
        // Of several quotas of one state, this says which one binds: the first one is filled in.
        let own = |p: &Policy| p.generation == generation && p.limit == Some(value);
        if let Some(index) = declared.policies.iter().position(own) {
            declared.policies.swap(0, index);
        }
        policy(declared, generation, suffix).limit = Some(value);
    } else if let Some(window) = window(value) {
        policy(declared, generation, suffix).window = Some(window);
    } else {
        return false;
    }
    true
}

/// `AspNetCoreRateLimit` writes the window in the place of the limit: `15m`.
fn window(text: &str) -> Option<f64> {
    let (count, unit) = text.trim().split_at_checked(text.trim().len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    amount(count).filter(|count| *count > 0.0).map(|count| count * seconds)
}

/// An amount: whole, or with a fraction that limiters with refill write.
fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let first = text.split([',', ';']).next().unwrap_or_default().trim();
    let whole = !first.is_empty()
        && first.len() <= 20
        && first.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-');
    if whole { first.parse().ok().filter(|value: &f64| value.is_finite()) } else { None }
}

/// The policy of a generation and suffix, made when it is first spoken of.
fn policy<'a>(declared: &'a mut Declared, generation: Generation, suffix: &str) -> &'a mut Policy {
    let like = |p: &Policy| p.generation == generation && p.name == suffix;
    let index = declared.policies.iter().position(like).unwrap_or_else(|| {
        let mut policy = Policy::new(generation, suffix);
        policy.window = period(suffix);
        policy.counts_requests = !suffix.ends_with("tokens") && !suffix.ends_with("bytes");
        declared.policies.push(policy);
        declared.policies.len() - 1
    });
    &mut declared.policies[index]
}

/// A window that stands in a field's name, in seconds.
fn period(suffix: &str) -> Option<f64> {
    Some(match suffix {
        "second" => 1.0,
        "minute" => 60.0,
        "hour" => 3600.0,
        "day" | "daily" => 86_400.0,
        "month" => 2_592_000.0,
        _ => return None,
    })
}
