//! Evidence for tables, built by hand.

use jiff::Timestamp;

use crate::contract::{Kind as _, Seen};
use crate::cors::Cors;
use crate::cors::evidence::{Answer, Evidence, Place, Reached, Role, Shot, Stop};
use crate::cors::fetch::Asked;
use crate::cors::mutation::{Class, Mutation, Reach};
use crate::judgement::Judgement;
use crate::net::failure::{Failure, FailureKind};
use crate::net::phase::Phase;
use crate::testing::probe;

/// The origin whose pages may read answers.
pub(super) const APP: &str = "https://app.example.com";

/// Settings that declare it.
pub(super) const DECLARED: &str =
    r#"{"allowed_origins": ["https://app.example.com"], "credentials": true}"#;

/// A run under construction.
pub(super) struct Scene {
    pub(super) evidence: Evidence,
}

fn answer(status: u16, lines: &[&str]) -> Answer {
    let split = |line: &&str| {
        let (name, value) = line.split_once(':').expect("a header line");
        (name.trim().to_owned(), value.trim().to_owned())
    };
    Answer { status, headers: lines.iter().map(split).collect(), blocked_by: None }
}

/// Two lines that let a page at an origin read with cookies.
pub(super) fn grants(origin: &str) -> Vec<String> {
    vec![
        format!("access-control-allow-origin: {origin}"),
        "access-control-allow-credentials: true".to_owned(),
        "vary: Origin".to_owned(),
    ]
}

/// A run whose plain request was answered so.
pub(super) fn scene(status: u16, lines: &[&str]) -> Scene {
    let evidence = Evidence {
        own: "https://api.example.com".to_owned(),
        shots: Vec::new(),
        stopped: None,
        foreign: true,
        reach: Reached::Full { left: 0 },
        place: Place::default(),
        alike: None,
    };
    Scene { evidence }.shot(Role::Plain, None, None, status, lines)
}

/// A run of a service that lets its one declared page in, and nobody else.
pub(super) fn fenced() -> Scene {
    let lines = grants(APP);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    scene(200, &["vary: Origin"])
        .guest(APP, 200, &lines)
        .stranger(200, &["vary: Origin"])
        .null(200, &["vary: Origin"])
}

/// A run of a service that allows nobody.
pub(super) fn closed() -> Scene {
    scene(200, &[]).stranger(200, &[]).null(200, &[])
}

impl Scene {
    pub(super) fn shot(
        mut self,
        role: Role,
        origin: Option<&str>,
        asked: Option<Asked>,
        status: u16,
        lines: &[&str],
    ) -> Self {
        let origin = origin.map(str::to_owned);
        let answer = Some(answer(status, lines));
        self.evidence.shots.push(Shot { role, origin, asked, answer, failure: None, void: false });
        self
    }

    pub(super) fn guest(self, origin: &str, status: u16, lines: &[&str]) -> Self {
        self.shot(Role::Allowed, Some(origin), None, status, lines)
    }

    pub(super) fn preflight(self, method: &str, status: u16, lines: &[&str]) -> Self {
        let asked = Asked { method: method.to_owned(), headers: vec!["content-type".to_owned()] };
        self.shot(Role::Allowed, Some(APP), Some(asked), status, lines)
    }

    /// A stranger; `{}` in a line stands for its origin.
    pub(super) fn stranger(self, status: u16, lines: &[&str]) -> Self {
        let origin = format!("https://stranger{}.example", self.evidence.shots.len());
        self.sent(Role::Foreign, &origin, None, status, lines)
    }

    pub(super) fn stranger_asks(self, status: u16, lines: &[&str]) -> Self {
        let asked = Asked { method: "PUT".into(), headers: vec!["content-type".to_owned()] };
        self.sent(Role::Foreign, "https://stranger.example", Some(asked), status, lines)
    }

    pub(super) fn null(self, status: u16, lines: &[&str]) -> Self {
        self.sent(Role::Null, "null", None, status, lines)
    }

    pub(super) fn mutated(self, class: Class, reach: Reach, origin: &str, lines: &[&str]) -> Self {
        let mutation = Mutation { class, reach, origin: origin.to_owned(), follows_from: None };
        self.sent(Role::Mutated(mutation), origin, None, 200, lines)
    }

    fn sent(
        self,
        role: Role,
        origin: &str,
        asked: Option<Asked>,
        status: u16,
        lines: &[&str],
    ) -> Self {
        let lines: Vec<String> = lines.iter().map(|line| line.replace("{}", origin)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        self.shot(role, Some(origin), asked, status, &lines)
    }

    pub(super) fn reach(mut self, reach: Reached) -> Self {
        self.evidence.reach = reach;
        self
    }

    pub(super) fn own(mut self, own: &str) -> Self {
        own.clone_into(&mut self.evidence.own);
        self
    }

    pub(super) fn alike(mut self, alike: bool) -> Self {
        self.evidence.alike = Some(alike);
        self
    }

    pub(super) fn stopped(mut self, stop: Stop) -> Self {
        self.evidence.stopped = Some(stop);
        self
    }

    pub(super) fn passive(mut self) -> Self {
        self.evidence.foreign = false;
        self
    }

    pub(super) fn blocked_by(mut self, firewall: &str) -> Self {
        let last = self.evidence.shots.last_mut().and_then(|shot| shot.answer.as_mut());
        last.expect("an answer").blocked_by = Some(firewall.to_owned());
        self
    }

    /// The last request had no answer.
    pub(super) fn silent(mut self) -> Self {
        let last = self.evidence.shots.last_mut().expect("a request");
        last.answer = None;
        last.failure = Some(Failure::new(Phase::Connect, FailureKind::Refused, "it is closed"));
        self
    }

    /// The last request proves nothing.
    pub(super) fn void(mut self) -> Self {
        self.evidence.shots.last_mut().expect("a request").void = true;
        self
    }

    pub(super) fn judged(&self, settings: &str) -> Judgement {
        let seen = Seen { now: &self.evidence, earlier: &[] };
        probe::<Cors>(settings).judge(&seen, Timestamp::UNIX_EPOCH)
    }

    /// What fires, as `rule severity subject`, without the probe's name.
    pub(super) fn fired(&self, settings: &str) -> Vec<String> {
        fired(&self.judged(settings))
    }

    /// What one rule says: its findings as `severity subject`, or that it could not look.
    pub(super) fn says(&self, settings: &str, rule: &str) -> Vec<String> {
        let judgement = self.judged(settings);
        if judgement.untested().any(|(about, _)| about.id == format!("cors.{rule}")) {
            return vec!["untested".to_owned()];
        }
        let start = format!("{rule} ");
        let fired = fired(&judgement);
        fired.iter().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
    }

    /// What was seen by the first finding of a rule.
    pub(super) fn saw(&self, settings: &str, rule: &str) -> String {
        let judgement = self.judged(settings);
        let id = format!("cors.{rule}");
        let found = judgement.findings.iter().find(|finding| finding.about.id == id);
        found.map(|finding| finding.saw.clone()).unwrap_or_default()
    }
}

/// What fires, as `rule severity subject`, without the probe's name.
pub(super) fn fired(judgement: &Judgement) -> Vec<String> {
    let line = |finding: &crate::judgement::Finding| {
        let id = finding.about.id.trim_start_matches("cors.");
        format!("{id} {} {}", finding.severity, finding.subject).trim_end().to_owned()
    };
    judgement.findings.iter().map(line).collect()
}
