//! What a server's answer to one hello means.

use super::door::Said;
use super::survey::{Answer, Ask, Chosen};
use super::wire::suite::{Class, Suite};
use super::wire::{Flight, ServerHello};

/// The alert of a server that does not go by the name that was asked for (RFC 6066 section 3).
pub(super) const UNRECOGNIZED_NAME: u8 = 112;

pub(super) fn is_dhe(suite: Suite) -> bool {
    suite.name.starts_with("TLS_DHE_") && suite.class() != Some(Class::Export)
}

/// Whether the server gave what it was asked for.
pub(super) fn judged(ask: Ask, hello: &ServerHello, flight: &Flight) -> Answer {
    let suite = Suite::numbered(hello.suite);
    let asked = match ask {
        Ask::Class(class) => suite.is_some_and(|suite| suite.class() == Some(class)),
        Ask::Dhe => suite.is_some_and(is_dhe),
        Ask::ForwardSecret => suite.is_some_and(Suite::is_forward_secret),
        Ask::Aead => suite.is_some_and(Suite::is_aead),
        Ask::Group(group) => hello.group == Some(group),
        Ask::Version(_) | Ask::Compression => true,
    };
    if !asked {
        let name = Suite::name_of(hello.suite);
        return Answer::Undetermined(format!("it chose what was not offered: {name}"));
    }
    let prime = flight.key_exchange.as_deref().filter(|_| suite.is_some_and(is_dhe));
    let prime = prime.and_then(super::wire::prime);
    let chosen = Chosen {
        suite: Suite::name_of(hello.suite),
        group: hello.group.map(super::wire::hello::group_name),
        compressed: hello.compressed,
        renegotiation_info: hello.renegotiation_info,
        extended_master_secret: hello.extended_master_secret,
        timestamps: hello.timestamps,
        sentinel: hello.sentinel,
        prime_bits: prime.as_deref().map(bits),
        prime_common: prime.as_deref().is_some_and(is_common),
    };
    match ask {
        Ask::Compression if !chosen.compressed => Answer::Refused("it chose none".to_owned()),
        _ => Answer::Offered(chosen),
    }
}

/// What an answer without a hello means. A server that says nothing says neither yes nor no.
pub(super) fn meaning(said: Said) -> Answer {
    match said {
        // The name is what it minds, not what was asked for.
        Said::Alert(UNRECOGNIZED_NAME) => {
            Answer::Undetermined("the alert unrecognized_name".to_owned())
        }
        Said::Alert(number) => Answer::Refused(format!("the alert {}", alert(number))),
        Said::Closed(how) => Answer::Refused(how.to_owned()),
        Said::Silence(why) | Said::Fault(why) | Said::Unreachable(why) => Answer::Undetermined(why),
        Said::Flight(_) | Said::Ssl2(_) => {
            Answer::Undetermined("an answer of another protocol".to_owned())
        }
    }
}

fn alert(number: u8) -> String {
    let name = match number {
        10 => "unexpected_message",
        40 => "handshake_failure",
        47 => "illegal_parameter",
        49 => "access_denied",
        50 => "decode_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        109 => "missing_extension",
        120 => "no_application_protocol",
        other => return other.to_string(),
    };
    name.to_owned()
}

fn bits(prime: &[u8]) -> usize {
    let leading = prime.first().map_or(0, |byte| byte.leading_zeros());
    (prime.len() * 8).saturating_sub(usize::try_from(leading).unwrap_or(0))
}

/// The Oakley group 2 of RFC 2409, 1024 bits: all of them begin and end with 64 ones, and go on
/// with the digits of pi.
fn is_common(prime: &[u8]) -> bool {
    const OAKLEY: [u8; 16] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xC9, 0x0F, 0xDA, 0xA2, 0x21, 0x68, 0xC2,
        0x34,
    ];
    prime.len() <= 128 && prime.starts_with(&OAKLEY)
}
