//! One run under way: its request, its clock, its samples, and the guards that watch over them.

use std::time::Duration;

use tokio::time::Instant;

use super::guard::{self, Terms};
use super::{message, pace, variants};
use crate::blind::{Blind, Cause};
use crate::context::Context;
use crate::impact::Impact;
use crate::net::origin::Origin;
use crate::net::request::Request;
use crate::net::traffic::Route;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Evidence, LeftOut, Mode, Purpose, Stop, StopCause};
use crate::rate_limit::infer::{Observation, Outcome};
use crate::rate_limit::reading::{self, Told};

/// A route that was refused without saying for how long rests for this.
const REST: f64 = 60.0;

/// So many variants are remembered to have had their turn, which is more than there are.
const MOST_TURNS: usize = 32;

/// One run under way.
pub(super) struct Session<'a> {
    pub(super) check: &'a RateLimit,
    pub(super) cx: &'a Context,
    pub(super) seen: Evidence,
    pub(super) answers: Vec<Told>,
    request: Request,
    pub(super) origin: Origin,
    pub(super) route: Route,
    began: Instant,
    /// How many requests of ours the origin had answered when it began.
    before: u64,
    /// Makes the addresses that variants claim.
    number: u32,
}

impl<'a> Session<'a> {
    pub(super) async fn start(
        check: &'a RateLimit,
        cx: &'a Context,
        mode: Mode,
    ) -> Result<Self, Blind> {
        let request = message::request(check, cx, mode).await?;
        let origin = Origin::of(&request.url)
            .ok_or_else(|| Blind::new(Cause::Internal, "the service's URL names no host"))?;
        let route = Route::of(&request.method, &request.url);
        cx.traffic().watch(&origin, route);
        let before = cx.traffic().settled(&origin);
        let mut session = Self {
            check,
            cx,
            seen: Evidence { mode, started: cx.started(), ..Evidence::default() },
            answers: Vec::new(),
            request,
            origin,
            route,
            began: Instant::now(),
            before,
            number: fastrand::u32(..),
        };
        session.seen.known_before = session.sent_within(check.window).0;
        if let Some(latest) = cx.earlier::<RateLimit>().first() {
            session.seen.turns.extend(latest.evidence.turns.iter().take(MOST_TURNS).cloned());
            session.seen.size = latest.evidence.size;
        }
        Ok(session)
    }

    /// Our own requests of the last so many seconds: to the origin, and on the route.
    pub(super) fn sent_within(&self, window: Option<f64>) -> (u32, u32) {
        let window = window.and_then(|w| Duration::try_from_secs_f64(w).ok());
        let window = window.unwrap_or(Duration::from_mins(1));
        self.cx.traffic().within(&self.origin, self.route, window)
    }

    /// Seconds since the run began.
    pub(super) fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// How long the route is still to be left alone.
    pub(super) fn resting(&self) -> Option<Duration> {
        self.cx.traffic().resting(&self.origin, self.route)
    }

    /// Whether the run has ended.
    pub(super) fn is_over(&self) -> bool {
        self.seen.stopped.is_some()
    }

    /// Notes something that is not looked at.
    pub(super) fn leave_out(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.seen.left_out.push(LeftOut { what: what.into(), why: why.into() });
    }

    /// Waits until so many seconds of the run have passed. `false` where that is longer than a run
    /// may wait, which is noted.
    pub(super) async fn wait_until(&mut self, at: f64, what: &str) -> bool {
        // Before the run it is at once, and beyond the end of all clocks it is never.
        let after = Duration::try_from_secs_f64(at.max(0.0)).ok();
        if let Some(until) = after.and_then(|after| self.began.checked_add(after))
            && self.cx.wait_for_window(until).await
        {
            return true;
        }
        let (need, most) = (at - self.now(), self.cx.max_wait());
        self.leave_out(
            what,
            format!(
                "it needs a wait of {}, and a run waits for at most {} (--max-wait)",
                crate::duration::brief(Duration::try_from_secs_f64(need).unwrap_or_default()),
                crate::duration::brief(most),
            ),
        );
        false
    }

    /// Sends one request and lets the guards look at it. `false` when the run is over.
    pub(super) async fn send(&mut self, purpose: Purpose) -> Result<bool, Blind> {
        let sent: Vec<f64> = self.seen.samples.iter().map(|sample| sample.sent).collect();
        let leading = self.limit().zip(self.window());
        let at = pace::not_before(&sent, &self.answers, self.seen.mode, leading);
        if at > self.now() && !self.wait_until(at, "what shorter limits admit later").await {
            return Ok(false);
        }
        let active = self.request.impact != Impact::Passive && self.seen.mode != Mode::Exhaust;
        if active && !self.cx.traffic().take_daily(&self.origin, self.route) {
            self.seen.stopped = Some(Stop {
                cause: StopCause::Daily,
                detail: "this route had as many of our requests today as it bears".to_owned(),
            });
            return Ok(false);
        }
        self.number = self.number.wrapping_add(1);
        let request = variants::apply(&purpose, self.number, self.request.clone());
        let request = Request { at: self.other_family(&purpose), ..request };
        let exchange = self.cx.exchange(&request).await?;
        let taken = Route::of(&request.method, &request.url);
        self.cx.traffic().attribute(&self.origin, taken, self.route);
        let tells_of_peer = purpose == Purpose::OtherFamily || self.seen.samples.is_empty();
        let sample = message::sample(purpose, &exchange, self.now(), tells_of_peer);
        if !sample.is_plain() {
            self.seen.turns.retain(|variant| *variant != sample.purpose);
            self.seen.turns.push(sample.purpose.clone());
        }
        self.seen.samples.push(sample);
        self.read_last();
        self.watch();
        Ok(!self.is_over())
    }

