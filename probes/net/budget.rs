//! How much active work an origin is asked to bear, across all services that share it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tokio::time::Instant;

use crate::net::origin::Origin;

/// So many in a second, a minute or an hour, written `1/s`, `30/m`, `100/h`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    count: f64,
    unit: char,
}

impl Rate {
    /// So many a second.
    pub const fn per_second(count: f64) -> Self {
        Self { count, unit: 's' }
    }

    /// The time from one to the next.
    pub fn interval(self) -> Duration {
        let unit = match self.unit {
            'h' => 3600.0,
            'm' => 60.0,
            _ => 1.0,
        };
        Duration::from_secs_f64(unit / self.count)
    }

    fn lower(self, other: Self) -> Self {
        if self.interval() >= other.interval() { self } else { other }
    }
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no rate: write a number and a unit, such as 1/s, 30/m or 100/h")
        };
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let count: f64 = count.trim().parse().map_err(|_| wrong())?;
        let unit = match unit.trim() {
            "s" => 's',
            "m" => 'm',
            "h" => 'h',
            _ => return Err(wrong()),
        };
        // Below that, one place in the queue would be further away than time can be counted.
        if !(0.001..=10_000.0).contains(&count) {
            return Err(format!("`{text}` is out of bounds: from 0.001 to 10000"));
        }
        Ok(Self { count, unit })
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Rate;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a rate with its unit, such as 1/s, 30/m or 100/h")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "So many in a second, a minute or an hour: 1/s, 30/m, 100/h.",
            "pattern": r"^\s*\d+(\.\d+)?\s*/\s*[smh]\s*$",
        })
    }
}

/// What active work may ask of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Requests in the long run.
    pub rate: Rate,
    /// Requests at once, from 1 to 1000.
    pub burst: u32,
    /// Bare connections in the long run.
    pub connections: Rate,
}

impl Default for Budget {
    fn default() -> Self {
        Self { rate: Rate::per_second(1.0), burst: 5, connections: Rate::per_second(10.0) }
    }
}

impl Budget {
    fn lowest(self, other: Self) -> Self {
        Self {
            rate: self.rate.lower(other.rate),
            burst: self.burst.min(other.burst),
            connections: self.connections.lower(other.connections),
        }
    }
}

/// The budgets of all origins.
#[derive(Debug, Default)]
pub struct Budgets {
    declared: HashMap<Origin, Budget>,
    buckets: Mutex<HashMap<Origin, Arc<Buckets>>>,
}

/// An exhausting run sends so much, and never more at once.
const EXHAUSTING: Rate = Rate::per_second(10.0);

#[derive(Debug)]
struct Buckets {
    requests: Bucket,
    exhausting: Bucket,
    connections: Bucket,
}

/// Origins that no service declares come from redirects alone: so many are remembered.
const MOST_UNDECLARED: usize = 1024;

impl Budgets {
    /// Budgets as services give them. The lowest one given for an origin wins.
    pub fn new(given: impl IntoIterator<Item = (Origin, Budget)>) -> Self {
        let mut declared: HashMap<Origin, Budget> = HashMap::new();
        for (origin, budget) in given {
            declared
                .entry(origin)
                .and_modify(|present| *present = present.lowest(budget))
                .or_insert(budget);
        }
        Self { declared, buckets: Mutex::default() }
    }

    /// The same budgets, with what was already taken from those before: a new configuration fills
    /// no bucket.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let taken = before.buckets.lock().expect("no panic under this lock");
        let kept = taken.iter().map(|(origin, buckets)| {
            let budget = self.of(origin);
            let buckets = if budget == before.of(origin) {
                // What is in flight goes on to take from it.
                Arc::clone(buckets)
            } else {
                Arc::new(Buckets {
                    requests: Bucket::new(budget.rate, budget.burst).after(&buckets.requests),
                    exhausting: Bucket::new(EXHAUSTING, 1).after(&buckets.exhausting),
                    connections: Bucket::new(budget.connections, budget.burst)
                        .after(&buckets.connections),
                })
            };
            (origin.clone(), buckets)
        });
        let kept = kept.collect();
        Self { buckets: Mutex::new(kept), ..self }
    }

    /// The budget of an origin.
    pub fn of(&self, origin: &Origin) -> Budget {
        self.declared.get(origin).copied().unwrap_or_default()
    }

    /// Takes the next turn to send a request: when it is.
    pub fn request(&self, origin: &Origin) -> Instant {
        self.buckets(origin).requests.turn()
    }

    /// Takes the next turn to send an exhausting request: when it is.
    pub fn exhausting(&self, origin: &Origin) -> Instant {
        self.buckets(origin).exhausting.turn()
    }

    /// Takes the next turn to open a bare connection: when it is.
    pub fn connection(&self, origin: &Origin) -> Instant {
        self.buckets(origin).connections.turn()
    }

    fn buckets(&self, origin: &Origin) -> Arc<Buckets> {
        let mut buckets = self.buckets.lock().expect("no panic under this lock");
        if let Some(present) = buckets.get(origin) {
            return Arc::clone(present);
        }
        if buckets.len() >= self.declared.len() + MOST_UNDECLARED {
            buckets.retain(|origin, bucket| {
                self.declared.contains_key(origin) || Arc::strong_count(bucket) > 1
            });
        }
        let budget = self.of(origin);
        let made = Arc::new(Buckets {
            requests: Bucket::new(budget.rate, budget.burst),
            exhausting: Bucket::new(EXHAUSTING, 1),
            connections: Bucket::new(budget.connections, budget.burst),
        });
        buckets.insert(origin.clone(), Arc::clone(&made));
        made
    }
}

