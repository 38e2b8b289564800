//! The cookies that the service sets, on any of its answers.

use jiff::Timestamp;

use super::Now;
use crate::headers::Headers;
use crate::headers::evidence::{Evidence, Hop};
use crate::headers::field::cookie::Cookie;
use crate::headers::session::{Purpose, purpose, subject};
use crate::headers::site;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::excerpt;

/// Looks at each cookie that is set and not taken away, once by its subject.
fn on_cookies(
    seen: &Now<'_>,
    at: Timestamp,
    look: impl Fn(&Cookie, &Hop) -> Option<Saw>,
) -> Looked {
    // On the way to a login elsewhere, the service's own redirects set its cookies.
    if let Err(why) = seen.now.answer()
        && !seen.now.leads_away()
    {
        return Looked::untested(why);
    }
    let mut saw: Vec<Saw> = Vec::new();
    for (hop, cookie) in cookies(seen.now, at) {
        let Some(found) = look(cookie, hop) else { continue };
        let found = found.on(subject(&cookie.name));
        match saw.iter_mut().find(|known| known.subject == found.subject) {
            Some(known) if known.severity < found.severity => *known = found,
            Some(_) => {}
            None => saw.push(found),
        }
    }
    saw.into()
}

fn cookies(evidence: &Evidence, at: Timestamp) -> impl Iterator<Item = (&Hop, &Cookie)> {
    evidence
        .own_hops()
        .flat_map(|hop| {
            hop.answer.iter().flat_map(move |a| a.cookies.iter().map(move |c| (hop, c)))
        })
        .filter(move |(_, cookie)| !cookie.is_removal(at))
}

fn line(cookie: &Cookie) -> String {
    format!("`{}`", excerpt(&cookie.to_string(), 160))
}

pub(super) const NOT_SECURE: Rule<Headers> = Rule {
    about: About {
        id: "headers.cookie-not-secure",
        severity: Severity::Medium,
        title: "a cookie is also sent without TLS",
        why: "One plain request, which anybody on the way can provoke, gives the cookie away; a session's is as good as the password.",
        fix: "Add `Secure`. Express: `cookie: {secure: true}` with `trust proxy`; Django: `SESSION_COOKIE_SECURE` and `CSRF_COOKIE_SECURE`; PHP: `session.cookie_secure`.",
        references: &["RFC 6265 section 4.1.2.5", "RFC 6265 section 8.3"],
    },
    check: not_secure,
};

fn not_secure(_: &Headers, seen: &Now<'_>, at: Timestamp) -> Looked {
    on_cookies(seen, at, |cookie, hop| {
        if cookie.is_secure() || !hop.is_https() {
            return None;
        }
        let severity = match purpose(cookie) {
            Purpose::Session => Severity::High,
            Purpose::Csrf | Purpose::Other => Severity::Medium,
            Purpose::Infrastructure => Severity::Info,
        };
        Some(Saw::new(line(cookie), "Secure").graded(severity))
    })
}

pub(super) const NOT_HTTP_ONLY: Rule<Headers> = Rule {
    about: About {
        id: "headers.cookie-not-httponly",
        severity: Severity::High,
        title: "scripts can read a session's cookie",
        why: "One injected script carries the session away, and it is used from elsewhere long after.",
        fix: "Add `HttpOnly`; tokens against forged requests, which scripts must read, are left alone here.",
        references: &["RFC 6265 section 4.1.2.6"],
    },
    check: not_http_only,
};

fn not_http_only(_: &Headers, seen: &Now<'_>, at: Timestamp) -> Looked {
    on_cookies(seen, at, |cookie, _| {
        let session = purpose(cookie) == Purpose::Session && !cookie.is_http_only();
        session.then(|| Saw::new(line(cookie), "HttpOnly"))
    })
}

pub(super) const SAMESITE_INVALID: Rule<Headers> = Rule {
    about: About {
        id: "headers.cookie-samesite-invalid",
        severity: Severity::Medium,
        title: "a cookie's SameSite is none that browsers take",
        why: "Browsers reject `None` without `Secure`, and read an unknown value each in its own way: who relies on it is logged out, or unprotected.",
        fix: "Write `SameSite=Lax` or `Strict`, or `SameSite=None; Secure` where other sites need the cookie.",
        references: &["RFC 6265bis section 5.6.7"],
    },
    check: samesite_invalid,
};

