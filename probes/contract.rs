//! What a kind of probe is: typed for its author, erased for the daemon.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::blind::Blind;
use crate::context::Context;
use crate::impact::Impact;
use crate::judgement::{Finding, Judgement};
use crate::measurement::{Family, Measurement};
use crate::rule::{Rule, Saw};

/// A kind of probe: what can be seen of a service in one way, and how it is judged.
///
/// `observe` does all the I/O. `judge` and `measure` are pure: they see settings, evidence and a
/// time, and nothing else, so every rule is tested from tables and recorded evidence can be
/// judged again.
pub trait Kind: Sized + Send + Sync + 'static {
    /// The key that names the probe in a configuration.
    const NAME: &'static str;
    /// One sentence for tables and `--help`.
    const SUMMARY: &'static str;
    /// What its evidence is judged by, in the order in which findings are shown.
    const RULES: &'static [Rule<Self>];
    /// Every metric that `measure` can give.
    const FAMILIES: &'static [Family] = &[];
    /// How many earlier runs observing and judging may look at.
    const MEMORY: usize = 0;
    /// Whether it has to know what other checks send to the same origin.
    const COUNTS_TRAFFIC: bool = false;
    /// How often it runs when the configuration does not say.
    const INTERVAL: Duration = Duration::from_hours(1);
    /// What the user writes.
    type Settings: DeserializeOwned + JsonSchema;
    /// What one run saw: facts, without an opinion.
    type Evidence: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Settings that make sense become a probe; others say what is wrong with them.
    fn new(settings: Self::Settings) -> Result<Self, SettingsError>;

    /// The highest impact that it can use. What a run may really do is the context's to say.
    fn impact(&self) -> Impact {
        Impact::Passive
    }

    /// Whether it is configured for active parts that run at most once a day (`depth: full`).
    fn has_deep_part(&self) -> bool {
        false
    }

    /// How many requests an intrusive run of it may send, where that is its own to say.
    fn max_requests(&self) -> Option<u32> {
        None
    }

    /// What its daily parts work on, as method and path as it is configured: two checks that name the
    /// same route at one origin share their day. `None`: the check itself.
    fn route(&self) -> Option<String> {
        None
    }

    /// The longest that one run may take when each exchange may take `timeout`.
    fn max_duration(&self, timeout: Duration) -> Duration;

    /// Looks. Whatever the target does is evidence; only our own inability is an error.
    fn observe(&self, cx: &Context) -> impl Future<Output = Result<Self::Evidence, Blind>> + Send;

    /// Numbers in the evidence.
    fn measure(&self, _seen: &Self::Evidence) -> Vec<Measurement> {
        Vec::new()
    }

    /// Walks the rules.
    fn judge(&self, seen: &Seen<'_, Self>, at: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        for rule in Self::RULES {
            let looked = (rule.check)(self, seen, at);
            judgement.findings.extend(looked.saw.into_iter().map(|saw| finding(rule, saw)));
            judgement.tested.push((&rule.about, looked.tested));
        }
        judgement
    }
}

fn finding<K: Kind>(rule: &'static Rule<K>, saw: Saw) -> Finding {
    Finding {
        about: &rule.about,
        subject: saw.subject,
        severity: saw.severity.unwrap_or(rule.about.severity),
        saw: saw.saw,
        wanted: saw.wanted,
    }
}

/// What judging may look at: this run, and a bounded number of earlier ones.
pub struct Seen<'a, K: Kind> {
    /// This run.
    pub now: &'a K::Evidence,
    /// Earlier runs, the latest first, at most [`Kind::MEMORY`].
    pub earlier: &'a [Past<K::Evidence>],
}

/// What an earlier run saw.
#[derive(Debug)]
pub struct Past<E> {
    /// When it looked.
    pub at: Timestamp,
    /// What it saw.
    pub evidence: Arc<E>,
}

impl<E> Clone for Past<E> {
    fn clone(&self) -> Self {
        Self { at: self.at, evidence: Arc::clone(&self.evidence) }
    }
}

/// Settings that cannot work, with the setting's name where it is one alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SettingsError {
    /// The key that is wrong; `None` when it is a combination.
    pub key: Option<&'static str>,
    /// What is wrong with it, and a way out.
    pub message: String,
}

impl SettingsError {
    /// One key is wrong.
    pub fn at(key: &'static str, message: impl Into<String>) -> Self {
        Self { key: Some(key), message: message.into() }
    }
}

