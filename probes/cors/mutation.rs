//! Origins that a careless pattern lets through: what strangers can get, and what looks alike.

use serde::{Deserialize, Serialize};

use super::origin::WebOrigin;
use crate::headers::site;

/// The stranger's own domain; the name is reserved (RFC 6761), nobody can register it.
const STRANGER: &str = "evil.example";

/// What kind of carelessness lets an origin through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Class {
    /// The beginning is compared, and not the end.
    Prefix,
    /// The end is compared, and not the beginning.
    Suffix,
    /// Every host below a name.
    Subdomain,
    /// A dot that stands for any character, or a part for the whole.
    Pattern,
    /// A character that some parsers take for the end of a name.
    Special,
    /// Any port.
    Port,
    /// Plain HTTP.
    Http,
    /// A platform on which everybody gets a name.
    Platform,
    /// A developer's own machine.
    Development,
}

/// Who can have a page at an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reach {
    /// Everybody.
    Open,
    /// Whoever sits on the network between.
    Wire,
    /// Whoever finds another hole first: a forgotten subdomain, another service of the host, a
    /// browser that is generous with names.
    Narrow,
}

/// One origin to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mutation {
    pub(super) class: Class,
    pub(super) reach: Reach,
    /// As a browser would send it.
    pub(super) origin: String,
    /// Another one: where that is allowed, so is this, and it need not be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) follows_from: Option<String>,
}

impl Mutation {
    fn new(class: Class, reach: Reach, origin: impl Into<String>) -> Self {
        Self { class, reach, origin: origin.into(), follows_from: None }
    }
}

/// Platforms that show everybody's pages.
const PLATFORMS: [&str; 10] = [
    "https://musterd.github.io",
    "https://musterd.vercel.app",
    "https://musterd.netlify.app",
    "https://musterd.pages.dev",
    "https://s3.amazonaws.com",
    "https://codepen.io",
    "https://cdpn.io",
    "https://jsfiddle.net",
    "https://jsbin.com",
    "https://musterd.repl.co",
];

/// Where developers' own pages live.
const DEVELOPMENT: [&str; 5] = [
    "http://localhost",
    "http://localhost:3000",
    "http://127.0.0.1",
    "file://",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
];

/// The ways around these origins, the likeliest of each first, without any that is declared.
pub(super) fn all(seeds: &[WebOrigin], declared: &[WebOrigin]) -> Vec<Mutation> {
    let mut lists: Vec<std::vec::IntoIter<Mutation>> =
        seeds.iter().map(|seed| around(&seed.sample()).into_iter()).collect();
    let mut found: Vec<Mutation> = Vec::new();
    loop {
        let round: Vec<Mutation> = lists.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            break;
        }
        found.extend(round);
    }
    let fixed = |class, reach, list: &[&str]| {
        let made = list.iter().map(|origin| Mutation::new(class, reach, *origin));
        made.collect::<Vec<_>>()
    };
    found.extend(fixed(Class::Platform, Reach::Open, &PLATFORMS));
    found.extend(fixed(Class::Development, Reach::Narrow, &DEVELOPMENT));
    let mut kept: Vec<Mutation> = Vec::new();
    for mutation in found {
        let is_declared = declared.iter().any(|origin| origin.covers(&mutation.origin))
            || seeds.iter().any(|seed| seed.covers(&mutation.origin));
        if !is_declared && kept.iter().all(|known| known.origin != mutation.origin) {
            kept.push(mutation);
        }
    }
    kept
}

