//! What a page's policies let through, all of them together.

use jiff::Timestamp;

use super::{Now, on_document, shown};
use crate::headers::Headers;
use crate::headers::csp::{Open, Policies, Sources};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;

/// Looks at the policies of a document that has some; without any, another rule has fired.
fn on_policies(
    headers: &Headers,
    seen: &Now<'_>,
    look: impl FnOnce(&Policies) -> Vec<Saw>,
) -> Looked {
    on_document(headers, seen, |_| {
        let policies = seen.now.policies();
        if policies.enforced.is_empty() { Vec::new() } else { look(policies) }
    })
}

fn inline_of(list: &Sources<'_>) -> Option<String> {
    list.inline()
}

fn eval_of(list: &Sources<'_>) -> Option<String> {
    list.eval()
}

fn some(saw: Option<Saw>) -> Vec<Saw> {
    saw.into_iter().collect()
}

pub(super) const SCRIPT_UNSAFE: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-script-unsafe",
        severity: Severity::High,
        title: "the policy lets injected scripts run",
        why: "With inline scripts, whole schemes or all hosts allowed, the policy stops next to none of the attacks that it is there for.",
        fix: "Allow scripts by a nonce or hash (with 'strict-dynamic'), or by 'self' alone; move inline handlers into scripts. helmet: `scriptSrc: [\"'self'\", (req, res) => `'nonce-${res.locals.nonce}'`]`; Next.js: nonces from its middleware; Django 6: `csp.NONCE`.",
        references: &["CSP Level 3 section 6.7.3", "OWASP Content Security Policy Cheat Sheet"],
    },
    check: script_unsafe,
};

fn script_unsafe(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_policies(headers, seen, |policies| {
        let mut saw: Vec<Saw> = Vec::new();
        let hosts = policies.all_allow("script-src-elem", |list| list.broad(true));
        let inline = policies.all_allow("script-src-elem", inline_of);
        let handlers = policies.all_allow("script-src-attr", inline_of);
        for (name, open) in
            [("script-src", inline), ("script-src", hosts), ("script-src-attr", handlers)]
        {
            match open {
                Open::Unrestricted if name == "script-src-attr" => {
                    let what =
                        "none of script-src-attr, script-src and default-src: inline handlers run";
                    saw.push(Saw::new(what, WANTED).on(name));
                }
                Open::Unrestricted => {
                    return vec![
                        Saw::new("neither script-src nor default-src: every script runs", WANTED)
                            .on("script-src"),
                    ];
                }
                Open::Through(directive, word) => {
                    match saw.iter_mut().find(|saw| saw.subject == directive) {
                        Some(known) if !known.saw.contains(&shown(&word)) => {
                            known.saw = format!("{} and {}", known.saw, shown(&word));
                        }
                        Some(_) => {}
                        None => saw.push(Saw::new(shown(&word), WANTED).on(directive)),
                    }
                }
                Open::Closed => {}
            }
        }
        saw
    })
}

const WANTED: &str = "scripts by nonce, hash or named hosts";

pub(super) const STYLE_UNSAFE: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-style-unsafe",
        severity: Severity::Info,
        title: "the policy allows inline styles",
        why: "Injected styles can disguise a page and carry away parts of it, slowly; it is the usual compromise.",
        fix: "Move styles into files, or allow them by nonce or hash.",
        references: &["CSP Level 3 section 6.1.15"],
    },
    check: style_unsafe,
};

fn style_unsafe(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_policies(headers, seen, |policies| {
        some(
            match policies
                .all_allow("style-src", |list| list.inline().or_else(|| list.broad(false)))
            {
                Open::Through(directive, word) => Some(
                    Saw::new(shown(&word), "styles by nonce, hash or named hosts").on(directive),
                ),
                Open::Unrestricted => Some(
                    Saw::new(
                        "neither style-src nor default-src",
                        "styles by nonce, hash or named hosts",
                    )
                    .on("style-src"),
                ),
                Open::Closed => None,
            },
        )
    })
}

pub(super) const EVAL: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-eval",
        severity: Severity::Medium,
        title: "the policy allows text to become code",
        why: "`eval` turns text that an attacker controls into a script in spite of nonces and hosts.",
        fix: "Take 'unsafe-eval' out; WebAssembly needs 'wasm-unsafe-eval' alone, and template compilers can run when the page is built.",
        references: &["CSP Level 3 section 4.4"],
    },
    check: eval,
};

