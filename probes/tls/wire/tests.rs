//! Hellos byte for byte, and answers from everywhere: canned, cut, and made up.

use proptest::prelude::*;

use super::hello::Hello;
use super::suite::{Class, Suite, any as any_suite, matching, offered};
use super::version::Version;
use super::{End, Flight, Reader, Want, prime, ssl2};

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn hello(version: Version, suites: &[u16], groups: &[u16], compression: bool) -> String {
    let hello = Hello {
        version,
        suites: suites.to_vec(),
        groups,
        server_name: Some("a.b"),
        compression,
        random: [7; 32],
    };
    hex(&hello.encode())
}

#[test]
fn hellos_are_these_bytes() {
    let random = "07".repeat(32);
    assert_eq!(
        hello(Version::Ssl3, &[0x000A], &[], false),
        format!("160300002f0100002b0300{random}000004000a00ff0100"),
    );
    assert_eq!(
        hello(Version::Tls10, &[0x002F], &[0x17], true),
        format!(
            "1603010050010000 4c0301{random}000004002f00ff020100001e{}",
            "000000080006000003612e62000a000400020017000b0002010000170000"
        )
        .replace(' ', ""),
    );
    assert_eq!(
        hello(Version::Tls13, &[0x1301], &[0x11EC], false),
        format!(
            "16030100a00100009c0303{random}20{random}000213010100{}",
            "0051000000080006000003612e62000a0004000211ec\
             000d002200200403050306030807080808040805080604010501060102030201040202020101\
             00120000002b00030203 04002d00020101003300020000"
                .replace(' ', "")
        ),
    );
    assert_eq!(
        hex(&ssl2::hello([9; 16])),
        format!(
            "802e0100020015000000100700c0050080030080010080060040040080020080{}",
            "09".repeat(16)
        ),
    );
}

#[test]
fn suites_are_sorted_by_what_is_wrong_with_them() {
    let named = |name: &str| *Suite::all().iter().find(|suite| suite.name == name).unwrap();
    for (name, class) in [
        ("TLS_RSA_WITH_NULL_SHA256", Some(Class::Unprotected)),
        ("TLS_ECDH_anon_WITH_RC4_128_SHA", Some(Class::Unprotected)),
        ("TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", Some(Class::Export)),
        ("TLS_RSA_WITH_DES_CBC_SHA", Some(Class::Export)),
        ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", Some(Class::Rc4)),
        ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", Some(Class::Block64)),
        ("TLS_RSA_WITH_IDEA_CBC_SHA", Some(Class::Block64)),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", Some(Class::StaticRsa)),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", Some(Class::Cbc)),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", Some(Class::ShortTag)),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", None),
        ("TLS_DHE_RSA_WITH_AES_128_CCM", None),
        ("TLS_AES_128_GCM_SHA256", None),
    ] {
        assert_eq!(named(name).class(), class, "{name}");
    }
    assert!(!named("TLS_RSA_WITH_AES_128_CBC_SHA256").fits(Version::Tls11));
    assert!(named("TLS_RSA_WITH_AES_128_CBC_SHA").fits(Version::Ssl3));
}

#[test]
fn hellos_stay_small_and_name_each_suite_once() {
    for version in Version::ALL {
        if version == Version::Ssl2 {
            continue;
        }
        let mut asked = vec![any_suite(version)];
        asked.extend(Class::ASKED.map(|class| matching(version, |s| s.class() == Some(class))));
        for suites in asked {
            let mut unique = suites.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), suites.len(), "{version}");
            assert!(suites.len() <= 96, "{version}: {} suites", suites.len());
        }
        assert!(!any_suite(version).is_empty(), "{version}");
    }
    let first = Suite::numbered(any_suite(Version::Tls12)[0]).unwrap();
    assert!(first.is_aead() && first.is_forward_secret(), "{}", first.name);
}

#[test]
fn a_server_without_parameters_for_dhe_can_choose_everything_else_before() {
    let all: Vec<Suite> =
        offered(Version::Tls12, |_| true).into_iter().filter_map(Suite::numbered).collect();
    let first = all.iter().position(|suite| suite.uses_dhe()).unwrap();
    assert!(all[first..].iter().all(|suite| suite.uses_dhe()));
    let sound: Vec<Suite> =
        any_suite(Version::Tls12).into_iter().filter_map(Suite::numbered).collect();
    let position = |name: &str| sound.iter().position(|suite| suite.name == name).unwrap();
    let dhe = position("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256");
    assert!(position("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA") < dhe);
    assert!(position("TLS_RSA_WITH_AES_128_CBC_SHA") < dhe);
}

/// A `ServerHello` in its record.
fn server_hello(version: u16, suite: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([5; 24]);
    body.extend(b"DOWNGRD\x01");
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(1);
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    message(2, &body)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let mut handshake = vec![kind, length[1], length[2], length[3]];
    handshake.extend(body);
    handshake.chunks(16_384).flat_map(|piece| record(22, piece)).collect()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    record.extend(body);
    record
}

fn read(want: Want, bytes: &[u8]) -> (Option<End>, Flight) {
    let mut reader = Reader::new(want);
    let end = reader.push(bytes);
    (end, reader.flight)
}

#[test]
fn a_server_hello_is_read_with_its_extensions() {
    let extensions =
        [0xFF, 1, 0, 1, 0, 0, 23, 0, 0, 0, 18, 0, 0, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0x11, 0xEC];
    let (end, flight) = read(Want::Hello, &server_hello(0x0303, 0x1301, &extensions));
    assert_eq!(end, Some(End::Complete));
    let hello = flight.hello.unwrap();
    assert_eq!((hello.version, hello.suite, hello.group), (0x0304, 0x1301, Some(0x11EC)));
    assert!(hello.compressed && hello.sentinel && !hello.retry);
    assert!(hello.renegotiation_info && hello.extended_master_secret && hello.timestamps);
}