fn samesite_invalid(_: &Headers, seen: &Now<'_>, at: Timestamp) -> Looked {
    on_cookies(seen, at, |cookie, _| {
        let value = cookie.attribute("samesite")?;
        let wanted = "Lax, Strict, or None with Secure";
        match value.to_ascii_lowercase().as_str() {
            "lax" | "strict" => None,
            "none" if cookie.is_secure() => None,
            "none" => {
                let saw = "`SameSite=None` without Secure: browsers reject the cookie";
                Some(Saw::new(saw, wanted).graded(Severity::High))
            }
            _ => Some(
                Saw::new(format!("`SameSite={}`", excerpt(value, 40)), wanted)
                    .graded(Severity::Medium),
            ),
        }
    })
}

pub(super) const PREFIX_VIOLATED: Rule<Headers> = Rule {
    about: About {
        id: "headers.cookie-prefix-violated",
        severity: Severity::High,
        title: "a cookie breaks the promise of its name",
        why: "Browsers drop a `__Host-` or `__Secure-` cookie whose attributes do not match: nobody can log in.",
        fix: "`__Host-` needs Secure, Path=/ and no Domain; `__Secure-` needs Secure; both need TLS.",
        references: &["RFC 6265bis section 4.1.3"],
    },
    check: prefix_violated,
};

fn prefix_violated(_: &Headers, seen: &Now<'_>, at: Timestamp) -> Looked {
    on_cookies(seen, at, |cookie, hop| {
        let lower = cookie.name.to_ascii_lowercase();
        let host = lower.starts_with("__host-");
        if !host && !lower.starts_with("__secure-") {
            return None;
        }
        let broken = if !hop.is_https() {
            "it is set without TLS"
        } else if !cookie.is_secure() {
            "it lacks Secure"
        } else if host && cookie.attribute("path") != Some("/") {
            "its Path is not /"
        } else if host && cookie.domain().is_some() {
            "it has a Domain"
        } else {
            return None;
        };
        let wanted = if host { "Secure; Path=/ and no Domain" } else { "Secure" };
        Some(Saw::new(format!("{broken}: {}", line(cookie)), wanted))
    })
}

pub(super) const DOMAIN_WIDE: Rule<Headers> = Rule {
    about: About {
        id: "headers.cookie-domain-wide",
        severity: Severity::Medium,
        title: "a session's cookie goes to other hosts, or to none",
        why: "Every host below the domain gets the session, the forgotten one and the one of a customer as well; a domain that is not the host's own makes browsers drop the cookie.",
        fix: "Leave `Domain` out, or name the narrowest domain that works.",
        references: &["RFC 6265 section 4.1.2.3", "RFC 6265 section 5.3"],
    },
    check: domain_wide,
};

fn domain_wide(_: &Headers, seen: &Now<'_>, at: Timestamp) -> Looked {
    on_cookies(seen, at, |cookie, hop| {
        let domain = cookie.domain()?;
        let host = hop.host();
        // Asked for by a name of the inside, the answer speaks of the name of the outside.
        if site::registrable(&host).is_none() || purpose(cookie) == Purpose::Infrastructure {
            return None;
        }
        let shown = excerpt(&domain, 80);
        if domain == host {
            return None;
        }
        if site::is_public_suffix(&domain) || !domain.contains('.') {
            let saw = format!("Domain={shown}, which nobody owns: browsers drop the cookie");
            return Some(Saw::new(saw, "the host's own domain").graded(Severity::High));
        }
        if !host.ends_with(&format!(".{domain}")) {
            let saw = format!("Domain={shown}, which is not {host}'s: browsers drop the cookie");
            return Some(Saw::new(saw, "the host's own domain").graded(Severity::Medium));
        }
        let session = purpose(cookie) == Purpose::Session;
        let severity = if session { Severity::Medium } else { Severity::Info };
        let saw = format!("Domain={shown} on {host}");
        Some(Saw::new(saw, "a cookie for its host alone").graded(severity))
    })
}

pub(super) const TOO_LARGE: Rule<Headers> = Rule {
    about: About {
        id: "headers.cookie-too-large",
        severity: Severity::High,
        title: "a cookie is larger than browsers keep",
        why: "Browsers drop it without a word: what it was for, often the session, is lost.",
        fix: "Keep a short identifier in the cookie and the rest on the server.",
        references: &["RFC 6265 section 6.1", "RFC 6265bis section 5.6"],
    },
    check: too_large,
};

/// Name and value together, in bytes.
const LARGEST: usize = 4096;

fn too_large(_: &Headers, seen: &Now<'_>, at: Timestamp) -> Looked {
    on_cookies(seen, at, |cookie, _| {
        let size = cookie.name.len() + cookie.length;
        (size > LARGEST).then(|| {
            Saw::new(format!("{size} bytes"), format!("at most {LARGEST} bytes of name and value"))
        })
    })
}
