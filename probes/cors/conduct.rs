//! How a run behaves towards its target: what each request looks like, and when the run ends.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, COOKIE, ORIGIN};
use http::{HeaderValue, Method};
use regex::Regex;
use url::Url;

use super::Cors;
use super::evidence::{Evidence, Place, Role, Shot, Stop};
use super::fetch::{self, Asked, Power};
use super::observe::asked_by_stranger;
use crate::blind::{Blind, Cause};
use crate::context::Context;
use crate::impact::Impact;
use crate::net::exchange::Exchange;
use crate::net::request::{Peer, Request};

/// At full depth a run sends so many requests at most.
pub(super) const FULL: usize = 64;

/// So much of a body is read: enough to know a firewall's page.
const BODY: usize = 64 * 1024;

/// So many requests in a row without an answer end a run.
const LOST: usize = 3;

/// After so many refusals in a row that look like errors, the plain request is tried again.
const DOUBTS: usize = 4;

/// Some servers reflect an origin only where a cookie came along.
const COOKIES: HeaderValue = HeaderValue::from_static("musterd=1");

/// Nothing of this name exists.
const ABSENT: &str = "musterd-absent";

/// What differs from answer to answer of one kind: numbers, nonces, tokens and ids.
static PASSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9+/_-]{16,}={0,2}|[0-9]+").expect("a pattern of our own")
});

/// One run against its target.
pub(super) struct Prober<'a> {
    pub(super) cors: &'a Cors,
    pub(super) cx: &'a Context,
    pub(super) shots: Vec<Shot>,
    pub(super) stopped: Option<Stop>,
    pub(super) alike: Option<bool>,
    /// Where the run before ended, and then where this one does.
    pub(super) place: Place,
    most: usize,
    turn: usize,
    body: Option<u64>,
    /// Requests from here on came after the last control that was well.
    doubted: usize,
}

impl<'a> Prober<'a> {
    pub(super) fn new(cors: &'a Cors, cx: &'a Context, most: usize) -> Self {
        let before = cx.earlier::<Cors>().first().map(|past| past.evidence.place);
        let Place { turn, owed, step } = before.unwrap_or_default();
        // A canary asks for two of many, and for one where a stranger's preflight comes first.
        let next = if cors.allowed.len() > 2 && !owed { 2 } else { 1 };
        let place = Place { turn: turn.wrapping_add(next), owed, step };
        Self {
            cors,
            cx,
            shots: Vec::new(),
            stopped: None,
            alike: None,
            place,
            most,
            turn,
            body: None,
            doubted: 0,
        }
    }

    /// Lets the run send so many requests altogether.
    pub(super) fn grant(&mut self, most: usize) {
        self.most = most;
    }

    /// How many more requests may be sent.
    pub(super) fn room(&self) -> usize {
        if self.stopped.is_some() { 0 } else { self.most.saturating_sub(self.shots.len()) }
    }

    /// The allowed origins, the one first whose turn it is.
    pub(super) fn guests(&self) -> Vec<String> {
        let mut guests: Vec<String> =
            self.cors.allowed.iter().map(|origin| origin.sample().to_string()).collect();
        let turn = self.turn.checked_rem(guests.len()).unwrap_or_default();
        guests.rotate_left(turn);
        guests
    }

    /// The declared methods that need a preflight, the one first whose turn it is.
    pub(super) fn methods(&self) -> Vec<String> {
        let mut methods = self.cors.preflights.clone();
        let round = self.turn.checked_div(self.cors.allowed.len()).unwrap_or_default();
        let turn = round.checked_rem(methods.len()).unwrap_or_default();
        methods.rotate_left(turn);
        methods
    }

    /// A name that nobody has.
    pub(super) fn random() -> String {
        let letters = std::iter::repeat_with(|| fastrand::char('a'..='z'));
        format!("musterd-{}", letters.take(12).collect::<String>())
    }

    pub(super) fn last(&self) -> Option<&Shot> {
        self.shots.last()
    }

