//! Hands the variants of enums to serde: `variant`, or `{variant: value}`.

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, VariantAccess, Visitor};

use super::{
    de::{Reader, Result},
    document::Kind,
    fault::{Fault, FaultKind, Names},
    problem::shorten,
};

/// An enum's variant with the value given for it.
pub(super) struct Choice<'d> {
    variant: Reader<'d>,
    value: Option<Reader<'d>>,
}

impl<'d> Choice<'d> {
    /// Picks the variant of an enum: `variant` or `{variant: value}`.
    pub(super) fn new(reader: Reader<'d>, variants: Names) -> Result<Self> {
        let expected = || {
            let variants: Vec<_> = variants.iter().map(|v| format!("`{v}`")).collect();
            format!("one of {}", variants.join(", "))
        };
        match reader.kind() {
            Kind::Null => Err(Fault::invalid("nothing", expected())),
            Kind::Seq(_) => Err(Fault::invalid("a list", expected())),
            Kind::Map(entries) => {
                let mut live = entries.iter().filter(|(_, value)| reader.is_live(*value));
                let Some((key, value)) = live.next() else {
                    return Err(Fault::invalid("an empty mapping", expected()));
                };
                if let Some((other, _)) = live.next() {
                    let [one, other] = [*key, *other].map(|key| shorten(reader.document.text(key)));
                    let message = format!(
                        "`{one}` and `{other}` next to each other, where only one key is possible\
                         \nhint: indent further what belongs to `{one}`"
                    );
                    return Err(FaultKind::Custom(message).into());
                }
                Ok(Self { variant: reader.to(*key), value: Some(reader.to(*value)) })
            }
            _ => Ok(Self { variant: reader, value: None }),
        }
    }

    fn name(&self) -> String {
        shorten(self.variant.document.text(self.variant.at))
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

#[cfg(test)]
mod tests {
    use super::{
        super::{de::Notes, document::Document, problem::Problems},
        *,
    };
    use serde::Deserialize;
    use std::collections::HashSet;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Point {
        x: f64,
        y: Option<i8>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Nothing,
        Dot(Point),
        Line(u8, u8),
        Text { content: String },
    }

    fn read(text: &str) -> Result<Shape> {
        let mut problems = Problems::default();
        let text = format!("v: {text}");
        let document = Document::parse("f", text.as_bytes(), &mut problems).unwrap();
        let value = document.get(Document::ROOT, "v").unwrap();
        Shape::deserialize(Reader::new(&document, value, &HashSet::new(), &Notes::default()))
    }

    #[test]
    fn variants_are_texts_or_single_keys() {
        for text in ["nothing", "{nothing: }"] {
            assert_eq!(read(text).unwrap(), Shape::Nothing);
        }
        assert_eq!(read("{line: [1, 2]}").unwrap(), Shape::Line(1, 2));
        assert_eq!(read("{dot: }").unwrap(), Shape::Dot(Point::default()));
        let content = "a".to_owned();
        assert_eq!(read("{text: {content: a}}").unwrap(), Shape::Text { content });
        for text in
            ["", "[]", "{}", "dot", "dash", "{nothing: 1}", "{dot: , line: }", "{line: [1]}"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
