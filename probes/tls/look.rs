//! One run: ordinary handshakes, a clock where it matters, and the survey where it may be made.

use std::net::IpAddr;
use std::time::Duration;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::ServerName;
use tokio::time::Instant;

use super::certificate::read_chain;
use super::door::Door;
use super::evidence::{Caa, Clock, Evidence, LeftOut, Look, Surveyed};
use super::scout::{self, Scout};
use super::settings::Addresses;
use super::staple;
use super::{CONNECTIONS, CONNECTIONS_IN_DEPTH, Tls, listing, root};
use crate::blind::{Blind, Cause};
use crate::context::Context;
use crate::impact::Impact;
use crate::net::connection::Endpoint;
use crate::net::failure::FailureKind;
use crate::net::origin::Origin;
use crate::net::phase::Phase;
use crate::net::request::{Peer, Request};
use crate::net::tls::Alpn;

/// At most so many addresses are looked at.
const MOST_ADDRESSES: usize = 8;

pub(super) async fn observe(tls: &Tls, cx: &Context) -> Result<Evidence, Blind> {
    let started = Instant::now();
    let door = door(tls, cx)?;
    let alpn = alpn(tls, cx, door.endpoint.port);
    let mut evidence = Evidence {
        at: cx.started(),
        port: door.endpoint.port,
        server_name: door.name.clone(),
        starttls: tls.starttls,
        looks: vec![look(&door, alpn).await?],
        left_out: Vec::new(),
        own_authority: cx.target().trust.ca.is_some(),
        clock: None,
        caa: Caa::default(),
        survey: Surveyed::No(String::new()),
    };
    if tls.addresses == Addresses::All {
        others(&door, alpn, &mut evidence).await?;
    }
    let spent = confirm(&door, alpn, &mut evidence).await?;
    if evidence.wants_clock() {
        evidence.clock = clock(tls, cx, started).await;
    }
    if tls.caa {
        evidence.caa = caa(cx, &evidence).await;
    }
    evidence.survey = survey(tls, door, &mut evidence, spent).await;
    Ok(evidence)
}

fn door<'a>(tls: &Tls, cx: &'a Context) -> Result<Door<'a>, Blind> {
    let url = &cx.target().url;
    let origin = Origin::of(url)
        .ok_or_else(|| Blind::new(Cause::Internal, "the service's URL names no host"))?;
    let by_default = match tls.starttls {
        Some(protocol) => protocol.port(),
        // Where the page is plain, TLS has its own port.
        None if !origin.is_tls() && url.port().is_none() => 443,
        None => origin.port,
    };
    let port = tls.port.unwrap_or(by_default);
    let mut endpoint = match &tls.server_name {
        Some(name) => Endpoint { host: origin.host.clone(), port, tls: Some(name.clone()) },
        None => cx.tls_endpoint(&origin.host, port)?,
    };
    let Some(name) = endpoint.tls.take() else {
        return Err(Blind::new(Cause::Internal, "there is no name to ask for"));
    };
    let text = name.to_str().into_owned();
    Ok(Door {
        cx,
        endpoint: Endpoint { tls: Some(ServerName::to_owned(&name)), ..endpoint },
        at: None,
        starttls: tls.starttls,
        name: text,
    })
}

/// Only a web server is asked for HTTP.
fn alpn(tls: &Tls, cx: &Context, port: u16) -> Alpn {
    let url = &cx.target().url;
    let web = url.scheme() == "https" && url.port_or_known_default() == Some(port);
    if tls.starttls.is_none() && (web || port == 443) { Alpn::Http } else { Alpn::None }
}

async fn look(door: &Door<'_>, alpn: Alpn) -> Result<Look, Blind> {
    let (connected, declined) = door.shake(alpn).await?;
    let (chain, unreadable) = read_chain(&connected.presented.chain);
    let sent = connected.presented.chain.len();
    let root = root::find(&connected.presented.chain, &chain, &connected.presented.named);
    let stapled = connected.presented.staple;
    let staple = chain.first().filter(|_| !stapled.is_empty());
    let staple = staple.map(|leaf| staple::read(&stapled, &leaf.serial));
    let mut look = Look {
        failure: connected.outcome.as_ref().err().cloned().filter(|_| declined.is_none()),
        connection: connected.facts,
        declined,
        chain,
        root,
        sent,
        unreadable,
        verified: sent > 0,
        distrust: connected.presented.distrust,
        stapled: !stapled.is_empty(),
        staple,
    };
    if look.connection.peer.is_none() {
        look.connection.peer =
            door.at.map(|address| std::net::SocketAddr::new(address, door.endpoint.port));
    }
    Ok(look)
}

/// Looks at the addresses that the first look left.
async fn others(door: &Door<'_>, alpn: Alpn, evidence: &mut Evidence) -> Result<(), Blind> {
    let first = &evidence.looks[0];
    if door.cx.target().proxy.is_some() {
        return Ok(());
    }
    let seen = first.address();
    let mut rest: Vec<IpAddr> = first.connection.addresses.clone();
    rest.retain(|address| Some(*address) != seen);
    rest.dedup();
    if seen.is_none() && rest.len() <= 1 {
        return Ok(());
    }
    let mut room = MOST_ADDRESSES - usize::from(seen.is_some());
    if seen.is_none() {
        // The first look speaks of no address; each of them speaks for itself.
        evidence.looks.clear();
    }
    for address in rest {
        if room == 0 {
            let why = format!("one run looks at {MOST_ADDRESSES} addresses");
            evidence.left_out.push(LeftOut { address, why });
            continue;
        }
        room -= 1;
        let at = Door { at: Some(address), ..door.clone() };
        match look(&at, alpn).await {
            Ok(look) => evidence.looks.push(look),
            // A family that this machine has no network for says nothing of the target.
            Err(blind) if blind.cause == Cause::Network => {
                evidence.left_out.push(LeftOut { address, why: blind.reason.into_owned() });
            }
            Err(blind) => return Err(blind),
        }
    }
    if evidence.looks.is_empty() {
        return Err(Blind::new(
            Cause::Network,
            "this machine has no route to any of its addresses",
        ));
    }
    Ok(())
}

