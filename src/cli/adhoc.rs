//! `musterd check URL`: a configuration made of a URL alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderName;
use musterd_probes::KINDS;
use musterd_probes::impact::Impact;
use musterd_probes::net::redirect;
use musterd_probes::net::target::{HeaderText, Target, plain_twin};
use musterd_probes::net::trust::Trust;
use musterd_probes::registry;
use musterd_probes::secret::SecretRef;
use musterd_probes::text::list;
use url::Url;

use crate::config::{Check, Config, Place, Service, Severities, Terms};

/// A probe that needs no settings, and what it sends.
struct Ready {
    probe: &'static str,
    /// Requests as a rule, and at most with redirects.
    requests: (usize, usize),
    /// Bare connections at most.
    connections: usize,
    /// Whether it looks only where TLS is spoken.
    https: bool,
}

const READY: [Ready; 4] = [
    Ready { probe: "http", requests: (1, redirect::MOST + 1), connections: 0, https: false },
    Ready { probe: "headers", requests: (4, 24), connections: 0, https: false },
    Ready { probe: "cors", requests: (5, 6), connections: 0, https: false },
    Ready { probe: "tls", requests: (0, 1), connections: 22, https: true },
];

/// The probes that look at a URL.
fn ready(url: &Url) -> impl Iterator<Item = &'static Ready> {
    let https = url.scheme() == "https";
    READY.iter().filter(move |ready| https || !ready.https)
}

/// What may be said of a URL without a configuration.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "With a URL")]
pub(crate) struct Options {
    /// Trust the authorities in this PEM file beside the bundled ones
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Send credentials also where the certificate does not verify
    #[arg(long)]
    insecure: bool,

    /// Connect here, whatever the name says
    #[arg(long, value_name = "IP:PORT")]
    connect_to: Option<SocketAddr>,

    /// Send a header whose value stands in an environment variable
    #[arg(long, value_name = "NAME=env:VAR", value_parser = header)]
    header: Vec<(HeaderName, SecretRef)>,
}

impl Options {
    /// Whether any of them was given.
    pub(crate) fn is_used(&self) -> bool {
        self.ca.is_some() || self.insecure || self.connect_to.is_some() || !self.header.is_empty()
    }
}

/// A header whose value stands in an environment variable, as it is typed.
pub(super) fn header(text: &str) -> Result<(HeaderName, SecretRef), String> {
    let wrong =
        || "write NAME=env:VAR: a value on the command line could be seen by others".to_owned();
    let (name, reference) = text.split_once('=').ok_or_else(wrong)?;
    let variable =
        reference.strip_prefix("env:").filter(|name| !name.is_empty()).ok_or_else(wrong)?;
    let name = name.parse().map_err(|_| format!("`{name}` is no name of a header"))?;
    Ok((name, SecretRef::Env(variable.to_owned())))
}

/// A configuration with a service for each URL and a check for each probe that needs no settings.
pub(crate) fn config(urls: &[String], options: &Options) -> Result<Config, String> {
    let mut config = Config::default();
    for text in urls {
        let url = parse(text)?;
        let name = unique_name(&url, &config.services);
        config.services.push(Arc::new(service(name, url, options)?));
    }
    Ok(config)
}

fn parse(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| {
        // What stands before an `@` may be a password.
        let shown = text.rsplit('@').next().unwrap_or_default();
        format!("`{shown}` is no URL: {error}")
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(format!("a URL starts with http:// or https://, and not with {scheme}://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "a URL holds no credentials: others could see them; use --header NAME=env:VAR".into()
        );
    }
    if url.port() == Some(0) {
        return Err(format!("`{text}` names port 0, where nothing can listen"));
    }
    Ok(url)
}

fn unique_name(url: &Url, present: &[Arc<Service>]) -> String {
    let mut name: String = url
        .host_str()
        .unwrap_or("service")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' })
        .collect::<String>()
        .trim_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned();
    name.truncate(50);
    let taken = |name: &str| present.iter().any(|service| service.name == name);
    let plain = name.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{plain}-{number}");
        number += 1;
    }
    name
}

fn service(name: String, url: Url, options: &Options) -> Result<Service, String> {
    let mut target = Target::new(name.clone(), url);
    // Behind another port than the usual one, port 80 may be anybody's.
    if options.connect_to.is_none_or(|address| address.port() == 443) {
        target.http_url = plain_twin(&target.url);
    }
    target.trust = Trust::new(options.ca.clone(), None);
    target.insecure = options.insecure;
    target.connect_to = options.connect_to;
    let headers = options.header.iter().cloned();
    target.headers =
        headers.map(|(name, reference)| (name, HeaderText::Secret(reference))).collect();
    let checks = ready(&target.url)
        .filter_map(|ready| registry::find(KINDS, ready.probe))
        .map(|kind| check(&name, kind))
        .collect::<Result<_, String>>()?;
    Ok(Service {
        name,
        labels: std::collections::BTreeMap::new(),
        target: Arc::new(target),
        budget: None,
        checks,
        waivers: Vec::new(),
        objectives: Vec::new(),
        severity: indexmap::IndexMap::new(),
        place: place(),
    })
}

fn check(service: &str, kind: &'static registry::Registration) -> Result<Arc<Check>, String> {
    let settings = serde_json::json!({});
    let probe = kind.build_json(&settings).map_err(|error| error.to_string())?;
    Ok(Arc::new(Check {
        id: format!("{service}/{}", kind.name).into(),
        kind,
        probe,
        interval: kind.interval,
        terms: Arc::new(Terms {
            settings: settings.into(),
            timeout: std::time::Duration::from_secs(10),
            confirm: 1,
            retry_interval: kind.interval,
            allow: Impact::Active,
            severity: Severities::default(),
            labels: std::collections::BTreeMap::new(),
        }),
        identity: 0,
        place: place(),
    }))
}

fn place() -> Place {
    Place { file: "command line".into(), line: 1, column: 1 }
}

/// What will be sent, said before it is.
pub(crate) fn announcement(config: &Config) -> String {
    let lines = config.services.iter().map(|service| {
        let url = &service.target.url;
        let probes: Vec<String> = ready(url).map(|ready| ready.probe.to_owned()).collect();
        let sum = |number: fn(&Ready) -> usize| ready(url).map(number).sum::<usize>();
        let connections = match sum(|ready| ready.connections) {
            0 => String::new(),
            most => format!(", and at most {most} connections to see what TLS they offer"),
        };
        format!(
            "{url}: {}: {} requests, at most {} with redirects{connections}",
            list(&probes),
            sum(|ready| ready.requests.0),
            sum(|ready| ready.requests.1),
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_plain_http_is_looked_at_where_it_is_the_services() {
        for (url, connect_to, twin) in [
            ("https://shop.example/a", None, Some("http://shop.example/a")),
            ("https://shop.example", Some("192.0.2.1:443"), Some("http://shop.example/")),
            ("https://shop.example", Some("127.0.0.1:8443"), None),
            ("https://shop.example:8443", None, None),
            ("http://shop.example", None, None),
        ] {
            let connect_to = connect_to.map(|address| address.parse().unwrap());
            let options = Options { connect_to, ..Options::default() };
            let config = config(&[url.to_owned()], &options).unwrap();
            let found = config.services[0].target.http_url.as_ref();
            assert_eq!(found.map(Url::as_str), twin, "{url} {connect_to:?}");
        }
    }
}
