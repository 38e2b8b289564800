//! What is right is read as it was meant.

use std::time::Duration;

use musterd_probes::impact::Impact;
use musterd_probes::severity::Severity;

use super::{TODAY, configurations, path};
use crate::config::load::{Loaded, load_at, load_text_at};
use crate::config::{Channel, Config, EXAMPLE};

fn good(name: &str) -> Config {
    let loaded = load_at(&path("tests/configs/good").join(name), TODAY).unwrap();
    assert!(loaded.warnings.is_empty(), "{name}: {}", loaded.warnings);
    loaded.config
}

fn text(text: &str) -> Config {
    load_text_at("m.yaml", text, TODAY).map_err(|problems| problems.to_string()).unwrap().config
}

#[test]
fn every_good_configuration_is_read_without_a_warning() {
    for (name, _) in configurations("tests/configs/good") {
        good(&name);
    }
    for name in ["minimal.yaml", "full.yaml"] {
        let loaded = load_at(&path("config").join(name), TODAY);
        let loaded = loaded.map_err(|problems| problems.to_string()).unwrap();
        assert!(loaded.warnings.is_empty(), "{name}: {}", loaded.warnings);
    }
    let Loaded { warnings, .. } = load_text_at("example", EXAMPLE, TODAY).unwrap();
    assert!(warnings.is_empty(), "{warnings}");
}

#[test]
fn what_is_not_said_has_its_default() {
    let config = good("one-check.yaml");
    assert_eq!(config.listen.to_string(), "127.0.0.1:9797");
    assert!(config.state.is_none() && config.history.is_none() && !config.system_roots);
    let service = &config.services[0];
    assert_eq!(service.target.http_url.as_ref().unwrap().as_str(), "http://shop.example/");
    assert!(service.budget.is_none() && !service.target.insecure);
    let check = &service.checks[0];
    assert_eq!((&*check.id, check.name()), ("shop/http", "http"));
    assert_eq!(check.interval, Duration::from_secs(30));
    assert_eq!(check.terms.timeout, Duration::from_secs(10));
    assert_eq!((check.terms.confirm, check.terms.retry_interval), (2, Duration::from_secs(30)));
    assert_eq!(check.terms.allow, Impact::Active);
    assert_eq!(*check.terms.settings, serde_json::json!({}));
    assert_eq!((check.place.line, check.place.column), (5, 9));
}

#[test]
fn short_intervals_shorten_what_follows_from_them() {
    let head = "services:\n  - name: shop\n    url: https://shop.example\n    checks:\n";
    let config = text(&format!("{head}      - http:\n        interval: 5s\n"));
    let check = &config.services[0].checks[0];
    assert_eq!(
        (check.terms.retry_interval, check.terms.timeout),
        (Duration::from_secs(5), Duration::from_secs(5))
    );
}

#[test]
fn layers_lie_on_top_of_each_other() {
    let config = good("profile-layers.yaml");
    let [shop, blog] = &config.services[..] else { panic!("two services") };
    let labels: Vec<_> = shop.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(labels, ["env=staging", "tier=two"]);
    let checks: Vec<_> = shop
        .checks
        .iter()
        .map(|check| (check.name(), check.terms.settings["path"].as_str()))
        .collect();
    assert_eq!(checks, [("http", Some("/own")), ("health", Some("/strict"))]);
    assert_eq!(shop.checks[0].terms.severity.of("http.slow"), Some(Severity::Critical));
    assert_eq!(shop.checks[1].terms.severity.of("http.slow"), None);
    assert!(shop.checks.iter().all(|check| check.terms.allow == Impact::Active));
    assert_eq!(shop.budget.unwrap().burst, 1);
    assert_eq!(shop.budget.unwrap().rate.to_string(), "1/s");
    let [objective] = &shop.objectives[..] else { panic!("one objective") };
    assert!((objective.target - 99.9).abs() < f64::EPSILON);

    assert_eq!(blog.checks.len(), 3);
    assert_eq!(blog.checks[0].terms.severity.of("http.slow"), Some(Severity::Low));
    // The profile's check may do more, and this service does not consent to it.
    assert!(blog.checks.iter().all(|check| check.terms.allow == Impact::Passive));
    assert!(blog.target.http_url.is_none());
}

#[test]
fn disabled_checks_are_left_out() {
    let config = good("disabled.yaml");
    assert_eq!(config.checks().count(), 1);
}

#[test]
fn copies_of_anchors_are_services_of_their_own() {
    let config = good("anchors.yaml");
    let ids: Vec<&str> = config.checks().map(|(_, check)| &*check.id).collect();
    assert_eq!(ids, ["shop/http", "shop/health", "blog/http", "blog/health"]);
    assert_eq!(config.services[1].labels["team"], "press");
}

#[test]
fn the_example_is_read_as_it_says() {
    let config = text(EXAMPLE);
    assert_eq!(config.server.base_path, "/musterd");
    let external_url = config.server.external_url.as_deref();
    assert_eq!(external_url, Some("https://ops.shop.example/musterd"));
    assert!(config.server.public && config.server.tls.is_some());
    assert_eq!(config.uplink[0].host, "1.1.1.1");
    assert!(matches!(config.notify[0].channel, Channel::Alertmanager { .. }));
    assert_eq!(config.history.as_ref().unwrap().keep, Duration::from_hours(90 * 24));
    assert_eq!(config.services.len(), 3);
}

#[test]
fn equal_probes_of_many_services_are_one() {
    let one = |name: &str| {
        format!(
            "  - name: {name}\n    url: https://{name}.example\n    checks: [http: {{path: /x}}]\n"
        )
    };
    let config = text(&format!("services:\n{}{}", one("a"), one("b")));
    let probes: Vec<_> = config.checks().map(|(_, check)| check.probe.clone()).collect();
    assert!(std::sync::Arc::ptr_eq(&probes[0], &probes[1]));
}

#[test]
fn a_check_is_the_same_in_whatever_order_its_keys_are_written() {
    let identity = |service: &str, settings: &str| {
        let yaml = format!(
            "services: [{{name: shop, url: https://shop.example, {service}checks: [http: {settings}]}}]\n"
        );
        text(&yaml).services[0].checks[0].identity
    };
    let service = "headers: {x-a: '1', x-b: '2'}, server_name: shop.example, ";
    let settings = "{path: /a, method: PUT, expect: {status: 200, body: [x]}}";
    let first = identity(service, settings);
    for (service, settings, same) in [
        (service, "{method: PUT, path: /a, expect: {status: 200, body: [x]}}", true),
        (service, "{expect: {body: [x], status: 200}, path: /a, method: PUT}", true),
        ("server_name: shop.example, headers: {x-b: '2', x-a: '1'}, ", settings, true),
        (service, "{path: /b, method: PUT, expect: {status: 200, body: [x]}}", false),
        ("server_name: shop.example, headers: {x-b: '1', x-a: '2'}, ", settings, false),
    ] {
        assert_eq!(identity(service, settings) == first, same, "{service}{settings}");
    }
    assert_eq!(identity("", ""), identity("", "{}"), "nothing is said in both");
}