    /// The status of the last answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.last().and_then(Shot::status)
    }

    fn plain_status(&self) -> Option<u16> {
        self.shots.first().and_then(Shot::status)
    }

    /// Whether the last answer can be read by this guest.
    pub(super) fn welcomes(&self, guest: &str) -> bool {
        let answer = self.last().and_then(|shot| shot.answer.as_ref());
        answer.is_some_and(|answer| {
            fetch::cors_check(guest, self.cors.credentials, &answer.headers).is_ok()
        })
    }

    /// Whether the last preflight lets its request through.
    pub(super) fn lets_through(&self) -> bool {
        self.last().is_some_and(|shot| preflight_of(shot, self.cors.credentials))
    }

    /// Whether some preflight that a guest sent lets such a request through.
    pub(super) fn is_open_to(&self, guest: &str, asked: &Asked) -> bool {
        let own = |shot: &&Shot| shot.origin.as_deref() == Some(guest);
        self.shots.iter().filter(own).any(|shot| opens(shot, asked, self.cors.credentials))
    }

    /// Whether the endpoint itself answers, if only that it lets nobody in.
    pub(super) fn is_endpoint(&self) -> bool {
        let answers =
            |status| matches!(status, 200..=299 | 400..=403 | 405..=409 | 411..=428 | 430..=499);
        self.alike != Some(true) && self.plain_status().is_some_and(answers)
    }

    /// Whether two strangers were allowed to read with cookies: nobody can be allowed more.
    pub(super) fn reflects(&self) -> bool {
        let allowed = |shot: &&Shot| {
            shot.role == Role::Foreign
                && !shot.is_preflight()
                && shot.power() == Power::Credentialed
        };
        self.shots.iter().filter(allowed).count() >= 2
    }

    pub(super) async fn allowed(&mut self, guest: &str) -> Result<(), Blind> {
        self.send(Role::Allowed, Some(guest), None).await
    }

    pub(super) async fn preflight(&mut self, guest: &str, asked: &Asked) -> Result<(), Blind> {
        self.send(Role::Allowed, Some(guest), Some(asked.clone())).await
    }

    /// A request of a stranger's page, and where its answer looks like an error, the plain one
    /// again: the target's troubles are not the stranger's.
    pub(super) async fn stranger(&mut self, role: Role, origin: &str) -> Result<(), Blind> {
        self.send(role, Some(origin), None).await?;
        self.reassure(false).await
    }

    /// Whether the pages of strangers are let through by a preflight alone.
    pub(super) async fn preflight_of_stranger(&mut self) -> Result<(), Blind> {
        if self.room() == 0 || self.has_asked() || !self.cx.may(Impact::Active) {
            return Ok(());
        }
        let origin = format!("https://{}.example", Self::random());
        let asked = asked_by_stranger(self.cors);
        self.send(Role::Foreign, Some(&origin), Some(asked)).await?;
        self.reassure(false).await
    }

    /// Whether a stranger's preflight was sent, or need not be: a stranger whose request was
    /// answered with an error needs no second one.
    pub(super) fn has_asked(&self) -> bool {
        let known = |shot: &Shot| {
            shot.role == Role::Control || (shot.role == Role::Foreign && shot.is_preflight())
        };
        self.shots.iter().any(known)
    }

    /// Whether a path that does not exist is answered in the same way; asked only where nothing
    /// else shows that an endpoint is there.
    pub(super) async fn absent(&mut self) -> Result<(), Blind> {
        let allows = |shot: &Shot| {
            let headers = shot.answer.as_ref().map(|answer| answer.headers.as_slice());
            fetch::allow_origin(headers.unwrap_or_default()).is_some()
        };
        let well = self.plain_status().is_some_and(|status| (200..300).contains(&status));
        if !well || self.shots.iter().any(allows) || self.is_front_page() {
            return Ok(());
        }
        self.send(Role::Absent, None, None).await
    }

    /// Every site has a front page, and many answer other paths with it.
    fn is_front_page(&self) -> bool {
        let answer = self.shots.first().and_then(|shot| shot.answer.as_ref());
        let html = answer.and_then(super::evidence::Answer::media_type);
        html.is_some_and(|media| media == "text/html") && self.cx.url(&self.cors.path).path() == "/"
    }

    /// Sends the plain request again where that is due: after what looks like an error of the
    /// server, after some refusals in a row, or, at the end, after any.
    pub(super) async fn reassure(&mut self, ending: bool) -> Result<(), Blind> {
        let odd = |shot: &&Shot| shot.is_foreign() && self.is_odd(shot);
        let doubts: Vec<&Shot> = self.shots.iter().skip(self.doubted).filter(odd).collect();
        let first = self.shots.iter().all(|shot| shot.role != Role::Control);
        let broken = |shot: &&&Shot| shot.status().is_none_or(|status| status >= 500);
        let due = doubts.iter().any(|shot| broken(&shot))
            || doubts.len() >= DOUBTS
            || (first || ending) && !doubts.is_empty();
        if !due {
            return Ok(());
        }
        if self.room() > 0 {
            self.send(Role::Control, None, None).await?;
            let (then, now) = (self.plain_status(), self.status());
            if self.stopped.is_none() && !is_worse(then, now) {
                self.doubted = self.shots.len();
                return Ok(());
            }
            let shown = |status: Option<u16>| {
                status.map_or_else(|| "no answer".to_owned(), |status| status.to_string())
            };
            self.stopped.get_or_insert_with(|| Stop::Worse {
                saw: format!("{}, then {}", shown(then), shown(now)),
            });
        }
        self.disown();
        Ok(())
    }

    /// Marks what proves nothing: refusals after the last control that was well, and answers that
    /// were made for somebody else.
    fn disown(&mut self) {
        let plain = self.shots.first().cloned();
        for shot in self.shots.iter_mut().skip(self.doubted) {
            let cached = shot.answer.as_ref().is_some_and(|answer| answer.cache_hit().is_some());
            shot.void = shot.is_foreign() && (cached || differs(plain.as_ref(), shot));
        }
    }

    /// Whether an answer differs from the plain one in more than what it allows.
    fn is_odd(&self, shot: &Shot) -> bool {
        differs(self.shots.first(), shot)
    }

    /// Sends one request, unless the run has ended or sent as many as it may.
    pub(super) async fn send(
        &mut self,
        role: Role,
        origin: Option<&str>,
        asked: Option<Asked>,
    ) -> Result<(), Blind> {
        if self.room() == 0 {
            return Ok(());
        }
        let request = self.request(&role, origin, asked.as_ref())?;
        let exchange = self.cx.exchange(&request).await?;
        match role {
            Role::Plain => self.body = body(&exchange),
            Role::Absent => self.alike = Some(self.body.is_some() && body(&exchange) == self.body),
            _ => {}
        }
        let shot = Shot::of(role, origin.map(str::to_owned), asked, exchange);
        self.stopped = self.reason_to_stop(&request.method, &shot);
        self.shots.push(shot);
        let tail = self.shots.iter().rev().take(LOST);
        if self.stopped.is_none() && tail.filter(|shot| shot.answer.is_none()).count() == LOST {
            self.stopped = Some(Stop::Lost);
        }
        if self.stopped.is_some() {
            self.disown();
        }
        Ok(())
    }

    fn request(
        &self,
        role: &Role,
        origin: Option<&str>,
        asked: Option<&Asked>,
    ) -> Result<Request, Blind> {
        let mut url = self.cx.url(&self.cors.path);
        let odd = !matches!(role, Role::Plain | Role::Allowed | Role::Absent);
        if odd {
            // No cache may keep what a stranger got for somebody else.
            let unique: String = std::iter::repeat_with(fastrand::alphanumeric).take(16).collect();
            url.query_pairs_mut().append_pair("musterd", &unique);
        }
        if *role == Role::Absent {
            url = beside(url);
        }
        let method = if asked.is_some() { Method::OPTIONS } else { self.cors.method.clone() };
        let safe = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        let impact = if odd || !safe { Impact::Active } else { Impact::Passive };
        let mut request = Request::new(method, url).impact(impact).body_cap(BODY);
        request.peer = Peer::Any;
        if let Some(origin) = origin {
            request = request.header(ORIGIN, value(origin)?);
        }
        if let Some(asked) = asked {
            // Browsers send preflights without anything of the user's.
            request.with_service = false;
            request = request.header(ACCESS_CONTROL_REQUEST_METHOD, value(&asked.method)?);
            if !asked.headers.is_empty() {
                let names = value(&asked.headers.join(","))?;
                request = request.header(ACCESS_CONTROL_REQUEST_HEADERS, names);
            }
        } else if self.cx.target().headers.iter().all(|(name, _)| *name != COOKIE) {
            request = request.header(COOKIE, COOKIES);
        }
        Ok(request)
    }

    fn reason_to_stop(&self, method: &Method, shot: &Shot) -> Option<Stop> {
        let answer = shot.answer.as_ref()?;
        if let Some(firewall) = &answer.blocked_by {
            let saw = format!("{} from {firewall}", answer.status);
            return Some(Stop::Refused { saw });
        }
        if answer.status == 429 {
            return Some(Stop::Refused { saw: "429 Too Many Requests".to_owned() });
        }
        if shot.is_foreign()
            && !shot.is_preflight()
            && let Some(header) = answer.cache_hit()
        {
            return Some(Stop::Cached { header });
        }
        let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let did = !safe && (200..300).contains(&answer.status);
        (did && !self.cx.may(Impact::Intrusive)).then_some(Stop::NotInert { status: answer.status })
    }
}

