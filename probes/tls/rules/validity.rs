//! Is it the certificate's time?

use jiff::Timestamp;

use super::trust::is_public;
use super::{DAY, Evidence, leaves, span};
use crate::net::tls::DistrustKind;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::tls::Tls;
use crate::tls::certificate::Certificate;
use crate::tls::evidence::Look;

/// Clocks that differ by less than so many seconds agree.
const CLOCKS_AGREE: i64 = 60;

pub(super) const EXPIRED: Rule<Tls> = Rule {
    about: About {
        id: "tls.expired",
        severity: Severity::Critical,
        title: "the certificate has expired",
        why: "Every client refuses the connection.",
        fix: "Renew the certificate, load it into the server, and see why the renewal did not happen by itself.",
        references: &["RFC 5280 section 4.1.2.5"],
    },
    check: expired,
};

fn expired(_: &Tls, seen: &Evidence<'_>, at: Timestamp) -> Looked {
    leaves(seen, |look, leaf| {
        let over = |certificate: &Certificate, what: &str| {
            let ago = span(certificate.left(at));
            let mut saw = format!("{what} ended {ago} ago, at {}", certificate.not_after);
            if let Some(words) = clocks(seen) {
                saw = format!("{saw}; {words}");
            }
            Saw::new(saw, "a certificate that is valid now")
                .on(certificate.label())
                .graded(Severity::Critical)
        };
        if leaf.left(at) < 0 {
            return vec![over(leaf, "it")];
        }
        // An authority whose time is over ends the path, unless another path was found.
        let by_time = look.distrust.as_ref().filter(|why| why.kind == DistrustKind::Expired);
        let Some(why) = by_time else {
            let root = look.root.iter().filter(|root| root.left(at) < 0);
            return root.map(|root| over(root, ROOT).graded(Severity::High)).collect();
        };
        let path = look.path();
        match path.iter().skip(1).find(|certificate| certificate.left(at) < 0) {
            Some(authority) => vec![over(authority, "an authority of its chain")],
            None => vec![
                Saw::new(format!("{}, or its root has", why.detail), "a chain that is valid now")
                    .on(leaf.label())
                    .graded(Severity::Critical),
            ],
        }
    })
}

/// Browsers take an old root that they were given, and hardly anybody else does.
const ROOT: &str = "the root that `ca` names, which OpenSSL and Go hold to its dates,";

pub(super) const NOT_YET_VALID: Rule<Tls> = Rule {
    about: About {
        id: "tls.not-yet-valid",
        severity: Severity::Critical,
        title: "the certificate is not valid yet",
        why: "Every client refuses the connection.",
        fix: "Put the former certificate back until the new one's time has come, or correct the clock of the machine that issued it.",
        references: &["RFC 5280 section 4.1.2.5"],
    },
    check: not_yet_valid,
};

fn not_yet_valid(_: &Tls, seen: &Evidence<'_>, at: Timestamp) -> Looked {
    let early = |leaf: &Certificate| leaf.not_before.as_second() - at.as_second();
    // When a clock elsewhere says that its time has come, it is a clock that is wrong.
    let excused = |leaf: &Certificate| {
        let theirs = seen.now.clock.filter(|clock| clock.ahead() > CLOCKS_AGREE);
        let by_theirs = theirs.is_some_and(|clock| clock.ahead() >= early(leaf));
        by_theirs || leaf.last_timestamp.is_some_and(|logged| logged.as_second() > at.as_second())
    };
    let is_excused = |look: &Look| look.leaf().is_some_and(|leaf| early(leaf) > 0 && excused(leaf));
    if seen.now.looks.iter().any(is_excused) {
        return Looked::untested("by another clock than this machine's the certificate is valid");
    }
    leaves(seen, |look, leaf| {
        if early(leaf) > 0 {
            let saw = format!("its time begins in {}, at {}", span(early(leaf)), leaf.not_before);
            return vec![Saw::new(saw, "a certificate that is valid now").on(leaf.label())];
        }
        let why = look.distrust.as_ref().filter(|why| why.kind == DistrustKind::NotYetValid);
        why.map(|_| {
            let saw = "the time of an authority of its chain has not come";
            Saw::new(saw, "a chain that is valid now").on(leaf.label())
        })
        .into_iter()
        .collect()
    })
}

pub(super) const EXPIRES_SOON: Rule<Tls> = Rule {
    about: About {
        id: "tls.expires-soon",
        severity: Severity::Medium,
        title: "the certificate should have been renewed by now",
        why: "Renewal happens when a third of the life is left; past that it has failed at least once, and nothing else will say so.",
        fix: "See why the renewal fails: its timer, its challenge, CAA, limits of the authority, or a server that was not reloaded.",
        references: &["https://letsencrypt.org/docs/integration-guide/"],
    },
    check: expires_soon,
};

