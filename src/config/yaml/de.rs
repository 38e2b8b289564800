//! Hands the nodes of a document to serde, such that every fault knows its node.

use std::{collections::HashSet, slice};

use serde::{
    de::{
        DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};

use super::{
    document::{Document, Kind, NodeId},
    fault::{Fault, FaultKind, Names},
    located::{LOCATED, RAW},
};

type Result<T> = std::result::Result<T, Fault>;

/// Reads the subtree at one node.
///
/// A number is not taken for a text nor a text for a number, and a mapping may be left empty by
/// giving it no value at all: `tls:` means `tls: {}`.
#[derive(Clone, Copy)]
pub(super) struct Reader<'d> {
    document: &'d Document,
    at: NodeId,
    /// The items and the values (with their keys) that are treated as if they were not there.
    pruned: &'d HashSet<NodeId>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(document: &'d Document, at: NodeId, pruned: &'d HashSet<NodeId>) -> Self {
        Self { document, at, pruned }
    }

    fn to(self, at: NodeId) -> Self {
        Self { at, ..self }
    }

    fn kind(self) -> &'d Kind {
        self.document.kind(self.at)
    }

    fn is_live(self, id: NodeId) -> bool {
        // Nearly always nothing is pruned.
        self.pruned.is_empty() || !self.pruned.contains(&id)
    }

    /// Locates what went wrong in reading this node, unless it is known to be further inside.
    fn locate<T>(self, result: Result<T>) -> Result<T> {
        result.map_err(|fault| fault.or_at(self.at))
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
        let mut access = Items { reader: self, items: items.iter() };
        let value = visitor.visit_seq(&mut access)?;
        match access.next() {
            None => Ok(value),
            Some(extra) => {
                let wanted = items.len() - access.items.len() - 1;
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
        visitor.visit_map(Entries { reader: self, entries: entries.iter(), value: None })
    }

    /// Picks the variant of an enum: `variant` or `{variant: value}`.
    fn choice(self, variants: Names) -> Result<Choice<'d>> {
        let expected = || {
            let variants: Vec<_> = variants.iter().map(|v| format!("`{v}`")).collect();
            format!("one of {}", variants.join(", "))
        };
        match self.kind() {
            Kind::Null => Err(Fault::invalid("nothing", expected())),
            Kind::Seq(_) => Err(Fault::invalid("a list", expected())),
            Kind::Map(entries) => {
                let mut live = entries.iter().filter(|(_, value)| self.is_live(*value));
                let Some((key, value)) = live.next() else {
                    return Err(Fault::invalid("an empty mapping", expected()));
                };
                if let Some((other, _)) = live.next() {
                    let [one, other] = [*key, *other].map(|key| self.document.text(key));
                    let message = format!(
                        "`{one}` and `{other}` next to each other, where only one key is possible\
                         \nhint: indent further what belongs to `{one}`"
                    );
                    return Err(FaultKind::Custom(message).into());
                }
                Ok(Choice { variant: self.to(*key), value: Some(self.to(*value)) })
            }
            _ => Ok(Choice { variant: self, value: None }),
        }
    }
}

impl<'d> Deserializer<'d> for Reader<'d> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
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
        _name: &'static str,
        variants: Names,
        visitor: V,
    ) -> Result<V::Value> {
        self.locate(self.choice(variants).and_then(|choice| visitor.visit_enum(choice)))
    }

    fn deserialize_identifier<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        // Derived identifiers would take a number for the position of a field.
        self.locate(visitor.visit_borrowed_str(self.document.text(self.at)))
    }

    fn deserialize_ignored_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct
    }
}

/// The items of a list that are not pruned.
struct Items<'d> {
    reader: Reader<'d>,
    items: slice::Iter<'d, NodeId>,
}

impl Items<'_> {
    fn next(&mut self) -> Option<NodeId> {
        self.items.find(|item| self.reader.is_live(**item)).copied()
    }
}

impl<'d> SeqAccess<'d> for Items<'d> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'d>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(item) = self.next() else { return Ok(None) };
        seed.deserialize(self.reader.to(item)).map(Some).map_err(|fault| fault.or_at(item))
    }
}

/// The entries of a mapping that are not pruned.
struct Entries<'d> {
    reader: Reader<'d>,
    entries: slice::Iter<'d, (NodeId, NodeId)>,
    value: Option<NodeId>,
}

impl<'d> MapAccess<'d> for Entries<'d> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'d>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some((key, value)) = self.entries.find(|(_, value)| self.reader.is_live(*value)) else {
            return Ok(None);
        };
        self.value = Some(*value);
        seed.deserialize(self.reader.to(*key)).map(Some).map_err(|fault| fault.or_at(*key))
    }

    fn next_value_seed<S: DeserializeSeed<'d>>(&mut self, seed: S) -> Result<S::Value> {
        let value = self.value.take().ok_or_else(|| Fault::custom("a value without its key"))?;
        seed.deserialize(self.reader.to(value)).map_err(|fault| fault.or_at(value))
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

/// An enum's variant with the value given for it.
struct Choice<'d> {
    variant: Reader<'d>,
    value: Option<Reader<'d>>,
}

impl Choice<'_> {
    fn name(&self) -> &str {
        self.variant.document.text(self.variant.at)
    }

    fn lacks_value(&self) -> Fault {
        let name = self.name();
        let message =
            format!("`{name}` lacks its settings\nhint: write `{name}:` and put them below");
        Fault::custom(message).or_at(self.variant.at)
    }
}

impl<'d> EnumAccess<'d> for Choice<'d> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'d>>(self, seed: S) -> Result<(S::Value, Self)> {
        let variant = self.variant;
        variant.locate(seed.deserialize(variant)).map(|value| (value, self))
    }
}

impl<'d> VariantAccess<'d> for Choice<'d> {
    type Error = Fault;

    fn unit_variant(self) -> Result<()> {
        match self.value {
            Some(value) if !matches!(value.kind(), Kind::Null) => {
                let expected = format!("nothing after `{}:`", self.name());
                let found = value.document.describe(value.at);
                Err(Fault::invalid(found, expected).or_at(value.at))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'d>>(self, seed: S) -> Result<S::Value> {
        let value = self.value.ok_or_else(|| self.lacks_value())?;
        value.locate(seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'d>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.value.ok_or_else(|| self.lacks_value())?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'d>>(self, _fields: Names, visitor: V) -> Result<V::Value> {
        self.value.ok_or_else(|| self.lacks_value())?.deserialize_map(visitor)
    }
}
