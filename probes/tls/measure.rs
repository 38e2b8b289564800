//! Numbers of TLS: `blackbox_exporter`'s names, and a few of our own.

use jiff::Timestamp;

use super::certificate::Certificate;
use super::evidence::{Evidence, Look};
use super::wire::version::Version;
use crate::measurement::{Family, Measurement};
use crate::net::measure;

const CHAIN_EXPIRY: Family = Family {
    name: "probe_ssl_last_chain_expiry_timestamp_seconds",
    help: "Unix time at which the verified chain ends; absent while it does not verify.",
    labels: &[],
};
const CHAIN_INFO: Family = Family {
    name: "probe_ssl_last_chain_info",
    help: "1, with what the server's certificate says of itself.",
    labels: &["fingerprint_sha256", "subject", "issuer", "subjectalternative", "serialnumber"],
};
const CIPHER: Family = Family {
    name: "probe_tls_cipher_info",
    help: "1, with the cipher suite that was negotiated.",
    labels: &["cipher"],
};
const LIFE_LEFT: Family = Family {
    name: "musterd_tls_life_left_ratio",
    help: "Part of the certificate's life that is left, the least of all addresses; below 0 when it is over.",
    labels: &[],
};
const OFFERED: Family = Family {
    name: "musterd_tls_protocol_offered",
    help: "1 when the version is spoken, 0 when it is refused; absent while nobody can tell.",
    labels: &["protocol"],
};
const CHAIN_LENGTH: Family = Family {
    name: "musterd_tls_chain_length",
    help: "Certificates that the server sent.",
    labels: &[],
};

const OWN: [Family; 6] = [CHAIN_EXPIRY, CHAIN_INFO, CIPHER, LIFE_LEFT, OFFERED, CHAIN_LENGTH];

pub(super) const FAMILIES: &[Family] = &{
    let mut all = [CHAIN_EXPIRY; measure::CONNECTION.len() + OWN.len()];
    let mut index = 0;
    while index < all.len() {
        all[index] = if index < measure::CONNECTION.len() {
            measure::CONNECTION[index]
        } else {
            OWN[index - measure::CONNECTION.len()]
        };
        index += 1;
    }
    all
};

/// Of a certificate's words, a label holds so many characters.
const LONGEST: usize = 128;

pub(super) fn measure(seen: &Evidence) -> Vec<Measurement> {
    let Some(look) = seen.looks.iter().find(|look| look.is_session()).or(seen.looks.first()) else {
        return Vec::new();
    };
    let mut found = measure::connection(&look.connection);
    if let Some(tls) = &look.connection.tls {
        found.push(Measurement::labelled(&CIPHER, vec![tls.cipher.clone()], 1.0));
    }
    certificate(look, seen.at, &mut found);
    let left = seen.looks.iter().filter_map(|look| {
        let leaf = look.leaf().filter(|leaf| leaf.lifetime() > 0)?;
        Some(ratio(leaf.left(seen.at), leaf.lifetime()))
    });
    if let Some(least) = left.reduce(f64::min) {
        found.push(Measurement::new(&LIFE_LEFT, least));
    }
    for version in Version::ALL {
        if let Ok(spoken) = seen.speaks(version) {
            let label = vec![version.as_str().to_owned()];
            let value = if spoken { 1.0 } else { 0.0 };
            found.push(Measurement::labelled(&OFFERED, label, value));
        }
    }
    found
}

fn certificate(look: &Look, at: Timestamp, found: &mut Vec<Measurement>) {
    let Some(leaf) = look.leaf() else { return };
    found.push(Measurement::new(&CHAIN_LENGTH, ratio(i64::try_from(look.sent).unwrap_or(0), 1)));
    if look.verified && look.distrust.is_none() {
        let seconds = end(look, leaf, at).as_duration().as_secs_f64();
        found.push(Measurement::new(&CHAIN_EXPIRY, seconds));
    }
    let short = |text: &str| crate::text::excerpt(text, LONGEST);
    let labels = vec![
        leaf.fingerprint.clone(),
        short(&leaf.subject),
        short(&leaf.issuer),
        short(&leaf.names.join(",")),
        leaf.serial.clone(),
    ];
    found.push(Measurement::labelled(&CHAIN_INFO, labels, 1.0));
}

/// When the chain ends that verified. A root that was sent ends nothing, clients have their own;
/// nor does what stands above one that a trusted root issued, or what was over already.
fn end(look: &Look, leaf: &Certificate, at: Timestamp) -> Timestamp {
    let path = look.path();
    let pairs = path.iter().zip(path.iter().skip(1));
    let needed = pairs.take_while(|(below, above)| !below.under_public_root && !above.self_issued);
    let above = needed.map(|(_, above)| look.lasting(above).not_after).filter(|end| *end > at);
    let root = look.root.iter().map(|root| root.not_after);
    above.chain(root).chain([leaf.not_after]).min().unwrap_or(leaf.not_after)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a certificate are far below 2^52")]
fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}
