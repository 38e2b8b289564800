//! Does a port accept connections, and does it answer as expected?
//!
//! The smallest kind: copy it to start another one (see the crate's README).

use std::time::Duration;

use jiff::Timestamp;
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use crate::blind::{Blind, Cause};
use crate::context::Context;
use crate::contract::{Kind, Seen, SettingsError};
use crate::impact::Impact;
use crate::measurement::{Family, Measurement};
use crate::net::body::Bytes;
use crate::net::connection::{Connected, Connection, Endpoint, Stream};
use crate::net::failure::{self, Failure, FailureKind};
use crate::net::measure;
use crate::net::origin::Origin;
use crate::net::phase::Phase;
use crate::net::tls::Alpn;
use crate::reach;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;

/// Of a reply, at most so many bytes are read.
const REPLY_CAP: usize = 64 * 1024;

/// Where to connect, what to say, and what to expect.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The port, from 1 to 65535; by default the one of the service's URL.
    #[schemars(range(min = 1))]
    port: Option<u16>,
    /// Speak TLS; by default where the URL says https and `port` is not given.
    tls: Option<bool>,
    /// Bytes to send once connected; `\r\n` and the like as YAML writes them in double quotes.
    send: Option<String>,
    /// A regular expression that the reply must match, within its first 64 KiB.
    expect: Option<String>,
}

/// What one connection saw.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// The port that was tried.
    port: u16,
    /// How the connection went.
    connection: Connection,
    /// Why there is no connection, or no reply.
    failure: Option<Failure>,
    /// What came, as far as it was read; `None` when no reply was awaited.
    reply: Option<Bytes>,
}

/// A configured `tcp` probe.
pub struct Tcp {
    port: Option<u16>,
    tls: Option<bool>,
    send: Option<String>,
    expect: Option<Regex>,
}

impl Kind for Tcp {
    const NAME: &'static str = "tcp";
    const SUMMARY: &'static str = "a port accepts connections and answers as expected";
    const RULES: &'static [Rule<Self>] = &[
        Rule { about: UNREACHABLE, check: unreachable },
        Rule { about: TIMEOUT, check: timed_out },
        Rule { about: NOT_TLS, check: not_tls },
        Rule { about: REPLY_UNEXPECTED, check: reply_unexpected },
    ];
    const FAMILIES: &'static [Family] = measure::CONNECTION;
    const INTERVAL: Duration = Duration::from_secs(30);
    type Settings = Settings;
    type Evidence = Evidence;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        if settings.port == Some(0) {
            return Err(SettingsError::at("port", "a port is a number from 1 to 65535"));
        }
        let expect = settings
            .expect
            .as_deref()
            .map(Regex::new)
            .transpose()
            .map_err(|error| SettingsError::at("expect", error.to_string()))?;
        Ok(Self { port: settings.port, tls: settings.tls, send: settings.send, expect })
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        timeout
    }

    async fn observe(&self, cx: &Context) -> Result<Evidence, Blind> {
        let deadline = Instant::now() + cx.timeout();
        let endpoint = self.endpoint(cx)?;
        let port = endpoint.port;
        let Connected { facts, outcome, .. } =
            cx.connect(&endpoint, Alpn::None, Impact::Passive).await?;
        let mut evidence = Evidence { port, connection: facts, failure: None, reply: None };
        match outcome {
            Err(failure) => evidence.failure = Some(failure),
            Ok(stream) => self.talk(stream, cx, deadline, &mut evidence).await?,
        }
        Ok(evidence)
    }

    fn measure(&self, seen: &Evidence) -> Vec<Measurement> {
        measure::connection(&seen.connection)
    }
}

impl Tcp {
    fn endpoint(&self, cx: &Context) -> Result<Endpoint, Blind> {
        let origin = Origin::of(&cx.target().url)
            .ok_or_else(|| Blind::new(Cause::Internal, "the service's URL names no host"))?;
        let port = self.port.unwrap_or(origin.port);
        if self.tls.unwrap_or(self.port.is_none() && origin.is_tls()) {
            cx.tls_endpoint(&origin.host, port)
        } else {
            Ok(Endpoint { host: origin.host, port, tls: None })
        }
    }

