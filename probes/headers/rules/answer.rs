//! Single headers of the answer, what the settings expect of them, and what could not be told.

use jiff::Timestamp;

use super::{Now, document, on_answer, on_document, shown};
use crate::header_must::HeaderMust;
use crate::headers::Headers;
use crate::headers::evidence::{Answer, Form};
use crate::headers::field::{isolation, permissions, referrer};
use crate::headers::preload::Preloaded;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::excerpt;

pub(super) const NOSNIFF_MISSING: Rule<Headers> = Rule {
    about: About {
        id: "headers.nosniff-missing",
        severity: Severity::Medium,
        title: "browsers may guess what the answer is",
        why: "An upload or an API answer that looks like a script or a page can be run as one.",
        fix: "Send `X-Content-Type-Options: nosniff` on everything. Express: helmet; Django: `SECURE_CONTENT_TYPE_NOSNIFF`; nginx: `add_header X-Content-Type-Options nosniff always;`.",
        references: &["Fetch section 3.6"],
    },
    check: nosniff_missing,
};

fn nosniff_missing(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_answer(seen, |answer| {
        if !matches!(answer.form(), Form::Document | Form::Data) {
            return Vec::new();
        }
        let joined = answer.joined("x-content-type-options");
        let first = joined.as_deref().and_then(|text| text.split(',').next());
        if first.is_some_and(|value| value.trim().eq_ignore_ascii_case("nosniff")) {
            return Vec::new();
        }
        let saw = joined.map_or_else(|| "there is no such header".to_owned(), |text| shown(&text));
        vec![Saw::new(saw, "nosniff")]
    })
}

pub(super) const REFERRER_UNSAFE: Rule<Headers> = Rule {
    about: About {
        id: "headers.referrer-unsafe",
        severity: Severity::Medium,
        title: "full addresses are handed to other sites",
        why: "Paths and queries, with the tokens and names in them, go to every site that the page links to or loads from.",
        fix: "Send `Referrer-Policy: strict-origin-when-cross-origin`, or `no-referrer`.",
        references: &["Referrer Policy section 3"],
    },
    check: referrer_unsafe,
};

fn referrer_unsafe(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_document(headers, seen, |answer| {
        let header = answer.joined("referrer-policy");
        let meta = answer.page.as_ref().and_then(|page| page.referrer.as_deref());
        // What the markup says comes later, and wins.
        let policy = meta
            .and_then(referrer::last_known)
            .or_else(|| header.as_deref().and_then(referrer::last_known));
        let wanted = "strict-origin-when-cross-origin or stricter";
        let saw = match (policy, &header) {
            (Some("unsafe-url"), _) => Saw::new("`unsafe-url`", wanted).graded(Severity::High),
            (Some("no-referrer-when-downgrade"), _) => {
                Saw::new("`no-referrer-when-downgrade`", wanted)
            }
            (None, Some(text)) if !text.trim().is_empty() => {
                let saw = format!("{}, which no browser knows", shown(text));
                Saw::new(saw, wanted).graded(Severity::Low)
            }
            _ => return Vec::new(),
        };
        vec![saw]
    })
}

pub(super) const PERMISSIONS_INVALID: Rule<Headers> = Rule {
    about: About {
        id: "headers.permissions-invalid",
        severity: Severity::Medium,
        title: "browsers ignore Permissions-Policy, or it gives features away",
        why: "A header that cannot be parsed restricts nothing, and `*` hands a device to every frame.",
        fix: "Write it as a structured field: `camera=(), geolocation=(self \"https://maps.example\")`.",
        references: &["Permissions Policy section 5.2", "RFC 9651 section 3.2"],
    },
    check: permissions_invalid,
};

/// More findings than this say nothing new.
const MOST: usize = 12;

