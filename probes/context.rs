//! A run's only way to the network: consent, limits, budgets, guard, deadline and secrets.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::Full;
use jiff::Timestamp;
use rustls_pki_types::ServerName;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use crate::blind::{Blind, Cause};
use crate::impact::Impact;
use crate::net::body::Body;
use crate::net::connection::{Connected, Connection, Endpoint, Stream};
use crate::net::dial::dial;
use crate::net::exchange::{Exchange, Session};
use crate::net::failure::{Failure, FailureKind};
use crate::net::network::Network;
use crate::net::origin::Origin;
use crate::net::phase::Phase;
use crate::net::redirect::{self, Followed, Next, Redirects};
use crate::net::request::{Peer, Request};
use crate::net::sighting::{LONGEST_PATH, Sighting, telling};
use crate::net::target::{Auth, HeaderText, Target};
use crate::net::tls::{self, Alpn};
use crate::net::trust::TlsMaterial;
use crate::net::{guard, proxy};
use crate::run_id::RunId;
use crate::secret::{Secret, SecretRef};

/// One run: who it is, what it may do, and how long an exchange may take.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its identity, which every request carries.
    pub id: RunId,
    /// When it started.
    pub at: Timestamp,
    /// How long one exchange may take, through all its phases.
    pub timeout: Duration,
    /// The highest impact that was consented to.
    pub consent: Impact,
    /// Whether the parts that run once a day join.
    pub deep: bool,
    /// The longest wait for a limiter's window; what needs more is untested.
    pub max_wait: Duration,
    /// How much it may send.
    pub limits: Limits,
}

/// How much one run may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// HTTP requests.
    pub requests: u32,
    /// Connections without an HTTP request.
    pub connections: u32,
}

impl Limits {
    /// The limits of a run of this impact.
    pub const fn of(impact: Impact, deep: bool) -> Self {
        match (impact, deep) {
            (Impact::Passive, _) => Self { requests: 32, connections: 24 },
            (Impact::Active, false) => Self { requests: 16, connections: 24 },
            (Impact::Active, true) => Self { requests: 64, connections: 400 },
            (Impact::Intrusive, _) => Self { requests: 100, connections: 400 },
        }
    }
}

/// What a run sent, and how long it stood in queues.
#[derive(Debug, Default)]
struct Meter {
    requests: [AtomicU32; 3],
    unreached: AtomicU32,
    connections: AtomicU32,
    waited_nanoseconds: AtomicU64,
}

/// A run's only way to the network.
#[derive(Debug)]
pub struct Context {
    network: Arc<Network>,
    target: Arc<Target>,
    run: Run,
    meter: Meter,
}

impl Context {
    /// The way to a target for one run.
    pub fn new(network: Arc<Network>, target: Arc<Target>, run: Run) -> Self {
        Self { network, target, run, meter: Meter::default() }
    }

    /// The service.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// When the run started.
    pub fn started(&self) -> Timestamp {
        self.run.at
    }

    /// How long one exchange may take.
    pub fn timeout(&self) -> Duration {
        self.run.timeout
    }

    /// Whether this run may do what has this impact.
    pub fn may(&self, impact: Impact) -> bool {
        impact <= self.run.consent
    }

    /// Whether the parts that run once a day join this run.
    pub fn deep(&self) -> bool {
        self.run.deep
    }

    /// The longest wait for a limiter's window; what needs more is untested.
    pub fn max_wait(&self) -> Duration {
        self.run.max_wait
    }

