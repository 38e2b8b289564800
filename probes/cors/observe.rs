//! The canary: a handful of requests that show who may read the answers.

use super::Cors;
use super::conduct::{FULL, Prober};
use super::evidence::{Evidence, Reached, Role};
use super::fetch::{self, Asked, Power};
use super::matrix;
use super::origin::WebOrigin;
use super::settings::Depth;
use crate::blind::Blind;
use crate::context::Context;
use crate::impact::Impact;

/// A canary sends so many requests at most.
pub(super) const CANARY: usize = 6;

pub(super) async fn observe(cors: &Cors, cx: &Context) -> Result<Evidence, Blind> {
    let mut prober = Prober::new(cors, cx, CANARY);
    canary(&mut prober).await?;
    let reach = match cors.depth {
        Depth::Canary => Reached::Canary,
        Depth::Full if !cx.deep() || !cx.may(Impact::Active) => Reached::NotDue,
        Depth::Full if prober.reflects() => Reached::Needless,
        Depth::Full if !prober.is_endpoint() => Reached::Pointless,
        Depth::Full => {
            prober.grant(FULL);
            // In a canary there may have been no room for it.
            prober.preflight_of_stranger().await?;
            Reached::Full { left: matrix::walk(&mut prober).await? }
        }
    };
    let own = WebOrigin::of(&cx.target().url).map(|own| own.to_string()).unwrap_or_default();
    Ok(Evidence {
        own,
        stopped: prober.stopped,
        foreign: cx.may(Impact::Active),
        reach,
        place: prober.place,
        alike: prober.alike,
        shots: prober.shots,
    })
}

async fn canary(prober: &mut Prober<'_>) -> Result<(), Blind> {
    prober.send(Role::Plain, None, None).await?;
    if prober.status().is_none() {
        return Ok(());
    }
    let guests = prober.guests();
    let mut guests = guests.iter();
    let first = guests.next();
    if let Some(guest) = first {
        welcome(prober, guest).await?;
    }
    strangers(prober).await?;
    if let Some(guest) = first {
        preflights(prober, guest).await?;
    }
    if prober.place.owed {
        prober.preflight_of_stranger().await?;
    }
    for guest in guests {
        welcome(prober, guest).await?;
    }
    prober.preflight_of_stranger().await?;
    prober.place.owed = prober.stopped.is_none() && prober.room() == 0 && !prober.has_asked();
    prober.absent().await
}

/// Whether a page that may read the answer can. What would be an outage is confirmed within the
/// run.
pub(super) async fn welcome(prober: &mut Prober<'_>, guest: &str) -> Result<(), Blind> {
    if prober.room() == 0 {
        return Ok(());
    }
    prober.allowed(guest).await?;
    if prober.welcomes(guest) { Ok(()) } else { prober.allowed(guest).await }
}

/// Whether such a page may send what is declared, as far as the answers do not say it anyhow.
pub(super) async fn preflights(prober: &mut Prober<'_>, guest: &str) -> Result<(), Blind> {
    for method in prober.methods() {
        let asked = prober.cors.asked(&method);
        if prober.room() == 0 || prober.is_open_to(guest, &asked) {
            continue;
        }
        prober.preflight(guest, &asked).await?;
        if !prober.lets_through() {
            prober.preflight(guest, &asked).await?;
        }
    }
    Ok(())
}

/// Two pages of strangers: another of the same kind where the first was allowed, and a sandboxed
/// frame where it was not.
async fn strangers(prober: &mut Prober<'_>) -> Result<(), Blind> {
    if !prober.cx.may(Impact::Active) {
        return Ok(());
    }
    let first = format!("https://{}.example", Prober::random());
    prober.stranger(Role::Foreign, &first).await?;
    match prober.last() {
        Some(shot) if shot.role == Role::Control || shot.answer.is_none() => Ok(()),
        Some(shot) if shot.power() > Power::None => {
            let second = format!("https://{}.test", Prober::random());
            prober.stranger(Role::Foreign, &second).await
        }
        Some(_) => prober.stranger(Role::Null, "null").await,
        None => Ok(()),
    }
}

/// What a page of a stranger asks for: a change that the declared pages make, which the service
/// knows, or else the usual.
pub(super) fn asked_by_stranger(cors: &Cors) -> Asked {
    let by_method = cors.preflights.iter().find(|method| fetch::needs_preflight(method, &[]));
    let by_header = cors.preflights.iter().find(|method| *method == "POST");
    if let Some(method) = by_method.or(by_header) {
        return cors.asked(method);
    }
    let mut headers = cors.headers.clone();
    if headers.is_empty() {
        headers.push("content-type".to_owned());
    }
    Asked { method: "PUT".to_owned(), headers }
}
