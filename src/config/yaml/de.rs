//! Hands the nodes of a document to serde, such that every fault knows its node.

use std::{cell::RefCell, collections::HashSet, fmt, slice};

use serde::{
    de::{
        DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
        Visitor,
    },
    forward_to_deserialize_any,
};

use super::{
    document::{Document, Kind, NodeId},
    fault::{Fault, FaultKind, Names, SECRET_ALLOWED},
    located::{LOCATED, RAW},
    variant::Choice,
};

pub(super) type Result<T> = std::result::Result<T, Fault>;

/// What reading notes on the side, for callers that stand behind a type-erased deserialiser: such a
/// one hands faults on as bare texts.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The latest fault, as it was when it was first located.
    pub(super) fault: RefCell<Option<Fault>>,
    /// The references to secrets.
    pub(super) secrets: RefCell<Vec<NodeId>>,
}

/// How `SecretRef` is called in its derived deserialisation.
const SECRET: &str = "SecretRef";

/// What serde's visitor of paths expects.
const PATH: &str = "path string";

/// Reads the subtree at one node.
///
/// A number is not taken for a text nor a text for a number, and a mapping may be left empty by
/// giving it no value at all: `tls:` means `tls: {}`.
#[derive(Clone, Copy)]
pub(super) struct Reader<'d> {
    pub(super) document: &'d Document,
    pub(super) at: NodeId,
    /// The items and the values (with their keys) that are treated as if they were not there.
    pruned: &'d HashSet<NodeId>,
    notes: &'d Notes,
}

impl<'d> Reader<'d> {
    pub(super) fn new(
        document: &'d Document,
        at: NodeId,
        pruned: &'d HashSet<NodeId>,
        notes: &'d Notes,
    ) -> Self {
        Self { document, at, pruned, notes }
    }

    pub(super) fn to(self, at: NodeId) -> Self {
        Self { at, ..self }
    }

    pub(super) fn kind(self) -> &'d Kind {
        self.document.kind(self.at)
    }

    pub(super) fn is_live(self, id: NodeId) -> bool {
        // Nearly always nothing is pruned.
        self.pruned.is_empty() || !self.pruned.contains(&id)
    }

    /// Locates what went wrong in reading this node, unless it is known to be further inside.
    pub(super) fn locate<T>(self, result: Result<T>) -> Result<T> {
        result.map_err(|fault| {
            let fault = fault.or_at(self.at);
            let mut noted = self.notes.fault.borrow_mut();
            // The same text again is the same fault on its way out.
            if noted.as_ref().is_none_or(|noted| noted.to_string() != fault.to_string()) {
                *noted = Some(fault.clone());
            }
            fault
        })
    }

    /// Checks a reference to a secret, and notes it.
    fn secret(self) -> Result<()> {
        let Kind::Map(entries) = self.kind() else {
            return match self.kind() {
                Kind::Null | Kind::Seq(_) => Ok(()),
                _ => Err(FaultKind::Exposed.into()),
            };
        };
        let mut live = entries.iter().filter(|(_, value)| self.is_live(*value));
        if let (Some((key, value)), more) = (live.next(), live.next()) {
            if more.is_some() {
                let message = "a secret stands in one place: {env: NAME} or {file: PATH}";
                return Err(Fault::custom(message));
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let text = self.document.text(*value);
            let message = match (self.document.text(*key), self.document.kind(*value)) {
                ("env", Kind::String(_)) if text.is_empty() || !text.chars().all(plain) => {
                    "the name of a variable holds letters, digits and `_` only\
                     \nhint: write the name alone, such as {env: TOKEN}"
                }
                ("file", Kind::String(_)) if text.is_empty() => "the name of a file is missing",
                _ => "",
            };
            if !message.is_empty() {
                return self.to(*value).locate(Err(Fault::custom(message)));
            }
        }
        self.notes.secrets.borrow_mut().push(self.at);
        Ok(())
    }

    fn scalar<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        match self.kind() {
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Int(value) => visitor.visit_i64(*value),
            Kind::UInt(value) => visitor.visit_u64(*value),
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::String(text) => visitor.visit_borrowed_str(text),
            Kind::Null | Kind::Seq(_) | Kind::Map(_) => visitor.visit_unit(),
        }
    }

    fn items<V: Visitor<'d>>(self, items: &'d [NodeId], visitor: V) -> Result<V::Value> {
        let mut access = Items { reader: self, rest: items.iter() };
        let value = visitor.visit_seq(&mut access)?;
        match access.next() {
            None => Ok(value),
            Some(extra) => {
                let wanted = items.len() - access.rest.len() - 1;
                let expected = format!("a list of {wanted}");
                Err(Fault::invalid(format!("{} of them", items.len()), expected).or_at(extra))
            }
        }
    }

    fn entries<V: Visitor<'d>>(
        self,
        entries: &'d [(NodeId, NodeId)],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_map(Entries { reader: self, rest: entries.iter(), value: None })
    }
}

