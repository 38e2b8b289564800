//! The partition key of draft 8, which express-rate-limit derives from the client's key: it tells
//! which key that is, without any further request.

use std::fmt::Write as _;
use std::net::IpAddr;

use aws_lc_rs::digest;

/// express-rate-limit keeps so many hexadecimal digits of a hash.
const KEPT: usize = 12;

/// What a partition key was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// Of an address that we claimed in a header.
    Claimed(String),
    /// Of the word that stands for an unknown client: all such clients share one bucket.
    Constant(&'static str),
    /// Of the address of whoever connects, which is a proxy where there is one.
    Peer(String),
}

/// Words that code falls back on where it finds no address.
const CONSTANTS: [&str; 6] = ["unknown", "undefined", "null", "", "anonymous", LOOPBACK];

/// Where a limiter sees this, it counts by a proxy beside it.
const LOOPBACK: &str = "127.0.0.1";

/// Which key gives this partition key, if it is one of those that can be thought of.
pub(super) fn key_of(partition: &[u8], claimed: &[String], own: Option<IpAddr>) -> Option<Key> {
    let is = |key: &str| hashed(key).as_bytes() == partition;
    for address in claimed {
        if is(address) || is(&format!("::ffff:{address}")) {
            return Some(Key::Claimed(address.clone()));
        }
    }
    if let Some(own) = own {
        let own = own.to_string();
        if is(&own) || is(&format!("::ffff:{own}")) {
            return Some(Key::Peer(own));
        }
    }
    // Of a service on the loopback, the proxy's address is everybody's.
    let local = own.is_some_and(|own| own.is_loopback());
    let constants = CONSTANTS.iter().filter(|word| !(local && **word == LOOPBACK));
    constants.into_iter().find(|word| is(word)).map(|word| Key::Constant(word))
}

fn hashed(key: &str) -> String {
    let hash = digest::digest(&digest::SHA256, key.as_bytes());
    let mut hex = String::with_capacity(KEPT + 2);
    for byte in hash.as_ref().iter().take(KEPT.div_ceil(2)) {
        // Writing into a string cannot fail.
        let _written = write!(hex, "{byte:02x}");
    }
    hex.truncate(KEPT);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_can_be_thought_of_is_recognised() {
        // sha256("203.0.113.7") begins with these digits.
        let claimed = ["203.0.113.7".to_owned()];
        let of = |key: &str| hashed(key).into_bytes();
        assert_eq!(
            key_of(&of("203.0.113.7"), &claimed, None),
            Some(Key::Claimed(claimed[0].clone()))
        );
        assert_eq!(
            key_of(&of("::ffff:203.0.113.7"), &claimed, None),
            Some(Key::Claimed(claimed[0].clone()))
        );
        assert_eq!(key_of(&of("unknown"), &claimed, None), Some(Key::Constant("unknown")));
        let own: IpAddr = "10.1.2.3".parse().unwrap();
        assert_eq!(key_of(&of("10.1.2.3"), &[], Some(own)), Some(Key::Peer("10.1.2.3".to_owned())));
        assert_eq!(key_of(&of("somebody else"), &claimed, Some(own)), None);
        assert_eq!(hashed("127.0.0.1").as_bytes(), b"12ca17b49af2");
        let beside = key_of(b"12ca17b49af2", &[], None);
        assert_eq!(beside, Some(Key::Constant("127.0.0.1")));
        let local: IpAddr = "127.0.0.3".parse().unwrap();
        assert_eq!(key_of(b"12ca17b49af2", &[], Some(local)), None);
    }
}
