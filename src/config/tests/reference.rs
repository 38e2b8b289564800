//! Schema, reference and example agree with the code and with each other.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use musterd_probes::KINDS;
use serde_json::{Map, Value};

use super::{TODAY, path};
use crate::config::EXAMPLE;
use crate::config::load::load_text_at;
use crate::config::schema::{schema, value};
use crate::config::yaml::{Document, Kind, NodeId, Problems};
use crate::testing::golden;

/// The tables of the reference: a mark in the text, and the definition whose keys it lists.
const TABLES: &[(&str, &str)] = &[
    ("top", ""),
    ("service", "Service"),
    ("check", "Check"),
    ("profile", "Profile"),
    ("defaults", "Defaults"),
    ("server", "Server"),
    ("budget", "BudgetKeys"),
    ("waiver", "Waiver"),
    ("objective", "Objective"),
    ("notifier", "Notifier"),
    ("webhook-receiver", "Webhook"),
    ("history", "History"),
];

#[test]
fn the_schema_is_the_golden_one() {
    golden("../../config/schema.json", &schema());
}

#[test]
fn the_tables_of_the_reference_are_those_of_the_schema() {
    let file = path("config/README.md");
    let mut text = fs::read_to_string(&file).unwrap();
    for (mark, table) in tables() {
        let (start, end) = (format!("<!-- keys of {mark} -->\n"), "<!-- end of keys -->");
        let (before, rest) = text.split_once(&start).unwrap_or_else(|| panic!("no mark {mark}"));
        let (_, after) = rest.split_once(end).unwrap();
        text = format!("{before}{start}{table}{end}{after}");
    }
    golden("../../config/README.md", &text);
}

#[test]
fn every_table_of_the_reference_is_a_generated_one() {
    let text = fs::read_to_string(path("config/README.md")).unwrap();
    let marks: Vec<String> = tables().into_iter().map(|(mark, _)| mark).collect();
    for part in text.split("<!-- keys of ").skip(1) {
        let mark = part.split(" -->").next().unwrap();
        assert!(marks.iter().any(|known| known == mark), "{mark}");
    }
}

#[test]
fn every_example_of_the_reference_is_right() {
    let text = fs::read_to_string(path("config/README.md")).unwrap();
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() > 3);
    for block in blocks {
        let loaded = load_text_at("README.md", block, TODAY);
        let loaded = loaded.unwrap_or_else(|problems| panic!("{block}\n{problems}"));
        assert!(loaded.warnings.is_empty(), "{block}\n{}", loaded.warnings);
    }
}

#[test]
fn the_example_shows_every_key() {
    let schema = value();
    let mut problems = Problems::default();
    let document = Document::parse("full.yaml", EXAMPLE.as_bytes(), &mut problems).unwrap();
    let mut shown = BTreeSet::new();
    walk(&document, Document::ROOT, &schema, &schema, "", &mut shown);
    let mut all = BTreeSet::new();
    keys(&schema, &schema, "", &mut all);
    let missing: Vec<_> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// What a schema stands for, as far as it describes mappings: itself and its alternatives.
fn alternatives<'s>(schema: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return alternatives(&root["$defs"][name], root);
    }
    let mut found = vec![schema];
    for several in ["anyOf", "oneOf"] {
        for one in schema[several].as_array().into_iter().flatten() {
            found.extend(alternatives(one, root));
        }
    }
    found
}

/// Every key that a schema knows, by its path.
fn keys(schema: &Value, root: &Value, at: &str, found: &mut BTreeSet<String>) {
    for schema in alternatives(schema, root) {
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{at}.{name}");
            found.insert(path.clone());
            keys(inner, root, &path, found);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                keys(&schema[inner], root, at, found);
            }
        }
    }
    // What stands in many places needs to be shown in one only.
    let repeated = |path: &str| {
        let secret = matches!(path.rsplit('.').next(), Some("env" | "file"));
        let in_profile = ["checks", "waivers", "objectives"];
        let in_profile =
            in_profile.iter().any(|list| path.starts_with(&format!(".profiles.{list}.")));
        secret || in_profile || path.contains(".auth.")
    };
    found.retain(|path| !repeated(path));
}