    /// The service's URL with this path (and query) instead of its own. A path that starts with
    /// `/` replaces the base URL's; any other is appended to it.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.target.url.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        if path.starts_with('/') {
            url.set_path(path);
        } else if !path.is_empty() {
            let base = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("{base}/{path}"));
        }
        if query.is_some() || !path.is_empty() {
            url.set_query(query);
        }
        url
    }

    /// A secret's value of now. It is redacted from everything that is seen from here on.
    pub async fn secret(&self, reference: &SecretRef) -> Result<Secret, Blind> {
        self.network.vault.read(reference).await
    }

    /// Redacts a value that was computed from a secret.
    pub fn conceal(&self, value: &str) {
        self.network.vault.conceal(value);
    }

    /// Bytes that came over a bare connection, without any secret.
    pub fn redact_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        match self.network.vault.redact_bytes(&bytes) {
            std::borrow::Cow::Owned(clean) => clean,
            std::borrow::Cow::Borrowed(_) => bytes,
        }
    }

    /// The service's latest exchanges, the oldest first.
    pub fn sightings(&self) -> Vec<Sighting> {
        self.target.sightings.all()
    }

    /// How many requests of each impact were sent: passive, active, intrusive.
    pub fn requests_sent(&self) -> [u32; 3] {
        std::array::from_fn(|index| self.meter.requests[index].load(Ordering::Relaxed))
    }

    /// How long the run stood in queues, which counts in no deadline.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.meter.waited_nanoseconds.load(Ordering::Relaxed))
    }

    /// Whether some connection did not come about.
    pub fn missed(&self) -> bool {
        self.meter.unreached.load(Ordering::Relaxed) > 0
    }

    /// Sends one request over a connection of its own.
    pub async fn exchange(&self, request: &Request) -> Result<Exchange, Blind> {
        let Some(origin) = Origin::of(&request.url) else {
            let url = redirect::shown(&request.url);
            return Err(Blind::new(Cause::Internal, format!("{url} names no host")));
        };
        self.admit(request.impact, &origin).await?;
        let secrets = self.secrets(request).await?;
        let endpoint = self.endpoint(&origin)?;
        let material = self.material(&endpoint).await?;
        let deadline = Instant::now() + self.run.timeout;
        let mut exchange = Exchange {
            method: request.method.to_string(),
            url: redirect::shown(&request.url),
            connection: Connection::default(),
            answer: None,
            failure: None,
        };
        let alpn = request.alpn;
        // Proxies are spoken to in HTTP/1.1, so HTTP/2 goes through them and not to them.
        let tunnel = origin.is_tls() || alpn == Alpn::Http2;
        let use_of_proxy = if tunnel { Via::Tunnel } else { Via::AbsoluteForm };
        let Connected { facts, outcome, .. } =
            self.establish(&endpoint, None, material, alpn, use_of_proxy, deadline).await?;
        exchange.connection = facts;
        match outcome {
            Ok(stream) => {
                self.ask(request, &origin, secrets, stream, deadline, &mut exchange).await?;
            }
            Err(failure) => exchange.failure = Some(failure),
        }
        self.redact(&mut exchange);
        self.note_sighting(request, &origin, &exchange);
        Ok(exchange)
    }

    /// Sends a request and follows redirects as `policy` says.
    pub async fn follow(&self, request: &Request, policy: Redirects) -> Result<Followed, Blind> {
        let mut hops: Vec<Exchange> = Vec::new();
        let mut request = request.clone();
        loop {
            hops.push(self.exchange(&request).await?);
            match redirect::next(&request, &hops[hops.len() - 1], policy, &hops) {
                Next::Done => return Ok(Followed { hops, stopped: None }),
                Next::Stop(stop) => return Ok(Followed { hops, stopped: Some(stop) }),
                Next::Go(following) => request = *following,
            }
        }
    }

    /// Opens a bare connection.
    pub async fn connect(
        &self,
        endpoint: &Endpoint,
        alpn: Alpn,
        impact: Impact,
    ) -> Result<Connected, Blind> {
        self.connect_at(endpoint, None, alpn, impact).await
    }

    /// Opens a bare connection to one of the endpoint's addresses. Behind a proxy, which resolves
    /// names itself, the address is the proxy's to choose.
    pub async fn connect_at(
        &self,
        endpoint: &Endpoint,
        at: Option<IpAddr>,
        alpn: Alpn,
        impact: Impact,
    ) -> Result<Connected, Blind> {
        self.consented(impact)?;
        Self::count(&self.meter.connections, self.run.limits.connections, "connections")?;
        if impact > Impact::Passive {
            let origin = self.origin_of(endpoint);
            self.queue(self.network.budgets.connection(&origin)).await;
        }
        let material = self.material(endpoint).await?;
        let deadline = Instant::now() + self.run.timeout;
        self.establish(endpoint, at, material, alpn, Via::Tunnel, deadline).await
    }

    /// Shakes hands over a bare connection that the peer was asked to protect (STARTTLS), in what
    /// is left of the time that its `facts` began. A stream under TLS already stays as it is.
    pub async fn handshake_over(
        &self,
        stream: Stream,
        facts: Connection,
        endpoint: &Endpoint,
        alpn: Alpn,
    ) -> Result<Connected, Blind> {
        let material = self.material(endpoint).await?;
        let spent = Duration::try_from_secs_f64(facts.phases.total()).unwrap_or_default();
        let deadline = Instant::now() + self.run.timeout.saturating_sub(spent);
        match (stream, endpoint.tls.clone(), material) {
            (Stream::Plain(tcp), Some(name), Some(material)) => {
                self.secure(tcp, name, &material, alpn, deadline, facts).await
            }
            (stream, _, _) => Ok(Connected::without_tls(facts, Ok(stream))),
        }
    }

    /// The endpoint of a host and port of this service, with its own server name where it has
    /// one.
    pub fn tls_endpoint(&self, host: &str, port: u16) -> Result<Endpoint, Blind> {
        let own = self.target.server_name.as_deref().filter(|_| self.is_own(host));
        // SNI has no trailing dot (RFC 6066 section 3), and no certificate does.
        let name = own.unwrap_or(host).trim_end_matches('.');
        let tls = ServerName::try_from(name.to_owned()).map_err(|_| {
            Blind::new(Cause::Internal, format!("{name} cannot be asked for as a TLS server name"))
        })?;
        Ok(Endpoint { host: host.to_owned(), port, tls: Some(tls) })
    }

    /// Whose budget a bare connection belongs to: the service's own where it goes there.
    fn origin_of(&self, endpoint: &Endpoint) -> Origin {
        [Some(&self.target.url), self.target.http_url.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(Origin::of)
            .find(|origin| origin.host == endpoint.host && origin.port == endpoint.port)
            .unwrap_or_else(|| Origin {
                scheme: "tcp".to_owned(),
                host: endpoint.host.clone(),
                port: endpoint.port,
            })
    }

    fn endpoint(&self, origin: &Origin) -> Result<Endpoint, Blind> {
        if origin.is_tls() {
            self.tls_endpoint(&origin.host, origin.port)
        } else {
            Ok(Endpoint { host: origin.host.clone(), port: origin.port, tls: None })
        }
    }

    fn consented(&self, impact: Impact) -> Result<(), Blind> {
        if self.may(impact) {
            return Ok(());
        }
        Err(Blind::new(
            Cause::Consent,
            format!(
                "{impact} work is not consented to here (allow: {}); raise `allow` on the check or the service",
                self.run.consent
            ),
        ))
    }

    fn count(counter: &AtomicU32, limit: u32, what: &str) -> Result<(), Blind> {
        if counter.fetch_add(1, Ordering::Relaxed) < limit {
            return Ok(());
        }
        counter.fetch_sub(1, Ordering::Relaxed);
        Err(Blind::new(Cause::Limit, format!("one run sends at most {limit} {what}")))
    }

    async fn admit(&self, impact: Impact, origin: &Origin) -> Result<(), Blind> {
        self.consented(impact)?;
        if self.requests_sent().iter().sum::<u32>() >= self.run.limits.requests {
            return Err(Blind::new(
                Cause::Limit,
                format!("one run sends at most {} requests", self.run.limits.requests),
            ));
        }
        let counter = match impact {
            Impact::Passive => 0,
            Impact::Active => 1,
            Impact::Intrusive => 2,
        };
        self.meter.requests[counter].fetch_add(1, Ordering::Relaxed);
        if impact > Impact::Passive {
            self.queue(self.network.budgets.request(origin)).await;
        }
        Ok(())
    }

    /// Waits for a turn. The wait is on the meter before it begins, so that whoever watches over
    /// the run knows how long it may take.
    async fn queue(&self, turn: Instant) {
        let wait = turn.saturating_duration_since(Instant::now());
        let nanoseconds = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.meter.waited_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        sleep_until(turn).await;
    }

    /// What a handshake with an endpoint needs, where TLS is spoken. Read before the clock of an
    /// exchange starts: a slow disk is not the target's. Other hosts get no certificate of ours.
    async fn material(&self, endpoint: &Endpoint) -> Result<Option<TlsMaterial>, Blind> {
        if endpoint.tls.is_none() {
            return Ok(None);
        }
        let material = self.target.trust.material(&self.network.roots).await?;
        Ok(Some(if self.is_own(&endpoint.host) { material } else { material.anonymous() }))
    }

    /// Whether a host is the service's own.
    fn is_own(&self, host: &str) -> bool {
        self.target.url.host_str().is_some_and(|own| unbracketed(own) == host)
    }

    /// Resolves, guards, dials and shakes hands, all before `deadline`.
    async fn establish(
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

    async fn secure(
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

    async fn directly(
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

    async fn through_proxy(
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

    async fn ask(
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

    fn note_sighting(&self, request: &Request, origin: &Origin, exchange: &Exchange) {
        let Some(answer) = &exchange.answer else { return };
        let mut headers = HeaderMap::new();
        for (name, value) in &answer.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.append(name, value);
            }
        }
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
            headers: telling(&headers),
            at: self.run.at,
        });
    }

    /// The credentials that a request wants, whether or not they will be sent.
    async fn secrets(&self, request: &Request) -> Result<Vec<(HeaderName, Secret)>, Blind> {
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

    fn message(
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
    fn redact(&self, exchange: &mut Exchange) {
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

/// How a proxy is used, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Via {
    /// `CONNECT`, for everything but plain HTTP.
    Tunnel,
    /// The request names the whole URL (RFC 9112 section 3.2.2).
    AbsoluteForm,
}

/// An IPv6 host as an address instead of as a part of a URL.
fn unbracketed(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