/// Evidence of a kind that is not known here.
pub trait AnyEvidence: Any + Send + Sync {
    /// As JSON. Evidence is plain data, so this fails only for a fault of its author.
    fn to_json(&self) -> Result<serde_json::Value, serde_json::Error>;
    /// For the kind that made it.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<E: Serialize + Send + Sync + 'static> AnyEvidence for E {
    fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(self)
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// Evidence as the daemon holds it.
pub type Evidence = Arc<dyn AnyEvidence>;

/// What earlier runs of a check saw, the latest first: what its probe's memory holds.
#[derive(Clone, Default)]
pub struct Earlier(Arc<[(Timestamp, Evidence)]>);

impl Earlier {
    /// With the evidence of one more run, no more than `most` in all.
    #[must_use]
    pub fn with(&self, at: Timestamp, evidence: Evidence, most: usize) -> Self {
        let latest = std::iter::once((at, evidence));
        Self(latest.chain(self.0.iter().cloned()).take(most).collect())
    }

    /// Each with the time of its run, the latest first.
    pub fn as_slice(&self) -> &[(Timestamp, Evidence)] {
        &self.0
    }

    /// As their kind knows them, at most [`Kind::MEMORY`].
    pub(crate) fn typed<K: Kind>(&self) -> Vec<Past<K::Evidence>> {
        past::<K>(&self.0)
    }
}

impl From<Vec<(Timestamp, Evidence)>> for Earlier {
    fn from(latest_first: Vec<(Timestamp, Evidence)>) -> Self {
        Self(latest_first.into())
    }
}

/// Evidence is long, and a log has no use for it.
impl std::fmt::Debug for Earlier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Earlier").field(&self.0.len()).finish()
    }
}

/// A future on the heap: one a run.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A configured probe as the daemon sees it. Immutable: what a run needs lives in the run.
pub trait Probe: Send + Sync {
    /// The kind's name.
    fn kind(&self) -> &'static str;
    /// The highest impact that it can use.
    fn impact(&self) -> Impact;
    /// Whether it is configured for parts that run at most once a day.
    fn has_deep_part(&self) -> bool;
    /// How many requests an intrusive run of it may send, where that is its own to say.
    fn max_requests(&self) -> Option<u32>;
    /// Whether it has to know what other checks send to the same origin.
    fn counts_traffic(&self) -> bool;
    /// What its daily parts work on.
    fn route(&self) -> Option<String>;
    /// How many earlier runs it wants to see when it judges.
    fn memory(&self) -> usize;
    /// The longest that one run may take.
    fn max_duration(&self, timeout: Duration) -> Duration;
    /// Looks.
    fn observe<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Evidence, Blind>>;
    /// Judges what was seen.
    fn judge(&self, now: &Evidence, earlier: &[(Timestamp, Evidence)], at: Timestamp) -> Judgement;
    /// Numbers in what was seen.
    fn measure(&self, now: &Evidence) -> Vec<Measurement>;
    /// Evidence that was stored.
    fn parse(&self, evidence: serde_json::Value) -> Result<Evidence, serde_json::Error>;
}

impl<K: Kind> Probe for K {
    fn kind(&self) -> &'static str {
        K::NAME
    }

    fn impact(&self) -> Impact {
        Kind::impact(self)
    }

    fn has_deep_part(&self) -> bool {
        Kind::has_deep_part(self)
    }

    fn max_requests(&self) -> Option<u32> {
        Kind::max_requests(self)
    }

    fn route(&self) -> Option<String> {
        Kind::route(self)
    }

    fn counts_traffic(&self) -> bool {
        K::COUNTS_TRAFFIC
    }

    fn memory(&self) -> usize {
        K::MEMORY
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        Kind::max_duration(self, timeout)
    }

    fn observe<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Evidence, Blind>> {
        Box::pin(async move {
            let evidence = Kind::observe(self, cx).await?;
            Ok(Arc::new(evidence) as Evidence)
        })
    }

    fn judge(&self, now: &Evidence, earlier: &[(Timestamp, Evidence)], at: Timestamp) -> Judgement {
        let now = typed::<K>(now);
        Kind::judge(self, &Seen { now: &now, earlier: &past::<K>(earlier) }, at)
    }

    fn measure(&self, now: &Evidence) -> Vec<Measurement> {
        Kind::measure(self, &typed::<K>(now))
    }

    fn parse(&self, evidence: serde_json::Value) -> Result<Evidence, serde_json::Error> {
        Ok(Arc::new(serde_json::from_value::<K::Evidence>(evidence)?))
    }
}

/// As many earlier runs as a kind may look at.
fn past<K: Kind>(earlier: &[(Timestamp, Evidence)]) -> Vec<Past<K::Evidence>> {
    let typed = |(at, evidence): &(_, _)| Past { at: *at, evidence: typed::<K>(evidence) };
    earlier.iter().take(K::MEMORY).map(typed).collect()
}

/// The evidence as its kind knows it. A check's evidence comes from its own probe alone: from
/// `observe` or from `parse`.
fn typed<K: Kind>(evidence: &Evidence) -> Arc<K::Evidence> {
    Arc::clone(evidence)
        .into_any()
        .downcast()
        .expect("evidence is given back to the kind that made it")
}
