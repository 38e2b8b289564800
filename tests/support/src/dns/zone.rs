//! Which name is answered how.

use std::collections::HashMap;
use std::net::IpAddr;

/// The record type of IPv4 addresses.
pub(super) const A: u16 = 1;
/// The record type of those who may issue certificates.
const CAA: u16 = 257;
/// The record type of IPv6 addresses.
pub(super) const AAAA: u16 = 28;

/// How queries for a name are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Those of these addresses that fit the queried type, with a TTL of 1 second; NODATA if none
    /// does.
    Addresses(Vec<IpAddr>),
    /// As [`Self::Addresses`] over TCP; over UDP empty and marked as truncated.
    Truncated(Vec<IpAddr>),
    /// Records of one type with this data (RFC 1035 section 3.2.1); NODATA for other types.
    Records(u16, Vec<Vec<u8>>),
    /// NXDOMAIN: the name does not exist.
    NxDomain,
    /// NODATA: the name exists, but has no record of the queried type.
    NoData,
    /// SERVFAIL: the server could not find out.
    ServFail,
    /// REFUSED: the server does not want to.
    Refused,
    /// No answer at all.
    Silent,
}

impl Answer {
    /// [`Self::Addresses`] of addresses in text.
    ///
    /// # Panics
    /// If one is no IP address.
    pub fn addresses<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Self {
        let parse = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text:?} is no address"));
        Self::Addresses(addresses.into_iter().map(parse).collect())
    }

    /// CAA records (RFC 8659 section 4.1): flags, tag and value of each.
    pub fn caa<'a>(records: impl IntoIterator<Item = (u8, &'a str, &'a str)>) -> Self {
        let data = |(flags, tag, value): (u8, &str, &str)| {
            let length = u8::try_from(tag.len()).expect("tags are short");
            [&[flags, length], tag.as_bytes(), value.as_bytes()].concat()
        };
        Self::Records(CAA, records.into_iter().map(data).collect())
    }
}

/// The names a [`super::DnsServer`] knows; every other is NXDOMAIN. Case does not matter, and
/// neither does a closing dot.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    names: HashMap<String, Answer>,
    types: HashMap<(String, u16), Answer>,
}

impl Zone {
    /// Without any name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers queries of every type for `name` like this.
    #[must_use]
    pub fn answer(mut self, name: &str, answer: Answer) -> Self {
        self.set(name, answer);
        self
    }

    /// Answers `A` queries for `name` like this, whatever holds for the other types.
    #[must_use]
    pub fn answer_a(self, name: &str, answer: Answer) -> Self {
        self.answer_type(name, A, answer)
    }

    /// Answers `AAAA` queries for `name` like this, whatever holds for the other types.
    #[must_use]
    pub fn answer_aaaa(self, name: &str, answer: Answer) -> Self {
        self.answer_type(name, AAAA, answer)
    }

    fn answer_type(mut self, name: &str, record_type: u16, answer: Answer) -> Self {
        self.types.insert((normal(name), record_type), answer);
        self
    }

    /// Replaces everything known about `name`.
    pub(super) fn set(&mut self, name: &str, answer: Answer) {
        let name = normal(name);
        self.types.retain(|(known, _), _| *known != name);
        self.names.insert(name, answer);
    }

    /// What to answer; a name known for other types only exists, but has no data.
    pub(super) fn look_up(&self, name: &str, record_type: u16) -> Answer {
        let name = normal(name);
        if let Some(answer) = self.types.get(&(name.clone(), record_type)) {
            return answer.clone();
        }
        let otherwise = if self.types.keys().any(|(known, _)| *known == name) {
            Answer::NoData
        } else {
            Answer::NxDomain
        };
        self.names.get(&name).cloned().unwrap_or(otherwise)
    }
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{A, AAAA, Answer, Zone};

    #[test]
    fn types_take_precedence_over_names() {
        let zone = Zone::new()
            .answer("both.test", Answer::addresses(["127.0.0.1"]))
            .answer_aaaa("Both.test.", Answer::Silent)
            .answer_a("four.test", Answer::addresses(["127.0.0.2"]));
        assert_eq!(zone.look_up("BOTH.test", A), Answer::addresses(["127.0.0.1"]));
        assert_eq!(zone.look_up("both.test", AAAA), Answer::Silent);
        assert_eq!(zone.look_up("four.test", AAAA), Answer::NoData);
        assert_eq!(zone.look_up("none.test", A), Answer::NxDomain);
    }

    #[test]
    fn setting_a_name_forgets_its_types() {
        let mut zone = Zone::new().answer_a("a.test", Answer::Silent);
        zone.set("a.test", Answer::Refused);
        assert_eq!(zone.look_up("a.test", A), Answer::Refused);
    }
}