/// A server that restarts just now is no outage: what came to no session is looked at again, as
/// often as that has to be confirmed. How many connections all looks took.
async fn confirm(door: &Door<'_>, alpn: Alpn, evidence: &mut Evidence) -> Result<u32, Blind> {
    let several = evidence.looks.len() > 1;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (mut looks, mut spent) = (1, count(evidence.looks.len()));
    loop {
        let failed: Vec<&mut Look> =
            evidence.looks.iter_mut().filter(|look| look.is_outage()).collect();
        let next = spent.saturating_add(count(failed.len()));
        if failed.is_empty() || next > CONNECTIONS || !door.cx.look_again(looks).await {
            return Ok(spent);
        }
        for failed in failed {
            let at = failed.address().filter(|_| several);
            *failed = look(&Door { at, ..door.clone() }, alpn).await?;
        }
        (looks, spent) = (looks + 1, next);
    }
}

/// Who may issue the next certificate for the name, or for the wildcard that covers it now.
async fn caa(cx: &Context, evidence: &Evidence) -> Caa {
    let name = evidence.server_name.as_str();
    if name.parse::<IpAddr>().is_ok() {
        return Caa::NotAsked("addresses have no CAA records".to_owned());
    }
    let leaf = evidence.looks.iter().find_map(Look::leaf);
    let covered = |pattern: &String| {
        let parent = pattern.strip_prefix("*.")?;
        let (_, rest) = name.split_once('.')?;
        rest.eq_ignore_ascii_case(parent).then_some(rest)
    };
    let names = leaf.map(|leaf| leaf.names.as_slice()).unwrap_or_default();
    let own = names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let wildcard = if own { None } else { names.iter().find_map(covered) };
    match cx.caa(wildcard.unwrap_or(name)).await {
        Ok(records) => Caa::Found { wildcard: wildcard.is_some(), records },
        Err(why) => Caa::Unknown(why),
    }
}

/// The server's clock, from an ordinary page.
async fn clock(tls: &Tls, cx: &Context, started: Instant) -> Option<Clock> {
    let url = &cx.target().url;
    let own_port = tls.port.is_none_or(|port| url.port_or_known_default() == Some(port));
    if url.scheme() != "https" || !own_port || tls.starttls.is_some() {
        return None;
    }
    let mut request = Request::new(Method::GET, url.clone()).body_cap(1024);
    request.peer = Peer::Any;
    request.with_service = false;
    // Without an answer there is no clock, and that is all it would have been for.
    let exchange = cx.exchange(&request).await.ok()?;
    let answer = exchange.answer.as_ref()?;
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let made = parser.parse_timestamp(answer.header("date")?).ok()?;
    // A cache says how long ago that was (RFC 9111 section 5.1).
    let age = answer.header("age").and_then(|age| age.trim().parse().ok()).unwrap_or_default();
    let theirs = later(made, Duration::from_secs(age));
    Some(Clock { theirs, ours: later(cx.started(), started.elapsed()) })
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(at)
}

/// Asks what else the server offers, where that is allowed and of use.
async fn survey(tls: &Tls, door: Door<'_>, evidence: &mut Evidence, spent: u32) -> Surveyed {
    let cx = door.cx;
    if !cx.may(Impact::Active) {
        return Surveyed::No("only passive work is allowed here".to_owned());
    }
    let Some(index) = evidence.looks.iter().position(is_worth_asking) else {
        return Surveyed::No("there is no TLS to ask".to_owned());
    };
    let at = evidence.looks[index].address().filter(|_| cx.target().proxy.is_none());
    let deep = tls.has_full_depth() && cx.deep();
    let most = if deep { CONNECTIONS_IN_DEPTH } else { CONNECTIONS }.saturating_sub(spent);
    let most = if deep { most } else { most.min(scout::MOST) };
    let mut scout = Scout::new(Door { at, ..door }, most);
    // What the ordinary handshakes saw stands, whatever keeps us from asking on.
    if let Err(blind) = ask(&mut scout, deep).await {
        return Surveyed::No(format!("musterd could not ask: {blind}"));
    }
    // Where rustls could not shake hands, an older version may still have shown its chain.
    let look = &mut evidence.looks[index];
    if look.chain.is_empty() && look.sent == 0 {
        let (chain, unreadable) = read_chain(&scout.chain);
        look.sent = scout.chain.len();
        look.chain = chain;
        look.unreadable = unreadable;
    }
    Surveyed::Done(Box::new(scout.survey))
}

async fn ask(scout: &mut Scout<'_>, deep: bool) -> Result<(), Blind> {
    scout.ask_all().await?;
    scout.settle().await?;
    if deep {
        scout.ask_other_groups().await?;
        listing::list(scout).await?;
    }
    Ok(())
}

impl Tls {
    fn has_full_depth(&self) -> bool {
        self.depth == super::settings::Depth::Full
    }
}

/// Whether TLS is spoken there, be it one that rustls does not speak.
fn is_worth_asking(look: &Look) -> bool {
    let Some(failure) = &look.failure else { return look.declined.is_none() };
    failure.phase == Phase::Tls
        && !matches!(failure.kind, FailureKind::Timeout | FailureKind::NotTls)
}
