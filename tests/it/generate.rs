//! `musterd generate`: the rules for Prometheus that are made of objectives.

use crate::harness::{Folder, root};

#[test]
fn rules_are_made_of_objectives() {
    let example = root().join("deploy/prometheus/example");
    let path = example.join("musterd.yaml").display().to_string();
    let folder = Folder::new();
    let ran = folder.run(&["generate", "prometheus-rules", "--config", &path]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    musterd_test_support::golden::golden(&example.join("objectives.yml"), &ran.stdout);
    let operator = ["generate", "prometheus-rules", "--config", &path, "--format", "operator"];
    let ran = folder.run(&operator);
    assert!(ran.stdout.contains("\nkind: PrometheusRule\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\nspec:\n  groups:\n    - name: "), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_measured_is_said_twice() {
    let folder = Folder::new();
    folder.write(
        "musterd.yaml",
        "services:\n  - name: shop\n    url: https://shop.example\n    checks: [http: , tls: ]\n    \
         objectives:\n      - {name: available, checks: [http], target: 99.95, window: 30d}\n      \
         - {name: sound, checks: [tls], target: 99.9, window: 7d}\n",
    );
    let ran = folder.run(&["generate", "prometheus-rules"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for warning in [
        "shop/available: 1 bad run in 1h would be enough",
        "shop/sound: the pair of 14m and 121m is left out",
        "shop/sound: nothing of it pages anybody",
    ] {
        assert!(ran.stderr.contains(&format!("warning: {warning}")), "{}", ran.stderr);
        assert!(ran.stdout.contains(&format!("# {warning}")), "{}", ran.stdout);
    }
    assert!(ran.stdout.contains("[1h])) >= 3"), "{}", ran.stdout);
}

#[test]
fn without_objectives_there_is_a_way_out() {
    let folder = Folder::new();
    folder.write(
        "musterd.yaml",
        "services: [{name: shop, url: 'https://shop.example', checks: [http: ]}]\n",
    );
    let ran = folder.run(&["generate", "prometheus-rules"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("objectives: [{name: available"), "{}", ran.stderr);
}