/// Every key that a document has, by the same paths.
fn walk(
    document: &Document,
    at: NodeId,
    schema: &Value,
    root: &Value,
    path: &str,
    found: &mut BTreeSet<String>,
) {
    for schema in alternatives(schema, root) {
        match document.kind(at) {
            Kind::Seq(items) if schema["items"].is_object() => {
                for item in items {
                    walk(document, *item, &schema["items"], root, path, found);
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries {
                    let name = document.text(*key);
                    if schema["properties"][name].is_object() {
                        let path = format!("{path}.{name}");
                        found.insert(path.clone());
                        walk(document, *value, &schema["properties"][name], root, &path, found);
                    } else if schema["additionalProperties"].is_object() {
                        walk(document, *value, &schema["additionalProperties"], root, path, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Every generated table, by its mark.
fn tables() -> Vec<(String, String)> {
    let schema = value();
    let mut tables: Vec<(String, String)> = TABLES
        .iter()
        .map(|(mark, name)| {
            let definition = if name.is_empty() { &schema } else { &schema["$defs"][name] };
            let probes: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let hidden = if *name == "Check" { probes } else { Vec::new() };
            ((*mark).to_owned(), table(definition, &schema, &hidden))
        })
        .collect();
    let mut probes = String::new();
    for kind in KINDS {
        let settings = &schema["$defs"]["Check"]["properties"][kind.name]["anyOf"][0];
        let every = humantime::format_duration(kind.interval);
        writeln!(probes, "### `{}`: {}\n", kind.name, kind.summary).unwrap();
        writeln!(probes, "{} Every {every} by default.\n", text(settings)).unwrap();
        writeln!(probes, "{}", table(settings, &schema, &[])).unwrap();
    }
    tables.push(("probes".to_owned(), probes));
    tables
}

/// The keys of a definition, and below each the keys of its mapping.
fn table(definition: &Value, root: &Value, hidden: &[&str]) -> String {
    let mut text = "| key | value | |\n|---|---|---|\n".to_owned();
    fill(definition, root, "", hidden, &mut text);
    text
}

/// Mappings that have a table of their own, and what is told at its key.
const APART: &[&str] = &[
    "Service",
    "Profile",
    "Defaults",
    "Server",
    "BudgetKeys",
    "Waiver",
    "Objective",
    "Notifier",
    "Webhook",
    "History",
    "Check",
    "SecretRef",
    "HeaderText",
    "Labels",
    "HeaderWanted",
    "Auth",
];

fn fill(definition: &Value, root: &Value, prefix: &str, hidden: &[&str], rows: &mut String) {
    let empty = Map::new();
    let properties = definition["properties"].as_object().unwrap_or(&empty);
    let required = definition["required"].as_array();
    for (name, schema) in properties {
        if hidden.contains(&name.as_str()) {
            continue;
        }
        let must = required.is_some_and(|list| list.iter().any(|key| key == name));
        let needed = if must { "; needed" } else { "" };
        let kind = kind(schema, root);
        let words = text(schema);
        writeln!(rows, "| `{prefix}{name}` | {kind}{needed} | {words} |").unwrap();
        if let Some(name_of) = reference(schema)
            && !APART.contains(&name_of)
        {
            fill(&root["$defs"][name_of], root, &format!("{prefix}{name}."), &[], rows);
        }
    }
}

fn text(schema: &Value) -> String {
    let words = schema["description"].as_str().unwrap_or_default().replace('|', "\\|");
    match schema["default"].as_str() {
        Some(default) if !default.is_empty() && !words.contains("default") => {
            format!("{words} By default `{default}`.")
        }
        _ => words,
    }
}

/// The definition that a schema refers to, unless null is meant.
fn reference(schema: &Value) -> Option<&str> {
    let direct = schema["$ref"].as_str();
    let within = schema["anyOf"].as_array().and_then(|list| list.first()?["$ref"].as_str());
    direct.or(within).map(|reference| reference.rsplit('/').next().unwrap())
}

/// What a value looks like, in a word or two.
fn kind(schema: &Value, root: &Value) -> String {
    if let Some(name) = reference(schema) {
        return match name {
            "SecretRef" => "secret".to_owned(),
            "HeaderText" => "text or secret".to_owned(),
            "Duration" => "duration".to_owned(),
            "Rate" => "rate".to_owned(),
            "Status" => "status, or a list".to_owned(),
            _ => kind(&root["$defs"][name], root),
        };
    }
    if let Some(words) = words(schema) {
        return words;
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(list) = schema[several].as_array() {
            if schema["properties"].is_object() {
                break;
            }
            let mut kinds: Vec<String> = Vec::new();
            for one in list.iter().filter(|one| one["type"] != "null") {
                let kind = kind(one, root);
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            return kinds.join(" or ");
        }
    }
    let plain = match &schema["type"] {
        Value::Array(types) => types[0].as_str().unwrap_or_default(),
        other => other.as_str().unwrap_or("any value"),
    };
    match plain {
        "string" if schema["pattern"].as_str().is_some_and(|p| p.contains("µ")) => "duration",
        "string" => "text",
        "boolean" => "`true` or `false`",
        "integer" | "number" => "number",
        "object" => "mapping",
        "array" => return list(&schema["items"], root),
        other => other,
    }
    .to_owned()
}

fn list(items: &Value, root: &Value) -> String {
    match kind(items, root).as_str() {
        "text" => "list of texts".to_owned(),
        "mapping" => "list of mappings".to_owned(),
        other => format!("list of {other}"),
    }
}

/// The words that may be written, where they are few.
fn words(schema: &Value) -> Option<String> {
    let list = schema["enum"].as_array().or_else(|| {
        schema["oneOf"].as_array().filter(|list| list.iter().all(|one| one["const"].is_string()))
    })?;
    // Numbers among them are the same words as YAML reads them.
    let words = list.iter().filter_map(|one| {
        let word = one.as_str().or_else(|| one["const"].as_str())?;
        Some(format!("`{word}`"))
    });
    Some(words.collect::<Vec<_>>().join(", "))
}
