//! Types that remember, inside of structures read from a document, where they were read.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::document::NodeId;

/// Asks the document's deserialiser for a pair of a node's number and its value.
pub(super) const LOCATED: &str = "$musterd::Located";

/// Asks the document's deserialiser for a node's number alone.
pub(super) const RAW: &str = "$musterd::Raw";

/// A value with its place.
///
/// For a key that may be left out, use `Option<Located<T>>` and not `Located<Option<T>>`. Neither
/// works below `#[serde(flatten)]`, `untagged` or `tag`, where serde keeps values but no places.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: NodeId,
}

/// A part of a document that is left to be read later, with another type or from another list of
/// problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Raw(pub(crate) NodeId);

/// Whether something was moved within its file makes no difference to what it says.
impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Located<T> {}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(LOCATED, LocatedVisitor(PhantomData))
    }
}

struct LocatedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for LocatedVisitor<T> {
    type Value = Located<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that is read straight from a document")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let at = seq.next_element()?.map(NodeId).ok_or_else(|| Error::invalid_length(0, &self))?;
        let value = seq.next_element()?.ok_or_else(|| Error::invalid_length(1, &self))?;
        Ok(Located { value, at })
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, RawVisitor)
    }
}

struct RawVisitor;

impl Visitor<'_> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that is read straight from a document")
    }

    fn visit_u32<E: Error>(self, at: u32) -> Result<Raw, E> {
        Ok(Raw(NodeId(at)))
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl JsonSchema for Raw {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Anything".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{collect, document::Document, problem::Problems},
        *,
    };
    use serde_json::json;

    #[derive(Debug, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        host: Located<String>,
        port: Option<Located<u16>>,
        #[serde(default)]
        checks: Vec<Located<Vec<Raw>>>,
    }

    #[test]
    fn places_are_remembered_and_parts_are_left_for_later() {
        let mut problems = Problems::default();
        let text = "host: a\nchecks:\n- []\n- [1, {host: b, port: 2}]\n";
        let document = Document::parse("f", text.as_bytes(), &mut problems).unwrap();
        let settings: Settings = collect(&document, Document::ROOT, &mut problems).unwrap();
        assert!(settings.port.is_none());
        let checks = document.get(Document::ROOT, "checks").unwrap();
        assert_eq!(settings.host.at, document.get(Document::ROOT, "host").unwrap());
        assert_eq!(document.node(settings.host.at).column, 7);
        assert_eq!(document.node(settings.checks[1].at).parent, Some(checks));
        let [one, later] = *settings.checks[1].value else { panic!("{settings:?}") };
        assert_eq!(document.to_json(one.0), json!(1));
        let later: Settings = collect(&document, later.0, &mut problems).unwrap();
        assert_eq!((&*later.host.value, later.port.map(|port| port.value)), ("b", Some(2)));
        assert!(problems.is_empty());
    }

    #[test]
    fn schemas_are_those_of_the_values() {
        let schema = schemars::schema_for!(Settings);
        let properties = &schema.as_value()["properties"];
        assert_eq!(properties["host"], json!({"type": "string"}));
        assert_eq!(properties["port"]["type"], json!(["integer", "null"]));
        assert_eq!(properties["checks"]["items"], json!({"type": "array", "items": true}));
    }

    #[test]
    fn other_sources_are_refused() {
        for value in [json!(7), json!([0, "a"]), json!("a")] {
            assert!(serde_json::from_value::<Raw>(value.clone()).is_err());
            assert!(serde_json::from_value::<Located<String>>(value).is_err());
        }
    }
}
