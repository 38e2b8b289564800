//! From a host's name to a stream: resolved, guarded, dialled, and under TLS.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use rustls_pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Context;
use crate::blind::{Blind, Cause};
use crate::net::connection::{Connected, Connection, Endpoint, Stream};
use crate::net::dial::dial;
use crate::net::failure::Failure;
use crate::net::origin::Origin;
use crate::net::phase::Phase;
use crate::net::tls::{self, Alpn};
use crate::net::trust::TlsMaterial;
use crate::net::{guard, proxy};

/// How a proxy is used, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// `CONNECT`, for everything but plain HTTP.
    Tunnel,
    /// The request names the whole URL (RFC 9112 section 3.2.2).
    AbsoluteForm,
}

impl Context {
    /// What a handshake with an endpoint needs, where TLS is spoken. Read before the clock of an
    /// exchange starts: a slow disk is not the target's. Other hosts get no certificate of ours.
    pub(super) async fn material(&self, endpoint: &Endpoint) -> Result<Option<TlsMaterial>, Blind> {
        if endpoint.tls.is_none() {
            return Ok(None);
        }
        let material = self.target.trust.material(&self.network.roots).await?;
        Ok(Some(if self.is_own(&endpoint.host) { material } else { material.anonymous() }))
    }

    /// Whether a host is the service's own.
    pub(super) fn is_own(&self, host: &str) -> bool {
        self.target.url.host_str().is_some_and(|own| unbracketed(own) == host)
    }

    /// Resolves, guards, dials and shakes hands, all before `deadline`.
    pub(super) async fn establish(
        &self,
        endpoint: &Endpoint,
        at: Option<IpAddr>,
        material: Option<TlsMaterial>,
        alpn: Alpn,
        via: Via,
        deadline: Instant,
    ) -> Result<Connected, Blind> {
        let mut facts = Connection::default();
        let tcp = match &self.target.proxy {
            Some(url) => self.through_proxy(url, endpoint, via, deadline, &mut facts).await,
            None => self.directly(endpoint, at, deadline, &mut facts).await,
        }?;
        let tcp = match tcp {
            Ok(tcp) => tcp,
            Err(failure) => {
                self.meter.unreached.fetch_add(1, Ordering::Relaxed);
                return Ok(Connected::without_tls(facts, Err(failure)));
            }
        };
        let (Some(name), Some(material)) = (endpoint.tls.clone(), material) else {
            return Ok(Connected::without_tls(facts, Ok(Stream::Plain(tcp))));
        };
        self.secure(tcp, name, &material, alpn, deadline, facts).await
    }

    pub(super) async fn secure(
        &self,
        tcp: tokio::net::TcpStream,
        name: ServerName<'static>,
        material: &TlsMaterial,
        alpn: Alpn,
        deadline: Instant,
        mut facts: Connection,
    ) -> Result<Connected, Blind> {
        let started = Instant::now();
        let presented = tls::Recording::default();
        let shaking = tls::handshake(tcp, name, material, alpn, &presented);
        let shaken = timeout_at(deadline, shaking).await;
        facts.phases.note(Phase::Tls, started.elapsed());
        let outcome = match shaken {
            Ok(Ok(Ok((stream, seen)))) => {
                facts.tls = Some(seen);
                Ok(Stream::Tls(stream))
            }
            Ok(Ok(Err(failure))) => Err(failure),
            Ok(Err(blind)) => return Err(blind),
            Err(_) => Err(Failure::timeout(Phase::Tls, self.run.timeout)),
        };
        Ok(Connected { facts, presented: presented.take(), outcome })
    }

    pub(super) async fn directly(
        &self,
        endpoint: &Endpoint,
        at: Option<IpAddr>,
        deadline: Instant,
        facts: &mut Connection,
    ) -> Result<Result<tokio::net::TcpStream, Failure>, Blind> {
        let (addresses, port) = match (self.target.connect_to, at) {
            // The port stands in for that of the service's URL; others stay what they are.
            (Some(fixed), at) if self.is_own(&endpoint.host) => {
                let own_port = self.target.url.port_or_known_default() == Some(endpoint.port);
                let address = at.unwrap_or(fixed.ip());
                (vec![address], if own_port { fixed.port() } else { endpoint.port })
            }
            (_, Some(address)) => (vec![address], endpoint.port),
            _ => {
                let resolver = self.target.resolver.as_ref().unwrap_or(&self.network.resolver);
                let started = Instant::now();
                let found = resolver.resolve(&endpoint.host, deadline).await;
                facts.phases.note(Phase::Resolve, started.elapsed());
                match found? {
                    Ok(addresses) => (addresses, endpoint.port),
                    Err(failure) => return Ok(Err(failure)),
                }
            }
        };
        for address in &addresses {
            guard::admit(*address, &self.target.allow_addresses)?;
        }
        facts.addresses.clone_from(&addresses);
        let started = Instant::now();
        let dialled = dial(&addresses, port, deadline, self.run.timeout).await?;
        facts.phases.note(Phase::Connect, started.elapsed());
        facts.attempts = dialled.attempts;
        facts.peer = dialled.peer;
        Ok(dialled.outcome)
    }

    pub(super) async fn through_proxy(
        &self,
        url: &Url,
        endpoint: &Endpoint,
        via: Via,
        deadline: Instant,
        facts: &mut Connection,
    ) -> Result<Result<tokio::net::TcpStream, Failure>, Blind> {
        // The proxy resolves names; a literal address can still be judged here.
        if let Ok(address) = endpoint.host.parse() {
            guard::admit(address, &self.target.allow_addresses)?;
        }
        let origin = Origin::of(url)
            .ok_or_else(|| Blind::new(Cause::Proxy, format!("the proxy {url} names no host")))?;
        let unreachable = |failure: &Failure| {
            Blind::new(
                Cause::Proxy,
                format!("the proxy {origin} cannot be used: {}", failure.detail),
            )
        };
        let addresses = self
            .network
            .resolver
            .resolve(&origin.host, deadline)
            .await?
            .map_err(|failure| unreachable(&failure))?;
        for address in &addresses {
            guard::admit(*address, &self.target.allow_addresses)?;
        }
        let started = Instant::now();
        let dialled = dial(&addresses, origin.port, deadline, self.run.timeout).await?;
        let mut stream = dialled.outcome.map_err(|failure| unreachable(&failure))?;
        facts.peer = dialled.peer;
        let outcome = if via == Via::AbsoluteForm {
            Ok(())
        } else {
            let authority = if endpoint.host.contains(':') {
                format!("[{}]:{}", endpoint.host, endpoint.port)
            } else {
                format!("{}:{}", endpoint.host, endpoint.port)
            };
            match timeout_at(deadline, proxy::tunnel(&mut stream, &authority)).await {
                Ok(outcome) => outcome?,
                Err(_) => Err(Failure::timeout(Phase::Connect, self.run.timeout)),
            }
        };
        facts.phases.note(Phase::Connect, started.elapsed());
        Ok(outcome.map(|()| stream))
    }
}

/// An IPv6 host as an address instead of as a part of a URL.
fn unbracketed(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