fn eval(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_policies(headers, seen, |policies| {
        some(match policies.all_allow("script-src", eval_of) {
            Open::Through(directive, word) => {
                Some(Saw::new(shown(&word), "no 'unsafe-eval'").on(directive))
            }
            _ => None,
        })
    })
}

pub(super) const OBJECT_OPEN: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-object-open",
        severity: Severity::Medium,
        title: "the policy leaves plugins open",
        why: "An injected object or embed element loads whatever it names, past script-src in older browsers.",
        fix: "Add `object-src 'none'`.",
        references: &["CSP Level 3 section 6.1.10"],
    },
    check: object_open,
};

fn object_open(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_policies(headers, seen, |policies| {
        // A policy that leaves scripts open as well has a worse finding.
        let scripts = policies.governing("script-src").is_empty();
        some(match policies.all_allow("object-src", |list| list.broad(false)) {
            Open::Unrestricted if !scripts => Some(
                Saw::new("neither object-src nor default-src", "object-src 'none'")
                    .on("object-src"),
            ),
            Open::Through(directive, word) => {
                Some(Saw::new(shown(&word), "object-src 'none'").on(directive))
            }
            _ => None,
        })
    })
}

pub(super) const BASE_OPEN: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-base-open",
        severity: Severity::Medium,
        title: "the policy lets a base element move the page's scripts",
        why: "An injected `<base>` makes relative script URLs, which carry a valid nonce, load from the attacker's host.",
        fix: "Add `base-uri 'none'`, or `'self'`.",
        references: &["CSP Level 3 section 6.3.1"],
    },
    check: base_open,
};

fn base_open(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_policies(headers, seen, |policies| {
        let scripts = policies.governing("script-src-elem");
        // Where hosts are named, a moved base leads to a host that is not among them.
        let by_nonce = scripts.iter().any(|list| {
            list.nonces().next().is_some() || (list.has_nonce_or_hash() && list.is_strict_dynamic())
        });
        let severity = if by_nonce { Severity::Medium } else { Severity::Info };
        let saw = match policies.all_allow("base-uri", |list| list.broad(false)) {
            Open::Unrestricted if scripts.is_empty() => None,
            Open::Unrestricted => Some("no base-uri, which has no fallback".to_owned()),
            Open::Through(_, word) => Some(shown(&word)),
            Open::Closed => None,
        };
        some(
            saw.map(|saw| {
                Saw::new(saw, "base-uri 'none' or 'self'").on("base-uri").graded(severity)
            }),
        )
    })
}

pub(super) const INSECURE_SOURCE: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-insecure-source",
        severity: Severity::High,
        title: "the policy allows sources without TLS on a page with TLS",
        why: "Whoever sits between the user and such a source can replace what it delivers; newer browsers block it, and then it is missing.",
        fix: "Write https: sources, or hosts without a scheme, and add `upgrade-insecure-requests` for old links.",
        references: &["CSP Level 3 section 6.7.2.8", "Mixed Content section 4"],
    },
    check: insecure_source,
};

/// What browsers upgrade or show nevertheless.
const PASSIVE: [&str; 2] = ["img-src", "media-src"];

const ACTIVE: [&str; 10] = [
    "script-src",
    "style-src",
    "object-src",
    "frame-src",
    "connect-src",
    "font-src",
    "worker-src",
    "manifest-src",
    "form-action",
    "base-uri",
];

fn insecure_source(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    if !seen.now.document.last().is_https() {
        return on_document(headers, seen, |_| Vec::new());
    }
    on_policies(headers, seen, |policies| {
        let upgraded = policies
            .enforced
            .iter()
            .any(|policy| policy.get("upgrade-insecure-requests").is_some());
        let mut saw: Vec<Saw> = Vec::new();
        for (names, severity) in
            [(ACTIVE.as_slice(), Severity::High), (PASSIVE.as_slice(), Severity::Medium)]
        {
            for name in names {
                let scripts = matches!(*name, "script-src" | "worker-src");
                let open = policies.all_allow(name, |list| list.insecure(scripts));
                let Open::Through(directive, word) = open else { continue };
                if saw.iter().any(|known| known.subject == directive) {
                    continue;
                }
                let severity = if upgraded { Severity::Info } else { severity };
                saw.push(Saw::new(shown(&word), "sources with TLS").on(directive).graded(severity));
            }
        }
        saw
    })
}