impl<'d> Deserializer<'d> for Reader<'d> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        if matches!(self.kind(), Kind::Map(_)) && expectation(&visitor).contains(SECRET_ALLOWED) {
            self.locate(self.secret())?;
        }
        self.locate(match self.kind() {
            Kind::Seq(items) => self.items(items, visitor),
            Kind::Map(entries) => self.entries(entries, visitor),
            _ => self.scalar(visitor),
        })
    }

    fn deserialize_option<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        self.locate(match self.kind() {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'d>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.locate(match name {
            LOCATED => visitor.visit_seq(Pair { reader: self, next: 0 }),
            RAW => visitor.visit_u32(self.at.0),
            _ => visitor.visit_newtype_struct(self),
        })
    }

    fn deserialize_seq<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        self.locate(match self.kind() {
            Kind::Map(entries) => self.entries(entries, visitor),
            Kind::Null => self.entries(&[], visitor),
            // Derived structures would take a list for their fields in order.
            Kind::Seq(_) => Err(Error::invalid_type(Unexpected::Seq, &"a map")),
            _ => self.scalar(visitor),
        })
    }

    fn deserialize_struct<V: Visitor<'d>>(
        self,
        _name: &'static str,
        _fields: Names,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'d>>(
        self,
        name: &'static str,
        variants: Names,
        visitor: V,
    ) -> Result<V::Value> {
        if name == SECRET {
            self.locate(self.secret())?;
        }
        self.locate(Choice::new(self, variants).and_then(|choice| visitor.visit_enum(choice)))
    }

    fn deserialize_identifier<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        // Derived identifiers would take a number for the position of a field.
        self.locate(visitor.visit_borrowed_str(self.document.text(self.at)))
    }

    fn deserialize_string<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        if let Kind::String(text) = self.kind()
            && expectation(&visitor) == PATH
            && let Some(path) = self.document.path(text).to_str()
        {
            return self.locate(visitor.visit_str(path));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'d>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf
        unit unit_struct tuple tuple_struct
    }
}

/// What a visitor expects, in its own words.
fn expectation<'d>(visitor: &impl Visitor<'d>) -> String {
    struct Words<'v, V>(&'v V);
    impl<'d, V: Visitor<'d>> fmt::Display for Words<'_, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }
    }
    Words(visitor).to_string()
}

/// The items of a list that are not pruned.
struct Items<'d> {
    reader: Reader<'d>,
    rest: slice::Iter<'d, NodeId>,
}

impl Items<'_> {
    fn next(&mut self) -> Option<NodeId> {
        self.rest.find(|item| self.reader.is_live(**item)).copied()
    }
}

impl<'d> SeqAccess<'d> for Items<'d> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'d>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(item) = self.next() else { return Ok(None) };
        let reader = self.reader.to(item);
        reader.locate(seed.deserialize(reader)).map(Some)
    }
}

/// The entries of a mapping that are not pruned.
struct Entries<'d> {
    reader: Reader<'d>,
    rest: slice::Iter<'d, (NodeId, NodeId)>,
    value: Option<NodeId>,
}

impl<'d> MapAccess<'d> for Entries<'d> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'d>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some((key, value)) = self.rest.find(|(_, value)| self.reader.is_live(*value)) else {
            return Ok(None);
        };
        self.value = Some(*value);
        let reader = self.reader.to(*key);
        reader.locate(seed.deserialize(reader)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'d>>(&mut self, seed: S) -> Result<S::Value> {
        let value = self.value.take().ok_or_else(|| Fault::custom("a value without its key"))?;
        let reader = self.reader.to(value);
        reader.locate(seed.deserialize(reader))
    }
}