/// The ways around one origin, the likeliest first.
fn around(seed: &WebOrigin) -> Vec<Mutation> {
    let host = seed.host.as_str();
    if !matches!(seed.scheme.as_str(), "http" | "https") || site::is_address(host) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut add = |class, reach, origin: String| found.push(Mutation::new(class, reach, origin));
    let own = site::registrable(host);
    let to = |host: String| seed.at(host).to_string();

    add(Class::Prefix, Reach::Open, to(format!("{host}.{STRANGER}")));
    if let Some(own) = own {
        add(Class::Suffix, Reach::Open, to(format!("evil{own}")));
    }
    add(Class::Special, Reach::Open, to(format!("{host}_.{STRANGER}")));
    for (reach, host) in dots(host, own) {
        add(Class::Pattern, reach, to(host));
    }
    if let Some((name, platform)) = own.and_then(|own| own.split_once('.'))
        && site::is_platform(platform)
    {
        add(Class::Platform, Reach::Open, to(format!("{name}-evil.{platform}")));
    }
    add(Class::Subdomain, Reach::Narrow, to(format!("evil.{host}")));
    if let Some(own) = own.filter(|own| *own != host) {
        add(Class::Subdomain, Reach::Narrow, to(format!("musterd-probe.{own}")));
        add(Class::Suffix, Reach::Narrow, to(format!("evil{host}")));
    }
    if seed.scheme == "https" {
        let plain = WebOrigin { scheme: "http".to_owned(), port: None, ..seed.clone() };
        add(Class::Http, Reach::Wire, plain.to_string());
    }
    let port = if seed.port == Some(8443) { 9443 } else { 8443 };
    add(Class::Port, Reach::Narrow, WebOrigin { port: Some(port), ..seed.clone() }.to_string());
    add(Class::Prefix, Reach::Open, to(format!("{host}-{STRANGER}")));
    // A part for the whole, as where the list is searched for the origin.
    if let Some(rest) = own.and_then(|own| own.get(1..)).filter(|rest| !rest.starts_with('.')) {
        add(Class::Pattern, Reach::Open, to(rest.to_owned()));
    }
    // Safari lets these stand in names.
    for character in ["`", "%60", "{", "!"] {
        add(Class::Special, Reach::Narrow, to(format!("{host}{character}.{STRANGER}")));
    }
    let first = to(format!("{host}.{STRANGER}"));
    let sibling = own.map(|own| to(format!("musterd-probe.{own}")));
    for mutation in &mut found {
        mutation.follows_from = match (mutation.class, mutation.reach) {
            (Class::Prefix | Class::Special, _) if mutation.origin != first => Some(first.clone()),
            (Class::Suffix, Reach::Narrow) => sibling.clone(),
            _ => None,
        };
    }
    found
}

