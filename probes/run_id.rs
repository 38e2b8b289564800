//! Identity of a run: ordered by time, unique without coordination.

use jiff::Timestamp;

/// 48 bits of milliseconds and 80 random ones in Crockford's base 32, as a ULID: later runs
/// sort after earlier ones.
///
/// It is held as bytes, the most significant first, because many of them are kept: a `u128` would
/// be padded wherever it stands beside something small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId([u8; 16]);

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RunId {
    /// An identity for a run that starts at `at`; `random` gives the 80 bits.
    pub fn new(at: Timestamp, random: u128) -> Self {
        let milliseconds = u128::try_from(at.as_millisecond().max(0)).unwrap_or_default();
        Self(((milliseconds << 80) | (random & ((1 << 80) - 1))).to_be_bytes())
    }

    /// When the run started, to the millisecond.
    pub fn at(self) -> Timestamp {
        let milliseconds = u128::from_be_bytes(self.0) >> 80;
        let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = [0_u8; 26];
        let mut rest = u128::from_be_bytes(self.0);
        for place in text.iter_mut().rev() {
            let digit = usize::try_from(rest & 31).expect("five bits fit");
            *place = ALPHABET[digit];
            rest >>= 5;
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl serde::Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_runs_sort_after_earlier_ones_as_numbers_and_as_text() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let early = RunId::new(at(1_700_000_000_000), u128::MAX);
        let late = RunId::new(at(1_700_000_000_001), 0);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().len(), 26);
        assert_eq!((early.at(), late.at()), (at(1_700_000_000_000), at(1_700_000_000_001)));
    }

    #[test]
    fn it_is_a_ulid() {
        // The example of the ULID specification's timestamp part: 1469918176385 is 01ARYZ6S41.
        let id = RunId::new(Timestamp::from_millisecond(1_469_918_176_385).unwrap(), 0);
        assert_eq!(id.to_string(), "01ARYZ6S410000000000000000");
    }
}