/// No public authority issues for longer, and whoever issues for himself does not renew years ahead.
const LONGEST: i64 = 398 * DAY;

/// Seconds left below which a certificate of this lifetime is late, and below which it is
/// nearly lost.
fn thresholds(life: i64) -> (i64, i64) {
    match life.min(LONGEST) {
        // Gone within a day anyway: only `expired` can tell.
        ..=DAY => (0, 0),
        life if life <= 10 * DAY => {
            let last = (life / 6).min(DAY);
            (last, last)
        }
        // Seven days are a late renewal only where a third of the life is longer.
        life if life >= 28 * DAY => (life / 3, (life / 6).max(7 * DAY)),
        life => (life / 3, life / 6),
    }
}

fn expires_soon(_: &Tls, seen: &Evidence<'_>, at: Timestamp) -> Looked {
    leaves(seen, |_, leaf| {
        let (life, left) = (leaf.lifetime(), leaf.left(at));
        let (late, lost) = thresholds(life);
        if left < 0 || left >= late {
            return Vec::new();
        }
        let severity = if left < lost { Severity::High } else { Severity::Medium };
        let saw = format!("{} left of {}", span(left), span(life));
        let wanted = if life <= 10 * DAY || life > LONGEST {
            format!("at least {} left", span(late))
        } else {
            format!("at least a third of its life, {}", span(late))
        };
        vec![Saw::new(saw, wanted).on(leaf.label()).graded(severity)]
    })
}

pub(super) const LIFETIME_TOO_LONG: Rule<Tls> = Rule {
    about: About {
        id: "tls.lifetime-too-long",
        severity: Severity::High,
        title: "the certificate lives longer than browsers accept",
        why: "Browsers refuse certificates of public authorities that break the limit of their day of issue.",
        fix: "Have the certificate issued anew, by an authority that keeps the Baseline Requirements.",
        references: &["CA/Browser Forum Baseline Requirements section 6.3.2", "Ballot SC-081v3"],
    },
    check: lifetime_too_long,
};

/// The first second of a limit, and its days (SC-081v3; before it SC-31 and Ballot 193).
const LIMITS: [(i64, i64); 5] = [
    (1_868_227_200, 47),
    (1_805_068_800, 100),
    (1_773_532_800, 200),
    (1_598_918_400, 398),
    (1_519_862_400, 825),
];

fn lifetime_too_long(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    leaves(seen, |look, leaf| {
        if !is_public(look) {
            return Vec::new();
        }
        let issued = leaf.not_before.as_second();
        let limit = LIMITS.iter().find(|(from, _)| issued >= *from);
        let Some((_, days)) = limit.filter(|(_, days)| leaf.lifetime() > days * DAY) else {
            return Vec::new();
        };
        vec![
            Saw::new(span(leaf.lifetime()), format!("at most {days} days, for its day of issue"))
                .on(leaf.label()),
        ]
    })
}

pub(super) const CLOCK_SKEWED: Rule<Tls> = Rule {
    about: About {
        id: "tls.clock-skewed",
        severity: Severity::Medium,
        title: "this machine's clock and the server's differ",
        why: "Certificates, tokens and signatures are judged by the clock: one of the two machines judges wrongly.",
        fix: "Synchronise both machines (chrony, systemd-timesyncd), and see which one was wrong.",
        references: &["RFC 5905"],
    },
    check: clock_skewed,
};

fn clock_skewed(_: &Tls, seen: &Evidence<'_>, at: Timestamp) -> Looked {
    let logged = seen.now.looks.iter().filter_map(|look| look.leaf()?.last_timestamp).max();
    let ahead = logged.map_or(0, |logged| logged.as_second() - at.as_second());
    if ahead > CLOCKS_AGREE {
        let saw = format!(
            "a log noted the certificate {} from now: this machine's clock is behind",
            span(ahead)
        );
        return Looked::fired(Saw::new(saw, "clocks that agree"));
    }
    match (seen.now.clock, clocks(seen)) {
        (None, _) if seen.now.wants_clock() => Looked::untested("the server told no time"),
        (None, _) => Looked::untested("the certificate is valid now, so no clock was asked for"),
        (Some(_), None) => Looked::silent(),
        (Some(_), Some(words)) => Looked::fired(Saw::new(words, "clocks that agree")),
    }
}

/// How the server's clock differs from ours, where it does.
fn clocks(seen: &Evidence<'_>) -> Option<String> {
    let ahead = seen.now.clock?.ahead();
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    (ahead.abs() > CLOCKS_AGREE)
        .then(|| format!("the server's clock is {} {side} this machine's", span(ahead)))
}
