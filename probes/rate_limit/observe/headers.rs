//! What answers declare: by what other checks saw, else by two requests.

use jiff::SignedDuration;

use super::session::Session;
use crate::blind::Blind;
use crate::rate_limit::declared::Declared;
use crate::rate_limit::evidence::{Purpose, Stop, StopCause, is_cached};

/// What other checks saw longer ago is looked at anew.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// Of what other checks saw, so many exchanges are kept.
const MOST: usize = 8;

/// Reads what is declared.
pub(super) async fn run(session: &mut Session<'_>) -> Result<(), Blind> {
    sighted(session);
    if !session.seen.sightings.is_empty() {
        return Ok(());
    }
    if !session.may_read() {
        session.seen.stopped = Some(used_up());
        return Ok(());
    }
    if session.send(Purpose::Plain).await? {
        super::differential::again(session).await?;
    }
    Ok(())
}

/// Not even reading may use a limit up.
pub(super) fn used_up() -> Stop {
    let detail = "our own earlier requests used half of what a window admits".to_owned();
    Stop { cause: StopCause::Spent, detail }
}

/// Takes over what other checks saw of the same route, where it declares something.
pub(super) fn sighted(session: &mut Session<'_>) {
    let request = &session.check.request;
    let path = session.cx.url(&request.path).path().to_owned();
    let since = session.seen.started - FRESH;
    let mut sightings = session.cx.sightings();
    sightings.retain(|sighting| {
        sighting.at >= since
            && sighting.origin == session.origin
            && sighting.method == request.method.as_str()
            && sighting.path == path
            && !is_cached(&sighting.headers)
            && Declared::read(&sighting.headers, sighting.at).says_something()
    });
    let surplus = sightings.len().saturating_sub(MOST);
    session.seen.sightings = sightings.split_off(surplus);
}
