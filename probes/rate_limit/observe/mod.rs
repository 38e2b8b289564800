//! What a run sends: as little as its mode needs, and nothing after a guard said stop.

mod differential;
mod exhaust;
mod guard;
mod headers;
mod message;
mod pace;
mod room;
mod session;
mod variants;

use super::RateLimit;
use super::evidence::{Evidence, Mode, NOT_ITS_TIME, Stop, StopCause};
use crate::blind::Blind;
use crate::context::{Context, Withheld};
use crate::duration::brief;
use crate::impact::Impact;
use session::Session;

/// Looks as closely as the check says and this run may.
pub(super) async fn observe(check: &RateLimit, cx: &Context) -> Result<Evidence, Blind> {
    let mut session = Session::start(check, cx, mode(check, cx)).await?;
    if check.mode == Mode::Exhaust
        && let Some(withheld) = cx.withheld(Impact::Intrusive)
    {
        session.leave_out("enforcement", withheld_because(withheld));
    }
    if let Some(rest) = session.resting() {
        let rest = brief(rest);
        let (cause, why) = if cx.traffic().is_exhausted(&session.origin) {
            (StopCause::Spent, "our own test of the limit used it up")
        } else {
            (StopCause::Resting, "this route was refused lately")
        };
        let detail = format!("{why}, and it is left alone for {rest}");
        session.seen.stopped = Some(Stop { cause, detail });
        headers::sighted(&mut session);
        return Ok(session.end());
    }
    match session.seen.mode {
        Mode::Headers => headers::run(&mut session).await?,
        Mode::Differential => differential::run(&mut session).await?,
        Mode::Exhaust => exhaust::run(&mut session).await?,
    }
    Ok(session.end())
}

/// Why a run does not go beyond the limit.
fn withheld_because(withheld: Withheld) -> &'static str {
    match withheld {
        Withheld::Configuration => "going beyond the limit needs `allow: intrusive`",
        Withheld::Ceiling => "going beyond the limit needs `--allow intrusive`",
        Withheld::Cadence => NOT_ITS_TIME,
    }
}

/// What this run may do of what is configured: every run does what it may.
fn mode(check: &RateLimit, cx: &Context) -> Mode {
    match check.mode {
        Mode::Exhaust if cx.may(Impact::Intrusive) => Mode::Exhaust,
        Mode::Differential if cx.may(Impact::Active) => Mode::Differential,
        _ => Mode::Headers,
    }
}
