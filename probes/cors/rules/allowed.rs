//! Pages that should get in, and do not.

use jiff::Timestamp;

use super::{Now, lower};
use crate::cors::Cors;
use crate::cors::conduct::opens;
use crate::cors::evidence::{Answer, Evidence, Role, Shot, Stop};
use crate::cors::fetch::{self, Refusal};
use crate::cors::proof::{ground, missing};
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;

pub(super) const ALLOWED_ORIGIN_REFUSED: Rule<Cors> = Rule {
    about: About {
        id: "cors.allowed-origin-refused",
        severity: Severity::High,
        title: "pages of an allowed origin cannot read the answers",
        why: "For their users the service is down: the browser throws every answer away, and only its console says why.",
        fix: "Send Access-Control-Allow-Origin with exactly this origin on every answer, errors among them (nginx: `always`), and Access-Control-Allow-Credentials: true where cookies are sent.",
        references: &["https://fetch.spec.whatwg.org/#concept-cors-check"],
    },
    check: refused,
};

fn refused(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    if cors.allowed.is_empty() {
        return Looked::untested("no `allowed_origins` are declared");
    }
    let grounded = fair(cors, seen.now);
    let (mut saw, mut subjects) = (Vec::new(), Vec::new());
    for shot in grounded.iter().flat_map(|()| seen.now.guests()) {
        let (Some(origin), Some(answer)) = (&shot.origin, &shot.answer) else { continue };
        let checked = fetch::cors_check(origin, cors.credentials, &answer.headers);
        let unsettled = is_troubled(seen.now) && checked.is_err() && seen.now.is_odd(shot);
        if unsettled || subjects.contains(origin) {
            continue;
        }
        subjects.push(origin.clone());
        saw.extend(checked.err().map(|why| shut_out(cors, origin, answer, &why)));
    }
    tested(seen.now, saw, subjects, grounded)
}

fn shut_out(cors: &Cors, origin: &str, answer: &Answer, why: &Refusal) -> Saw {
    let (cookies, also) = if cors.credentials {
        (" with the user's cookies", ", and Access-Control-Allow-Credentials: true")
    } else {
        ("", "")
    };
    let on = match answer.status {
        status if status >= 300 => format!(", here of a {status}"),
        _ => String::new(),
    };
    let cached = answer.cache_hit().map(|hit| format!("; it came from a shared cache ({hit})"));
    let saw = format!(
        "a page at {origin} cannot read answers{cookies}{on}: {why}{}",
        cached.unwrap_or_default()
    );
    // What a page cannot read of an error, it can often do without.
    let is_error = (400..500).contains(&answer.status);
    let severity = if is_error { lower(Severity::High) } else { Severity::High };
    let wanted = format!("Access-Control-Allow-Origin: {origin}{also}");
    Saw::new(saw, wanted).on(origin).graded(severity)
}

pub(super) const PREFLIGHT_REFUSED: Rule<Cors> = Rule {
    about: About {
        id: "cors.preflight-refused",
        severity: Severity::High,
        title: "pages of an allowed origin may not send what they need to",
        why: "The browser asks before it sends such a request, and the answer forbids it: for the users of these pages the request fails, and the service never sees it.",
        fix: "Answer OPTIONS with 204 before authentication and routing, with Access-Control-Allow-Origin, and with the method and every header in Access-Control-Allow-Methods and Access-Control-Allow-Headers (Authorization must be named). Fastify and FastAPI allow few methods by default: set `methods` or `allow_methods`.",
        references: &["https://fetch.spec.whatwg.org/#cors-preflight-fetch"],
    },
    check: preflight_refused,
};

fn preflight_refused(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    if cors.allowed.is_empty() {
        return Looked::untested("no `allowed_origins` are declared");
    }
    if cors.preflights.is_empty() {
        return Looked::untested("what is declared in `methods` and `headers` needs no preflight");
    }
    let grounded = fair(cors, seen.now);
    let (mut saw, mut subjects) = (Vec::new(), Vec::new());
    let sent: Vec<&Shot> = seen
        .now
        .shots
        .iter()
        .filter(|shot| shot.role == Role::Allowed && shot.is_preflight() && shot.answer.is_some())
        .filter(|_| grounded.is_ok())
        .collect();
    for origin in cors.allowed.iter().map(|origin| origin.sample().to_string()) {
        let own: Vec<&&Shot> =
            sent.iter().filter(|shot| shot.origin.as_ref() == Some(&origin)).collect();
        for method in &cors.preflights {
            let asked = cors.asked(method);
            let direct = own.iter().find(|shot| shot.asked.as_ref() == Some(&asked));
            // Most answers list everything that is allowed.
            let listed = own.iter().any(|shot| opens(shot, &asked, cors.credentials));
            let troubled = is_troubled(seen.now)
                && direct.is_some_and(|shot| shot.status().is_none_or(|s| s >= 400));
            if !listed && (direct.is_none() || troubled) {
                continue;
            }
            let subject = format!("{origin} {method}");
            saw.extend(direct.filter(|_| !listed).and_then(|shot| forbidden(cors, &subject, shot)));
            subjects.push(subject);
        }
    }
    tested(seen.now, saw, subjects, grounded)
}

fn forbidden(cors: &Cors, subject: &str, shot: &Shot) -> Option<Saw> {
    let (origin, asked) = (shot.origin.as_deref()?, shot.asked.as_ref()?);
    let answer = shot.answer.as_ref()?;
    let credentials = cors.credentials;
    let why = fetch::preflight_check(origin, credentials, asked, answer.status, &answer.headers);
    let with = match asked.headers.as_slice() {
        [] => String::new(),
        names => format!(" with {}", crate::text::list(names)),
    };
    let saw = format!("a page at {origin} may not send {}{with}: {}", asked.method, why.err()?);
    Some(Saw::new(saw, format!("a preflight that lets {}{with} through", asked.method)).on(subject))
}

/// As far as the guests' own requests go, an error of the endpoint is no reason to look away when
/// it is an answer of the endpoint.
fn fair(cors: &Cors, seen: &Evidence) -> Result<(), String> {
    let status = seen.plain().and_then(Shot::status);
    let door = status.is_some_and(|status| matches!(status, 400..=403 | 405..=409 | 411..=428));
    let blocked = seen.plain().and_then(|shot| shot.answer.as_ref()?.blocked_by.as_ref()).is_some();
    if door && !blocked && seen.stopped.is_none() { Ok(()) } else { ground(cors, seen) }
}

/// Whether the target was perhaps not well.
fn is_troubled(seen: &Evidence) -> bool {
    matches!(seen.stopped, Some(Stop::Worse { .. } | Stop::Lost | Stop::Refused { .. }))
}

fn tested(
    seen: &Evidence,
    saw: Vec<Saw>,
    subjects: Vec<String>,
    grounded: Result<(), String>,
) -> Looked {
    let tested = match (subjects.is_empty(), grounded) {
        (false, _) => Tested::Only(subjects),
        (true, Err(why)) => Tested::No(why),
        (true, Ok(())) => Tested::No(missing(seen)),
    };
    Looked { saw, tested }
}
