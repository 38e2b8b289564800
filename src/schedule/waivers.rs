//! When waivers end: what they cover counts from then on, long before the next run of a check that
//! runs once a month. Pure.

use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Service, Waiver};

/// The ends of all waivers.
pub(super) struct Waivers {
    /// With their services, the earliest first.
    ends: Vec<(Timestamp, Arc<Service>)>,
    /// Everything is judged as of this time.
    judged: Timestamp,
}

impl Waivers {
    /// Of services that were judged at this time.
    pub(super) fn of(services: &[Arc<Service>], judged: Timestamp) -> Self {
        let of_service = |service: &Arc<Service>| {
            let ends: Vec<Timestamp> = service.waivers.iter().filter_map(Waiver::end).collect();
            let service = Arc::clone(service);
            ends.into_iter().map(move |end| (end, Arc::clone(&service)))
        };
        let mut ends: Vec<(Timestamp, Arc<Service>)> =
            services.iter().flat_map(of_service).collect();
        ends.sort_by_key(|(end, _)| *end);
        Self { ends, judged }
    }

    /// When the next one ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        let next = self.ends.partition_point(|(end, _)| *end <= self.judged);
        self.ends.get(next).map(|(end, _)| *end)
    }

    /// The services to be judged anew at this time: a waiver of theirs has ended, or counts again
    /// because the clock was set back.
    pub(super) fn turned(&mut self, at: Timestamp) -> Vec<Arc<Service>> {
        let before = std::mem::replace(&mut self.judged, at);
        let mut services: Vec<Arc<Service>> =
            self.between(before, at).iter().map(|(_, service)| Arc::clone(service)).collect();
        services.sort_by(|one, other| one.name.cmp(&other.name));
        services.dedup_by(|one, other| one.name == other.name);
        services
    }

    /// Whether what was judged at this time of a service was judged by other waivers than the rest.
    pub(super) fn turned_since(&self, at: Timestamp, service: &str) -> bool {
        self.between(at, self.judged).iter().any(|(_, turned)| turned.name == service)
    }

    /// Those that count at one of these times and not at the other.
    fn between(&self, one: Timestamp, other: Timestamp) -> &[(Timestamp, Arc<Service>)] {
        let index = |at: Timestamp| self.ends.partition_point(|(end, _)| *end <= at);
        &self.ends[index(one.min(other))..index(one.max(other))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn service(name: &str, untils: &[&str]) -> Arc<Service> {
        let waiver = |until: &&str| Waiver {
            rule: "http.slow".to_owned(),
            check: None,
            subject: None,
            reason: String::new(),
            until: until.parse().unwrap(),
        };
        let waivers = untils.iter().map(waiver).collect();
        Arc::new(Service { name: name.to_owned(), waivers, ..testing::service(Vec::new()) })
    }

    #[test]
    fn a_service_is_judged_anew_after_the_last_day_of_a_waiver_and_when_the_clock_goes_back() {
        let noon = "2026-11-20T12:00:00Z";
        let services = [
            service("a", &["2026-11-20", "2026-11-19", "2026-11-20"]),
            service("b", &["2026-11-21"]),
            service("c", &[]),
        ];
        let mut waivers = Waivers::of(&services, at(noon));
        let mut turned = |time: &str| {
            let services = waivers.turned(at(time));
            let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
            (names.concat(), waivers.next_end().map(|end| end.to_string()))
        };
        let end = |day: &str| Some(format!("2026-11-{day}T00:00:00Z"));
        for (time, names, next) in [
            ("2026-11-20T23:59:59Z", "", end("21")),
            ("2026-11-21T00:00:00Z", "a", end("22")),
            ("2026-11-21T00:00:01Z", "", end("22")),
            ("2026-11-30T00:00:00Z", "b", None),
            ("2026-11-20T23:59:59Z", "ab", end("21")),
            ("2026-11-19T12:00:00Z", "a", end("20")),
            ("2027-01-01T00:00:00Z", "ab", None),
        ] {
            assert_eq!(turned(time), (names.to_owned(), next), "{time}");
        }
    }

    #[test]
    fn what_was_judged_on_the_other_side_of_an_end_is_known() {
        let noon = at("2026-11-21T12:00:00Z");
        let waivers = Waivers::of(&[service("a", &["2026-11-20"]), service("b", &[])], noon);
        assert!(waivers.turned_since(at("2026-11-20T23:59:59Z"), "a"));
        assert!(!waivers.turned_since(at("2026-11-20T23:59:59Z"), "b"));
        assert!(!waivers.turned_since(at("2026-11-21T00:00:00Z"), "a"));
    }
}
