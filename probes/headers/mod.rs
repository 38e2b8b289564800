//! Do the headers of a page protect those who open it?
//!
//! What a page is decides what is asked of it: data, images and error pages need no policy for
//! scripts. Everything is read as browsers read it, and MDN's HTTP Observatory keeps its own
//! reading for its score.

mod csp;
mod evidence;
pub(crate) mod field;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod observatory;
mod observe;
mod page;
mod preload;
mod rules;
mod session;
mod settings;
pub(crate) mod site;
mod stacks;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

use crate::blind::Blind;
use crate::context::Context;
use crate::contract::{Kind, Seen, SettingsError};
use crate::header_must::{self, HeaderMust};
use crate::judgement::{Finding, Judgement};
use crate::measurement::{Family, Measurement};
use crate::net::redirect;
use crate::rule::{Rule, Tested};
use evidence::Evidence;
use observatory::Preload;
use preload::{PreloadFile, Preloaded};
pub use settings::Settings;
use settings::{Ignored, Role};
pub use stacks::stacks;

/// A configured `headers` probe.
pub struct Headers {
    path: String,
    role: Role,
    expect: Vec<HeaderMust>,
    ignored: Ignored,
    preload: Option<PreloadFile>,
}

impl Kind for Headers {
    const NAME: &'static str = "headers";
    const SUMMARY: &'static str = "a page's headers protect those who open it";
    const RULES: &'static [Rule<Self>] = rules::ALL;
    const FAMILIES: &'static [Family] = &[SCORE, GRADE, PRELOAD_LIST];
    const INTERVAL: Duration = Duration::from_mins(15);
    type Settings = Settings;
    type Evidence = Evidence;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            path: settings.path,
            role: settings.kind,
            expect: header_must::expectations("expect", settings.expect)?,
            ignored: Ignored::new(&settings.ignore)?,
            preload: settings.preload,
        })
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        // The document with its redirects, the same once more, and a page that is not there; the
        // plain twin with its own redirects runs beside them.
        timeout * u32::try_from(redirect::MOST + 3).unwrap_or(u32::MAX)
    }

    async fn observe(&self, cx: &Context) -> Result<Evidence, Blind> {
        observe::observe(self, cx).await
    }

    fn measure(&self, seen: &Evidence) -> Vec<Measurement> {
        let list = match &seen.preload {
            Preloaded::NotAsked => Preload::default(),
            Preloaded::Known { hosts, .. } => Preload::of(hosts.clone()),
            // A score without the list that was wanted would not be Observatory's.
            Preloaded::Unknown(_) => return Vec::new(),
        };
        let Some(scan) = observatory::scan(seen, &list) else { return Vec::new() };
        let grade = vec![scan.grade().to_owned()];
        let mut found = vec![
            Measurement::new(&SCORE, f64::from(scan.score())),
            Measurement::labelled(&GRADE, grade, 1.0),
        ];
        found.extend(seen.preload.timestamp().map(|day| Measurement::new(&PRELOAD_LIST, day)));
        found
    }

    fn judge(&self, seen: &Seen<'_, Self>, at: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        for rule in Self::RULES {
            if self.ignored.has_rule(rule.about.id) {
                let why = "left out by `ignore`".to_owned();
                judgement.tested.push((&rule.about, Tested::No(why)));
                continue;
            }
            let looked = (rule.check)(self, seen, at);
            let saw = looked.saw.into_iter().filter(|saw| !self.ignored.has_subject(&saw.subject));
            judgement.findings.extend(saw.map(|saw| Finding {
                about: &rule.about,
                subject: saw.subject,
                severity: saw.severity.unwrap_or(rule.about.severity),
                saw: saw.saw,
                wanted: saw.wanted,
            }));
            judgement.tested.push((&rule.about, looked.tested));
        }
        judgement
    }
}

const SCORE: Family = Family {
    name: "musterd_headers_observatory_score",
    help: "Score by the algorithm of MDN's HTTP Observatory, version 6; 100 and more is an A+.",
    labels: &[],
};
const GRADE: Family = Family {
    name: "musterd_headers_observatory_grade_info",
    help: "1, with the grade by the algorithm of MDN's HTTP Observatory, version 6.",
    labels: &["grade"],
};
const PRELOAD_LIST: Family = Family {
    name: "musterd_headers_preload_list_timestamp_seconds",
    help: "Unix time of the day of the HSTS preload list that the score counts with.",
    labels: &[],
};
