//! Each protocol against a script: what both sides say, and what is left for TLS.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::{Answer, Protocol, ask};

/// A line of a script.
enum Turn {
    /// The server says this.
    Says(&'static [u8]),
    /// The server hears exactly this.
    Hears(&'static [u8]),
}
use Turn::{Hears, Says};

async fn play(mut server: DuplexStream, script: &[Turn]) {
    for turn in script {
        match turn {
            Says(bytes) => server.write_all(bytes).await.unwrap(),
            Hears(bytes) => {
                let mut heard = vec![0; bytes.len()];
                server.read_exact(&mut heard).await.unwrap();
                let (heard, bytes) = (heard.escape_ascii(), bytes.escape_ascii());
                assert_eq!(heard.to_string(), bytes.to_string());
            }
        }
    }
}

/// What came of it, and what was left on the wire.
async fn outcome(protocol: Protocol, script: &[Turn]) -> (std::io::Result<Answer>, Vec<u8>) {
    let (mut client, server) = duplex(256 * 1024);
    let (answer, ()) =
        tokio::join!(ask(&mut client, protocol, "shop.example"), play(server, script));
    let mut left = Vec::new();
    client.read_to_end(&mut left).await.unwrap();
    (answer, left)
}

const XMPP: &[u8] = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' to='shop.example' version='1.0'>";
const MYSQL: &[u8] =
    b"\x20\0\0\x01\0\x8a\0\0\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const LDAP: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

#[tokio::test]
async fn every_protocol_changes_and_leaves_what_is_tls() {
    let scripts: [(Protocol, Vec<Turn>); 8] = [
        (
            Protocol::Smtp,
            vec![
                Says(b"220-mail\r\n220 ready\r\n"),
                Hears(b"EHLO musterd.invalid\r\n"),
                Says(b"250-mail\r\n250-SIZE 1\r\n250 starttls\r\n"),
                Hears(b"STARTTLS\r\n"),
                Says(b"220 go\r\nTLS"),
            ],
        ),
        (
            Protocol::Imap,
            vec![
                Says(b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
                Hears(b"a1 STARTTLS\r\n"),
                Says(b"* CAPABILITY IMAP4rev1\r\na1 OK go\r\nTLS"),
            ],
        ),
        (Protocol::Pop3, vec![Says(b"+OK\r\n"), Hears(b"STLS\r\n"), Says(b"+OK go\r\nTLS")]),
        (
            Protocol::Ftp,
            vec![
                Says(b"220-hello\r\n  there\r\n220 ready\r\n"),
                Hears(b"AUTH TLS\r\n"),
                Says(b"234 go\r\nTLS"),
            ],
        ),
        (Protocol::Postgres, vec![Hears(b"\0\0\0\x08\x04\xd2\x16\x2f"), Says(b"STLS")]),
        (
            Protocol::Mysql,
            vec![
                Says(b"\x20\0\0\0\x0a8.0\0\x01\0\0\0abcdefgh\0\xff\xff\x2d\0\0\0\0\0\0\0\0\0\0\0"),
                Hears(MYSQL),
                Says(b"TLS"),
            ],
        ),
        (
            Protocol::Ldap,
            vec![Hears(LDAP), Says(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0TLS")],
        ),
        (
            Protocol::Xmpp,
            vec![
                Hears(XMPP),
                Says(b"<?xml version='1.0'?><stream:stream><stream:features><starttls "),
                Says(b"xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
                Hears(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
                Says(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>TLS"),
            ],
        ),
    ];
    for (protocol, script) in scripts {
        let (answer, left) = outcome(protocol, &script).await;
        assert_eq!(answer.unwrap(), Answer::Ready, "{protocol:?}");
        assert_eq!(left, b"TLS", "{protocol:?}");
    }
}

#[tokio::test]
async fn a_no_is_told_in_the_servers_words() {
    let scripts: [(Protocol, Vec<Turn>, &str); 10] = [
        (Protocol::Smtp, vec![Says(b"554 go away\r\n")], "554 go away"),
        (
            Protocol::Smtp,
            vec![
                Says(b"220 a\r\n"),
                Hears(b"EHLO musterd.invalid\r\n"),
                Says(b"250-a\r\n250 SIZE\r\n"),
            ],
            "STARTTLS is not among",
        ),
        (Protocol::Imap, vec![Says(b"* BYE\r\n")], "* BYE"),
        (
            Protocol::Imap,
            vec![Says(b"* OK\r\n"), Hears(b"a1 STARTTLS\r\n"), Says(b"a1 BAD no\r\n")],
            "a1 BAD no",
        ),
        (Protocol::Pop3, vec![Says(b"-ERR busy\r\n")], "-ERR busy"),
        (
            Protocol::Ftp,
            vec![Says(b"220 a\r\n"), Hears(b"AUTH TLS\r\n"), Says(b"502 no\r\n")],
            "502 no",
        ),
        (Protocol::Postgres, vec![Hears(b"\0\0\0\x08"), Says(b"N")], "TLS is off"),
        (Protocol::Postgres, vec![Says(b"H")], "0x48"),
        (Protocol::Mysql, vec![Says(b"\x0b\0\0\0\xff\x10\x04Too many")], "Too many"),
        (
            Protocol::Ldap,
            vec![Hears(LDAP), Says(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\0\x04\0")],
            "result code 2",
        ),
    ];
    for (protocol, script, words) in scripts {
        let (answer, _) = outcome(protocol, &script).await;
        let Ok(Answer::Declined(said)) = &answer else { panic!("{protocol:?}: {answer:?}") };
        assert!(said.contains(words), "{said} lacks {words}");
    }
}

#[tokio::test]
async fn talk_without_end_is_cut_off() {
    let endless = vec![b'x'; 128 * 1024].leak();
    for protocol in [Protocol::Smtp, Protocol::Imap, Protocol::Pop3, Protocol::Ftp, Protocol::Xmpp]
    {
        let (answer, _) = outcome(protocol, &[Says(endless)]).await;
        assert!(answer.unwrap_err().to_string().contains("64 KiB"), "{protocol:?}");
    }
    let (answer, _) = outcome(Protocol::Mysql, &[Says(b"\xff\xff\xff\0")]).await;
    assert!(answer.unwrap_err().to_string().contains("64 KiB"));
}

#[tokio::test]
async fn whatever_is_said_never_panics() {
    for protocol in [Protocol::Mysql, Protocol::Ldap, Protocol::Postgres, Protocol::Smtp] {
        for bytes in [
            &b"\x01\0\0\0\x0a"[..],
            b"\0\0\0\0",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x00",
            b"\xc3\xa9\xc3\xa9\r\n",
            b"\r\n\r\n",
            b"",
        ] {
            // An answer or an error: both are evidence.
            drop(outcome(protocol, &[Says(bytes)]).await);
        }
    }
}
