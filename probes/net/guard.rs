//! The egress guard: addresses that no probe may reach unless a service names them.
//!
//! Link-local ranges hold the metadata services of clouds, which hand credentials to whoever
//! asks from inside. The guard looks at addresses after resolution, so no spelling of a name or
//! number, no redirect and no rebinding gets round it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::blind::{Blind, Cause};

/// Lets an address through, or says why not.
pub fn admit(address: IpAddr, allowed: &[IpNet]) -> Result<(), Blind> {
    let Some(why) = forbidden(address) else { return Ok(()) };
    let embedded = embedded_v4(address).map(IpAddr::V4);
    let named = |net: &IpNet| {
        net.contains(&address) || embedded.is_some_and(|embedded| net.contains(&embedded))
    };
    if allowed.iter().any(named) {
        return Ok(());
    }
    Err(Blind::new(
        Cause::Egress,
        format!(
            "the address {address} is {why}; to reach it, name it in the service's allow_addresses"
        ),
    ))
}

fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => {
            const EC2: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            if v6 == EC2 {
                return Some("a cloud's metadata service");
            }
            if v6.segments()[0] & 0xffc0 == 0xfe80 {
                return Some("link-local");
            }
            embedded_v4(address).and_then(forbidden_v4)
        }
    }
}

fn forbidden_v4(address: Ipv4Addr) -> Option<&'static str> {
    const ALIBABA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
    if address.is_link_local() {
        Some("link-local, where clouds keep their metadata service")
    } else if address == ALIBABA {
        Some("a cloud's metadata service")
    } else {
        None
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped and compatible (RFC 4291 2.5.5), NAT64
/// (RFC 6052 well-known prefix, RFC 8215 local one), 6to4 (RFC 3056).
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let segments = v6.segments();
    let pair = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(pair(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_metadata_address_is_refused() {
        for text in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::ffff:0:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "::ffff:100.100.100.200",
        ] {
            let blind = admit(text.parse().unwrap(), &[]).expect_err(text);
            assert_eq!(blind.cause, Cause::Egress);
            assert!(blind.reason.contains("allow_addresses"), "{blind}");
        }
    }

    #[test]
    fn ordinary_addresses_private_ones_included_pass() {
        for text in
            ["127.0.0.1", "10.0.0.1", "192.168.1.1", "100.64.0.1", "::1", "2606::1", "fd00::1"]
        {
            assert!(admit(text.parse().unwrap(), &[]).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_a_service_names_passes_in_either_family() {
        let allowed = ["169.254.10.0/24".parse().unwrap()];
        assert!(admit("169.254.10.7".parse().unwrap(), &allowed).is_ok());
        assert!(admit("::ffff:169.254.10.7".parse().unwrap(), &allowed).is_ok());
        assert!(admit("169.254.169.254".parse().unwrap(), &allowed).is_err());
    }
}
