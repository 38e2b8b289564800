//! What a header must be like, as users write it and as it is checked.

use http::HeaderName;
use indexmap::IndexMap;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::SettingsError;
use crate::rule::Saw;
use crate::text::excerpt;

/// Of the values of a header, a finding shows so many characters.
const LONGEST: usize = 160;

/// What a user writes of a header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum HeaderWanted {
    /// Whether it must be there.
    Present(bool),
    /// A regular expression that one of its values must match.
    Matches(String),
}

/// What is checked of one header.
#[derive(Debug)]
pub(crate) struct HeaderMust {
    /// In lower case.
    pub(crate) name: HeaderName,
    must: Must,
}

#[derive(Debug)]
enum Must {
    Exist,
    BeAbsent,
    Match(Regex),
}

/// What is expected of headers; what is wrong is said of the settings' `key`.
pub(crate) fn expectations(
    key: &'static str,
    written: IndexMap<String, HeaderWanted>,
) -> Result<Vec<HeaderMust>, SettingsError> {
    let one = |(name, wanted): (String, HeaderWanted)| {
        let name = name
            .parse()
            .map_err(|_| SettingsError::at(key, format!("`{name}` is no name of a header")))?;
        let must = match wanted {
            HeaderWanted::Present(true) => Must::Exist,
            HeaderWanted::Present(false) => Must::BeAbsent,
            HeaderWanted::Matches(text) => Must::Match(
                Regex::new(&text).map_err(|error| SettingsError::at(key, error.to_string()))?,
            ),
        };
        Ok(HeaderMust { name, must })
    };
    written.into_iter().map(one).collect()
}

impl HeaderMust {
    /// What is wrong with the values that came, if anything is.
    pub(crate) fn fault<S: AsRef<str>>(&self, values: &[S]) -> Option<Saw> {
        let wanted = match &self.must {
            Must::Exist => values.is_empty().then(|| "it is present".to_owned()),
            Must::BeAbsent => (!values.is_empty()).then(|| "it is absent".to_owned()),
            Must::Match(pattern) => (!values.iter().any(|value| pattern.is_match(value.as_ref())))
                .then(|| format!("a value that matches `{pattern}`")),
        }?;
        let saw = if values.is_empty() {
            "it is absent".to_owned()
        } else {
            let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
            excerpt(&values.join(" | "), LONGEST)
        };
        Some(Saw::new(saw, wanted).on(self.name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn must(json: &str) -> Result<Vec<HeaderMust>, SettingsError> {
        expectations("expect", serde_json::from_str(json).unwrap())
    }

    #[test]
    fn each_expectation_fires_and_is_silent() {
        for (json, values, saw) in [
            (r#"{"X-A": true}"#, vec![], Some("it is absent")),
            (r#"{"X-A": true}"#, vec!["1"], None),
            (r#"{"X-A": false}"#, vec!["1", "2"], Some("1 | 2")),
            (r#"{"X-A": false}"#, vec![], None),
            (r#"{"X-A": "^[0-9]$"}"#, vec!["a"], Some("a")),
            (r#"{"X-A": "^[0-9]$"}"#, vec![], Some("it is absent")),
            (r#"{"X-A": "^[0-9]$"}"#, vec!["a", "7"], None),
        ] {
            let fault = must(json).unwrap()[0].fault(&values);
            assert_eq!(fault.as_ref().map(|fault| fault.saw.as_str()), saw, "{json} {values:?}");
            assert!(fault.is_none_or(|fault| fault.subject == "x-a"));
        }
    }

    #[test]
    fn what_cannot_be_expected_is_said_of_its_key() {
        for (json, says) in
            [(r#"{"a b": true}"#, "`a b` is no name of a header"), (r#"{"x": "("}"#, "unclosed")]
        {
            let error = must(json).unwrap_err();
            assert_eq!(error.key, Some("expect"));
            assert!(error.message.contains(says), "{}", error.message);
        }
    }
}
