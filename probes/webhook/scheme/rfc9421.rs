//! HTTP Message Signatures (RFC 9421): a signature over method, place, time and the body's digest.

use http::HeaderName;
use url::Url;

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::{base64, der, sha256};

/// The scheme, with the name of the key for receivers that know several.
pub(in crate::webhook) struct Rfc9421 {
    pub(in crate::webhook) key_id: String,
}

/// What is covered, in the order of the base.
const COVERED: [&str; 6] =
    ["@method", "@authority", "@path", "@query", "content-type", "content-digest"];

impl Rfc9421 {
    fn parameters(&self, delivery: &Delivery, algorithm: &str) -> String {
        let covered: Vec<String> = COVERED.iter().map(|name| format!("\"{name}\"")).collect();
        let (covered, created) = (covered.join(" "), delivery.seconds());
        format!(r#"({covered});created={created};keyid="{}";alg="{algorithm}""#, self.key_id)
    }
}

/// RFC 9530: what the body is, in a header that a signature can cover.
fn digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", base64(&sha256(&[body])))
}

/// The signature base of section 2.5.
fn base<'a>(components: impl Iterator<Item = (&'a str, String)>, parameters: &str) -> String {
    let mut lines: Vec<String> =
        components.map(|(name, value)| format!("\"{name}\": {value}")).collect();
    lines.push(format!("\"@signature-params\": {parameters}"));
    lines.join("\n")
}

/// A component's value, as sections 2.1 and 2.2 derive it.
fn value(delivery: &Delivery, url: &Url, name: &str) -> String {
    match name {
        "@method" => delivery.method.to_string(),
        "@authority" => {
            let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
            url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
        }
        "@path" => url.path().to_owned(),
        "@query" => format!("?{}", url.query().unwrap_or_default()),
        "content-type" => delivery.content_type.to_owned(),
        _ => digest(&delivery.body),
    }
}

impl Scheme for Rfc9421 {
    fn nature(&self) -> Nature {
        Nature { url: true, time: Time::Unchecked, stamp: true, rewritable: false, ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, r#"{"id":"musterd_probe","type":"musterd.probe.noop","data":{}}"#)
    }

    fn key(&self, secret: &str) -> Result<Key, String> {
        let wrong = "a secret is a shared one in base64 (hmac-sha256), or an Ed25519 private key \
                     as PKCS#8 (PEM or base64)";
        let bytes = der(secret).filter(|bytes| !bytes.is_empty()).ok_or(wrong)?;
        // A shared secret of 32 or 64 bytes is no private key: PKCS#8 is longer than the one, and
        // begins otherwise than the other.
        let pair = if matches!(bytes.len(), 32 | 64) { None } else { Key::ed25519(&bytes) };
        Ok(pair.unwrap_or_else(|| Key::shared(bytes.as_slice())))
    }

    /// The signature, after the name of its algorithm, which the parameters repeat.
    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let algorithm = if key.secret().is_some() { "hmac-sha256" } else { "ed25519" };
        let parameters = self.parameters(delivery, algorithm);
        // What a proxy changed is not what the sender knew: the public URL.
        let url = Url::parse(&delivery.signed_url).unwrap_or_else(|_| delivery.url.clone());
        let components = COVERED.iter().map(|name| (*name, value(delivery, &url, name)));
        let base = base(components, &parameters);
        let signature = key.hmac(hash, &[base.as_bytes()]).or_else(|| key.sign(base.as_bytes()))?;
        Some(format!("{algorithm}:{}", base64(&signature)))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        let (algorithm, signature) =
            signature.split_once(':').unwrap_or(("hmac-sha256", signature));
        let parameters = self.parameters(delivery, algorithm);
        let name = HeaderName::from_static;
        Attached {
            signatures: vec![
                (name("signature"), format!("sig1=:{signature}:")),
                (name("signature-input"), format!("sig1={parameters}")),
            ],
            headers: vec![(name("content-digest"), digest(&delivery.body))],
            body: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of appendix B.2.
    fn components(names: &[&'static str]) -> Vec<(&'static str, String)> {
        let known = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ];
        let value = |name: &str| known.iter().find(|(known, _)| *known == name).unwrap().1;
        names.iter().map(|name| (*name, value(name).to_owned())).collect()
    }

    fn scheme() -> Rfc9421 {
        Rfc9421 { key_id: "k".to_owned() }
    }

    #[test]
    fn the_shared_secret_of_appendix_b_2_5_signs_as_it_says() {
        let secret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
        let parameters =
            r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#;
        let base =
            base(components(&["date", "@authority", "content-type"]).into_iter(), parameters);
        let key = scheme().key(secret).unwrap();
        assert_eq!(
            base64(&key.hmac(Hash::Sha256, &[base.as_bytes()]).unwrap()),
            "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="
        );
    }

    #[test]
    fn the_key_pair_of_appendix_b_2_6_signs_as_it_says() {
        let secret = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF";
        let parameters = r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
        let names = ["date", "@method", "@path", "@authority", "content-type", "content-length"];
        let base = base(components(&names).into_iter(), parameters);
        let key = scheme().key(secret).unwrap();
        assert_eq!(
            base64(&key.sign(base.as_bytes()).unwrap()),
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
        );
    }

    #[test]
    fn what_is_covered_is_what_the_receiver_sees() {
        let site = Site {
            url: "http://10.0.0.1:8080/hook".parse().unwrap(),
            signed_url: "https://Shop.example:8443/hook?a=1".to_owned(),
            at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
        };
        let delivery = scheme().inert(&site);
        let url: Url = delivery.signed_url.parse().unwrap();
        assert_eq!(value(&delivery, &url, "@authority"), "shop.example:8443");
        assert_eq!(value(&delivery, &url, "@query"), "?a=1");
        let key = Key::shared("k");
        let signature = scheme().sign(&delivery, &key, Hash::Sha256).unwrap();
        let attached = scheme().attach(&delivery, &signature);
        assert!(attached.signatures[1].1.starts_with(r#"sig1=("@method" "@authority" "#));
        assert!(
            attached.signatures[1]
                .1
                .ends_with(r#";created=1700000000;keyid="k";alg="hmac-sha256""#)
        );
        assert!(attached.headers[0].1.starts_with("sha-256=:"));
    }
}
