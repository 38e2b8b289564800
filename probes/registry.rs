//! The kinds that there are, and what is known of each without making one.

use std::sync::Arc;
use std::time::Duration;

use crate::contract::{Kind, Probe, SettingsError};
use crate::measurement::Family;
use crate::rule::About;

/// A kind of probe in the registry.
pub struct Registration {
    /// The key that names it in a configuration.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// How often it runs when the configuration does not say.
    pub interval: Duration,
    /// Every metric that it can give.
    pub families: &'static [Family],
    abouts: fn() -> Vec<&'static About>,
    schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    build: Build,
}

/// Makes a probe of settings in any format.
type Build = fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<Arc<dyn Probe>, BuildError>;

/// Why settings do not make a probe.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// They are not of the settings' shape.
    #[error(transparent)]
    Shape(#[from] erased_serde::Error),
    /// They do not make sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Registration {
    /// What is known of a kind.
    pub const fn of<K: Kind>() -> Self {
        Self {
            name: K::NAME,
            summary: K::SUMMARY,
            interval: K::INTERVAL,
            families: K::FAMILIES,
            abouts: || K::RULES.iter().map(|rule| &rule.about).collect(),
            schema: schemars::SchemaGenerator::subschema_for::<K::Settings>,
            build: |deserializer| {
                let settings = erased_serde::deserialize::<K::Settings>(deserializer)?;
                Ok(Arc::new(K::new(settings)?))
            },
        }
    }

    /// What its rules are about, in the order in which findings are shown.
    pub fn abouts(&self) -> Vec<&'static About> {
        (self.abouts)()
    }

    /// The JSON schema of its settings.
    pub fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        (self.schema)(generator)
    }

    /// A probe from settings in any format.
    pub fn build(
        &self,
        settings: &mut dyn erased_serde::Deserializer<'_>,
    ) -> Result<Arc<dyn Probe>, BuildError> {
        (self.build)(settings)
    }

    /// A probe from settings as JSON.
    pub fn build_json(&self, settings: &serde_json::Value) -> Result<Arc<dyn Probe>, BuildError> {
        self.build(&mut <dyn erased_serde::Deserializer<'_>>::erase(settings))
    }
}

/// The kind of this name.
pub fn find<'a>(kinds: &'a [Registration], name: &str) -> Option<&'a Registration> {
    kinds.iter().find(|kind| kind.name == name)
}

/// Among `known`, the word that `typed` was probably meant to be.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let within = (typed.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(typed, word), word))
        .filter(|(distance, _)| *distance <= within)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::KINDS;

    #[test]
    fn rule_ids_are_unique_and_carry_their_probes_name() {
        let mut ids = BTreeSet::new();
        for kind in KINDS {
            for about in kind.abouts() {
                let (probe, topic) = about.id.split_once('.').expect("an id has a dot");
                assert_eq!(probe, kind.name, "{}", about.id);
                assert!(topic.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", about.id);
                assert!(ids.insert(about.id), "{} stands twice", about.id);
            }
        }
    }

    #[test]
    fn every_rule_says_why_it_matters_and_how_to_mend_it() {
        for about in KINDS.iter().flat_map(Registration::abouts) {
            for (name, text) in [("title", about.title), ("why", about.why), ("fix", about.fix)] {
                assert!(text.len() >= 12, "{}: {name} says nothing: {text:?}", about.id);
            }
            assert!(!about.title.ends_with('.'), "{}: a title is a headline", about.id);
            assert!(about.why.ends_with('.') && about.fix.ends_with('.'), "{}", about.id);
        }
    }

    #[test]
    fn kinds_and_families_have_names_of_their_own() {
        let names: BTreeSet<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        for family in KINDS.iter().flat_map(|kind| kind.families) {
            for other in KINDS.iter().flat_map(|kind| kind.families) {
                if family.name == other.name {
                    assert_eq!(family, other, "{} is described in two ways", family.name);
                }
            }
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        let known = ["health", "http", "tcp"];
        assert_eq!(did_you_mean("heatlh", known), Some("health"));
        assert_eq!(did_you_mean("htpp", known), Some("http"));
        assert_eq!(did_you_mean("webhook", known), None);
    }
}
