//! The bytes of the protocol, written and read.

use std::time::Duration;

use proptest::prelude::{any, prop, proptest};

use super::{CHECK, framed, read, read_varint, request, serving_status, status, write_varint};
use crate::health::vocabulary::Level;
use crate::net::body::{Body, Bytes};
use crate::net::exchange::Answer;
use crate::net::tls::Alpn;

fn answer(body: &[u8], code: &str) -> Answer {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let bytes = Bytes(body.to_vec());
    Answer {
        version: "2".to_owned(),
        status: 200,
        headers: vec![pair("content-type", "application/grpc")],
        body: Body { bytes, length: body.len(), wire: body.len(), ..Body::default() },
        trailers: vec![pair("grpc-status", code)],
    }
}

#[test]
fn a_request_is_a_frame_around_a_message() {
    let url = || format!("https://a.example{CHECK}").parse().unwrap();
    let long = "x".repeat(200);
    for (service, body) in [
        ("", b"\0\0\0\0\0".to_vec()),
        ("ab", b"\0\0\0\0\x04\x0a\x02ab".to_vec()),
        (&long, [b"\0\0\0\0\xcb\x0a\xc8\x01".as_slice(), long.as_bytes()].concat()),
    ] {
        let request = request(url(), service, Duration::from_secs(10));
        assert_eq!(request.body, body, "{service}");
        assert_eq!((request.method.as_str(), request.alpn), ("POST", Alpn::Http2));
    }
    for (timeout, text) in [
        (Duration::from_secs(10), "10000m"),
        (Duration::from_micros(1), "1m"),
        (Duration::from_secs(99_999), "99999000m"),
        (Duration::from_secs(100_000), "100000S"),
        (Duration::MAX, "99999999S"),
    ] {
        let request = request(url(), "", timeout);
        let header = |name: &str| {
            request.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value)
        };
        assert_eq!(header("grpc-timeout").unwrap(), text);
        assert_eq!(header("te").unwrap(), "trailers");
        assert_eq!(header("content-type").unwrap(), "application/grpc");
    }
}

#[test]
fn messages_are_read_as_protobuf_reads_them() {
    let rows: &[(&[u8], Option<u64>)] = &[
        (b"", Some(0)),
        (b"\x08\x00", Some(0)),
        (b"\x08\x01", Some(1)),
        (b"\x08\x02", Some(2)),
        (b"\x08\x03", Some(3)),
        // The last one counts, and a number may be written in more bytes than it needs.
        (b"\x08\x01\x08\x02", Some(2)),
        (b"\x08\x81\x00", Some(1)),
        (b"\x08\x07", Some(7)),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Some(u64::MAX)),
        // What others may add: a number, eight bytes, a text, four bytes.
        (b"\x10\x05\x08\x01", Some(1)),
        (b"\x11\0\0\0\0\0\0\0\0\x08\x01", Some(1)),
        (b"\x12\x02ok\x08\x01", Some(1)),
        (b"\x15\0\0\0\0\x08\x01", Some(1)),
        // A status of another type is none.
        (b"\x0a\x01\x01", Some(0)),
        (b"\x08", None),
        (b"\x08\x80", None),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", None),
        (b"\x00\x01", None),
        (b"\x12\x05ok", None),
        (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", None),
        (b"\x0b\x08\x01\x0c", None),
        (b"{\"status\":\"SERVING\"}", None),
    ];
    for (message, wanted) in rows {
        assert_eq!(serving_status(message), *wanted, "{message:?}");
    }
}

#[test]
fn a_body_is_one_frame_or_none() {
    assert_eq!(framed(b""), Ok(None));
    assert_eq!(framed(b"\0\0\0\0\0"), Ok(Some(b"".as_slice())));
    assert_eq!(framed(b"\0\0\0\0\x02\x08\x01"), Ok(Some(b"\x08\x01".as_slice())));
    for (body, says) in [
        (b"\0\0\0".as_slice(), "breaks off"),
        (b"\0\0\0\0\x02\x08", "breaks off"),
        (b"\0\xff\xff\xff\xff\x08\x01", "breaks off"),
        (b"\x01\0\0\0\x02\x08\x01", "compressed"),
        (b"\0\0\0\0\x02\x08\x01\0\0\0\0\0", "more than one"),
    ] {
        let why = framed(body).unwrap_err();
        assert!(why.contains(says), "{body:?}: {why}");
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_makes_it_panic_and_one_answer_alone_is_up(
        body in prop::collection::vec(any::<u8>(), 0..40),
        code in "[0-9]{1,3}|[ -~]{0,12}",
    ) {
        let answer = answer(&body, &code);
        let reading = read(&answer);
        assert!((200..600).contains(&status(&answer)));
        if reading.level() == Some(Level::Up) {
            assert_eq!(code.trim().parse(), Ok(0));
            assert_eq!(serving_status(&body[5..]), Some(1));
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_written(number in any::<usize>()) {
        let mut bytes = Vec::new();
        write_varint(number, &mut bytes);
        let mut rest = bytes.as_slice();
        assert_eq!(read_varint(&mut rest), Some(number as u64));
        assert!(rest.is_empty());
    }
}
