//! From plain text to TLS: what each protocol says before the handshake.

mod binary;
mod conversation;
mod lines;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use conversation::Conversation;

/// A protocol that begins in plain text and changes to TLS when it is asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// RFC 3207.
    Smtp,
    /// RFC 9051.
    Imap,
    /// RFC 2595.
    Pop3,
    /// RFC 4217.
    Ftp,
    /// `SSLRequest` of `PostgreSQL`.
    Postgres,
    /// `SSLRequest` of `MySQL`.
    Mysql,
    /// RFC 4511 section 4.14.
    Ldap,
    /// RFC 6120 section 5.
    Xmpp,
}

impl Protocol {
    /// Its registered port.
    pub(super) const fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Imap => 143,
            Self::Pop3 => 110,
            Self::Ftp => 21,
            Self::Postgres => 5432,
            Self::Mysql => 3306,
            Self::Ldap => 389,
            Self::Xmpp => 5222,
        }
    }

    /// The word in the configuration.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Ldap => "ldap",
            Self::Xmpp => "xmpp",
        }
    }
}

/// What came of asking for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A handshake may begin.
    Ready,
    /// The server will not, in its words.
    Declined(String),
}

/// Asks for TLS. `name` is whom we speak to, where the protocol wants to hear it.
pub(super) async fn ask<S>(
    stream: &mut S,
    protocol: Protocol,
    name: &str,
) -> std::io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut talk = Conversation::over(stream);
    match protocol {
        Protocol::Smtp => lines::smtp(&mut talk).await,
        Protocol::Imap => lines::imap(&mut talk).await,
        Protocol::Pop3 => lines::pop3(&mut talk).await,
        Protocol::Ftp => lines::ftp(&mut talk).await,
        Protocol::Xmpp => lines::xmpp(&mut talk, name).await,
        Protocol::Postgres => binary::postgres(&mut talk).await,
        Protocol::Mysql => binary::mysql(&mut talk).await,
        Protocol::Ldap => binary::ldap(&mut talk).await,
    }
}
