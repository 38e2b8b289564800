//! The fields of the IETF draft that are structured: `RateLimit-Policy` of every version, and
//! `RateLimit` of 07 and later.

use sfv::{BareItem, Dictionary, Item, List, ListEntry, Parameters, Parser};

use super::moment::Notation;
use super::{Declared, Delay, Generation, Policy};

/// Reads `ratelimit` and `ratelimit-policy`, several lines joined as one (RFC 9651 section 4.2).
pub(super) fn read(headers: &[(String, String)], declared: &mut Declared) {
    let joined = |name: &str| {
        let lines: Vec<&str> =
            headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
        if lines.is_empty() { None } else { Some(lines.join(", ")) }
    };
    if let Some(text) = joined("ratelimit-policy")
        && !policies(&text, declared)
    {
        declared.malformed.push("ratelimit-policy".to_owned());
    }
    if let Some(text) = joined("ratelimit")
        && !state_of_draft_8(&text, declared)
        && !state_of_draft_7(&text, declared)
    {
        declared.malformed.push("ratelimit".to_owned());
    }
    // A bare policy belongs to whichever state came with it: 07's dictionary, or 06's fields.
    let state = declared.policies.iter().position(|p| p.generation == Generation::Draft7);
    if let Some(state) = state {
        let limit = declared.policies[state].limit;
        let bare = |p: &Policy| p.generation == Generation::Draft6;
        let own = declared.policies.iter().find(|p| bare(p) && p.limit == limit);
        let window =
            own.or_else(|| declared.policies.iter().find(|p| bare(p))).and_then(|p| p.window);
        declared.policies[state].window = window;
        declared.policies.retain(|p| !(bare(p) && p.limit == limit));
    }
}

/// The quota that binds and the windows that follow it: `100, 100;w=60, 1000;w=3600`.
pub(super) fn quotas(text: &str) -> Option<(f64, Vec<(f64, f64)>)> {
    let list: List = Parser::new(text).parse().ok()?;
    let items: Vec<&Item> = list.iter().filter_map(item).collect();
    let (first, rest) = items.split_first()?;
    let quota = number(&first.bare_item)?;
    let windows = std::iter::once(first)
        .chain(rest)
        .filter_map(|item| Some((number(&item.bare_item)?, window(&item.params)?)))
        .collect();
    Some((quota, windows))
}

fn policies(text: &str, declared: &mut Declared) -> bool {
    let Ok(list) = Parser::new(text).parse::<List>() else { return false };
    for item in list.iter().filter_map(item) {
        if let Some(name) = name(&item.bare_item) {
            let policy = named(declared, &name);
            policy.limit = parameter(&item.params, "q");
            policy.window = window(&item.params);
            policy.counts_requests = counts_requests(&item.params);
            policy.partition = partition(&item.params);
        } else if let Some(quota) = number(&item.bare_item) {
            let mut policy = Policy::new(Generation::Draft6, "");
            policy.limit = Some(quota);
            policy.window = window(&item.params);
            declared.policies.push(policy);
        }
    }
    true
}

fn state_of_draft_8(text: &str, declared: &mut Declared) -> bool {
    let Ok(list) = Parser::new(text).parse::<List>() else { return false };
    let mut read = false;
    for item in list.iter().filter_map(item) {
        let Some(name) = name(&item.bare_item) else { continue };
        let Some(remaining) = parameter(&item.params, "r") else { continue };
        let policy = named(declared, &name);
        policy.remaining = Some(remaining.max(0.0));
        policy.reset = parameter(&item.params, "t")
            .map(|seconds| Delay { seconds, notation: Notation::Seconds });
        if let Some(key) = partition(&item.params) {
            policy.partition = Some(key);
        }
        read = true;
    }
    read
}

fn state_of_draft_7(text: &str, declared: &mut Declared) -> bool {
    let Ok(dictionary) = Parser::new(text).parse::<Dictionary>() else { return false };
    let value = |key: &str| match dictionary.get(key) {
        Some(ListEntry::Item(item)) => number(&item.bare_item),
        _ => None,
    };
    let (limit, remaining) = (value("limit"), value("remaining"));
    if limit.is_none() && remaining.is_none() {
        return false;
    }
    let mut policy = Policy::new(Generation::Draft7, "");
    policy.limit = limit;
    policy.remaining = remaining.map(|left| left.max(0.0));
    policy.reset = value("reset").map(|seconds| Delay { seconds, notation: Notation::Seconds });
    declared.policies.push(policy);
    true
}

/// The policy of this name, made when it is first spoken of.
fn named<'a>(declared: &'a mut Declared, name: &str) -> &'a mut Policy {
    let like = |p: &Policy| p.generation == Generation::Draft8 && p.name == name;
    let index = declared.policies.iter().position(like).unwrap_or_else(|| {
        declared.policies.push(Policy::new(Generation::Draft8, name));
        declared.policies.len() - 1
    });
    &mut declared.policies[index]
}

fn item(entry: &ListEntry) -> Option<&Item> {
    match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => None,
    }
}

/// Names are strings; the draft's own examples write tokens as well.
fn name(item: &BareItem) -> Option<String> {
    match item {
        BareItem::String(text) => Some(text.as_str().to_owned()),
        BareItem::Token(token) => Some(token.as_str().to_owned()),
        _ => None,
    }
}

fn number(item: &BareItem) -> Option<f64> {
    match item {
        BareItem::Integer(whole) => whole.to_string().parse().ok(),
        BareItem::Decimal(decimal) => Some(f64::from(*decimal)),
        _ => None,
    }
}

fn parameter(parameters: &Parameters, key: &str) -> Option<f64> {
    parameters.get(key).and_then(number)
}

/// A window takes time.
fn window(parameters: &Parameters) -> Option<f64> {
    parameter(parameters, "w").filter(|seconds| *seconds > 0.0)
}

fn counts_requests(parameters: &Parameters) -> bool {
    parameters.get("qu").and_then(name).is_none_or(|unit| unit == "requests")
}

fn partition(parameters: &Parameters) -> Option<Vec<u8>> {
    match parameters.get("pk") {
        Some(BareItem::ByteSequence(bytes)) => Some(bytes.clone()),
        _ => None,
    }
}
