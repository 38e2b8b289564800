//! One name looked up over DNS: its search list, both families, and what each answer means.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::timeout;

use crate::net::caa;
use crate::net::failure::{Failure, FailureKind};
use crate::net::phase::Phase;

/// How long the second family's answer is awaited after the first (RFC 8305 section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Of a name's addresses, at most so many are tried.
pub const MOST_ADDRESSES: usize = 32;

/// Name servers, and how names are completed before they are asked.
pub struct Dns {
    resolver: TokioResolver,
    servers: String,
    search: Vec<Name>,
    ndots: usize,
    hosts: Hosts,
}

/// Why a lookup gave no address.
#[derive(Debug)]
pub enum Miss {
    /// What the name servers say of the name.
    Evidence(Failure),
    /// That they could not say anything.
    Ours(String),
}

impl Dns {
    /// Asks the servers of a configuration for what is in no hosts file.
    pub fn new(
        config: ResolverConfig,
        mut options: ResolverOpts,
        hosts: Hosts,
    ) -> Result<Self, String> {
        options.timeout = Duration::from_secs(3);
        options.attempts = 2;
        options.positive_max_ttl = Some(Duration::ZERO);
        options.negative_max_ttl = Some(Duration::ZERO);
        // hickory would complete names itself, but then a refusal of one candidate hides behind
        // the next one's NXDOMAIN; and it looks only the first candidate up in the hosts file.
        options.use_hosts_file = ResolveHosts::Never;
        let search = match (config.search(), config.domain()) {
            ([], Some(domain)) if !domain.is_root() => vec![domain.clone()],
            (search, _) => search.to_vec(),
        };
        let ndots = options.ndots;
        let mut servers: Vec<String> = config
            .name_servers()
            .iter()
            .map(|server| {
                let port = server.connections.first().map_or(53, |connection| connection.port);
                SocketAddr::new(server.ip, port).to_string()
            })
            .collect();
        servers.sort();
        servers.dedup();
        if servers.is_empty() {
            return Err("none is configured".to_owned());
        }
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { resolver, servers: servers.join(", "), search, ndots, hosts })
    }

    /// The servers that are asked, for messages.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// The addresses of a host: of the first candidate that has any.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Miss> {
        let Ok(name) = Name::from_utf8(host) else {
            return Err(Miss::Evidence(Failure::new(
                Phase::Resolve,
                FailureKind::NameUnknown,
                format!("{host} can be no name in the DNS"),
            )));
        };
        let written = self.in_hosts_file(&name);
        if !written.is_empty() {
            return Ok(written);
        }
        let mut evidence = None;
        let mut ours = None;
        for (candidate, is_the_name_itself) in self.candidates(&name) {
            match both_families(&self.resolver, &candidate, host).await {
                Ok(addresses) => return Ok(addresses),
                // A completed name would be another host.
                Err(Miss::Ours(why)) if is_the_name_itself => return Err(Miss::Ours(why)),
                Err(Miss::Ours(why)) => ours = Some(why),
                Err(Miss::Evidence(failure)) if is_the_name_itself => evidence = Some(failure),
                Err(Miss::Evidence(_)) => {}
            }
        }
        Err(match ours {
            Some(why) => Miss::Ours(why),
            None => Miss::Evidence(evidence.unwrap_or_else(|| unknown(host))),
        })
    }

    /// A name's CAA records; none where it has none or does not exist. In words, what kept the
    /// servers from answering.
    pub async fn caa(&self, name: &str) -> Result<Vec<caa::Record>, String> {
        let mut asked = Name::from_utf8(name).map_err(|error| error.to_string())?;
        asked.set_fqdn(true);
        let answer = match self.resolver.lookup(asked, RecordType::CAA).await {
            Ok(answer) => answer,
            Err(error) => {
                return match miss(name, &error) {
                    Miss::Evidence(_) => Ok(Vec::new()),
                    Miss::Ours(why) => Err(format!("{why} ({})", self.servers)),
                };
            }
        };
        let records = answer.answers().iter().filter_map(|record| match &record.data {
            RData::CAA(caa) => Some(caa::Record::new(caa.issuer_critical, &caa.tag, &caa.value)),
            _ => None,
        });
        Ok(records.collect())
    }

    fn in_hosts_file(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::AAAA, RecordType::A]
            .into_iter()
            .filter_map(|family| self.hosts.lookup_static_host(&Query::query(name.clone(), family)))
            .flat_map(|lookup| lookup.answers().iter().filter_map(address).collect::<Vec<_>>())
            .collect()
    }

    /// What to ask for in turn, each with whether it is the name itself (resolv.conf(5), `search`
    /// and `ndots`).
    fn candidates(&self, name: &Name) -> Vec<(Name, bool)> {
        let mut itself = name.clone();
        itself.set_fqdn(true);
        if name.is_fqdn() {
            return vec![(itself, true)];
        }
        let completed =
            self.search.iter().filter_map(|domain| name.clone().append_domain(domain).ok());
        let mut candidates: Vec<(Name, bool)> = completed.map(|name| (name, false)).collect();
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let place = if dots >= self.ndots { 0 } else { candidates.len() };
        candidates.insert(place, (itself, true));
        for (candidate, _) in &mut candidates {
            candidate.set_fqdn(true);
        }
        candidates
    }
}

