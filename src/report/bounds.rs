//! How long the lists of a report may be that others post: reading stops where one is longer,
//! before it fills the memory.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{CheckStatus, FindingStatus, ServiceStatus, Untested};

/// The most of what a report has.
pub(crate) const SERVICES: usize = 500;
const LABELS: usize = 200;
const CHECKS: usize = 20_000;
const FINDINGS: usize = 1_000;
const UNTESTED: usize = 1_000;
pub(crate) const REFERENCES: usize = 16;

pub(crate) fn services<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<ServiceStatus>, D::Error> {
    d.deserialize_seq(Few::<Vec<_>>::new("services", SERVICES))
}

pub(super) fn checks<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<CheckStatus>, D::Error> {
    d.deserialize_seq(Few::<Vec<_>>::new("checks", CHECKS))
}

pub(super) fn findings<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<FindingStatus>, D::Error> {
    d.deserialize_seq(Few::<Vec<_>>::new("findings", FINDINGS))
}

pub(super) fn untested<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Untested>, D::Error> {
    d.deserialize_seq(Few::<Vec<_>>::new("untested", UNTESTED))
}

pub(super) fn references<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    d.deserialize_seq(Few::<Vec<_>>::new("references", REFERENCES))
}

pub(super) fn labels<'de, D>(d: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    d.deserialize_map(Few::<BTreeMap<_, _>>::new("labels", LABELS))
}

/// Reads what is no longer than it may be.
struct Few<T> {
    name: &'static str,
    most: usize,
    read: PhantomData<T>,
}

impl<T> Few<T> {
    fn new(name: &'static str, most: usize) -> Self {
        Self { name, most, read: PhantomData }
    }

    fn too_many<E: Error>(&self) -> E {
        E::custom(format_args!("`{}` has more than {} items", self.name, self.most))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<Vec<T>> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list `{}`", self.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == self.most {
                return Err(self.too_many());
            }
            items.push(item);
        }
        Ok(items)
    }
}

impl<'de> Visitor<'de> for Few<BTreeMap<String, String>> {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mapping `{}`", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut items = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            if items.len() == self.most {
                return Err(self.too_many());
            }
            items.insert(key, value);
        }
        Ok(items)
    }
}