/// Whether a preflight's answer lets its own request through.
pub(super) fn preflight_of(shot: &Shot, credentials: bool) -> bool {
    shot.asked.as_ref().is_some_and(|asked| opens(shot, asked, credentials))
}

/// Whether a preflight's answer lets a request through that perhaps another one asked for: most
/// answers list everything that is allowed.
pub(super) fn opens(shot: &Shot, asked: &Asked, credentials: bool) -> bool {
    match (&shot.origin, &shot.asked, &shot.answer) {
        (Some(origin), Some(_), Some(answer)) => {
            fetch::preflight_check(origin, credentials, asked, answer.status, &answer.headers)
                .is_ok()
        }
        _ => false,
    }
}

/// Whether an answer differs from the plain one in more than what it allows.
fn differs(plain: Option<&Shot>, shot: &Shot) -> bool {
    let (Some(plain), Some(answer)) =
        (plain.and_then(|plain| plain.answer.as_ref()), shot.answer.as_ref())
    else {
        return true;
    };
    if shot.is_preflight() {
        return answer.status >= 500 && plain.status < 500;
    }
    let media = plain.media_type().zip(answer.media_type());
    plain.status != answer.status && (answer.status >= 300 || plain.status >= 300)
        || media.is_some_and(|(one, other)| one != other)
}

