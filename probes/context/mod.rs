//! A run's only way to the network: consent, limits, budgets, guard, deadline and secrets.

mod talk;
mod terms;
mod way;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::ServerName;
use tokio::time::{Instant, sleep_until};
use url::Url;

use crate::blind::{Blind, Cause};
use crate::contract::{Earlier, Kind, Past};
use crate::impact::Impact;
use crate::net::caa;
use crate::net::connection::{Connected, Connection, Endpoint, Stream};
use crate::net::exchange::Exchange;
use crate::net::failure::{Failure, FailureKind};
use crate::net::network::Network;
use crate::net::origin::Origin;
use crate::net::redirect::{self, Followed, Next, Redirects, Stop};
use crate::net::request::{Pace, Request};
use crate::net::sighting::Sighting;
use crate::net::target::Target;
use crate::net::tls::Alpn;
use crate::net::traffic::Traffic;
use crate::run_id::RunId;
use crate::secret::{Secret, SecretRef};
pub use terms::{Terms, Withheld};
use way::Via;

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
    refused: AtomicU32,
    served: AtomicU32,
    connections: AtomicU32,
    waited_nanoseconds: AtomicU64,
}

/// A run's only way to the network.
#[derive(Debug)]
pub struct Context {
    network: Arc<Network>,
    target: Arc<Target>,
    run: Run,
    earlier: Earlier,
    terms: Terms,
    meter: Meter,
    /// Of the target's host, once it was resolved.
    addresses: Mutex<Vec<IpAddr>>,
}

impl Context {
    /// The way to a target for one run.
    pub fn new(network: Arc<Network>, target: Arc<Target>, run: Run) -> Self {
        let (earlier, terms, meter) = (Earlier::default(), Terms::default(), Meter::default());
        let addresses = Mutex::default();
        Self { network, target, run, earlier, terms, meter, addresses }
    }

    /// With what earlier runs of the same check saw.
    #[must_use]
    pub fn after(mut self, earlier: Earlier) -> Self {
        self.earlier = earlier;
        self
    }

