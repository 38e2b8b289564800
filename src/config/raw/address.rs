//! Addresses of the file format.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use super::scalar::checked;

checked! {
    /// An address and a port.
    Address(SocketAddr): String, address, {"type": "string"}
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let advice = match (text.parse::<IpAddr>(), text.rsplit_once(':')) {
        (Ok(IpAddr::V4(ip)), _) => format!("add a port: {ip}:PORT"),
        (Ok(IpAddr::V6(ip)), _) => format!("add a port: [{ip}]:PORT"),
        (_, Some((host, port))) if host.is_empty() && port.parse::<u16>().is_ok() => {
            format!("write 0.0.0.0:{port} for all addresses, 127.0.0.1:{port} for this machine")
        }
        (_, Some(("localhost", port))) => format!("write 127.0.0.1:{port}"),
        _ => "write an IP address and a port, such as 127.0.0.1:9797 or [::1]:9797".to_owned(),
    };
    match text.parse::<SocketAddr>() {
        Ok(address) => Ok(address),
        Err(_) => Err(format!("`{text}` is no address with a port\nhint: {advice}")),
    }
}

checked! {
    /// An address and a port that can be connected to.
    Peer(SocketAddr): String, peer, {"type": "string"}
}

fn peer(text: &str) -> Result<SocketAddr, String> {
    match address(text)? {
        address if address.port() == 0 => Err("nothing can listen on port 0".to_owned()),
        address => Ok(address),
    }
}

checked! {
    /// A range of addresses.
    Range(IpNet): String, range, {"type": "string"}
}

fn range(text: &str) -> Result<IpNet, String> {
    if let Ok(range) = text.parse() {
        return Ok(range);
    }
    let hint = match text.parse::<IpAddr>() {
        Ok(ip) => format!("write {}", IpNet::from(ip)),
        Err(_) => "write a range such as 169.254.10.0/24 or fd00:1::/64".to_owned(),
    };
    Err(format!("`{text}` is no range of addresses\nhint: {hint}"))
}
