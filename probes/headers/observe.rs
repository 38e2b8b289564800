//! The requests: what any visitor sends who opens the page, a page that is not there, and the plain twin.

use http::HeaderValue;
use http::header::ACCEPT;

use url::Url;

use super::Headers;
use super::evidence::{Answer, BODY, Chain, Evidence, Hop};
use super::preload::{self, Preloaded};
use crate::blind::Blind;
use crate::context::Context;
use crate::net::redirect::Redirects;
use crate::net::request::{Peer, Request};
use crate::net::target::{Auth, HeaderText};

/// What a browser sends when somebody opens a page.
const PAGE: HeaderValue =
    HeaderValue::from_static("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

/// Nothing of this name exists.
const ABSENT: &str = "musterd-absent";

fn request(url: Url) -> Request {
    Request { peer: Peer::Any, ..Request::get(url).header(ACCEPT, PAGE).body_cap(BODY) }
}

pub(super) async fn observe(headers: &Headers, cx: &Context) -> Result<Evidence, Blind> {
    let (own, twin) = tokio::try_join!(own(headers, cx), twin(cx))?;
    let (document, again, absent) = own;
    let target = cx.target();
    let named = |wanted: fn(&str) -> bool| {
        target
            .headers
            .iter()
            .any(|(name, text)| matches!(text, HeaderText::Secret(_)) && wanted(name.as_str()))
    };
    // To a peer that does not verify nothing secret was sent, nor to another origin.
    let last = document.last();
    let sent = target.insecure || (last.is_https() && last.distrust.is_none());
    let origin = |hop: &Hop| Url::parse(&hop.url).ok().map(|url| url.origin());
    let stayed = document.hops.iter().all(|hop| origin(hop) == origin(&document.hops[0]));
    let auth = target.auth.as_ref();
    let authorized = auth.is_some_and(|auth| matches!(auth, Auth::Bearer(_) | Auth::Basic(_)))
        || named(|name| name == "authorization");
    let credentialed = sent && stayed && (authorized || named(|_| true));
    let mut evidence = Evidence {
        host: target.url.host_str().unwrap_or_default().to_ascii_lowercase(),
        credentialed,
        authorized: credentialed && authorized,
        document,
        again,
        twin,
        absent,
        preload: Preloaded::NotAsked,
        policies: std::sync::OnceLock::new(),
    };
    if let Some(list) = &headers.preload {
        evidence.preload = preload::look_up(list, &evidence).await;
    }
    Ok(evidence)
}

async fn own(headers: &Headers, cx: &Context) -> Result<(Chain, Option<Hop>, Option<Hop>), Blind> {
    let followed = cx.follow(&request(cx.url(&headers.path)), Redirects::Follow).await?;
    let document = Chain::of(followed);
    let Some(answer) = &document.last().answer else { return Ok((document, None, None)) };
    let again = if must_differ(answer) { once_more(cx, &document).await? } else { None };
    let absent = Hop::of(cx.exchange(&request(beside(cx.url(&headers.path)))).await?);
    Ok((document, again, Some(absent)))
}

/// Beside the page, where the same service answers: `/a/b` leads to `/a/musterd-absent`.
fn beside(mut url: Url) -> Url {
    url.set_query(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop().push(ABSENT);
    }
    url
}

/// Whether the answer holds something that no two answers may share.
fn must_differ(answer: &Answer) -> bool {
    answer
        .policies()
        .enforced
        .iter()
        .flat_map(|policy| &policy.directives)
        .flat_map(|directive| &directive.values)
        .any(|value| value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("'nonce-")))
}

/// The last page of the redirects again; credentials go where they went before.
async fn once_more(cx: &Context, document: &Chain) -> Result<Option<Hop>, Blind> {
    let Ok(url) = Url::parse(&document.last().url) else { return Ok(None) };
    let with_service = document.hops.len() == 1;
    let request = Request { with_service, ..request(url) };
    Ok(Some(Hop::of(cx.exchange(&request).await?)))
}

/// Credentials and the service's own headers stay away from plain HTTP.
async fn twin(cx: &Context) -> Result<Option<Chain>, Blind> {
    let target = cx.target();
    let Some(url) = target.http_url.clone().filter(|url| *url != target.url) else {
        return Ok(None);
    };
    let request = Request { with_service: false, ..request(url) };
    cx.follow(&request, Redirects::Follow).await.map(Chain::of).map(Some)
}