/// The host with each dot in turn as a letter, at most three, and who can have such a name.
fn dots(host: &str, own: Option<&str>) -> Vec<(Reach, String)> {
    let places = host.match_indices('.').map(|(at, _)| at).take(3);
    places
        .filter_map(|at| Some(format!("{}x{}", host.get(..at)?, host.get(at + 1..)?)))
        .map(|changed| {
            let top = |name: &str| name.rsplit('.').next().map(str::to_owned);
            let registrable = site::registrable(&changed);
            let open = registrable.is_some() && registrable != own && top(&changed) == top(host);
            (if open { Reach::Open } else { Reach::Narrow }, changed)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(texts: &[&str]) -> Vec<WebOrigin> {
        texts.iter().map(|text| WebOrigin::parse(text).unwrap()).collect()
    }

    fn around_one(text: &str) -> Vec<String> {
        let shown = |mutation: &Mutation| {
            format!("{:?} {:?} {}", mutation.class, mutation.reach, mutation.origin)
        };
        around(&WebOrigin::parse(text).unwrap().sample()).iter().map(shown).collect()
    }

    #[test]
    fn every_way_around_an_origin_is_tried() {
        assert_eq!(
            around_one("https://app.example.com"),
            [
                "Prefix Open https://app.example.com.evil.example",
                "Suffix Open https://evilexample.com",
                "Special Open https://app.example.com_.evil.example",
                "Pattern Open https://appxexample.com",
                "Pattern Narrow https://app.examplexcom",
                "Subdomain Narrow https://evil.app.example.com",
                "Subdomain Narrow https://musterd-probe.example.com",
                "Suffix Narrow https://evilapp.example.com",
                "Http Wire http://app.example.com",
                "Port Narrow https://app.example.com:8443",
                "Prefix Open https://app.example.com-evil.example",
                "Pattern Open https://xample.com",
                "Special Narrow https://app.example.com`.evil.example",
                "Special Narrow https://app.example.com%60.evil.example",
                "Special Narrow https://app.example.com{.evil.example",
                "Special Narrow https://app.example.com!.evil.example",
            ]
        );
    }

    #[test]
    fn a_platforms_customers_are_strangers_to_each_other() {
        let found = around_one("https://shop.vercel.app");
        assert!(found.contains(&"Platform Open https://shop-evil.vercel.app".to_owned()));
        assert!(found.contains(&"Subdomain Narrow https://evil.shop.vercel.app".to_owned()));
        let found = around_one("https://app.example.co.uk");
        assert!(found.contains(&"Suffix Open https://evilexample.co.uk".to_owned()));
        assert!(found.contains(&"Pattern Open https://appxexample.co.uk".to_owned()));
        assert!(found.iter().all(|line| !line.starts_with("Platform")), "{found:?}");
    }

    #[test]
    fn what_another_one_says_already_is_known() {
        let found = around(&WebOrigin::parse("https://app.example.com").unwrap());
        let follows = |origin: &str| {
            let mutation = found.iter().find(|mutation| mutation.origin == origin).unwrap();
            mutation.follows_from.as_deref()
        };
        let prefix = "https://app.example.com.evil.example";
        assert_eq!(follows(prefix), None);
        assert_eq!(follows("https://app.example.com_.evil.example"), Some(prefix));
        assert_eq!(follows("https://app.example.com-evil.example"), Some(prefix));
        assert_eq!(follows("https://evilexample.com"), None);
        let sibling = "https://musterd-probe.example.com";
        assert_eq!(follows("https://evilapp.example.com"), Some(sibling));
        for mutation in &found {
            let before = found
                .iter()
                .position(|other| Some(&other.origin) == mutation.follows_from.as_ref());
            let own = found.iter().position(|other| other == mutation);
            assert!(before <= own, "{mutation:?} comes after what says it");
        }
    }

    #[test]
    fn addresses_and_apps_have_no_look_alikes() {
        for text in ["http://127.0.0.1:3000", "https://[::1]", "capacitor://localhost"] {
            assert!(around_one(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_declared_is_not_tried() {
        let declared = seeds(&[
            "https://*.example.com",
            "http://localhost:3000",
            "https://codepen.io",
            "https://example.com:8443",
        ]);
        let found = all(&declared, &declared);
        for mutation in &found {
            assert!(declared.iter().all(|origin| !origin.covers(&mutation.origin)), "{mutation:?}");
        }
        assert!(found.iter().any(|m| m.origin == "https://evilexample.com"));
        assert!(found.iter().any(|m| m.origin == "http://localhost"));
        assert!(found.iter().all(|m| m.origin != "https://codepen.io"));
    }

    #[test]
    fn one_origin_fits_in_one_run_and_none_stands_twice() {
        let app = seeds(&["https://app.example.com"]);
        let both = seeds(&["https://app.example.com", "https://api.example.com"]);
        assert!(all(&both, &app).len() <= 50, "{}", all(&both, &app).len());
        let mut origins: Vec<_> = all(&both, &app).into_iter().map(|m| m.origin).collect();
        origins.sort();
        let before = origins.len();
        origins.dedup();
        assert_eq!(before, origins.len());
    }

    #[test]
    fn every_origin_can_stand_in_a_header() {
        for mutation in all(&seeds(&["https://app.example.com", "http://shop:8080"]), &[]) {
            assert!(http::HeaderValue::from_str(&mutation.origin).is_ok(), "{mutation:?}");
        }
    }
}
