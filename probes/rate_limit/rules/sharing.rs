//! Whether clients share one bucket, because it is keyed by what is the same for all of them.

use jiff::Timestamp;

use super::enforcement;
use super::isolation::{self, Counted};
use crate::contract::Seen;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Evidence, Purpose, StopCause};
use crate::rate_limit::partition::{self, Key};
use crate::rate_limit::reading::Reading;
use crate::rate_limit::settings;
use crate::rule::{About, Looked, Saw, Tested};
use crate::severity::Severity;

pub(super) const BUCKET_SHARED: About = About {
    id: "rate_limit.bucket-shared",
    severity: Severity::High,
    title: "clients share one bucket",
    why: "One client that reaches the limit locks everybody out, and nobody gets what was promised.",
    fix: "Behind a proxy, count by the client that the proxy names (`trust proxy` set to the number of proxies); have no constant such as `unknown` stand for clients whose address is missing.",
    references: &["CWE-770"],
};

pub(super) fn bucket_shared(check: &RateLimit, seen: &Seen<'_, RateLimit>, _: Timestamp) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    if let Some(stop) = evidence.stopped.as_ref().filter(|stop| stop.cause == StopCause::Shared) {
        let saw =
            format!("{}: somebody else counts on the same {}", stop.detail, check.key.as_str());
        return Looked::fired(Saw::new(saw, "one less after each request of our own"));
    }
    if let Some(word) = constant_key(evidence, reading) {
        let saw = format!("the partition key is that of the constant {word:?}");
        return Looked::fired(Saw::new(saw, "a key of each client's own"));
    }
    let mut looked = nameless(check, seen);
    if enforcement::falling(evidence, reading) {
        looked.tested = match looked.tested {
            Tested::Only(subjects) => {
                Tested::Only(subjects.into_iter().chain([String::new()]).collect())
            }
            Tested::All | Tested::No(_) => Tested::Only(vec![String::new()]),
        };
    }
    looked
}

/// Clients that do not say who they are.
const NAMELESS: &str = "without-header";

/// Whether addresses are taken from a header, and those of both families count together without
/// it: then something else stands for whoever does not send it, and that is the same for all.
/// Variants take turns, so earlier runs count too.
fn nameless(check: &RateLimit, seen: &Seen<'_, RateLimit>) -> Looked {
    let runs = || std::iter::once(seen.now).chain(seen.earlier.iter().map(|past| &*past.evidence));
    let families = runs()
        .filter_map(|run| isolation::of(&Purpose::OtherFamily, run, run.reading(check)))
        .find(|counted| matches!(counted, Counted::Together | Counted::Apart));
    let Some(families) = families else {
        return Looked::untested("no answers in a row say how much is left");
    };
    let header = runs()
        .flat_map(|run| isolation::variants(run, run.reading(check)))
        .find_map(|(purpose, counted)| match purpose {
            Purpose::Forwarded(name) if counted == Counted::Apart => Some(name),
            _ => None,
        })
        .filter(|_| families == Counted::Together && check.key == settings::Key::Ip);
    let saw = header.map(|header| {
        let saw = format!(
            "with another {header} a request is counted anew, and without it IPv4 and IPv6 are counted together"
        );
        Saw::new(saw, "a key of each client's own").on(NAMELESS)
    });
    Looked { saw: saw.into_iter().collect(), tested: Tested::Only(vec![NAMELESS.to_owned()]) }
}

/// The constant that the partition key of draft 8 was made of.
fn constant_key(evidence: &Evidence, reading: &Reading) -> Option<&'static str> {
    let peer = evidence.samples.first().and_then(|sample| sample.peer.clone());
    let peer: Option<std::net::SocketAddr> = peer.and_then(|peer| peer.parse().ok());
    // On the loopback, our own address is the peer's.
    let own = peer.map(|peer| peer.ip()).filter(std::net::IpAddr::is_loopback);
    let plain = reading.each(evidence).filter(|(sample, _)| sample.is_plain());
    let mut partitions =
        plain.flat_map(|(_, told)| &told.declared.policies).filter_map(|p| p.partition.as_deref());
    match partition::key_of(partitions.next()?, &[], own) {
        Some(Key::Constant(word)) => Some(word),
        Some(Key::Claimed(_) | Key::Peer(_)) | None => None,
    }
}
