//! DNS messages (RFC 1035) in the little variety the fake needs.

use std::net::IpAddr;

use super::zone::{A, AAAA, Answer};

const HEADER: usize = 12;
const SOA: u16 = 6;
const CLASS_IN: u16 = 1;
const TTL_SECONDS: u32 = 1;

const NO_ERROR: u8 = 0;
const SERV_FAIL: u8 = 2;
const NX_DOMAIN: u8 = 3;
const REFUSED: u8 = 5;

const AUTHORITATIVE: u8 = 0x04;
const TRUNCATED: u8 = 0x02;

/// The single question of a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    id: [u8; 2],
    recursion_desired: u8,
    /// The question as it came, so that a resolver's mixed case is echoed.
    bytes: Vec<u8>,
    /// Where the last label begins within `bytes`.
    last_label: usize,
    /// The name in lower case, labels separated by dots, without a closing one.
    pub(super) name: String,
    pub(super) record_type: u16,
}

impl Question {
    /// Reads a query; `None` unless it has exactly one uncompressed question.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let header = message.get(..HEADER)?;
        let &[id0, id1, flags, _, 0, 1, ..] = header else { return None };
        // A response, or another operation than a standard query.
        if flags & 0xf8 != 0 {
            return None;
        }
        let question = message.get(HEADER..)?;
        let mut labels = Vec::new();
        let (mut at, mut last_label) = (0, 0);
        loop {
            let length = usize::from(*question.get(at)?);
            if length == 0 {
                break;
            }
            if length > 63 {
                return None;
            }
            last_label = at;
            let label = question.get(at + 1..at + 1 + length)?;
            labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
            at += 1 + length;
        }
        let bytes = question.get(..at + 5)?.to_vec();
        let record_type = u16::from_be_bytes([*question.get(at + 1)?, *question.get(at + 2)?]);
        let name = labels.join(".");
        Some(Self {
            id: [id0, id1],
            recursion_desired: flags & 1,
            bytes,
            last_label,
            name,
            record_type,
        })
    }

    /// The response; `None` for [`Answer::Silent`].
    pub(super) fn respond(&self, answer: &Answer, over_tcp: bool) -> Option<Vec<u8>> {
        let response = match answer {
            Answer::Silent => return None,
            Answer::ServFail => self.message(0, SERV_FAIL, &[], false),
            Answer::Refused => self.message(0, REFUSED, &[], false),
            Answer::NxDomain => self.message(AUTHORITATIVE, NX_DOMAIN, &[], true),
            Answer::Truncated(_) if !over_tcp => {
                self.message(AUTHORITATIVE | TRUNCATED, NO_ERROR, &[], false)
            }
            Answer::Addresses(addresses) | Answer::Truncated(addresses) => {
                let fitting: Vec<_> = addresses
                    .iter()
                    .filter(|ip| type_of(**ip) == self.record_type)
                    .map(octets)
                    .collect();
                self.message(AUTHORITATIVE, NO_ERROR, &fitting, fitting.is_empty())
            }
            Answer::Records(record_type, data) if *record_type == self.record_type => {
                self.message(AUTHORITATIVE, NO_ERROR, data, data.is_empty())
            }
            Answer::NoData | Answer::Records(..) => {
                self.message(AUTHORITATIVE, NO_ERROR, &[], true)
            }
        };
        Some(response)
    }

    fn message(&self, flags: u8, code: u8, answers: &[Vec<u8>], negative: bool) -> Vec<u8> {
        const RESPONSE: u8 = 0x80;
        const RECURSION_AVAILABLE: u8 = 0x80;
        let count = u16::try_from(answers.len()).expect("a test gives few answers");
        let mut message = self.id.to_vec();
        message.extend([RESPONSE | flags | self.recursion_desired, RECURSION_AVAILABLE | code]);
        for section in [1, count, u16::from(negative), 0] {
            message.extend(section.to_be_bytes());
        }
        message.extend(&self.bytes);
        for data in answers {
            message.extend(record(HEADER, self.record_type, data));
        }
        if negative {
            // Resolvers take a negative answer for final only with the SOA of a zone above.
            let zone = HEADER + self.last_label;
            let mut data = [pointer(zone), pointer(zone)].concat();
            // Serial, refresh, retry, expiry and the time negative answers may be kept.
            for number in [1, 60, 60, 60, TTL_SECONDS] {
                data.extend(number.to_be_bytes());
            }
            message.extend(record(zone, SOA, &data));
        }
        message
    }
}

fn type_of(ip: IpAddr) -> u16 {
    if ip.is_ipv4() { A } else { AAAA }
}

fn octets(ip: &IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// A name given by where it stands in the message already.
fn pointer(offset: usize) -> [u8; 2] {
    let offset = u16::try_from(offset).expect("a question is shorter than 300 bytes");
    (0xc000 | offset).to_be_bytes()
}

fn record(owner: usize, record_type: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("the records made here are short");
    let mut record = pointer(owner).to_vec();
    record.extend(record_type.to_be_bytes());
    record.extend(CLASS_IN.to_be_bytes());
    record.extend(TTL_SECONDS.to_be_bytes());
    record.extend(length.to_be_bytes());
    record.extend(data);
    record
}

#[cfg(test)]
mod tests {
    use super::{AAAA, Answer, Question};

    const QUERY: &[u8] =
        b"\xab\xcd\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01A\x04TesT\x00\x00\x01\x00\x01";

    #[test]
    fn a_query_is_understood() {
        let question = Question::parse(QUERY).unwrap();
        assert_eq!((question.name.as_str(), question.record_type), ("a.test", 1));
        assert_eq!(question.last_label, 2);
    }

    #[test]
    fn broken_queries_are_not() {
        for length in 0..QUERY.len() {
            assert_eq!(Question::parse(&QUERY[..length]), None, "{length}");
        }
        let mut response = QUERY.to_vec();
        response[2] |= 0x80;
        assert_eq!(Question::parse(&response), None);
    }

    #[test]
    fn addresses_are_encoded_byte_for_byte() {
        let question = Question::parse(QUERY).unwrap();
        let answer = Answer::addresses(["127.0.0.9", "::1"]);
        let response = question.respond(&answer, false).unwrap();
        let mut expected = b"\xab\xcd\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00".to_vec();
        expected.extend(&QUERY[12..]);
        expected.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x7f\x00\x00\x09");
        assert_eq!(response, expected);
    }

    #[test]
    fn negative_answers_carry_the_soa_of_the_last_label() {
        let mut question = Question::parse(QUERY).unwrap();
        question.record_type = AAAA;
        let answers =
            [(Answer::NxDomain, 3), (Answer::NoData, 0), (Answer::addresses(["127.0.0.1"]), 0)];
        for (answer, code) in answers {
            let response = question.respond(&answer, false).unwrap();
            assert_eq!(response[3] & 0x0f, code);
            assert_eq!(response[6..12], [0, 0, 0, 1, 0, 0]);
            let (_, soa) = response.split_at(QUERY.len());
            assert_eq!(soa[..4], [0xc0, 14, 0, 6]);
            assert_eq!(soa.len(), 12 + 4 + 20);
        }
    }
}
