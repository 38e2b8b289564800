//! The list of hosts that browsers know to be HTTPS alone, read from a file that a user keeps.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use crate::files;

/// Chromium's list has about 20 MB; more than 64 MiB are not read.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Chromium's HSTS preload list as a file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreloadFile {
    /// Chromium's `transport_security_state_static.json`, comments and all. It is read at each run.
    file: PathBuf,
    /// The day on which it was fetched, such as 2026-11-20.
    #[schemars(with = "String")]
    date: Date,
}

/// What is known of the hosts of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Preloaded {
    /// No list was given.
    #[default]
    NotAsked,
    /// The list cannot be read, for this reason.
    Unknown(String),
    /// What the list says of them.
    Known {
        /// The day of the list.
        date: Date,
        /// Of the hosts and the names above them those that it has, and whether that includes
        /// what is below them.
        hosts: BTreeMap<String, bool>,
    },
}

impl Preloaded {
    /// Unix time of the list's day.
    pub(super) fn timestamp(&self) -> Option<f64> {
        let Self::Known { date, .. } = self else { return None };
        let midnight = date.to_zoned(TimeZone::UTC).ok()?;
        Some(midnight.timestamp().as_duration().as_secs_f64())
    }
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    mode: Cow<'a, str>,
    #[serde(default)]
    include_subdomains: bool,
}

/// What the list says of the hosts that were asked for and came up on the way.
pub(super) async fn look_up(list: &PreloadFile, evidence: &Evidence) -> Preloaded {
    let names = names(evidence);
    match read(list).await {
        Ok(text) => {
            let found = tokio::task::spawn_blocking(move || hosts(&text, &names)).await;
            match found.map_err(|error| error.to_string()).and_then(|found| found) {
                Ok(hosts) => Preloaded::Known { date: list.date, hosts },
                Err(why) => Preloaded::Unknown(format!("{}: {why}", list.file.display())),
            }
        }
        Err(why) => Preloaded::Unknown(format!("{}: {why}", list.file.display())),
    }
}

async fn read(list: &PreloadFile) -> Result<String, String> {
    let mut bytes = files::read_one(&list.file, LONGEST).await?;
    String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| "it is not UTF-8".to_owned())
}

/// The hosts of a run and every name above them.
fn names(evidence: &Evidence) -> Vec<String> {
    let chains = [Some(&evidence.document), evidence.twin.as_ref()];
    let hops = chains.into_iter().flatten().flat_map(|chain| &chain.hops);
    let mut names: Vec<String> = Vec::new();
    for host in hops.map(super::evidence::Hop::host).chain([evidence.host.clone()]) {
        let above = host.match_indices('.').filter_map(|(at, _)| host.get(at + 1..));
        names.extend(above.map(str::to_owned));
        names.push(host);
    }
    names.sort();
    names.dedup();
    names
}

/// Those of the names that the list has.
fn hosts(text: &str, names: &[String]) -> Result<BTreeMap<String, bool>, String> {
    // Whole lines of the file are comments, which JSON does not know.
    let bare: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let list: List<'_> = serde_json::from_str(&bare)
        .map_err(|error| format!("it is not Chromium's list: {error}"))?;
    let wanted = |entry: &Entry<'_>| {
        entry.mode == "force-https"
            && names.binary_search_by(|name| (**name).cmp(&*entry.name)).is_ok()
    };
    let found = list.entries.into_iter().filter(wanted);
    Ok(found.map(|entry| (entry.name.into_owned(), entry.include_subdomains)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::scene::page;

    const LIST: &str = r#"
        // A comment, as the file has many.
        {"pinsets": [], "entries": [
          // Another.
          { "name": "example.com", "policy": "bulk-1-year", "mode": "force-https", "include_subdomains": true },
          { "name": "shop.example.com", "policy": "test" },
          { "name": "other.example", "mode": "force-https" }
        ]}
    "#;

    fn file(text: &str) -> (tempfile::TempDir, PreloadFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list.json");
        std::fs::write(&file, text).unwrap();
        (folder, PreloadFile { file, date: "2026-11-20".parse().unwrap() })
    }

    #[tokio::test]
    async fn only_what_the_run_met_is_kept() {
        let (_folder, list) = file(LIST);
        let known = look_up(&list, &page(&[]).evidence).await;
        assert_eq!(known.timestamp(), Some(1_795_132_800.0));
        let Preloaded::Known { hosts, .. } = known else { panic!("{known:?}") };
        assert_eq!(hosts, [("example.com".to_owned(), true)].into());
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_says_why() {
        for (text, says) in [("{}", "missing field `entries`"), ("[", "not Chromium's list")] {
            let (_folder, list) = file(text);
            let unknown = look_up(&list, &page(&[]).evidence).await;
            assert!(
                matches!(&unknown, Preloaded::Unknown(why) if why.contains(says)),
                "{unknown:?}"
            );
            assert_eq!(unknown.timestamp(), None);
        }
        let absent =
            PreloadFile { file: "/no/such/list.json".into(), date: "2026-11-20".parse().unwrap() };
        let unknown = look_up(&absent, &page(&[]).evidence).await;
        assert!(matches!(&unknown, Preloaded::Unknown(why) if why.contains("/no/such/list.json")));
    }
}
