//! Why what was refused, or was not tried, proves nothing.

use super::Cors;
use super::evidence::{Answer, Evidence, Reached, Role, Shot, Stop};
use super::fetch::{self, Power};
use crate::rule::{Looked, Saw};
use crate::text::excerpt;

/// Why nothing that was refused proves that it is refused.
pub(super) fn ground(cors: &Cors, seen: &Evidence) -> Result<(), String> {
    let Some(plain) = seen.plain() else { return Err("nothing was sent".to_owned()) };
    let Some(answer) = &plain.answer else {
        let why = plain.failure.as_ref().map(|failure| failure.detail.as_str());
        return Err(format!("no answer came: {}", why.unwrap_or("for no reason that is known")));
    };
    if let Some(firewall) = &answer.blocked_by {
        return Err(format!(
            "a firewall ({firewall}) answered {} in the service's place: let musterd's User-Agent or address through",
            answer.status
        ));
    }
    if let Some(Stop::NotInert { status }) = &seen.stopped {
        return Err(format!(
            "the request is not inert: {} without a body was answered {status}; allow intrusive work, or set `method: GET`",
            cors.method
        ));
    }
    status(cors, seen, answer)?;
    if seen.alike == Some(true) {
        return Err("something that answers every path answers here: a path that does not exist gets the same".to_owned());
    }
    changed(cors, seen).map_or(Ok(()), Err)
}

fn status(cors: &Cors, seen: &Evidence, answer: &Answer) -> Result<(), String> {
    match answer.status {
        200..=299 => Ok(()),
        429 => Err("it answers 429: it wants to be asked less often".to_owned()),
        404 | 410 => {
            Err(format!("it answers {}: set `path` to an endpoint that is there", answer.status))
        }
        status if status >= 500 => {
            Err(format!("it answers {status}: what it answers when it is well was not seen"))
        }
        _ if answer.is_redirect() => {
            let to = excerpt(answer.header("location").unwrap_or("nowhere"), 120);
            Err(format!(
                "it answers {} and leads to {to}: set `path` to what answers itself, or give the service credentials",
                answer.status
            ))
        }
        // Who is let in at the door is let in, whatever is then answered.
        _ if is_fenced(cors, seen) => Ok(()),
        status => Err(format!(
            "it answers {status}, and who may read what others get was not seen: give the service credentials, or name `allowed_origins`"
        )),
    }
}

/// Whether a page that may read the answer can, and a stranger's cannot.
fn is_fenced(cors: &Cors, seen: &Evidence) -> bool {
    seen.guests().any(|shot| is_welcome(cors, shot))
        && seen.strangers().all(|shot| shot.is_settled() && shot.power() == Power::None)
}

/// Whether the page of a request can read its answer, as it is declared.
pub(super) fn is_welcome(cors: &Cors, shot: &Shot) -> bool {
    match (&shot.origin, &shot.answer) {
        (Some(origin), Some(answer)) => {
            fetch::cors_check(origin, cors.credentials, &answer.headers).is_ok()
        }
        _ => false,
    }
}

/// Where two requests of one kind were answered differently.
fn changed(cors: &Cors, seen: &Evidence) -> Option<String> {
    let strangers: Vec<bool> = seen
        .strangers()
        .filter(|shot| shot.is_settled())
        .map(|shot| shot.power() > Power::None)
        .collect();
    if strangers.contains(&true) && strangers.contains(&false) {
        return Some("the answers changed in mid-run: one stranger's origin was allowed, and another one was not".to_owned());
    }
    let open = |shot: &Shot| {
        super::conduct::preflight_of(shot, cors.credentials)
            || !shot.is_preflight() && is_welcome(cors, shot)
    };
    let guests: Vec<&Shot> = seen.shots.iter().filter(|shot| shot.role == Role::Allowed).collect();
    let differs = guests.iter().enumerate().find(|(index, shot)| {
        guests.iter().skip(index + 1).any(|other| {
            shot.origin == other.origin && shot.asked == other.asked && open(shot) != open(other)
        })
    });
    if let Some((_, shot)) = differs {
        let origin = shot.origin.as_deref().unwrap_or_default();
        return Some(format!(
            "the answers changed in mid-run: {origin} was allowed once, and once not"
        ));
    }
    let class = |shot: &Shot| shot.status().map(|status| status / 100);
    let plain = seen.plain().and_then(class);
    let other = seen
        .guests()
        .filter(|shot| is_welcome(cors, shot))
        .find(|shot| class(shot) != plain && class(shot).is_some_and(|class| class > 3));
    other.and_then(Shot::status).map(|status| {
        format!("the answers changed in mid-run: the request was answered {status} later")
    })
}

/// Why a request that a rule looks for is not there, or proves nothing.
pub(super) fn missing(seen: &Evidence) -> String {
    if let Some(stop) = &seen.stopped {
        return stop.to_string();
    }
    if !seen.foreign {
        return "foreign origins are active work, which is not consented to here".to_owned();
    }
    match seen.reach {
        Reached::Canary => "only `depth: full` tries it".to_owned(),
        Reached::NotDue => "it is tried once a day".to_owned(),
        Reached::Needless => "every origin is allowed as it is".to_owned(),
        Reached::Pointless => "what answered was not the endpoint, or not well".to_owned(),
        Reached::Full { left: 0 } => {
            "there was nothing to try, or what else is allowed says it already".to_owned()
        }
        Reached::Full { .. } => "it waits for the next run of full depth".to_owned(),
    }
}

/// What fired, or that nothing did where that proves something.
pub(super) fn looked(cors: &Cors, seen: &Evidence, saw: Vec<Saw>) -> Looked {
    match ground(cors, seen) {
        Err(why) if saw.is_empty() => Looked::untested(why),
        _ => saw.into(),
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { saw } => write!(f, "the run ended early: it was refused with {saw}"),
            Self::Cached { header } => write!(
                f,
                "the run ended early: a shared cache answered a request that nobody sent before ({header})"
            ),
            Self::Worse { saw } => write!(
                f,
                "the run ended early: without an origin, but with a query of our own against caches, the request is answered worse than at the start ({saw})"
            ),
            Self::Lost => f.write_str("the run ended early: three requests in a row had no answer"),
            Self::NotInert { status } => {
                write!(f, "the run ended early: the request is not inert, it was answered {status}")
            }
        }
    }
}
