//! The way to a service: a [`Target`] from what was written of it.

use std::collections::HashMap;
use std::net::SocketAddr;

use http::HeaderName;
use http::header::AUTHORIZATION;
use musterd_probes::net::resolve::Resolver;
use musterd_probes::net::sighting::Sightings;
use musterd_probes::net::target::{HeaderText, Target, carries_credentials, plain_twin};
use musterd_probes::net::trust::{ClientCertificate, Trust};
use url::Url;

use super::check::never_sent;
use crate::config::raw::entries::Entries;
use crate::config::raw::scalar::Header;
use crate::config::raw::service::Way;
use crate::config::yaml::{Document, Located, NodeId, Problem, Problems};

/// The name servers of services, each made once.
#[derive(Default)]
pub(super) struct Resolvers(HashMap<SocketAddr, Resolver>);

impl Resolvers {
    fn of(&mut self, address: SocketAddr) -> Resolver {
        self.0.entry(address).or_insert_with(|| Resolver::server(address)).clone()
    }
}

/// The target of a service.
pub(super) fn target(
    document: &Document,
    service: &str,
    url: Url,
    way: Way,
    resolvers: &mut Resolvers,
    problems: &mut Problems,
) -> Target {
    let Way {
        http_url,
        ca,
        insecure,
        client_certificate,
        server_name,
        connect_to,
        proxy,
        resolver,
        auth,
        headers,
        allow_addresses,
    } = way;
    let in_the_clear = url.scheme() == "http" && !insecure;
    if let Some(auth) = &auth
        && in_the_clear
    {
        problems.push(never_sent(document, key(document, auth.at), service));
    }
    for (name, text) in &headers.0 {
        if in_the_clear && matches!(text.value, HeaderText::Secret(_)) {
            problems.push(never_sent(document, text.at, service));
        }
        if auth.is_some() && name.value.0 == AUTHORIZATION {
            let message = "`auth` and the header `authorization` say the same thing";
            let hint = "keep one of them".to_owned();
            problems.push(document.error(name.at, message).with_hint(hint));
        }
    }
    let client = client_certificate
        .map(|files| ClientCertificate { certificate: files.cert, key: files.key });
    Target {
        service: service.to_owned(),
        http_url: http_url.map(|url| url.0).or_else(|| plain_twin(&url)),
        url,
        trust: Trust::new(ca.map(|ca| ca.file), client),
        insecure,
        server_name: server_name.map(|name| name.0),
        connect_to: connect_to.map(|address| address.0),
        proxy: proxy.map(|url| url.0),
        resolver: resolver.map(|address| resolvers.of(address.0)),
        auth: auth.map(|auth| auth.value),
        headers: sent(document, headers, problems),
        allow_addresses: allow_addresses.into_iter().map(|range| range.0).collect(),
        sightings: Sightings::default(),
    }
}

/// Headers as they are sent. A credential is never written out.
pub(super) fn sent(
    document: &Document,
    headers: Entries<Header, Located<HeaderText>>,
    problems: &mut Problems,
) -> Vec<(HeaderName, HeaderText)> {
    let mut sent = Vec::with_capacity(headers.0.len());
    for (name, text) in headers.0 {
        if carries_credentials(&name.value.0) && matches!(text.value, HeaderText::Plain(_)) {
            problems.push(exposed(document, text.at, &name.value.0));
        }
        sent.push((name.value.0, text.value));
    }
    sent
}

fn exposed(document: &Document, at: NodeId, name: &HeaderName) -> Problem {
    let message = format!("`{name}`: a secret is not written into a configuration");
    let hint = "write {env: NAME} or {file: PATH}".to_owned();
    document.error(at, message).with_hint(hint).masked()
}

/// The key of a value, where it has one.
fn key(document: &Document, at: NodeId) -> NodeId {
    document.key_of(at).unwrap_or(at)
}
