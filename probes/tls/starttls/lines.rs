//! The protocols that talk in text.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Answer;
use super::conversation::{Conversation, words};

/// An answer of SMTP or FTP with all its lines, `250-` before the last `250 `.
async fn reply<S>(talk: &mut Conversation<'_, S>) -> io::Result<Vec<String>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut lines = Vec::new();
    loop {
        let line = talk.line().await?;
        let inner = line.as_bytes().get(3) == Some(&b'-');
        // FTP's inner lines may begin with anything (RFC 959 section 4.2).
        let code = |text: &str| text.get(..3).map(str::to_owned);
        let first = lines.first().map_or_else(|| code(&line), |first: &String| code(first));
        let more = inner || (!lines.is_empty() && code(&line) != first);
        lines.push(line);
        if !more {
            return Ok(lines);
        }
    }
}

fn declined(lines: &[String]) -> Answer {
    Answer::Declined(words(lines.last().map_or("", String::as_str)))
}

pub(super) async fn smtp<S>(talk: &mut Conversation<'_, S>) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = reply(talk).await?;
    if !greeting[0].starts_with("220") {
        return Ok(declined(&greeting));
    }
    talk.say("EHLO musterd.invalid\r\n").await?;
    let offer = reply(talk).await?;
    let has = |line: &String| {
        line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"))
    };
    if !offer.iter().any(has) {
        return Ok(if offer[0].starts_with("250") {
            Answer::Declined("STARTTLS is not among its extensions".to_owned())
        } else {
            declined(&offer)
        });
    }
    talk.say("STARTTLS\r\n").await?;
    let answer = reply(talk).await?;
    Ok(if answer[0].starts_with("220") { Answer::Ready } else { declined(&answer) })
}

pub(super) async fn ftp<S>(talk: &mut Conversation<'_, S>) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = reply(talk).await?;
    if !greeting[0].starts_with("220") {
        return Ok(declined(&greeting));
    }
    talk.say("AUTH TLS\r\n").await?;
    let answer = reply(talk).await?;
    Ok(if answer[0].starts_with("234") { Answer::Ready } else { declined(&answer) })
}

pub(super) async fn pop3<S>(talk: &mut Conversation<'_, S>) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = talk.line().await?;
    if !greeting.starts_with("+OK") {
        return Ok(declined(&[greeting]));
    }
    talk.say("STLS\r\n").await?;
    let answer = talk.line().await?;
    Ok(if answer.starts_with("+OK") { Answer::Ready } else { declined(&[answer]) })
}

pub(super) async fn imap<S>(talk: &mut Conversation<'_, S>) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = talk.line().await?;
    if !greeting.starts_with("* OK") {
        return Ok(declined(&[greeting]));
    }
    talk.say("a1 STARTTLS\r\n").await?;
    loop {
        let line = talk.line().await?;
        if let Some(answer) = line.strip_prefix("a1 ") {
            let ready = answer.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("OK"));
            return Ok(if ready { Answer::Ready } else { declined(&[line]) });
        }
    }
}

pub(super) async fn xmpp<S>(talk: &mut Conversation<'_, S>, name: &str) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A server name holds no character that XML would mind.
    talk.say(format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams' to='{name}' version='1.0'>"
    ))
    .await?;
    let features =
        talk.until(&["</stream:features>", "<stream:features/>", "</stream:stream>"]).await?;
    if !features.contains("urn:ietf:params:xml:ns:xmpp-tls") {
        return Ok(Answer::Declined("starttls is not among its features".to_owned()));
    }
    talk.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
    let answer = talk.until(&[">"]).await?;
    let ready = answer.trim_start().starts_with("<proceed");
    Ok(if ready { Answer::Ready } else { Answer::Declined(words(&answer)) })
}
