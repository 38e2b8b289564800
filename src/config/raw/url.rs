//! URLs of the file format, checked as they are read.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use url::{Host, Url};

use super::scalar::checked;
use crate::config::types::Uplink;

checked! {
    /// The base URL of a service.
    BaseUrl(Url): String, base, {"type": "string", "pattern": "^https?://[^?#@]+$"}
}

fn base(text: &str) -> Result<Url, String> {
    let url = web(text, &["http", "https"], AUTH)?;
    plain(&url).map(|()| url)
}

checked! {
    /// The plain twin of a service's URL.
    PlainUrl(Url): String, plain_twin, {"type": "string", "pattern": "^http://[^?#@]+$"}
}

fn plain_twin(text: &str) -> Result<Url, String> {
    let url = web(text, &["http"], AUTH)?;
    plain(&url).map(|()| url)
}

checked! {
    /// Where people reach the daemon, without a closing slash.
    ExternalUrl(String): String, external, {"type": "string", "pattern": "^https?://[^?#@]+$"}
}

fn external(text: &str) -> Result<String, String> {
    let url = web(text, &["http", "https"], "leave them out: everybody who is notified reads it")?;
    if url.query().is_some() || url.fragment().is_some() {
        let example = "hint: write a URL such as https://ops.example/musterd";
        return Err(format!("paths are added to it: it has no query and no fragment\n{example}"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

checked! {
    /// An HTTP proxy.
    ProxyUrl(Url): String, proxy, {"type": "string", "pattern": "^http://[^?#@]+$"}
}

fn proxy(text: &str) -> Result<Url, String> {
    let url = web(text, &["http"], "leave them out: the proxy has to know musterd otherwise")?;
    plain(&url)?;
    if url.path() != "/" {
        return Err("a proxy has no path\nhint: write http://HOST:PORT".to_owned());
    }
    Ok(url)
}

checked! {
    /// Where messages go.
    HookUrl(Url): String, hook, {"type": "string", "pattern": "^https?://[^#@]+$"}
}

fn hook(text: &str) -> Result<Url, String> {
    let url = web(text, &["http", "https"], "put them into `headers`, as a secret")?;
    match url.fragment() {
        Some(_) => Err("what follows `#` is never sent\nhint: leave it out".to_owned()),
        None => Ok(url),
    }
}

/// Where a service's credentials belong.
const AUTH: &str = "use `auth: {basic: {username: NAME, password: {env: NAME}}}`";

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// A URL of one of these schemes. Nothing of one that holds a password is repeated.
fn web(text: &str, schemes: &[&str], instead: &str) -> Result<Url, String> {
    let wanted = schemes.join(":// or ");
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => {
            let host = text.trim_start_matches('/');
            let scheme = schemes.last().unwrap_or(&"http");
            let hint = if host.is_empty() || text.contains('@') {
                String::new()
            } else {
                format!("\nhint: write {scheme}://{host}")
            };
            format!("the URL does not start with {wanted}://{hint}")
        }
        _ => format!("this is no URL: {error}"),
    })?;
    if has_userinfo(&url) {
        return Err(format!("a URL holds no user and no password\nhint: {instead}"));
    }
    if !schemes.contains(&url.scheme()) {
        // `shop.example:8080` has the scheme `shop.example`.
        let hint = if url.has_host() || text.contains('@') {
            String::new()
        } else {
            format!("\nhint: write {}://{text}", schemes.last().unwrap_or(&"http"))
        };
        return Err(format!("the URL does not start with {wanted}://{hint}"));
    }
    if url.port() == Some(0) {
        return Err("nothing can listen on port 0".to_owned());
    }
    if url.host().is_none_or(|host| matches!(host, Host::Domain(""))) {
        return Err("the URL names no host".to_owned());
    }
    Ok(url)
}

fn plain(url: &Url) -> Result<(), String> {
    if url.query().is_some() {
        let hint = "hint: a query belongs to the `path` of a check";
        return Err(format!("a base URL has no query (what follows `?`)\n{hint}"));
    }
    if url.fragment().is_some() {
        return Err("what follows `#` is never sent\nhint: leave it out".to_owned());
    }
    Ok(())
}

checked! {
    /// A reference that is reachable whenever we have a network.
    Reference(Uplink): String, reference, {"type": "string", "pattern": "^tcp://.+:[0-9]+$"}
}

fn reference(text: &str) -> Result<Uplink, String> {
    let wrong = || {
        let hint = "hint: write tcp://HOST:PORT, such as tcp://1.1.1.1:53";
        format!("`{text}` is no reference\n{hint}")
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    if has_userinfo(&url) {
        return Err("a reference holds no user and no password".to_owned());
    }
    let rest = url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/");
    match (url.scheme(), url.host_str(), url.port()) {
        ("tcp", Some(host), Some(port)) if port > 0 && !host.is_empty() && !rest => {
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            Ok(Uplink { host, port })
        }
        _ => Err(wrong()),
    }
}

checked! {
    /// The name of a host.
    HostName(String): String, host_name, {"type": "string", "format": "hostname"}
}

fn host_name(text: &str) -> Result<String, String> {
    match Host::parse(text) {
        Ok(Host::Domain(name)) if !name.is_empty() => Ok(name),
        Ok(_) => Err(format!("`{text}` is an address and no name")),
        Err(_) => Err(format!(
            "`{text}` is no name of a host\nhint: write a name alone, such as \
                               shop.example"
        )),
    }
}
