//! Measurements that every connection and exchange gives, under `blackbox_exporter`'s names.

use std::net::IpAddr;

use crate::measurement::{Family, Measurement};
use crate::net::connection::Connection;
use crate::net::exchange::Exchange;
use crate::net::phase::Phase;

const DNS_LOOKUP: Family = Family {
    name: "probe_dns_lookup_time_seconds",
    help: "Time that the lookup of the name took.",
    labels: &[],
};
const IP_PROTOCOL: Family = Family {
    name: "probe_ip_protocol",
    help: "IP version of the connection, 4 or 6.",
    labels: &[],
};
const IP_HASH: Family = Family {
    name: "probe_ip_addr_hash",
    help: "FNV-1a hash of the peer's address, to see that it changed.",
    labels: &[],
};
const CERT_EXPIRY: Family = Family {
    name: "probe_ssl_earliest_cert_expiry",
    help: "Unix time at which the first certificate of the chain expires.",
    labels: &[],
};
const TLS_VERSION: Family = Family {
    name: "probe_tls_version_info",
    help: "1, with the TLS version that was negotiated.",
    labels: &["version"],
};
const HTTP_DURATION: Family = Family {
    name: "probe_http_duration_seconds",
    help: "Time that each phase took, summed over redirects.",
    labels: &["phase"],
};
const HTTP_STATUS: Family = Family {
    name: "probe_http_status_code",
    help: "Status code of the last answer, 0 without one.",
    labels: &[],
};
const HTTP_LENGTH: Family = Family {
    name: "probe_http_content_length",
    help: "Content-Length of the last answer, -1 where it has none.",
    labels: &[],
};
const HTTP_BODY: Family = Family {
    name: "probe_http_uncompressed_body_length",
    help: "Bytes of the last answer's body that were read, after decompression.",
    labels: &[],
};
const HTTP_REDIRECTS: Family =
    Family { name: "probe_http_redirects", help: "Redirects that were followed.", labels: &[] };
const HTTP_SSL: Family =
    Family { name: "probe_http_ssl", help: "1 when the last answer came over TLS.", labels: &[] };
const HTTP_VERSION: Family =
    Family { name: "probe_http_version", help: "HTTP version of the last answer.", labels: &[] };

/// What a connection gives.
pub const CONNECTION: &[Family] = &[DNS_LOOKUP, IP_PROTOCOL, IP_HASH, CERT_EXPIRY, TLS_VERSION];

/// What an exchange gives.
pub const EXCHANGE: &[Family] = &[
    DNS_LOOKUP,
    IP_PROTOCOL,
    IP_HASH,
    CERT_EXPIRY,
    TLS_VERSION,
    HTTP_DURATION,
    HTTP_STATUS,
    HTTP_LENGTH,
    HTTP_BODY,
    HTTP_REDIRECTS,
    HTTP_SSL,
    HTTP_VERSION,
];

/// The numbers of a connection.
pub fn connection(seen: &Connection) -> Vec<Measurement> {
    let mut found = Vec::new();
    if let Some(seconds) = seen.phases.resolve {
        found.push(Measurement::new(&DNS_LOOKUP, seconds));
    }
    if let Some(peer) = seen.peer {
        found.push(Measurement::new(&IP_PROTOCOL, if peer.is_ipv4() { 4.0 } else { 6.0 }));
        found.push(Measurement::new(&IP_HASH, f64::from(hash(peer.ip()))));
    }
    if let Some(tls) = &seen.tls {
        found.push(Measurement::labelled(&TLS_VERSION, vec![tls.version.clone()], 1.0));
        if let Some(first) = tls.chain.iter().map(|certificate| certificate.not_after).min() {
            found.push(Measurement::new(&CERT_EXPIRY, first.as_duration().as_secs_f64()));
        }
    }
    found
}

/// The numbers of an exchange and of the redirects before it, whose phases are summed.
pub fn exchanges(hops: &[Exchange]) -> Vec<Measurement> {
    let Some(last) = hops.last() else { return Vec::new() };
    let mut found = connection(&last.connection);
    for phase in Phase::ALL {
        let seconds: Vec<f64> = hops.iter().filter_map(|hop| hop.phases().get(phase)).collect();
        if !seconds.is_empty() {
            let label = vec![phase.as_str().to_owned()];
            found.push(Measurement::labelled(&HTTP_DURATION, label, seconds.iter().sum()));
        }
    }
    let answer = last.answer.as_ref();
    let status = answer.map_or(0.0, |answer| f64::from(answer.status));
    found.push(Measurement::new(&HTTP_STATUS, status));
    found.push(Measurement::new(&HTTP_REDIRECTS, count(hops.len() - 1)));
    if let Some(answer) = answer {
        let length = answer.header("content-length").and_then(|text| text.parse().ok());
        found.push(Measurement::new(&HTTP_LENGTH, length.unwrap_or(-1.0)));
        found.push(Measurement::new(&HTTP_BODY, count(answer.body.length)));
        let tls = if last.connection.tls.is_some() { 1.0 } else { 0.0 };
        found.push(Measurement::new(&HTTP_SSL, tls));
        found.push(Measurement::new(&HTTP_VERSION, answer.version.parse().unwrap_or(0.0)));
    }
    found
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

fn hash(address: IpAddr) -> u32 {
    let fnv = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    };
    match address {
        IpAddr::V4(v4) => fnv(&v4.octets()),
        IpAddr::V6(v6) => fnv(&v6.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_hashes_as_blackbox_exporter_hashes_it() {
        assert_eq!(hash("127.0.0.1".parse().unwrap()), 3_668_918_509);
    }
}
