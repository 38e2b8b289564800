//! The protocols that talk in bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Answer;
use super::conversation::{Conversation, words};

/// `SSLRequest`: its length, and the number 80877103.
const POSTGRES: [u8; 8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];

pub(super) async fn postgres<S>(talk: &mut Conversation<'_, S>) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    talk.say(POSTGRES).await?;
    let answer = talk.bytes(1).await?[0];
    Ok(match answer {
        b'S' => Answer::Ready,
        b'N' => Answer::Declined("it answered N: TLS is off".to_owned()),
        b'E' => Answer::Declined("it answered with an error".to_owned()),
        other => Answer::Declined(format!("it answered 0x{other:02X}, which is no PostgreSQL")),
    })
}

/// Protocol 4.1, TLS, and secure authentication.
const MYSQL_CAPABILITIES: u32 = 0x0000_0200 | 0x0000_0800 | 0x0000_8000;

pub(super) async fn mysql<S>(talk: &mut Conversation<'_, S>) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let head = talk.bytes(4).await?;
    let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
    let greeting = talk.bytes(length).await?;
    match greeting.first() {
        Some(10) => {}
        Some(0xFF) => {
            let text = greeting.get(3..).unwrap_or_default();
            return Ok(Answer::Declined(words(&String::from_utf8_lossy(text))));
        }
        _ => return Ok(Answer::Declined("its greeting is not of MySQL's protocol 10".to_owned())),
    }
    // The version ends with a zero; an id of four bytes, eight of salt and a filler follow.
    let version = greeting.iter().skip(1).position(|byte| *byte == 0).unwrap_or(greeting.len());
    let low = greeting.get(1 + version + 14..).and_then(|rest| rest.first_chunk::<2>());
    let offered = low.is_some_and(|low| u16::from_le_bytes(*low) & 0x0800 != 0);
    if !offered {
        return Ok(Answer::Declined("TLS is not among its capabilities".to_owned()));
    }
    let mut request = vec![32, 0, 0, head[3].wrapping_add(1)];
    request.extend(MYSQL_CAPABILITIES.to_le_bytes());
    request.extend((16_u32 << 20).to_le_bytes());
    request.push(45);
    request.extend([0; 23]);
    talk.say(request).await?;
    Ok(Answer::Ready)
}

/// An `ExtendedRequest` with message id 1 and the name 1.3.6.1.4.1.1466.20037.
const LDAP: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

pub(super) async fn ldap<S>(talk: &mut Conversation<'_, S>) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    talk.say(LDAP).await?;
    let head = talk.bytes(2).await?;
    if head[0] != 0x30 {
        return Ok(Answer::Declined("its answer is not LDAP".to_owned()));
    }
    let length = match head[1] {
        short if short < 0x80 => usize::from(short),
        long => {
            let bytes = talk.bytes(usize::from(long & 0x7F).min(4)).await?;
            bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        }
    };
    let answer = talk.bytes(length).await?;
    // messageID, [APPLICATION 24], its length, then ENUMERATED resultCode.
    let code = answer
        .iter()
        .position(|byte| *byte == 0x78)
        .and_then(|start| answer.get(start..))
        .and_then(|response| {
            response.windows(3).find(|bytes| bytes[..2] == [0x0A, 1]).map(|bytes| bytes[2])
        });
    Ok(match code {
        Some(0) => Answer::Ready,
        Some(code) => Answer::Declined(format!("it answered with result code {code}")),
        None => Answer::Declined("its answer is no ExtendedResponse".to_owned()),
    })
}
