//! Whom nobody knows: pages of any origin, and frames without one.

use jiff::Timestamp;

use super::{FETCH, Now, can_read, graded, opened};
use crate::cors::Cors;
use crate::cors::conduct::opens;
use crate::cors::evidence::{Role, Shot};
use crate::cors::fetch::Power;
use crate::cors::proof::{ground, missing};
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;

const WANTED: &str = "Access-Control-Allow-Origin for allowed origins alone";

pub(super) const ORIGIN_REFLECTED: Rule<Cors> = Rule {
    about: About {
        id: "cors.origin-reflected",
        severity: Severity::Critical,
        title: "pages of any origin can read the answers",
        why: "Whoever lures a signed-in user to a page of theirs reads, and changes, what that user may read and change here: the browser sends the cookies along and hands the answers over. Only cookies with SameSite=Lax or Strict stay at home.",
        fix: "Compare the Origin with a list of whole origins, and send Access-Control-Allow-Origin for these alone. Express: `cors({origin: ['https://app.example.com'], credentials: true})` instead of `origin: true`; Koa: a function for `origin`; Django: CORS_ALLOWED_ORIGINS instead of CORS_ALLOW_ALL_ORIGINS; FastAPI: `allow_origins` without `*`.",
        references: &[FETCH, "OWASP WSTG-CLNT-07"],
    },
    check: origin_reflected,
};

fn origin_reflected(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    let strangers: Vec<&Shot> = seen.now.strangers().filter(|shot| shot.answer.is_some()).collect();
    let all = !strangers.is_empty() && strangers.iter().all(|shot| shot.power() > Power::None);
    let weakest = strangers.iter().filter(|_| all).min_by_key(|shot| shot.power());
    let mut saw: Vec<Saw> = weakest
        .and_then(|shot| {
            let severity = graded(cors, shot, Severity::Critical, Severity::Medium)?;
            let page = "a page of any origin, such as https://evil.example,";
            Some(Saw::new(can_read(page, shot), WANTED).graded(severity))
        })
        .into_iter()
        .collect();
    let preflight =
        seen.now.shots.iter().find(|shot| shot.role == Role::Foreign && shot.is_preflight());
    if !all {
        saw.extend(preflight.and_then(|shot| sends(cors, shot)));
    }
    let mut tested: Vec<String> = Vec::new();
    let settled = |shot: &&Shot| shot.is_settled() || shot.power() > Power::None;
    let grounded = ground(cors, seen.now);
    if strangers.iter().any(settled) && (grounded.is_ok() || all) {
        tested.push(String::new());
    }
    if preflight.is_some_and(Shot::is_settled) && grounded.is_ok() {
        tested.push("preflight".to_owned());
    }
    let tested = match (tested.is_empty() && saw.is_empty(), grounded) {
        (true, Err(why)) => Tested::No(why),
        (true, Ok(())) => Tested::No(missing(seen.now)),
        (false, _) => Tested::Only(tested),
    };
    Looked { saw, tested }
}

/// What a stranger's page may send though it cannot read the answer.
fn sends(cors: &Cors, shot: &Shot) -> Option<Saw> {
    let asked = shot.asked.as_ref().filter(|_| shot.power() > Power::None)?;
    let credentialed = opens(shot, asked, true);
    if !credentialed && (cors.public || !opens(shot, asked, false)) {
        return None;
    }
    let (cookies, severity) = if credentialed {
        ("with the user's cookies", Severity::Medium)
    } else {
        ("without the user's cookies", Severity::Info)
    };
    let saw = format!(
        "a page of any origin can send {} requests {cookies}, though it cannot read what is answered: its preflight is let through",
        asked.method
    );
    Some(
        Saw::new(saw, "preflights let through for allowed origins alone")
            .on("preflight")
            .graded(severity),
    )
}

pub(super) const NULL_ALLOWED: Rule<Cors> = Rule {
    about: About {
        id: "cors.null-allowed",
        severity: Severity::High,
        title: "the origin `null` can read the answers",
        why: "Every sandboxed frame has the origin `null`, and everybody can put one into a page of theirs: allowing it allows everybody.",
        fix: "Take `null` out of the list of origins, and let no rule for local files or redirects put it there.",
        references: &[
            FETCH,
            "https://html.spec.whatwg.org/multipage/browsers.html#concept-origin-opaque",
        ],
    },
    check: null_allowed,
};

fn null_allowed(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    let tried = seen.now.shots.iter().find(|shot| shot.role == Role::Null && shot.answer.is_some());
    let Some(shot) = tried else { return Looked::untested(missing(seen.now)) };
    if let Some(severity) = opened(cors, seen, shot, Severity::High, Severity::Low) {
        let page = "a sandboxed frame in anybody's page";
        return Looked::fired(Saw::new(can_read(page, shot), WANTED).graded(severity));
    }
    match ground(cors, seen.now) {
        Err(why) => Looked::untested(why),
        Ok(()) if shot.is_settled() || shot.power() > Power::None => Looked::silent(),
        Ok(()) => Looked::untested(missing(seen.now)),
    }
}
