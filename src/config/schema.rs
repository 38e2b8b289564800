//! The JSON schema of the format: what editors and other programs know of it.

use musterd_probes::registry::Registration;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::raw::{self, check};

/// The whole schema, as text that ends in a newline.
pub(crate) fn schema() -> String {
    format!("{:#}\n", value())
}

/// The whole schema, with what it is about first.
pub(super) fn value() -> Value {
    let Value::Object(mut rest) = generator().into_root_schema_for::<raw::File>().to_value() else {
        return Value::Bool(true);
    };
    let mut schema = Map::new();
    for key in ["$schema", "title", "description"] {
        schema.extend(rest.shift_remove_entry(key));
    }
    schema.extend(rest);
    let mut schema = Value::Object(schema);
    tidy(&mut schema);
    schema
}

/// Makes descriptions single lines, since they are wrapped as comments in the source are, and drops
/// defaults that say no more than that a key may be left out.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("default").is_some_and(Value::is_null) {
                object.shift_remove("default");
            }
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "description" => *text = text.replace('\n', " "),
                    value => tidy(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

/// The keys of a probe's settings.
pub(super) fn settings_keys(kind: &Registration) -> Vec<String> {
    let settings = check::settings(kind, &mut generator());
    let properties = settings.get("properties").and_then(Value::as_object);
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}
