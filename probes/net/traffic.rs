//! What we ourselves sent to each origin lately: how much of a limit our own work used up, and
//! which routes are to be left alone for a while.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;
use std::time::Duration;

use http::Method;
use tokio::time::Instant;
use url::Url;

use crate::net::origin::Origin;
use crate::net::tally::Tally;

/// Of one origin, so many requests are remembered.
const MOST: usize = 256;

/// Within a day, one route bears so many active requests: sixteen an hour.
const DAILY: u32 = 384;

const DAY: Duration = Duration::from_hours(24);

/// Method and path of one origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route(u64);

impl Route {
    /// The route that a request takes. A query does not make another one.
    pub fn of(method: &Method, url: &Url) -> Self {
        let mut hasher = DefaultHasher::new();
        (method.as_str(), url.path()).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Our own traffic to the origins whose limits are looked at. What goes to others concerns nobody,
/// and a large estate would pay for it in every exchange.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<HashMap<Origin, Sent>>);

#[derive(Debug)]
struct Sent {
    /// Since when it is followed.
    since: Instant,
    latest: VecDeque<(Instant, Route)>,
    /// What those make together that are not remembered one by one any more.
    tally: Tally,
    /// All that went out since it is followed, and how many of it are not answered yet.
    all: u64,
    in_flight: u64,
    /// Until when the limit is used up by our own exhausting.
    exhausted_until: Option<Instant>,
    routes: HashMap<Route, Conduct>,
}

#[derive(Debug)]
struct Conduct {
    /// When the day began that the requests are counted of.
    day: Instant,
    sent: u32,
    resting_until: Option<Instant>,
    /// All that took the route since somebody looks at it.
    tally: Tally,
}

impl Traffic {
    /// Follows what goes to these origins, and forgets what went to any other one.
    pub fn follow(&self, origins: impl IntoIterator<Item = Origin>) {
        let mut all = self.0.lock().expect("no panic under this lock");
        let mut before = std::mem::take(&mut *all);
        let kept = |origin: Origin| {
            let sent = before.remove(&origin).unwrap_or_default();
            (origin, sent)
        };
        *all = origins.into_iter().map(kept).collect();
    }

    /// The origins that are followed.
    pub fn followed(&self) -> Vec<Origin> {
        self.0.lock().expect("no panic under this lock").keys().cloned().collect()
    }

    fn with<T>(&self, origin: &Origin, work: impl FnOnce(&mut Sent, Instant) -> T) -> T {
        let now = Instant::now();
        let mut all = self.0.lock().expect("no panic under this lock");
        if let Some(sent) = all.get_mut(origin) {
            return work(sent, now);
        }
        work(all.entry(origin.clone()).or_default(), now)
    }

    /// Notes that a request goes out now, where its origin is followed. It is under way until what
    /// comes back is dropped.
    #[must_use = "a request is under way until this is dropped"]
    pub fn note<'a>(
        &'a self,
        origin: &'a Origin,
        method: &Method,
        url: &Url,
    ) -> Option<UnderWay<'a>> {
        let mut all = self.0.lock().expect("no panic under this lock");
        let sent = all.get_mut(origin)?;
        if sent.latest.len() == MOST {
            sent.latest.pop_front();
        }
        let (now, route) = (Instant::now(), Route::of(method, url));
        sent.latest.push_back((now, route));
        sent.tally.note(now);
        if let Some(conduct) = sent.routes.get_mut(&route) {
            conduct.tally.note(now);
        }
        sent.all += 1;
        sent.in_flight += 1;
        Some(UnderWay { traffic: self, origin })
    }

    /// Counts the latest request on one route as one on another: a limit may count both together.
    pub fn attribute(&self, origin: &Origin, from: Route, to: Route) {
        self.with(origin, |sent, now| {
            if let Some((_, route)) = sent.latest.iter_mut().rev().find(|(_, of)| *of == from) {
                *route = to;
            }
            if let Some(conduct) = sent.routes.get_mut(&to).filter(|_| from != to) {
                conduct.tally.note(now);
            }
        });
    }

    /// How many requests an origin had answered since it is followed, so that those that are under
    /// way count as later ones: a server may count them at any moment until then.
    pub fn settled(&self, origin: &Origin) -> u64 {
        self.with(origin, |sent, _| sent.all - sent.in_flight)
    }

    /// How many requests went to an origin since it is followed.
    pub fn all(&self, origin: &Origin) -> u64 {
        self.with(origin, |sent, _| sent.all)
    }