/// Whether the plain request is answered worse than at the start.
fn is_worse(then: Option<u16>, now: Option<u16>) -> bool {
    match (then, now) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(then), Some(now)) => now >= 300 && now / 100 > then / 100,
    }
}

fn value(text: &str) -> Result<HeaderValue, Blind> {
    HeaderValue::from_str(text).map_err(|_| {
        Blind::new(Cause::Internal, format!("`{}` cannot stand in a header", text.escape_debug()))
    })
}

fn body(exchange: &Exchange) -> Option<u64> {
    let answer = exchange.answer.as_ref().filter(|answer| (200..300).contains(&answer.status))?;
    let mut hasher = DefaultHasher::new();
    // To HEAD there is no body to tell an endpoint from a page by.
    let media = answer.header("content-type").unwrap_or_default();
    (answer.status, media, PASSING.replace_all(&answer.body.text(), "#")).hash(&mut hasher);
    Some(hasher.finish())
}

/// Beside the endpoint, where the same service answers: `/a/b` leads to `/a/musterd-absent`.
fn beside(mut url: Url) -> Url {
    url.set_query(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop().push(ABSENT);
    }
    url
}

impl Evidence {
    /// Whether an answer to a stranger differs from the plain one in more than what it allows.
    pub(super) fn is_odd(&self, shot: &Shot) -> bool {
        differs(self.plain(), shot)
    }
}
