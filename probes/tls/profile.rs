//! Mozilla's recommendations as data, and how far a server keeps to them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Tls;
use super::evidence::{Evidence, Surveyed};
use super::settings::ProfileName;
use super::survey::{Ask, Standing, Survey};
use super::wire::hello::GROUPS;
use super::wire::version::Version;
use crate::rule::{Looked, Saw, Tested};
use crate::severity::Severity;
use crate::text::list;

/// A profile of one version of the guidelines.
#[derive(Debug, Deserialize)]
struct Profile {
    version: String,
    date: String,
    protocols: Vec<String>,
    suites: Vec<String>,
    groups: Vec<String>,
    keys: Vec<String>,
    curves: Vec<String>,
    rsa_bits: Option<usize>,
    dh_bits: Option<usize>,
    lifespan_days: i64,
}

#[derive(Debug, Deserialize)]
struct Catalogue {
    profiles: BTreeMap<String, Profile>,
}

fn named(name: ProfileName) -> &'static Profile {
    static ALL: LazyLock<Catalogue> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../catalog/tls-profiles.json"))
            .expect("a test reads the catalogue")
    });
    ALL.profiles.get(name.as_str()).expect("a test looks every profile up")
}

/// What is missed of the profile, a subject for each part of it. A profile that nobody chose is
/// for information.
pub(super) fn compare(tls: &Tls, seen: &Evidence) -> Looked {
    let name = tls.profile.unwrap_or(ProfileName::Intermediate);
    let profile = named(name);
    let severity = if tls.profile.is_some() { Severity::Low } else { Severity::Info };
    let wanted = format!("{} {} of {}", name.as_str(), profile.version, profile.date);
    let mut saw = Vec::new();
    let mut tested = Vec::new();
    let mut part = |subject: &str, found: Option<Vec<String>>| {
        let Some(found) = found else { return };
        tested.push(subject.to_owned());
        if !found.is_empty() {
            saw.push(Saw::new(list(&found), wanted.clone()).on(subject).graded(severity));
        }
    };
    part("certificate", certificate(profile, seen));
    part("protocols", protocols(profile, seen));
    if let Surveyed::Done(survey) = &seen.survey {
        part("suites", suites(profile, survey));
        part("groups", groups(profile, survey));
    }
    let tested = if tested.is_empty() {
        Tested::No("nothing was seen to compare with it".to_owned())
    } else {
        Tested::Only(tested)
    };
    Looked { saw, tested }
}

fn certificate(profile: &Profile, seen: &Evidence) -> Option<Vec<String>> {
    let leaf = seen.looks.iter().find_map(|look| look.leaf())?;
    let mut found = Vec::new();
    let key = &leaf.key;
    if !profile.keys.contains(&key.kind) {
        found.push(format!("a key of the kind {}", key.kind));
    }
    if let Some(curve) = key.curve.as_ref().filter(|curve| !profile.curves.contains(curve)) {
        found.push(format!("a key on {curve}"));
    }
    if key.kind == "rsa"
        && let Some(bits) = profile.rsa_bits
        && key.bits < bits
    {
        found.push(format!("an RSA key of {} bits", key.bits));
    }
    let days = leaf.lifetime() / 86_400;
    if days > profile.lifespan_days {
        found.push(format!("a life of {days} days"));
    }
    Some(found)
}

fn protocols(profile: &Profile, seen: &Evidence) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for version in Version::ALL {
        let belongs = profile.protocols.iter().any(|name| name == version.as_str());
        match (seen.speaks(version).ok()?, belongs) {
            (true, false) => found.push(format!("{version} is spoken")),
            (false, true) => found.push(format!("{version} is not spoken")),
            (true, true) | (false, false) => {}
        }
    }
    Some(found)
}

fn suites(profile: &Profile, survey: &Survey) -> Option<Vec<String>> {
    let mut strange: Vec<String> = Vec::new();
    let mut any = false;
    for (_, suite) in survey.suites() {
        any = true;
        let name = suite.name.to_owned();
        if !profile.suites.contains(&name) && !strange.contains(&name) {
            strange.push(name);
        }
    }
    if strange.len() > 8 {
        let more = strange.len() - 8;
        strange.truncate(8);
        strange.push(format!("{more} more"));
    }
    if let (Standing::Offered(chosen), Some(least)) = (survey.standing(Ask::Dhe), profile.dh_bits)
        && let Some(bits) = chosen.prime_bits.filter(|bits| *bits < least)
    {
        strange.push(format!("a Diffie-Hellman group of {bits} bits"));
    }
    any.then_some(strange)
}

fn groups(profile: &Profile, survey: &Survey) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut any = false;
    for (number, name) in GROUPS {
        let belongs = profile.groups.iter().any(|wanted| wanted == name);
        match survey.standing(Ask::Group(number)) {
            Standing::Refused if belongs && survey.speaks(Version::Tls13) == Some(true) => {
                any = true;
                found.push(format!("without {name}"));
            }
            Standing::Offered(_) => any = true,
            _ => {}
        }
    }
    any.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::wire::suite::Suite;

    #[test]
    fn every_profile_is_there_and_names_what_is_known() {
        for name in [ProfileName::Modern, ProfileName::Intermediate, ProfileName::Old] {
            let profile = named(name);
            for suite in &profile.suites {
                assert!(Suite::all().iter().any(|known| known.name == suite), "{suite}");
            }
            for group in &profile.groups {
                assert!(GROUPS.iter().any(|(_, known)| known == group), "{group}");
            }
            for protocol in &profile.protocols {
                let known = Version::ALL.iter().any(|version| version.as_str() == protocol);
                assert!(known, "{protocol}");
            }
        }
        assert_eq!(named(ProfileName::Modern).version, "6.0");
    }
}
