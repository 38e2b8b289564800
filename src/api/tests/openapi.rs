//! The description is the router's, and nothing else.

use std::collections::BTreeSet;

use super::*;
use crate::api::openapi::description;
use crate::api::routes::WAYS;

#[test]
fn the_description_is_as_it_was() {
    let text = serde_json::to_string_pretty(&description("")).unwrap();
    testing::golden("openapi.json", &format!("{text}\n"));
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    if key == "$ref" {
                        let text = inner.as_str().unwrap();
                        let name = text.strip_prefix("#/components/schemas/").unwrap();
                        found.insert(name.to_owned());
                    }
                    references(inner, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let all = description("");
    let mut found = BTreeSet::new();
    references(&all, &mut found);
    let schemas: BTreeSet<String> =
        all["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(found, schemas);
    let ids: BTreeSet<&str> = WAYS.iter().map(|way| way.route.id).collect();
    assert_eq!(ids.len(), WAYS.len(), "every operation has a name of its own");
}

/// The path with parameters that lead to a check.
fn real(path: &str) -> String {
    path.replace("{service}", "shop").replace("{check}", "home")
}

#[tokio::test]
async fn everything_that_is_described_is_answered_and_nothing_else_is() {
    let mut rig = Rig::filled().await;
    // Nobody answers commands here.
    rig.asked.scheduler.close();
    rig.asked.daemon.close();
    let all = description("");
    for (path, operations) in all["paths"].as_object().unwrap() {
        for method in ["get", "head", "post", "put", "patch", "delete", "options", "trace"] {
            let described = &operations[if method == "head" { "get" } else { method }];
            let request = Request::builder().method(method.to_uppercase().as_str());
            let mut request = request.uri(real(path)).body(Body::empty()).unwrap();
            let near = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5)));
            request.extensions_mut().insert(near);
            request.headers_mut().insert("host", "localhost".parse().unwrap());
            let answer = rig.router.clone().oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            if described.is_null() {
                assert_eq!(status, 405, "{method} {path}");
                continue;
            }
            let given = answer.headers()["content-type"].to_str().unwrap().to_owned();
            let content = &described["responses"][status.to_string()]["content"];
            let media_type = given.split(';').next().unwrap();
            assert!(content[media_type].is_object(), "{method} {path}: {status} {given}");
        }
    }
}

#[tokio::test]
async fn odd_headers_get_no_answer_that_is_not_described() {
    let rig = Rig::filled().await;
    for way in WAYS.iter().filter(|way| way.route.method == "get") {
        let path = real(way.route.path);
        for (name, value) in [("if-none-match", "*"), ("content-length", "2000000")] {
            let request = Request::get(&path).header(name, value).body(Body::empty()).unwrap();
            let answer = (rig.make)().oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            let given = way.route.gives.iter().any(|(code, _)| *code == status);
            assert!(given || way.route.problems.contains(&status), "{path} {name}: {status}");
        }
    }
}

#[tokio::test]
async fn every_problem_that_was_seen_in_a_test_of_its_path_is_described() {
    let rig = Rig::filled().await;
    for way in WAYS.iter().filter(|way| !way.route.open) {
        let codes = way.route.problems;
        for code in [401, 403, 500] {
            assert!(codes.contains(&code), "{} {code}", way.route.path);
        }
        assert_eq!(codes.contains(&413), way.route.method == "post", "{}", way.route.path);
        let takes_words = way.route.path.contains('{') || !way.route.parameters.is_empty();
        let takes_body = way.route.takes.is_some();
        assert_eq!(codes.contains(&400), takes_words || takes_body, "{}", way.route.path);
    }
    let served = rig.read("/api/openapi.json").await.json();
    assert_eq!(served, description(""));
}