fn permissions_invalid(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_document(headers, seen, |answer| {
        let Some(text) = answer.joined("permissions-policy") else { return Vec::new() };
        match permissions::parse(&text) {
            Err(why) => vec![Saw::new(format!("{}: {why}", shown(&text)), "camera=(), usb=(self)")],
            Ok(reading) => {
                let ignored = reading.ignored.into_iter().map(|(feature, why)| {
                    Saw::new(why, "`()`, `(self)` or origins in double quotes")
                        .on(excerpt(&feature, 60))
                });
                let open = reading.given_away.into_iter().map(|feature| {
                    Saw::new("`*`: every origin in a frame may use it", "`()` or `(self)`")
                        .on(feature)
                });
                ignored.chain(open).take(MOST).collect()
            }
        }
    })
}

pub(super) const ISOLATION_INVALID: Rule<Headers> = Rule {
    about: About {
        id: "headers.isolation-invalid",
        severity: Severity::Medium,
        title: "a Cross-Origin-*-Policy is none that browsers know",
        why: "An unknown value, or the header sent twice, counts as absent: the page is not isolated although it seems so.",
        fix: "Send each header once, with one of its values and without quotes.",
        references: &["HTML section 7.1.3", "HTML section 7.1.4", "Fetch section 3.7"],
    },
    check: isolation_invalid,
};

fn isolation_invalid(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_answer(seen, |answer| {
        let page = matches!(document(headers, seen.now), Ok(Some(_)));
        isolation::POLICIES
            .iter()
            .filter(|policy| page || !policy.documents)
            .filter_map(|policy| {
                let joined = answer.joined(policy.header)?;
                (!policy.accepts(&joined))
                    .then(|| Saw::new(shown(&joined), policy.values.join(", ")).on(policy.header))
            })
            .collect()
    })
}

pub(super) const UNEXPECTED: Rule<Headers> = Rule {
    about: About {
        id: "headers.header-unexpected",
        severity: Severity::High,
        title: "a header is not as the settings expect it",
        why: "Whoever wrote the expectation relies on it.",
        fix: "Mend the header at the service or at the proxy before it, or change `expect`.",
        references: &["RFC 9110 section 5"],
    },
    check: unexpected,
};

fn unexpected(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    if headers.expect.is_empty() {
        return Looked::silent();
    }
    on_answer(seen, |answer| headers.expect.iter().filter_map(|must| fault(answer, must)).collect())
}

fn fault(answer: &Answer, must: &HeaderMust) -> Option<Saw> {
    let name = must.name.as_str();
    let values: Vec<String> = if name == "set-cookie" {
        answer.cookies.iter().map(ToString::to_string).collect()
    } else {
        answer.all(name).map(str::to_owned).collect()
    };
    must.fault(&values)
}

pub(super) const UNDETERMINED: Rule<Headers> = Rule {
    about: About {
        id: "headers.undetermined",
        severity: Severity::Low,
        title: "the headers could not be judged",
        why: "What was not seen is neither good nor bad: until it is, nothing is known of the page's headers.",
        fix: "See whether the page answers, and set `path` to one that anybody may see; whether the service is up is other probes' business.",
        references: &[],
    },
    check: undetermined,
};

fn undetermined(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    let wanted = "an answer that can be judged";
    if let Err(why) = document(headers, seen.now) {
        return Looked::fired(Saw::new(format!("the page: {why}"), wanted));
    }
    let list = match &seen.now.preload {
        Preloaded::Unknown(why) => Some(Saw::new(why.clone(), "a list to read").on("preload")),
        Preloaded::NotAsked | Preloaded::Known { .. } => None,
    };
    let absent = seen.now.absent.as_ref().filter(|hop| hop.answer.is_none());
    let errors = absent.and_then(|hop| hop.failure.as_ref()).map(|failure| {
        Saw::new(format!("a page that is not there: {}", failure.detail), wanted).on("errors")
    });
    let markup = super::csp::unread(headers, seen).map(|why| Saw::new(why, wanted).on("markup"));
    list.into_iter().chain(errors).chain(markup).collect::<Vec<_>>().into()
}