    /// How many requests went to an origin within the last `window`, of which so many on a route.
    /// Where that was more than is remembered one by one, they may be a few too many.
    pub fn within(&self, origin: &Origin, route: Route, window: Duration) -> (u32, u32) {
        self.with(origin, |sent, now| {
            let is_recent = |at: Instant| now.saturating_duration_since(at) < window;
            let recent = sent.latest.iter().rev().take_while(|(at, _)| is_recent(*at));
            let (all, own) =
                recent.fold((0, 0), |(all, own), (_, of)| (all + 1, own + u32::from(*of == route)));
            let is_all = sent.latest.len() < MOST
                || sent.latest.front().is_none_or(|(oldest, _)| !is_recent(*oldest));
            if is_all {
                return (all, own);
            }
            let of_route =
                sent.routes.get(&route).map_or(0, |conduct| conduct.tally.within(now, window));
            (all.max(sent.tally.within(now, window)), own.max(of_route))
        })
    }

    /// Remembers from now on for longer what takes this route.
    pub fn watch(&self, origin: &Origin, route: Route) {
        self.with(origin, |sent, now| {
            sent.conduct(route, now);
        });
    }

    /// Takes one of the active requests that a route bears within a day, if one is left.
    pub fn take_daily(&self, origin: &Origin, route: Route) -> bool {
        self.with(origin, |sent, now| {
            let conduct = sent.conduct(route, now);
            if now.saturating_duration_since(conduct.day) >= DAY {
                conduct.day = now;
                conduct.sent = 0;
            }
            let left = conduct.sent < DAILY;
            conduct.sent += u32::from(left);
            left
        })
    }

    /// For how long it is known what went to an origin.
    pub fn known_for(&self, origin: &Origin) -> Duration {
        self.with(origin, |sent, now| now.saturating_duration_since(sent.since))
    }

    /// Leaves a route alone for so long.
    pub fn rest(&self, origin: &Origin, route: Route, time: Duration) {
        self.with(origin, |sent, now| {
            let until = later(now, time);
            let conduct = sent.conduct(route, now);
            conduct.resting_until = conduct.resting_until.max(Some(until));
        });
    }

    /// How long a route is still to be left alone.
    pub fn resting(&self, origin: &Origin, route: Route) -> Option<Duration> {
        self.with(origin, |sent, now| {
            let until = sent.routes.get(&route)?.resting_until?;
            Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
        })
    }

    /// Notes that the limit of an origin is used up by our own doing for so long.
    pub fn exhaust(&self, origin: &Origin, time: Duration) {
        self.with(origin, |sent, now| {
            sent.exhausted_until = sent.exhausted_until.max(Some(later(now, time)));
        });
    }

    /// Whether an origin's limit is used up by our own doing.
    pub fn is_exhausted(&self, origin: &Origin) -> bool {
        let all = self.0.lock().expect("no panic under this lock");
        let until = all.get(origin).and_then(|sent| sent.exhausted_until);
        until.is_some_and(|until| Instant::now() < until)
    }
}

/// A request that is not answered yet.
#[derive(Debug)]
pub struct UnderWay<'a> {
    traffic: &'a Traffic,
    origin: &'a Origin,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let Ok(mut all) = self.traffic.0.lock() else { return };
        if let Some(sent) = all.get_mut(self.origin) {
            sent.in_flight = sent.in_flight.saturating_sub(1);
        }
    }
}

impl Default for Sent {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            latest: VecDeque::new(),
            tally: Tally::default(),
            all: 0,
            in_flight: 0,
            exhausted_until: None,
            routes: HashMap::new(),
        }
    }
}

impl Sent {
    /// How a route was treated. Those that nothing holds for are forgotten beyond a bound.
    fn conduct(&mut self, route: Route, now: Instant) -> &mut Conduct {
        if self.routes.len() >= MOST && !self.routes.contains_key(&route) {
            self.routes.retain(|_, conduct| {
                conduct.resting_until.is_some_and(|until| now < until)
                    || now.saturating_duration_since(conduct.day) < DAY
            });
        }
        self.routes.entry(route).or_insert_with(|| {
            let mut tally = Tally::default();
            for (at, _) in self.latest.iter().filter(|(_, of)| *of == route) {
                tally.note(*at);
            }
            Conduct { day: now, sent: 0, resting_until: None, tally }
        })
    }
}

/// A time so far ahead, or a year where that is out of reach.
fn later(now: Instant, time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_hours(8760);
    now + time.min(YEAR)
}

#[cfg(test)]
mod tests;
