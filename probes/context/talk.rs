//! One request over a stream: with the credentials that may go, and without secrets in what
//! comes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::Full;
use tokio::time::Instant;

use super::Context;
use crate::blind::{Blind, Cause};
use crate::net::body::Body;
use crate::net::connection::Stream;
use crate::net::exchange::{Exchange, Session};
use crate::net::failure::{Failure, FailureKind};
use crate::net::origin::Origin;
use crate::net::phase::Phase;
use crate::net::request::{Peer, Request};
use crate::net::sighting::{LONGEST_PATH, Sighting, telling};
use crate::net::target::{Auth, HeaderText};
use crate::net::tls::Alpn;
use crate::secret::Secret;

impl Context {
    pub(super) async fn ask(
        &self,
        request: &Request,
        origin: &Origin,
        secrets: Vec<(HeaderName, Secret)>,
        stream: Stream,
        deadline: Instant,
        exchange: &mut Exchange,
    ) -> Result<(), Blind> {
        let verified = match &exchange.connection.tls {
            None => false,
            Some(facts) => match &facts.distrust {
                None => true,
                Some(distrust) if request.peer == Peer::Verified && !self.target.insecure => {
                    exchange.failure = Some(Failure::new(
                        Phase::Tls,
                        FailureKind::Untrusted,
                        distrust.detail.clone(),
                    ));
                    return Ok(());
                }
                Some(_) => false,
            },
        };
        let may_send_secrets = verified || self.target.insecure;
        let secrets = if may_send_secrets { secrets } else { Vec::new() };
        let tls = exchange.connection.tls.as_ref();
        let agreed = tls.map(|facts| facts.alpn.as_deref() == Some("h2"));
        let only = request.alpn == Alpn::Http2;
        if only && agreed == Some(false) {
            let detail = "the server does not agree on HTTP/2 (h2 in ALPN)";
            exchange.failure = Some(Failure::new(Phase::Tls, FailureKind::Protocol, detail));
            return Ok(());
        }
        let http2 = agreed.unwrap_or(only);
        let message = self.message(request, origin, &secrets, http2)?;
        let timeout = self.run.timeout;
        let mut session = match Session::start(stream, http2, deadline, timeout).await? {
            Ok(session) => session,
            Err(failure) => {
                exchange.failure = Some(failure);
                return Ok(());
            }
        };
        let sent = session
            .send(message, request.body_cap, deadline, timeout, &mut exchange.connection.phases)
            .await?;
        exchange.answer = sent.answer;
        exchange.failure = sent.failure;
        // Only a proxy answers so, and only to us (RFC 9110 section 15.5.8).
        if self.target.proxy.is_some()
            && !origin.is_tls()
            && request.alpn != Alpn::Http2
            && exchange.answer.as_ref().is_some_and(|answer| answer.status == 407)
        {
            return Err(Blind::new(Cause::Proxy, "the proxy answered 407: it wants credentials"));
        }
        Ok(())
    }

    pub(super) fn note_sighting(&self, request: &Request, origin: &Origin, exchange: &Exchange) {
        let Some(answer) = &exchange.answer else { return };
        self.target.sightings.note(Sighting {
            origin: origin.clone(),
            method: request.method.to_string(),
            path: self
                .network
                .vault
                .redact(request.url.path())
                .chars()
                .take(LONGEST_PATH)
                .collect(),
            status: answer.status,
            headers: telling(&answer.headers),
            at: self.run.at,
        });
    }

    /// The credentials that a request wants, whether or not they will be sent.
    pub(super) async fn secrets(
        &self,
        request: &Request,
    ) -> Result<Vec<(HeaderName, Secret)>, Blind> {
        let mut secrets = request.secrets.clone();
        let own = self.target.auth.as_ref().filter(|_| request.with_service);
        match request.auth.as_ref().or(own) {
            Some(Auth::Bearer(reference)) => {
                let token = self.secret(reference).await?;
                secrets.push((AUTHORIZATION, format!("Bearer {}", token.expose()).into()));
            }
            Some(Auth::Basic(basic)) => {
                let password = self.secret(&basic.password).await?;
                let pair = STANDARD.encode(format!("{}:{}", basic.username, password.expose()));
                self.conceal(&pair);
                secrets.push((AUTHORIZATION, format!("Basic {pair}").into()));
            }
            None => {}
        }
        if request.with_service {
            for (name, text) in &self.target.headers {
                if let HeaderText::Secret(reference) = text {
                    secrets.push((name.clone(), self.secret(reference).await?));
                }
            }
        }
        if !secrets.is_empty() && request.url.scheme() == "http" && !self.target.insecure {
            return Err(Blind::new(
                Cause::Secret,
                format!(
                    "credentials are not sent over plain HTTP to {}; use https, or say `insecure: true` on the service",
                    request.url.host_str().unwrap_or_default()
                ),
            ));
        }
        Ok(secrets)
    }

    pub(super) fn message(
        &self,
        request: &Request,
        origin: &Origin,
        secrets: &[(HeaderName, Secret)],
        http2: bool,
    ) -> Result<http::Request<Full<Bytes>>, Blind> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, self.network.user_agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
        if request.with_service {
            for (name, text) in &self.target.headers {
                if let HeaderText::Plain(value) = text {
                    headers.insert(name, value.clone());
                }
            }
        }
        for (name, value) in &request.headers {
            headers.insert(name, value.clone());
        }
        for (name, secret) in secrets {
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| {
                Blind::new(
                    Cause::Secret,
                    format!("the secret for the header {name} holds characters that no header may"),
                )
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        if let Ok(id) = HeaderValue::from_str(&self.run.id.to_string()) {
            headers.insert(HeaderName::from_static("musterd-run"), id);
        }
        let authority = headers
            .remove(HOST)
            .and_then(|value| value.to_str().map(str::to_owned).ok())
            .unwrap_or_else(|| origin.authority());
        let path = match request.url.query() {
            Some(query) => format!("{}?{query}", request.url.path()),
            None => request.url.path().to_owned(),
        };
        let absolute = http2 || (self.target.proxy.is_some() && !origin.is_tls());
        let uri = if absolute { format!("{}://{authority}{path}", origin.scheme) } else { path };
        let mut message = http::Request::new(Full::new(request.body.clone()));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = uri.parse().map_err(|error| {
            Blind::new(Cause::Internal, format!("a URL of {origin} cannot be requested: {error}"))
        })?;
        if http2 {
            *message.version_mut() = http::Version::HTTP_2;
        } else if let Ok(host) = HeaderValue::from_str(&authority) {
            headers.insert(HOST, host);
        }
        *message.headers_mut() = headers;
        Ok(message)
    }

    /// Whatever came from outside loses every secret before anybody sees it.
    pub(super) fn redact(&self, exchange: &mut Exchange) {
        let vault = &self.network.vault;
        let clean = |text: &mut String| {
            if let std::borrow::Cow::Owned(redacted) = vault.redact(text) {
                *text = redacted;
            }
        };
        clean(&mut exchange.url);
        if let Some(failure) = &mut exchange.failure {
            clean(&mut failure.detail);
        }
        if let Some(answer) = &mut exchange.answer {
            for (name, value) in answer.headers.iter_mut().chain(&mut answer.trailers) {
                clean(name);
                clean(value);
            }
            let Body { bytes, .. } = &mut answer.body;
            if let std::borrow::Cow::Owned(redacted) = vault.redact_bytes(&bytes.0) {
                bytes.0 = redacted;
            }
        }
    }
}