    fn read_last(&mut self) {
        let samples = &self.seen.samples;
        let Some(index) = samples.len().checked_sub(1) else { return };
        let base = reading::base_status(samples);
        let outcome = reading::outcome(index, samples, base, self.seen.mode);
        let told = reading::told(self.check, &samples[index], self.seen.started, outcome);
        self.answers.push(told);
    }

    fn watch(&mut self) {
        let window = self.window();
        let own = u32::try_from(self.seen.samples.len()).unwrap_or(u32::MAX);
        let all = self.cx.traffic().all(&self.origin).saturating_sub(self.before);
        self.seen.others = u32::try_from(all).unwrap_or(u32::MAX).saturating_sub(own);
        if self.seen.samples.len() == 1 && self.check.window.is_none() {
            let (before, _) = self.sent_within(window);
            self.seen.known_before = before.saturating_sub(own);
        }
        let known_for = self.cx.traffic().known_for(&self.origin).as_secs_f64();
        let terms = Terms {
            mode: self.seen.mode,
            changes_things: self.check.is_unsafe(),
            may_intrude: self.cx.may(Impact::Intrusive),
            known_before: self.seen.known_before,
            knows_all: window.is_some_and(|window| known_for > window),
            others: self.seen.others,
            window,
        };
        self.seen.stopped = guard::stop(&self.seen.samples, &self.answers, &terms);
        // Another route of the origin may count in the bucket that we have used up.
        if let Some(stop) = self.seen.stopped.as_mut().filter(|s| s.cause == StopCause::Limited)
            && self.cx.traffic().is_exhausted(&self.origin)
        {
            stop.cause = StopCause::Spent;
            stop.detail.push_str(" by our own test of it");
        }
    }

    /// The window, as far as it is known by now.
    pub(super) fn window(&self) -> Option<f64> {
        let declared = self
            .answers
            .iter()
            .find_map(|told| told.declared.leading(self.check.limit, self.check.window)?.window);
        // A reset that is told where nearly nothing was used is nearly the window.
        let reset =
            || self.answers.first().and_then(|told| told.reset).filter(|reset| *reset > 0.5);
        declared.or(self.check.window).or_else(reset)
    }

    /// The limit, as far as it is known by now: the smaller one where two are named.
    pub(super) fn limit(&self) -> Option<f64> {
        let declared = self.answers.iter().find_map(|told| told.limit);
        match (declared, self.check.limit) {
            (Some(declared), Some(configured)) => Some(declared.min(configured)),
            (declared, configured) => declared.or(configured),
        }
    }

    /// The ordinary requests, as inference wants them.
    pub(super) fn observations(&self, purpose: &Purpose) -> Vec<Observation> {
        self.seen
            .samples
            .iter()
            .zip(&self.answers)
            .filter(|(sample, _)| sample.purpose == *purpose)
            .map(|(sample, told)| Observation {
                sent: sample.sent,
                answered: sample.answered,
                outcome: told.outcome.unwrap_or(Outcome::Lost),
                remaining: told.remaining,
            })
            .collect()
    }

    /// How many more requests this run may send.
    pub(super) fn left(&self) -> usize {
        usize::try_from(self.cx.requests_left()).unwrap_or(usize::MAX)
    }

    /// The method and path of the request, for variants.
    pub(super) fn variants(&self) -> Vec<Purpose> {
        let mut all = variants::all(&self.request.method, self.request.url.path());
        if self.has_two_families() {
            all.insert(0, Purpose::OtherFamily);
        }
        // Those that were not looked at for longest come first.
        all.sort_by_key(|variant| self.seen.turns.iter().position(|seen| seen == variant));
        all
    }

    fn addresses(&self) -> Vec<std::net::IpAddr> {
        self.cx.addresses_seen()
    }

    fn has_two_families(&self) -> bool {
        let addresses = self.addresses();
        addresses.iter().any(std::net::IpAddr::is_ipv4)
            && addresses.iter().any(std::net::IpAddr::is_ipv6)
    }

    /// An address of the family that the first request did not go to.
    fn other_family(&self, purpose: &Purpose) -> Option<std::net::IpAddr> {
        if *purpose != Purpose::OtherFamily {
            return None;
        }
        let first = self.seen.samples.first()?.peer.as_deref()?;
        let was_six = first.starts_with('[') || first.matches(':').count() > 1;
        self.addresses().into_iter().find(|address| address.is_ipv4() == was_six)
    }

    /// Ends the run: a route that refused us is left alone for as long as it asks.
    pub(super) fn end(mut self) -> Evidence {
        if !self.answers.is_empty() {
            self.seen.size = self.limit().zip(self.window());
        }
        let refused = self.answers.iter().any(|told| told.outcome == Some(Outcome::Refused));
        if refused {
            // What was let in again before the time that it was told has shown that time wrong.
            let since = self.answers.iter().zip(&self.seen.samples).rev();
            let since = since.take_while(|(told, sample)| {
                !(sample.is_plain() && told.outcome == Some(Outcome::Accepted))
            });
            let longest = since.filter_map(|(told, _)| told.retry_after).fold(0.0, f64::max);
            let rest = longest.max(self.window().unwrap_or(REST));
            let rest = Duration::try_from_secs_f64(rest).unwrap_or(Duration::from_hours(24));
            self.cx.traffic().rest(&self.origin, self.route, rest);
            if self.seen.mode == Mode::Exhaust {
                self.cx.traffic().exhaust(&self.origin, rest);
            }
        }
        self.seen
    }
}
