//! URLs that the command line names to send something to: what they may be.

use url::{Host, Url};

/// Whether something may be sent to a URL that an option names; `instead` is
/// where credentials belong. With a secret it goes over TLS, or
/// stays on this machine, unless `insecure` says otherwise.
pub(super) fn sound(
    url: &Url,
    option: &str,
    instead: &str,
    secret: Option<Secret<'_>>,
) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("{option}: a URL starts with http:// or https:// and names a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "{option}: a URL holds no credentials, which others could see; see {instead}"
        ));
    }
    let Some(secret) = secret else { return Ok(()) };
    if url.scheme() == "http" && !is_loopback(url) && !secret.insecure {
        return Err(format!(
            "{option}: {} is not sent over plain HTTP to another machine; use https, or say \
             {option}-insecure",
            secret.what
        ));
    }
    Ok(())
}

/// A secret that is sent along.
pub(super) struct Secret<'a> {
    /// What it is called.
    pub(super) what: &'a str,
    /// Whether it may be sent over plain HTTP to another machine.
    pub(super) insecure: bool,
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