/// What [`super::Located`] asks for: the node's number and its value.
struct Pair<'d> {
    reader: Reader<'d>,
    next: u8,
}

impl<'d> SeqAccess<'d> for Pair<'d> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'d>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.next += 1;
        match self.next {
            1 => {
                let number: serde::de::value::U32Deserializer<Fault> =
                    self.reader.at.0.into_deserializer();
                seed.deserialize(number).map(Some)
            }
            _ => seed.deserialize(self.reader).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::problem::Problems, *};
    use serde::Deserialize;
    use std::collections::BTreeMap;

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
        let mut problems = Problems::default();
        let text = format!("v: {text}");
        let document = Document::parse("f", text.as_bytes(), &mut problems).unwrap();
        let value = document.get(Document::ROOT, "v").unwrap();
        let result =
            T::deserialize(Reader::new(&document, value, &HashSet::new(), &Notes::default()));
        result.inspect_err(|fault| assert!(fault.at.is_some(), "{fault}"))
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Point {
        x: f64,
        y: Option<i8>,
    }

    #[test]
    fn values_have_their_own_types_only() {
        assert_eq!(read::<String>("n").unwrap(), "n");
        assert_eq!(read::<String>("'1'").unwrap(), "1");
        assert_eq!(read::<char>("ü").unwrap(), 'ü');
        assert_eq!(read::<u64>("18446744073709551615").unwrap(), u64::MAX);
        assert!((read::<f64>("2").unwrap() - 2.0).abs() < f64::EPSILON);
        assert!(read::<String>("1").is_err() && read::<String>("true").is_err());
        assert!(
            read::<u8>("'1'").is_err() && read::<u8>("1.0").is_err() && read::<u8>("-1").is_err()
        );
        assert!(read::<bool>("1").is_err() && read::<bool>("'true'").is_err());
        assert_eq!(read::<Option<u8>>("~").unwrap(), None);
        assert_eq!(read::<Option<u8>>("1").unwrap(), Some(1));
        assert_eq!(read::<(u8, String)>("[1, a]").unwrap(), (1, "a".to_owned()));
        assert!(read::<(u8, u8)>("[1]").is_err() && read::<(u8, u8)>("[1, 2, 3]").is_err());
    }

    #[test]
    fn mappings_may_be_left_empty() {
        assert_eq!(read::<Point>("").unwrap(), Point::default());
        assert_eq!(read::<BTreeMap<String, u8>>("").unwrap(), BTreeMap::new());
        assert!(read::<Vec<u8>>("").is_err());
    }

    #[test]
    fn keys_are_names_and_never_positions() {
        assert!(matches!(
            read::<Point>("{0: 1}").unwrap_err().kind,
            FaultKind::UnknownField { name, known: ["x", "y"] } if name == "0"
        ));
        assert!(read::<Point>("[1, 2]").is_err());
        let codes = read::<BTreeMap<u16, String>>("{200: ok, 404: gone}").unwrap();
        assert_eq!(codes.into_keys().collect::<Vec<_>>(), [200, 404]);
    }

    #[test]
    fn a_fault_knows_its_node() {
        let mut problems = Problems::default();
        let document = Document::parse("f", b"x: 1\ny: 1000\nz: 2\n", &mut problems).unwrap();
        let node = |key| document.get(Document::ROOT, key).unwrap();
        let (mut pruned, notes) = (HashSet::new(), Notes::default());
        let first = Point::deserialize(Reader::new(&document, Document::ROOT, &pruned, &notes));
        let first = first.unwrap_err();
        assert!(matches!(first.kind, FaultKind::Invalid { .. }) && first.at == Some(node("y")));
        pruned.insert(node("y"));
        let second = Point::deserialize(Reader::new(&document, Document::ROOT, &pruned, &notes));
        let second = second.unwrap_err();
        assert!(matches!(second.kind, FaultKind::UnknownField { .. }));
        assert_eq!(second.at.and_then(|key| document.holder(key)), Some(node("z")));
        pruned.insert(node("z"));
        let reader = Reader::new(&document, Document::ROOT, &pruned, &notes);
        assert_eq!(Point::deserialize(reader).unwrap(), Point { x: 1.0, y: None });
    }
}
