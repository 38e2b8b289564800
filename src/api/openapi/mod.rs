//! The description of the API for programs (`OpenAPI` 3.1), made of the table of routes.

pub(super) mod parameter;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::Answer;
use super::problem::{self, Problem};
use super::routes::WAYS;
pub(super) use parameter::Parameter;

/// The shapes of what is taken and given.
const SCHEMAS: &str = include_str!("schemas.json");

/// What a way to ask is, without what answers it.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// A name for programs.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// The schema of the body.
    pub(super) takes: Option<&'static str>,
    /// Status codes with the schemas of their bodies; an empty name is no body.
    pub(super) gives: &'static [(u16, &'static str)],
    /// Status codes of problems.
    pub(super) problems: &'static [u16],
    /// Whether it never needs a token.
    pub(super) open: bool,
}

/// `GET /api/openapi.json`.
pub(super) async fn answer(State(api): State<Arc<Api>>) -> Result<Answer, Problem> {
    Answer::json(&description(&api.shared.settings.borrow().base_path))
}

/// The description of the API below a base path.
pub(super) fn description(base_path: &str) -> Value {
    let mut paths = Map::new();
    for way in WAYS {
        let path = paths.entry(way.route.path).or_insert_with(|| json!({}));
        path[way.route.method] = operation(&way.route);
    }
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "musterd",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "What musterd knows of the services that it watches. Every path that is \
                read with GET answers HEAD too. Times are RFC 3339 in UTC, durations are numbers \
                of seconds. Keys of objects may be added, and unknown keys of a query are ignored. \
                Where no token is configured, what changes something is taken from this machine \
                only, and whoever listens on loopback answers to this machine's names only.",
        },
        "servers": [{"url": if base_path.is_empty() { "/" } else { base_path }}],
        "security": [{}, {"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "The token as password of any user"},
            },
            "schemas": schemas,
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({"operationId": route.id, "summary": route.summary});
    if route.open {
        operation["security"] = json!([]);
    }
    if !route.parameters.is_empty() {
        operation["parameters"] = route.parameters.iter().map(Parameter::describe).collect();
    }
    if let Some(schema) = route.takes {
        let content = json!({"application/json": {"schema": reference(schema)}});
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    let codes: BTreeSet<u16> =
        route.gives.iter().map(|(code, _)| *code).chain(route.problems.iter().copied()).collect();
    let answers: Map<String, Value> =
        codes.into_iter().map(|code| (code.to_string(), response(route, code))).collect();
    operation["responses"] = answers.into();
    operation
}

fn response(route: &Route, code: u16) -> Value {
    let mut content = Map::new();
    if let Some((_, schema)) = route.gives.iter().find(|(given, _)| *given == code) {
        match *schema {
            "" => {}
            "Metrics" => {
                content.insert("text/plain".to_owned(), json!({"schema": {"type": "string"}}));
            }
            "Events" => {
                content
                    .insert("text/event-stream".to_owned(), json!({"schema": {"type": "string"}}));
            }
            schema => {
                content.insert("application/json".to_owned(), json!({"schema": reference(schema)}));
            }
        }
    }
    if route.problems.contains(&code) {
        content.insert(problem::MEDIA_TYPE.to_owned(), json!({"schema": reference("Problem")}));
    }
    let meaning = StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason());
    let mut response = json!({"description": meaning.unwrap_or_default()});
    if !content.is_empty() {
        response["content"] = content.into();
    }
    response
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}