fn address(record: &Record) -> Option<IpAddr> {
    match &record.data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

async fn both_families(
    resolver: &TokioResolver,
    name: &Name,
    host: &str,
) -> Result<Vec<IpAddr>, Miss> {
    let v6 = lookup(resolver, name, host, RecordType::AAAA);
    let v4 = lookup(resolver, name, host, RecordType::A);
    tokio::pin!(v6, v4);
    // Addresses, and that a name does not exist, are worth no long wait for the other family.
    let (first, second) = tokio::select! {
        first = &mut v6 => {
            let second =
                if is_final(&first) { timeout(RESOLUTION_DELAY, v4).await.ok() } else { Some(v4.await) };
            (first, second)
        }
        first = &mut v4 => {
            let second =
                if is_final(&first) { timeout(RESOLUTION_DELAY, v6).await.ok() } else { Some(v6.await) };
            (first, second)
        }
    };
    let mut addresses = Vec::new();
    let mut misses = Vec::new();
    for answer in [Some(first), second].into_iter().flatten() {
        match answer {
            Ok(found) => addresses.extend(found),
            Err(miss) => misses.push(miss),
        }
    }
    if !addresses.is_empty() {
        addresses.truncate(MOST_ADDRESSES);
        return Ok(addresses);
    }
    // That a name does not exist is true of every family; that it has no address is known only
    // when both families were answered.
    if let Some(position) = misses.iter().position(is_unknown) {
        return Err(misses.swap_remove(position));
    }
    let ours = misses.iter().position(|miss| matches!(miss, Miss::Ours(_))).unwrap_or(0);
    Err(misses.swap_remove(ours))
}

fn is_unknown(miss: &Miss) -> bool {
    matches!(miss, Miss::Evidence(failure) if failure.kind == FailureKind::NameUnknown)
}

fn is_final(answer: &Result<Vec<IpAddr>, Miss>) -> bool {
    answer.as_ref().err().is_none_or(is_unknown)
}

async fn lookup(
    resolver: &TokioResolver,
    name: &Name,
    host: &str,
    family: RecordType,
) -> Result<Vec<IpAddr>, Miss> {
    match resolver.lookup(name.clone(), family).await {
        Ok(lookup) => {
            let found: Vec<IpAddr> = lookup.answers().iter().filter_map(address).collect();
            if found.is_empty() { Err(Miss::Evidence(no_address(host))) } else { Ok(found) }
        }
        Err(error) => Err(miss(host, &error)),
    }
}

fn miss(host: &str, error: &NetError) -> Miss {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => Miss::Evidence(unknown(host)),
            ResponseCode::NoError => Miss::Evidence(no_address(host)),
            code => Miss::Ours(format!("the name server answered {code}")),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => {
            Miss::Ours(format!("the name server answered {code}"))
        }
        NetError::Timeout => Miss::Ours("no name server answered in time".to_owned()),
        other => Miss::Ours(other.to_string()),
    }
}

/// The name does not exist.
pub fn unknown(host: &str) -> Failure {
    Failure::new(
        Phase::Resolve,
        FailureKind::NameUnknown,
        format!("the name {host} does not exist (NXDOMAIN)"),
    )
}

fn no_address(host: &str) -> Failure {
    Failure::new(
        Phase::Resolve,
        FailureKind::NoAddress,
        format!("the name {host} has no address (NODATA)"),
    )
}