    async fn talk(
        &self,
        mut stream: Stream,
        cx: &Context,
        deadline: Instant,
        evidence: &mut Evidence,
    ) -> Result<(), Blind> {
        let untrusted = evidence.connection.tls.as_ref().and_then(|tls| tls.distrust.clone());
        if let Some(distrust) = untrusted.filter(|_| !cx.target().insecure) {
            evidence.failure =
                Some(Failure::new(Phase::Tls, FailureKind::Untrusted, distrust.detail));
            return Ok(());
        }
        let mut phase = Phase::Processing;
        let mut reply = Vec::new();
        let conversation = async {
            if let Some(text) = &self.send {
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await?;
            }
            let Some(expect) = &self.expect else { return Ok(()) };
            let mut piece = [0; 4096];
            while reply.len() < REPLY_CAP && !expect.is_match(&reply) {
                let read = stream.read(&mut piece).await?;
                if read == 0 {
                    break;
                }
                phase = Phase::Transfer;
                reply.extend_from_slice(&piece[..read]);
            }
            reply.truncate(REPLY_CAP);
            Ok::<_, std::io::Error>(())
        };
        let started = Instant::now();
        let outcome = timeout_at(deadline, conversation).await;
        evidence.connection.phases.note(Phase::Processing, started.elapsed());
        evidence.failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(failure::of_io(phase, &error)?),
            Err(_) => Some(Failure::timeout(phase, cx.timeout())),
        };
        evidence.reply = self.expect.is_some().then(|| Bytes(cx.redact_bytes(reply)));
        Ok(())
    }
}

const UNREACHABLE: About = About {
    id: "tcp.unreachable",
    severity: Severity::Critical,
    title: "the port cannot be connected to",
    why: "Nobody can use what should listen there.",
    fix: "See that the process runs and listens on that address and port, and that DNS and firewalls lead to it.",
    references: &["RFC 9293 section 3.5"],
};

fn unreachable(_: &Tcp, seen: &Seen<'_, Tcp>, _: Timestamp) -> Looked {
    let Some(failure) = &seen.now.failure else { return Looked::silent() };
    match failure.kind {
        FailureKind::Timeout | FailureKind::NotTls => Looked::silent(),
        // A peer that hangs up in the middle of the talk was reached; its reply is judged.
        _ if seen.now.reply.is_some() => Looked::silent(),
        _ => {
            let wanted = reach::missed(failure)
                .map_or_else(|| format!("a connection to port {}", seen.now.port), str::to_owned);
            Looked::fired(Saw::new(reach::place(&seen.now.connection, failure), wanted))
        }
    }
}

const TIMEOUT: About = About {
    id: "tcp.timeout",
    severity: Severity::Critical,
    title: "the port does not answer in time",
    why: "Clients hang until they give up, which is worse for them than a refusal.",
    fix: "Look for a firewall that drops packets, a full backlog, or a process that no longer accepts.",
    references: &[],
};

fn timed_out(_: &Tcp, seen: &Seen<'_, Tcp>, _: Timestamp) -> Looked {
    let late = seen.now.failure.as_ref().filter(|failure| failure.is_timeout());
    late.map(|failure| Saw::new(reach::place(&seen.now.connection, failure), "an answer in time"))
        .into()
}

const NOT_TLS: About = About {
    id: "tcp.not-tls",
    severity: Severity::High,
    title: "the port does not speak TLS",
    why: "Clients that expect TLS cannot connect, and those that do not send their data in the clear.",
    fix: "Switch TLS on for this port, or set `tls: false` if plain text is meant.",
    references: &["RFC 8446"],
};

fn not_tls(_: &Tcp, seen: &Seen<'_, Tcp>, _: Timestamp) -> Looked {
    match &seen.now.failure {
        Some(failure) if failure.kind == FailureKind::NotTls => {
            Looked::fired(Saw::new(failure.detail.clone(), "a TLS handshake"))
        }
        Some(_) if seen.now.connection.tls.is_none() => Looked::untested("there was no connection"),
        _ => Looked::silent(),
    }
}

const REPLY_UNEXPECTED: About = About {
    id: "tcp.reply-unexpected",
    severity: Severity::High,
    title: "the reply is not the expected one",
    why: "Something else answers on that port, or the service is not in the state that it should be in.",
    fix: "Compare the reply with `expect`; see which process listens there.",
    references: &[],
};

