//! Who may issue certificates for a name, as its CAA records say (RFC 8659).

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use crate::net::resolve::Resolver;
use crate::text::excerpt;

/// Of a name's records, so many are kept.
const MOST: usize = 64;

/// Names have few labels, and each level costs a query.
const MOST_LEVELS: usize = 10;

/// Of a value, evidence keeps so many characters.
const LONGEST: usize = 256;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Whoever does not know the tag must not issue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub critical: bool,
    /// `issue`, `issuewild`, `iodef`, ... in lower case.
    pub tag: String,
    /// What it says.
    pub value: String,
}

/// The records that hold for a name: its own, or of the closest name above that has any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Records {
    /// Where they stand; empty where there are none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// The records.
    #[serde(default)]
    pub records: Vec<Record>,
}

impl Record {
    pub(crate) fn new(critical: bool, tag: &str, value: &[u8]) -> Self {
        let value = excerpt(&String::from_utf8_lossy(value), LONGEST);
        Self { critical, tag: excerpt(&tag.to_ascii_lowercase(), 32), value }
    }
}

/// Looks from a name upwards, as an authority does (RFC 8659 section 3), before `deadline`; in
/// words, what kept name servers from answering.
pub async fn look_up(
    resolver: &Resolver,
    name: &str,
    deadline: Instant,
) -> Result<Records, String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let parents = name.match_indices('.').filter_map(|(at, _)| name.get(at + 1..));
    for at in std::iter::once(name.as_str()).chain(parents).take(MOST_LEVELS) {
        let asked = timeout_at(deadline, resolver.caa(at)).await;
        let mut records = asked.map_err(|_| "no name server answered in time".to_owned())??;
        if !records.is_empty() {
            records.truncate(MOST);
            return Ok(Records { at: at.to_owned(), records });
        }
    }
    Ok(Records::default())
}