#[test]
fn a_flight_is_read_to_its_end_however_it_is_cut() {
    let mut bytes = server_hello(0x0301, 0x0033, &[]);
    bytes.extend(message(11, &[0, 0, 7, 0, 0, 1, 0xAA, 0, 0, 0]));
    bytes.extend(message(12, &[0, 3, 0, 1, 0xFF, 0, 1, 2]));
    bytes.extend(message(14, &[]));
    for size in [1, 2, 7, 4096] {
        let mut reader = Reader::new(Want::Flight);
        let ends: Vec<End> = bytes.chunks(size).filter_map(|piece| reader.push(piece)).collect();
        assert_eq!(ends, [End::Complete], "{size}");
        assert_eq!(reader.flight.certificates, [vec![0xAA], vec![]]);
        let key_exchange = reader.flight.key_exchange.unwrap();
        assert_eq!(prime(&key_exchange), Some(vec![1, 0xFF]));
    }
}

#[test]
fn alerts_and_rubbish_are_told_apart() {
    let fault = |bytes: &[u8]| match read(Want::Hello, bytes) {
        (Some(End::Fault(what)), _) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(read(Want::Hello, &record(21, &[2, 40])).0, Some(End::Alert(40)));
    // A warning about the name ends nothing.
    let mut warned = record(21, &[1, 112]);
    assert_eq!(read(Want::Hello, &warned).0, None);
    warned.extend(server_hello(0x0303, 0xC02B, &[]));
    assert_eq!(read(Want::Hello, &warned).0, Some(End::Complete));
    assert!(fault(b"HTTP/1.1 400 Bad Request\r\n").contains("HTTP/1.1 400"));
    assert!(fault(b"220 mail ESMTP\r\n").contains("220 mail"));
    for level in [1, 2] {
        assert_eq!(read(Want::Hello, &record(21, &[level, 0])).0, Some(End::Closed));
    }
    assert!(fault(&[22, 3, 3, 0xFF, 0xFF]).contains("65535 bytes"));
    assert!(fault(&message(2, &[3, 3, 1])).contains("cannot be read"));
    assert!(fault(&message(11, &[0, 0, 0])).contains("before the ServerHello"));
    assert!(fault(&record(22, &[2, 0x10, 0, 0])).contains("1024 KiB"));
    assert!(fault(&record(23, b"secret")).contains("no handshake record"));
}

#[test]
fn a_flight_without_an_end_is_cut_off() {
    let mut reader = Reader::new(Want::Flight);
    assert_eq!(reader.push(&server_hello(0x0303, 0xC02B, &[])), None);
    let request = message(0, &[]);
    let end = (0..100_000).find_map(|_| reader.push(&request));
    let Some(End::Fault(what)) = end else { panic!("{end:?}") };
    assert!(what.contains("128 KiB"), "{what}");
}

#[test]
fn an_answer_of_ssl2_is_known_by_its_shape() {
    let answer = [0x80, 0x20, 4, 0, 1, 0, 2, 0, 0, 0, 6, 0, 16];
    assert_eq!(ssl2::read(&answer), ssl2::Reading::Hello(2));
    assert_eq!(ssl2::read(&answer[..5]), ssl2::Reading::More);
    assert_eq!(ssl2::read(&[21, 3, 0, 0, 2, 2, 70]), ssl2::Reading::Other);
    assert_eq!(ssl2::read(b"HTTP/1.1 400"), ssl2::Reading::Other);
    assert_eq!(ssl2::read(&[]), ssl2::Reading::More);
}

proptest! {
    #[test]
    fn whatever_comes_is_read_without_a_panic(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..32),
        flight in any::<bool>(),
    ) {
        let mut reader = Reader::new(if flight { Want::Flight } else { Want::Hello });
        for piece in &pieces {
            if reader.push(piece).is_some() {
                break;
            }
        }
        let joined = pieces.concat();
        let _seen = (ssl2::read(&joined), prime(&joined));
    }

    #[test]
    fn a_damaged_flight_is_read_without_a_panic(
        position in 0_usize..200,
        byte in any::<u8>(),
        cut in 0_usize..200,
    ) {
        let extensions = [0, 43, 0, 2, 3, 3, 0xFF, 1, 0, 1, 0];
        let mut bytes = server_hello(0x0303, 0x0033, &extensions);
        bytes.extend(message(11, &[0, 0, 7, 0, 0, 1, 0xAA, 0, 0, 0]));
        bytes.extend(message(12, &[0, 3, 0, 1, 0xFF, 0, 1, 2]));
        let position = position % bytes.len();
        bytes[position] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len());
        let (_, flight) = read(Want::Flight, &bytes);
        prop_assert!(flight.certificates.len() <= 100);
    }

    #[test]
    fn how_bytes_arrive_changes_nothing(size in 1_usize..40, alert in any::<bool>()) {
        let mut bytes = server_hello(0x0302, 0x002F, &[]);
        bytes.extend(if alert { record(21, &[2, 80]) } else { message(14, &[]) });
        let mut reader = Reader::new(Want::Flight);
        let end = bytes.chunks(size).find_map(|piece| reader.push(piece));
        prop_assert_eq!((end, reader.flight), read(Want::Flight, &bytes));
    }
}