fn reply_unexpected(tcp: &Tcp, seen: &Seen<'_, Tcp>, _: Timestamp) -> Looked {
    let Some(expect) = &tcp.expect else { return Looked::silent() };
    let Some(reply) = &seen.now.reply else { return Looked::untested("there was no connection") };
    if expect.is_match(&reply.0) {
        return Looked::silent();
    }
    if seen.now.failure.as_ref().is_some_and(Failure::is_timeout) && reply.0.is_empty() {
        return Looked::untested("no reply came in time");
    }
    let mut saw = if reply.0.is_empty() {
        "the connection was closed without a reply".to_owned()
    } else {
        format!("{:?}", crate::text::excerpt(&String::from_utf8_lossy(&reply.0), 120))
    };
    if let Some(failure) = seen.now.failure.as_ref().filter(|_| !reply.0.is_empty()) {
        saw = format!("{saw}, then: {}", failure.detail);
    }
    Looked::fired(Saw::new(saw, format!("a reply that matches `{expect}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Probe;
    use crate::testing;

    fn judged(settings: &str, evidence: serde_json::Value) -> Vec<String> {
        testing::judged::<Tcp>(settings, evidence)
    }

    fn failed(phase: &str, kind: &str) -> serde_json::Value {
        serde_json::json!({
            "port": 5432, "connection": {"phases": {}}, "reply": null,
            "failure": {"phase": phase, "kind": kind, "detail": "it failed"},
        })
    }

    fn replied(reply: &str) -> serde_json::Value {
        serde_json::json!({
            "port": 25, "connection": {"phases": {}}, "failure": null, "reply": {"text": reply},
        })
    }

    #[test]
    fn each_failure_is_one_finding() {
        for (phase, kind, rules) in [
            ("resolve", "name_unknown", vec!["tcp.unreachable"]),
            ("resolve", "no_address", vec!["tcp.unreachable"]),
            ("connect", "refused", vec!["tcp.unreachable"]),
            ("connect", "host_unreachable", vec!["tcp.unreachable"]),
            ("connect", "timeout", vec!["tcp.timeout"]),
            ("tls", "timeout", vec!["tcp.timeout"]),
            ("tls", "not_tls", vec!["tcp.not-tls"]),
            ("tls", "untrusted", vec!["tcp.unreachable"]),
            ("tls", "tls_alert", vec!["tcp.unreachable"]),
        ] {
            assert_eq!(judged("{}", failed(phase, kind)), rules, "{phase} {kind}");
        }
    }

    #[test]
    fn what_is_unreachable_is_said_with_where_and_with_what_was_wanted() {
        let tried = serde_json::json!([{"address": "192.0.2.7:5432"}, {"address": "[::1]:5432"}]);
        for (phase, kind, saw, wanted) in [
            (
                "connect",
                "refused",
                "it failed (192.0.2.7:5432, [::1]:5432)",
                "a connection to port 5432",
            ),
            (
                "tls",
                "untrusted",
                "it failed (192.0.2.7:5432, [::1]:5432)",
                "a certificate that verifies",
            ),
            ("tls", "tls_alert", "it failed (192.0.2.7:5432, [::1]:5432)", "a TLS handshake"),
        ] {
            let mut evidence = failed(phase, kind);
            evidence["connection"]["attempts"] = tried.clone();
            let probe = testing::probe::<Tcp>("{}");
            let evidence = Probe::parse(&probe, evidence).unwrap();
            let judgement = Probe::judge(&probe, &evidence, &[], Timestamp::UNIX_EPOCH);
            let finding = &judgement.findings[0];
            assert_eq!((finding.saw.as_str(), finding.wanted.as_str()), (saw, wanted), "{kind}");
        }
    }

    #[test]
    fn a_reply_is_held_against_its_expression_only_where_there_is_one() {
        let greeting = "220 mail.example ESMTP\r\n";
        assert!(judged(r#"{"expect": "^220 "}"#, replied(greeting)).is_empty());
        assert!(judged("{}", replied(greeting)).is_empty());
        let rules = judged(r#"{"expect": "^220 "}"#, replied("554 no\r\n"));
        assert_eq!(rules, ["tcp.reply-unexpected"]);
        assert_eq!(judged(r#"{"expect": "^220 "}"#, replied("")), ["tcp.reply-unexpected"]);
    }

    #[test]
    fn settings_that_cannot_work_name_their_key() {
        for (settings, key) in [(r#"{"port": 0}"#, "port"), (r#"{"expect": "("}"#, "expect")] {
            let error = Tcp::new(serde_json::from_str(settings).unwrap()).err().unwrap();
            assert_eq!(error.key, Some(key));
        }
    }

    #[tokio::test]
    async fn a_port_that_listens_passes_and_evidence_survives_storing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let probe = testing::probe::<Tcp>("{}");
        let evidence = Probe::observe(&probe, &testing::context(&url)).await.unwrap();
        let stored = Probe::parse(&probe, (*evidence).to_json().unwrap()).unwrap();
        let judgement = Probe::judge(&probe, &stored, &[], Timestamp::UNIX_EPOCH);
        assert_eq!(judgement.verdict(), crate::severity::Verdict::Pass);
    }
}
