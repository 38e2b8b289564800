//! The catalogue of metrics, compared with what is scraped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;

use musterd_probes::KINDS;
use musterd_test_support::http::{HttpServer, Reply};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::api::everything::Everything;
use crate::api::metrics::stream;
use crate::metrics::catalogue::ALL;
use crate::metrics::parse;

/// Kind, labels and help of a family.
type Family = (String, BTreeSet<String>, String);

/// The families of a page, by name.
fn scraped(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            families.entry(name.to_owned()).or_default().2 = help.to_owned();
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        {
            families.entry(name.to_owned()).or_default().0 = kind.to_owned();
        }
    }
    for sample in parse::page(text) {
        let family = parse::family_of(&sample.name, |name| families.contains_key(name)).to_owned();
        let labels = &mut families.get_mut(&family).unwrap().1;
        labels.extend(sample.labels.into_keys().filter(|label| label != "le"));
    }
    families
}

/// What a daemon shows that has looked at everything it was told to.
async fn live() -> String {
    let target = HttpServer::start(|_| Reply::text(200, "well")).await;
    let url = target.url();
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!(
        "services:\n  - name: shop\n    url: {url}\n    labels: {{env: test}}\n    checks:\n      \
         - http:\n      - http: {{expect: {{status: 404}}}}\n        name: absent\n        confirm: 1\n    objectives: [{{name: available, checks: [http], target: 99.5, window: 7d}}]\n\
         notify:\n  - {{name: ops, webhook: {{url: '{url}'}}}}\nstate: {{path: '{}'}}\n",
        folder.path().display()
    );
    let loaded = crate::config::load_text("musterd.yaml", &yaml);
    let (listening, address) = tokio::sync::oneshot::channel();
    let start = crate::app::Start {
        config: loaded.unwrap_or_else(|_| panic!("a sound configuration")).config,
        path: None,
        ledger: None,
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        vault: Arc::new(Vault::new(|_| None)),
        listening: Box::new(move |url| listening.send(url.to_owned()).unwrap()),
    };
    let daemon = tokio::spawn(crate::app::run(start));
    let daemon_url = address.await.expect("the daemon starts");
    let address = daemon_url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let get = async |path: &str| {
        let mut wire = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        wire.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        wire.read_to_string(&mut answer).await.unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    while !get("/api/v1/status").await.contains("\"pending\":0") {
        assert!(tokio::time::Instant::now() < until, "the first round does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let page = get("/metrics").await;
    daemon.abort();
    page
}

#[tokio::test]
async fn the_catalogue_is_as_it_was_and_as_it_is_scraped() {
    let text = live().await;
    let scraped = scraped(&text);
    let set = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    let of_probe = |family: &musterd_probes::measurement::Family| {
        let labels = ["service", "check", "probe"].iter().chain(family.labels).copied();
        let labels: Vec<&str> = labels.collect();
        (family.name.to_owned(), ("gauge".to_owned(), set(&labels), family.help.to_owned()))
    };
    let mut catalogue: BTreeMap<String, Family> =
        KINDS.iter().flat_map(|kind| kind.families).map(of_probe).collect();
    for family in ALL {
        let entry = (family.kind.as_str().to_owned(), set(family.labels), family.help.to_owned());
        catalogue.insert(family.name.to_owned(), entry);
        assert!(scraped.contains_key(family.name), "{} is not scraped", family.name);
    }
    for (name, mut found) in scraped {
        if name == "musterd_service_info" {
            // The services' own labels.
            assert!(found.1.remove("env"));
        }
        let known = catalogue.entry(name.clone()).or_insert_with(|| found.clone());
        assert_eq!(found, *known, "{name}");
    }
    let mut golden = String::new();
    for (name, (kind, labels, help)) in catalogue {
        let labels: Vec<String> = labels.into_iter().collect();
        writeln!(golden, "{name} {kind} {{{}}} {help}", labels.join(",")).unwrap();
    }
    testing::golden("metrics.txt", &golden);
}

/// The page of a store that was filled by hand.
async fn scrape() -> String {
    let mut rig = Rig::filled().await;
    rig.run("shop/home", &[]);
    rig.read("/metrics").await.text().to_owned()
}

#[tokio::test]
async fn every_verdict_counts_from_nought_and_nothing_stands_twice() {
    let text = scrape().await;
    let samples = parse::page(&text);
    let of = |check: &str, name: &str| -> Vec<(String, f64)> {
        let is_its = |sample: &&parse::Sample| {
            sample.name == name && sample.labels.get("check").is_some_and(|own| own == check)
        };
        let verdict = |sample: &parse::Sample| {
            let label = sample.labels.get("verdict").cloned();
            (label.unwrap_or_default(), sample.value)
        };
        samples.iter().filter(is_its).map(verdict).collect()
    };
    let counts = |all: [f64; 4]| -> Vec<(String, f64)> {
        ["pass", "warn", "fail", "unknown"].map(str::to_owned).into_iter().zip(all).collect()
    };
    let runs = "musterd_check_runs_total";
    assert_eq!(of("shop/home", runs), counts([2.0, 0.0, 0.0, 0.0]));
    assert_eq!(of("shop/cart", runs), counts([0.0, 0.0, 1.0, 0.0]));
    assert_eq!(of("blog/front", runs), counts([0.0, 0.0, 0.0, 1.0]));
    let last_pass = "musterd_check_last_pass_timestamp_seconds";
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let fifth = noon().as_second() as f64 + 5.0;
    assert_eq!(of("shop/home", last_pass), [(String::new(), fifth)]);
    assert_eq!(of("shop/cart", last_pass), []);
    assert_eq!(of("blog/front", "probe_success"), [], "absent while that is not known");
    assert!(!text.contains(SECRET) && !text.contains("it said"), "no text of the target");
}

#[tokio::test]
async fn a_family_of_the_registry_that_is_written_already_is_left_out() {
    let rig = Rig::filled().await;
    let twice = prometheus::IntGauge::new("musterd_build_info", "Twice").unwrap();
    rig.registry.register(Box::new(twice)).unwrap();
    parse::page(rig.read("/metrics").await.text());
}

#[tokio::test]
async fn the_series_of_a_check_that_is_gone_are_gone() {
    let rig = Rig::filled().await;
    assert!(rig.read("/metrics").await.text().contains("shop/home"));
    let blog = service("blog", &["front"], Vec::new());
    let watched = Watched { service: Arc::clone(&blog), check: Arc::clone(&blog.checks[0]) };
    rig.store.adopt(&[watched], noon());
    let text = rig.read("/metrics").await.text().to_owned();
    assert!(!text.contains("shop") && text.contains("blog/front"), "{text}");
    parse::page(&text);
}

#[tokio::test]
async fn a_check_costs_at_most_forty_series() {
    let text = scrape().await;
    let samples = parse::page(&text);
    let of_home = samples
        .iter()
        .filter(|sample| sample.labels.get("check").is_some_and(|check| check == "shop/home"));
    assert!(of_home.count() <= 40);
}

#[tokio::test]
async fn a_page_that_is_written_while_it_is_read_is_the_same() {
    let names: Vec<String> = (0..50).map(|number| format!("c{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let services = (0..50).map(|number| service(&format!("s{number}"), &names, Vec::new()));
    let mut rig = Rig::of(&services.collect::<Vec<_>>());
    for number in 0..50 {
        rig.run(&format!("s{number}/c1"), &[(&HIGH, "a"), (&LOW, "")]);
        rig.run(&format!("s{number}/c49"), &[]);
    }
    let now = || Everything {
        states: rig.store.states(),
        posted: Vec::new(),
        location: "here".to_owned(),
        at: noon(),
        vault: Arc::clone(&rig.vault),
    };
    let page = rig.read("/metrics").await;
    parse::page(page.text());
    for gzip in [false, true] {
        let answer = Answered::read(stream(now(), rig.registry.clone(), gzip)).await;
        assert_eq!(answer.header("content-type"), page.header("content-type"));
        let body = if gzip {
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut text).unwrap();
            text
        } else {
            answer.body.to_vec()
        };
        assert!(body == page.body, "the page differs");
    }
}