    /// What earlier runs of this check saw, the latest first, at most [`Kind::MEMORY`]: to go on
    /// where the last run stopped, and not to send again what is known. A one-shot run, the first
    /// one after a start or changed settings, and a check whose evidence was dropped have none.
    /// What a run takes from here and its judgement depends on goes into its own evidence.
    pub fn earlier<K: Kind>(&self) -> Vec<Past<K::Evidence>> {
        self.earlier.typed::<K>()
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

    /// Who may issue certificates for a name, as DNS says; in words, what kept it from being known.
    pub async fn caa(&self, name: &str) -> Result<caa::Records, String> {
        if self.target.proxy.is_some() {
            return Err("names are the proxy's to look up".to_owned());
        }
        let resolver = self.target.resolver.as_ref().unwrap_or(&self.network.resolver);
        caa::look_up(resolver, name, Instant::now() + self.run.timeout).await
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

    /// The service's URL with this path (and query) instead of its own, by [`Target::at`].
    pub fn url(&self, path: &str) -> Url {
        self.target.at(path)
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

    /// Whether the run opened no connection and sent no request.
    pub fn sent_nothing(&self) -> bool {
        self.meter.connections.load(Ordering::Relaxed) == 0 && self.requests_sent() == [0; 3]
    }

    /// How long the run stood in queues, which counts in no deadline.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.meter.waited_nanoseconds.load(Ordering::Relaxed))
    }

    /// Whether some connection did not come about.
    pub fn missed(&self) -> bool {
        self.meter.unreached.load(Ordering::Relaxed) > 0
    }

    /// Whether some answer was a refusal: 403, 406, 429 or a reset.
    pub fn was_refused(&self) -> bool {
        self.meter.refused.load(Ordering::Relaxed) > 0
    }

    /// Whether some answer was neither a refusal nor a server's error.
    pub fn was_served(&self) -> bool {
        self.meter.served.load(Ordering::Relaxed) > 0
    }

    /// Sends one request over a connection of its own.
    pub async fn exchange(&self, request: &Request) -> Result<Exchange, Blind> {
        let Some(origin) = Origin::of(&request.url) else {
            let url = redirect::shown(&request.url);
            return Err(Blind::new(Cause::Internal, format!("{url} names no host")));
        };
        self.admit(request.impact, request.pace, &origin).await?;
        self.exchange_admitted(request, &origin).await
    }

    /// Sends one request that is made when its turn has come: what carries a time may not grow old
    /// in a queue. `make` is told the time of then; the request's own impact is not asked.
    pub async fn exchange_with(
        &self,
        impact: Impact,
        url: &Url,
        make: impl FnOnce(Timestamp) -> Result<Request, Blind> + Send,
    ) -> Result<Exchange, Blind> {
        let Some(origin) = Origin::of(url) else {
            let url = redirect::shown(url);
            return Err(Blind::new(Cause::Internal, format!("{url} names no host")));
        };
        self.admit(impact, Pace::Budget, &origin).await?;
        let now = self.run.at.checked_add(self.terms.began.elapsed()).unwrap_or(self.run.at);
        let request = make(now)?;
        self.exchange_admitted(&request, &origin).await
    }

    async fn exchange_admitted(
        &self,
        request: &Request,
        origin: &Origin,
    ) -> Result<Exchange, Blind> {
        let _under_way = self.network.traffic.note(origin, &request.method, &request.url);
        let secrets = self.secrets(request).await?;
        let endpoint = self.endpoint(origin)?;
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
            self.establish(&endpoint, request.at, material, alpn, use_of_proxy, deadline).await?;
        if facts.addresses.len() > 1 {
            self.addresses.lock().expect("no panic under this lock").clone_from(&facts.addresses);
        }
        exchange.connection = facts;
        match outcome {
            Ok(stream) => {
                self.ask(request, origin, secrets, stream, deadline, &mut exchange).await?;
            }
            Err(failure) => exchange.failure = Some(failure),
        }
        let reset = |failure: &Failure| failure.kind == FailureKind::Reset;
        if exchange.answer.as_ref().is_some_and(|answer| matches!(answer.status, 403 | 406 | 429))
            || exchange.failure.as_ref().is_some_and(reset)
        {
            self.meter.refused.fetch_add(1, Ordering::Relaxed);
        } else if exchange.answer.as_ref().is_some_and(|answer| answer.status < 500) {
            self.meter.served.fetch_add(1, Ordering::Relaxed);
        }
        self.redact(&mut exchange);
        self.note_sighting(request, origin, &exchange);
        let limited = exchange.answer.as_ref().is_some_and(|answer| answer.status == 429);
        if limited && request.impact == Impact::Passive && self.network.traffic.is_exhausted(origin)
        {
            let reason = "429 while our own test of the limit has used it up";
            return Err(Blind::new(Cause::Limit, reason));
        }
        Ok(exchange)
    }

    /// Sends a request and follows redirects as `policy` says.
    pub async fn follow(&self, request: &Request, policy: Redirects) -> Result<Followed, Blind> {
        // Evidence is kept, and hardly any has a second exchange.
        let mut hops: Vec<Exchange> = Vec::with_capacity(1);
        let mut request = request.clone();
        loop {
            match self.exchange(&request).await {
                // Where a redirect leads is the target's doing, and we could look at the redirect.
                Err(blind) if blind.cause == Cause::Egress && !hops.is_empty() => {
                    let stopped = Some(Stop::Unsafe(blind.reason.into_owned()));
                    return Ok(Followed { hops, stopped });
                }
                exchange => hops.push(exchange?),
            }
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
        let why = match self.withheld(impact) {
            Some(Withheld::Ceiling) => format!("needs `--allow {impact}`"),
            Some(Withheld::Cadence) => {
                "comes at most once a day, and this is not its time".to_owned()
            }
            Some(Withheld::Configuration) | None => format!(
                "is not consented to here (allow: {}); raise `allow` on the check or the service",
                self.terms.configured
            ),
        };
        Err(Blind::new(Cause::Consent, format!("{impact} work {why}")))
    }

    fn count(counter: &AtomicU32, limit: u32, what: &str) -> Result<(), Blind> {
        if counter.fetch_add(1, Ordering::Relaxed) < limit {
            return Ok(());
        }
        counter.fetch_sub(1, Ordering::Relaxed);
        Err(Blind::new(Cause::Limit, format!("one run sends at most {limit} {what}")))
    }

    async fn admit(&self, impact: Impact, pace: Pace, origin: &Origin) -> Result<(), Blind> {
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
        match (impact, pace) {
            (Impact::Passive, _) => {}
            (_, Pace::Budget) => self.queue(self.network.budgets.request(origin)).await,
            (_, Pace::Exhausting) => self.queue(self.network.budgets.exhausting(origin)).await,
        }
        Ok(())
    }

    /// The addresses of the host that was asked last, where it has several.
    pub fn addresses_seen(&self) -> Vec<IpAddr> {
        self.addresses.lock().expect("no panic under this lock").clone()
    }

    /// Our own traffic: what we sent where, lately.
    pub fn traffic(&self) -> &Traffic {
        &self.network.traffic
    }

    /// How much the run may still send.
    pub fn requests_left(&self) -> u32 {
        self.run.limits.requests.saturating_sub(self.requests_sent().iter().sum())
    }

    /// Waits for a limiter's window, which counts in no deadline. A wait that is longer than
    /// [`Context::max_wait`] is not begun: `false`.
    pub async fn wait_for_window(&self, until: Instant) -> bool {
        if until.saturating_duration_since(Instant::now()) > self.run.max_wait {
            return false;
        }
        let _rest = self.network.rest();
        self.queue(until).await;
        true
    }

    /// Waits for a turn. The wait is on the meter before it begins, so that whoever watches over
    /// the run knows how long it may take.
    async fn queue(&self, turn: Instant) {
        let wait = turn.saturating_duration_since(Instant::now());
        let nanoseconds = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.meter.waited_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        sleep_until(turn).await;
    }
}
