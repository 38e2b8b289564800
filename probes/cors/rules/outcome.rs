//! What refusing an origin does to the server, and what a run could not settle.

use jiff::Timestamp;

use super::Now;
use crate::cors::Cors;
use crate::cors::evidence::Shot;
use crate::cors::proof::{ground, looked, missing};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;

pub(super) const ERROR_ON_REFUSAL: Rule<Cors> = Rule {
    about: About {
        id: "cors.error-on-refusal",
        severity: Severity::Low,
        title: "a refused origin makes the server answer with an error of its own",
        why: "Every crawler and every curious page makes an alert and a stack trace; whoever sends an Origin for another reason, as some proxies and apps do, is refused altogether.",
        fix: "Refuse by leaving the headers out. Express and Fastify: call back with `(null, false)` instead of an Error.",
        references: &[],
    },
    check: error_on_refusal,
};

fn error_on_refusal(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    let plain = seen.now.plain().and_then(Shot::status);
    let tried: Vec<&Shot> =
        seen.now.shots.iter().filter(|shot| shot.is_foreign() && shot.is_settled()).collect();
    if tried.is_empty() {
        return Looked::untested(ground(cors, seen.now).err().unwrap_or_else(|| missing(seen.now)));
    }
    let failed = tried.iter().find(|shot| shot.status().is_some_and(|status| status >= 500));
    let saw = failed.zip(plain.filter(|status| *status < 500)).map(|(shot, plain)| {
        let status = shot.status().unwrap_or_default();
        let saw = format!("{status} for a foreign origin, and {plain} without one");
        Saw::new(saw, format!("{plain} without Access-Control-Allow-Origin"))
    });
    looked(cors, seen.now, saw.into_iter().collect())
}

pub(super) const UNDETERMINED: Rule<Cors> = Rule {
    about: About {
        id: "cors.undetermined",
        severity: Severity::Low,
        title: "who may read the answers could not be settled",
        why: "What was refused while something else was wrong proves nothing: until the endpoint itself answers, nobody knows whom it lets in.",
        fix: "Set `path` to an endpoint that answers, name `allowed_origins`, and let musterd through where a firewall or a limit stands before it; whether the service is up is other probes' business.",
        references: &[],
    },
    check: undetermined,
};

fn undetermined(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    let fired = |why: String| Looked::fired(Saw::new(why, "an answer that shows who is let in"));
    if let Err(why) = ground(cors, seen.now) {
        return fired(why);
    }
    if let Some(stop) = &seen.now.stopped {
        return fired(stop.to_string());
    }
    let guests = seen.now.guests().count();
    if guests > 0 && seen.now.guests().all(|shot| shot.answer.is_none()) {
        return fired("requests with an allowed origin had no answer".to_owned());
    }
    if !seen.now.foreign {
        return Looked::silent();
    }
    let refused = seen.now.strangers().any(|shot| shot.answer.is_some());
    if !refused {
        return fired("requests with a foreign origin had no answer".to_owned());
    }
    Looked::silent()
}