/// A token bucket as the generic cell rate algorithm: one instant is all its state.
#[derive(Debug)]
struct Bucket {
    interval: Duration,
    tolerance: Duration,
    /// When the bucket will be full again.
    full_at: Mutex<Option<Instant>>,
}

impl Bucket {
    fn new(rate: Rate, burst: u32) -> Self {
        let interval = rate.interval();
        Self { interval, tolerance: interval * burst.saturating_sub(1), full_at: Mutex::new(None) }
    }

    /// With as many places taken as of the bucket before, which may have been another size.
    fn after(self, before: &Self) -> Self {
        let full_at = *before.full_at.lock().expect("no panic under this lock");
        let now = Instant::now();
        let taken = full_at.map_or(0.0, |full_at| {
            full_at.saturating_duration_since(now).as_secs_f64() / before.interval.as_secs_f64()
        });
        // More places than the longest queue has are not worth counting.
        let away = self.interval.mul_f64(taken.min(1000.0));
        Self { full_at: Mutex::new((taken > 0.0).then(|| now + away)), ..self }
    }

    /// Takes the next place in the queue.
    fn turn(&self) -> Instant {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().expect("no panic under this lock");
        let start = full_at.map_or(now, |full_at| full_at.max(now));
        *full_at = Some(start + self.interval);
        start.checked_sub(self.tolerance).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(port: u16) -> Origin {
        Origin { scheme: "http".into(), host: "a".into(), port }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let budgets = Budgets::default();
        let started = Instant::now();
        for _ in 0..8 {
            tokio::time::sleep_until(budgets.request(&origin(1))).await;
        }
        assert_eq!(started.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn services_that_share_an_origin_share_its_budget_and_others_do_not() {
        let budgets = Arc::new(Budgets::default());
        let started = Instant::now();
        let many = (0..10).map(|_| {
            let budgets = Arc::clone(&budgets);
            tokio::spawn(async move { tokio::time::sleep_until(budgets.request(&origin(1))).await })
        });
        for task in many.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(started.elapsed().as_secs(), 5);
        assert_eq!(budgets.request(&origin(2)), Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_configuration_fills_no_bucket() {
        let given = |rate: &str| {
            Budgets::new([(origin(1), Budget { rate: rate.parse().unwrap(), ..Budget::default() })])
        };
        let before = given("1/s");
        for _ in 0..5 {
            assert_eq!(before.request(&origin(1)), Instant::now());
        }
        let same = given("1/s").after(&before);
        let slower = given("30/m").after(&before);
        let wait = |budgets: &Budgets| budgets.request(&origin(1)) - Instant::now();
        assert_eq!(wait(&same), Duration::from_secs(1));
        assert_eq!(wait(&before), Duration::from_secs(2), "what is in flight takes from the same");
        assert_eq!(wait(&slower), Duration::from_secs(2), "five of five places were taken");
        assert_eq!(same.request(&origin(2)), Instant::now());
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(given("1/s").after(&same).request(&origin(1)), Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn exhausting_keeps_to_ten_a_second_whatever_the_budget_is() {
        let generous = Budget { rate: Rate::per_second(500.0), burst: 500, ..Budget::default() };
        let budgets = Budgets::new([(origin(1), generous)]);
        let started = Instant::now();
        for _ in 0..21 {
            tokio::time::sleep_until(budgets.exhausting(&origin(1))).await;
        }
        assert_eq!(started.elapsed().as_secs(), 2);
        assert_eq!(budgets.request(&origin(1)), Instant::now(), "the budget is untouched");
    }

    #[test]
    fn the_lowest_budget_of_an_origin_wins_in_each_part() {
        let slow = Budget { rate: "30/m".parse().unwrap(), burst: 9, ..Budget::default() };
        let small = Budget { burst: 1, ..Budget::default() };
        let budgets = Budgets::new([(origin(1), slow), (origin(1), small)]);
        let budget = budgets.of(&origin(1));
        assert_eq!((budget.rate.to_string().as_str(), budget.burst), ("30/m", 1));
    }

    #[test]
    fn rates_are_read_with_their_unit_and_within_bounds() {
        assert_eq!("30/m".parse::<Rate>().unwrap().interval(), Duration::from_secs(2));
        for wrong in ["5", "5/d", "0/s", "-1/s", "inf/s", "NaN/s", "1e-300/h", "x/s", "100001/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
