//! The cors probe against the frameworks that users run: what it says of each, with how many
//! requests.

use std::collections::BTreeMap;
use std::process::Command;

use crate::harness::Folder;
use crate::peer;

/// A page with cookies that reads and writes.
const APP: &str = "allowed_origins: [https://app.example.com], credentials: true, methods: [GET, PUT], headers: [content-type, authorization]";
const PUBLIC: &str = "public: true";
const NOTHING: &str = "depth: canary";

/// A variant, what is declared of it, the verdict at full depth, and the rules that fire.
type Row = (&'static str, &'static str, &'static str, &'static str);

const NODE: [Row; 17] = [
    ("express-list", APP, "pass", ""),
    ("express-fixed", APP, "pass", ""),
    ("express-anchored", APP, "pass", ""),
    (
        "express-loose",
        APP,
        "fail",
        "prefix-allowed suffix-allowed pattern-loose subdomain-allowed port-ignored http-allowed",
    ),
    ("express-error", APP, "warn", "error-on-refusal"),
    ("express-reflect", APP, "fail", "origin-reflected"),
    (
        "express-star",
        APP,
        "fail",
        "wildcard-on-private wildcard-with-credentials allowed-origin-refused preflight-refused",
    ),
    ("express-public", PUBLIC, "pass", ""),
    ("express-none", NOTHING, "pass", ""),
    ("fastify-list", APP, "pass", ""),
    ("fastify-methods", APP, "fail", "preflight-refused"),
    ("fastify-error", APP, "warn", "error-on-refusal"),
    ("koa-list", APP, "pass", ""),
    ("koa-reflect", APP, "fail", "origin-reflected"),
    ("nest-list", APP, "pass", ""),
    ("nest-reflect", APP, "fail", "origin-reflected"),
    ("nest-none", NOTHING, "pass", ""),
];

/// Before Starlette 0.49, what is refused has no `Vary`, and a cache may give it to everybody.
const FASTAPI: [Row; 5] = [
    ("fastapi-list", APP, "warn", "vary-missing"),
    ("fastapi-star", APP, "fail", "origin-reflected vary-missing"),
    ("fastapi-pattern", APP, "warn", "subdomain-allowed vary-missing"),
    ("fastapi-methods", APP, "fail", "preflight-refused vary-missing"),
    ("fastapi-none", NOTHING, "pass", ""),
];

const DJANGO: [Row; 3] = [
    ("django-list", APP, "pass", ""),
    ("django-all", APP, "fail", "origin-reflected"),
    ("django-pattern", APP, "fail", "prefix-allowed port-ignored"),
];

/// Without a handler of its own, Next.js answers `OPTIONS` itself and lets nobody in.
const NEXT: [Row; 5] = [
    ("next-list", APP, "pass", ""),
    ("next-get", APP, "fail", "preflight-refused"),
    ("next-reflect", APP, "fail", "origin-reflected"),
    (
        "next-star",
        APP,
        "fail",
        "wildcard-on-private wildcard-with-credentials allowed-origin-refused preflight-refused",
    ),
    ("next-none", NOTHING, "pass", ""),
];

/// What only full depth can see.
const DEEP: [&str; 7] = [
    "prefix-allowed",
    "suffix-allowed",
    "subdomain-allowed",
    "pattern-loose",
    "special-character-allowed",
    "port-ignored",
    "http-allowed",
];

/// The rules as a sorted list, with the probe's name.
fn rules<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut rules: Vec<String> = words.map(|word| format!("cors.{word}")).collect();
    rules.sort();
    rules
}

/// How many requests each variant got so far.
fn counts(ports: &[u16]) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for port in ports {
        let url = format!("http://127.0.0.1:{port}/counts");
        let told = Command::new("curl").args(["-fsS", &url]).output().unwrap();
        all.extend(serde_json::from_slice::<BTreeMap<String, u64>>(&told.stdout).unwrap());
    }
    all
}

fn configuration(places: &[(u16, &Row)], depth: &str) -> String {
    let service = |(port, (name, declared, ..)): &(u16, &Row)| {
        let depth = if *declared == NOTHING { "" } else { depth };
        format!(
            "  - name: {name}\n    url: http://127.0.0.1:{port}/{name}\n    budget: {{rate: 1000/s, burst: 500, connections: 1000/s}}\n    checks: [cors: {{path: api/users, {declared}{depth}}}]\n"
        )
    };
    format!("services:\n{}", places.iter().map(service).collect::<String>())
}

#[test]
fn of_each_framework_it_says_what_is_so_three_runs_in_a_row() {
    let (node, next, fastapi, django) = std::thread::scope(|scope| {
        let node = scope.spawn(|| peer::node("cors/node.mjs", &[("NODE_ENV", "test")]));
        let next = scope.spawn(|| peer::node("next/server.mjs", &[("NODE_ENV", "production")]));
        let fastapi = scope.spawn(|| peer::python("cors/fastapi_app.py", &[]));
        let django = DJANGO.map(|(variant, ..)| {
            scope.spawn(move || peer::python("cors/django_app.py", &[("VARIANT", variant)]))
        });
        let django = django.map(|starting| starting.join().unwrap());
        (node.join().unwrap(), next.join().unwrap(), fastapi.join().unwrap(), django)
    });
    let mut places: Vec<(u16, &Row)> = NODE.iter().map(|row| (node.1, row)).collect();
    places.extend(NEXT.iter().map(|row| (next.1, row)));
    places.extend(FASTAPI.iter().map(|row| (fastapi.1, row)));
    places.extend(django.iter().zip(&DJANGO).map(|((_, port), row)| (*port, row)));
    let mut ports: Vec<u16> = places.iter().map(|(port, _)| *port).collect();
    ports.dedup();

    let folder = Folder::new();
    let mut before = counts(&ports);
    for (depth, most) in
        [(", depth: full", 64), (", depth: full", 64), (", depth: full", 64), ("", 6)]
    {
        let deep = !depth.is_empty();
        folder.write("musterd.yaml", configuration(&places, depth));
        let ran = folder.run(&["check", "--format", "json"]);
        let saw: Vec<(String, Vec<String>)> = ran
            .checks()
            .into_iter()
            .map(|(id, verdict, mut rules)| {
                rules.sort();
                rules.dedup();
                (if deep { format!("{id} {verdict}") } else { id }, rules)
            })
            .collect();
        let wanted: Vec<(String, Vec<String>)> = places
            .iter()
            .map(|(_, (name, _, verdict, fire))| {
                let fire = fire.split_whitespace().filter(|rule| deep || !DEEP.contains(rule));
                let id = format!("{name}/cors");
                (if deep { format!("{id} {verdict}") } else { id }, rules(fire))
            })
            .collect();
        assert_eq!(saw, wanted, "{depth} {}", ran.stderr);
        let now = counts(&ports);
        for (_, (name, ..)) in &places {
            let sent = now[*name] - before.get(*name).copied().unwrap_or_default();
            assert!((4..=most).contains(&sent), "{name}: {sent} requests{depth}");
            println!("{name}: {sent} requests{depth}");
        }
        before = now;
    }
}
