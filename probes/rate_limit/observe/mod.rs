//! What a run sends: as little as its mode needs, and nothing after a guard said stop.

mod differential;
mod exhaust;
mod guard;
mod headers;
mod session;
mod variants;

use super::RateLimit;
use super::evidence::{Evidence, Mode, Stop, StopCause};
use crate::blind::Blind;
use crate::context::Context;
use crate::duration::brief;
use crate::impact::Impact;
use session::Session;

/// Looks as closely as the check says and this run may.
pub(super) async fn observe(check: &RateLimit, cx: &Context) -> Result<Evidence, Blind> {
    let mut session = Session::start(check, cx, mode(check, cx)).await?;
    if check.mode == Mode::Exhaust && session.seen.mode != Mode::Exhaust {
        let why = "going beyond the limit needs `allow: intrusive`, and comes at most once a day";
        session.leave_out("enforcement", why);
    }
    if let Some(rest) = session.resting() {
        session.seen.stopped = Some(Stop {
            cause: StopCause::Resting,
            detail: format!("this route was refused lately and is left alone for {}", brief(rest)),
        });
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

/// What this run may do of what is configured: every run does what it may.
fn mode(check: &RateLimit, cx: &Context) -> Mode {
    match check.mode {
        Mode::Exhaust if cx.may(Impact::Intrusive) => Mode::Exhaust,
        Mode::Differential if cx.may(Impact::Active) => Mode::Differential,
        _ => Mode::Headers,
    }
}
