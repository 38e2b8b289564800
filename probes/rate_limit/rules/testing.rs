//! Evidence for the fixtures of rules, one line a request, as one writes it down by hand.

use jiff::Timestamp;

use crate::contract::{Kind, Seen};
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Evidence, Mode, Purpose, Sample, Stop, StopCause};
use crate::rule::Tested;
use crate::testing;

/// A run of these requests: `SECONDS STATUS WORD...`, where a word is `left=5/6` (headers that say
/// how much is left of what), `reset=10`, `ra=10` (Retry-After), `took=0.5`, `hash=X` (of the body),
/// `h:NAME=VALUE` (any header), `body=TEXT` (to the end of the line), or what the request is: `control`, `xff=NAME`,
/// `path=HOW`, `query`, `method=NAME`, `preflight`, `v6`. A status of 0 is no answer.
pub(super) fn run(mode: Mode, lines: &[&str]) -> Evidence {
    let samples = lines.iter().map(|line| sample(line)).collect();
    let started = "2025-09-20T12:00:00Z".parse().unwrap();
    Evidence { mode, started, samples, ..Evidence::default() }
}

fn sample(line: &str) -> Sample {
    let (line, body) = line.split_once(" body=").unwrap_or((line, ""));
    let mut words = line.split_whitespace();
    let sent: f64 = words.next().unwrap().parse().unwrap();
    let status: u16 = words.next().unwrap().parse().unwrap();
    let mut sample = Sample {
        sent,
        answered: sent + 0.01,
        status: (status > 0).then_some(status),
        failure: (status == 0).then(|| "connection refused".to_owned()),
        excerpt: body.to_owned(),
        ..Sample::default()
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let mut header = |name: &str, value: &str| {
            sample.headers.push((name.to_owned(), value.replace('_', " ")));
        };
        match key {
            "left" => {
                let (left, limit) = value.split_once('/').unwrap();
                header("x-ratelimit-remaining", left);
                header("x-ratelimit-limit", limit);
            }
            "reset" => header("x-ratelimit-reset", value),
            "ra" => header("retry-after", value),
            "took" => sample.answered = sent + value.parse::<f64>().unwrap(),
            "hash" => sample.body = Some(value.to_owned()),
            "control" => sample.purpose = Purpose::Control,
            "xff" => sample.purpose = Purpose::Forwarded(value.to_owned()),
            "path" => sample.purpose = Purpose::Path(value.to_owned()),
            "method" => sample.purpose = Purpose::Method(value.to_owned()),
            "query" => sample.purpose = Purpose::Query,
            "preflight" => sample.purpose = Purpose::Preflight,
            "v6" => sample.purpose = Purpose::OtherFamily,
            other => header(other.strip_prefix("h:").unwrap(), value),
        }
    }
    sample
}

/// With an early end.
pub(super) fn stopped(evidence: Evidence, cause: StopCause, detail: &str) -> Evidence {
    Evidence { stopped: Some(Stop { cause, detail: detail.to_owned() }), ..evidence }
}

/// The rules that fire, with their subjects where they have one.
pub(super) fn judged(settings: &str, evidence: &Evidence) -> Vec<String> {
    let stored = serde_json::to_value(evidence).unwrap();
    testing::judged::<RateLimit>(settings, stored)
}

/// The findings on one rule: what each saw, and its severity.
pub(super) fn findings(settings: &str, evidence: &Evidence, rule: &str) -> Vec<(String, String)> {
    let probe = testing::probe::<RateLimit>(settings);
    let judgement =
        Kind::judge(&probe, &Seen { now: evidence, earlier: &[] }, Timestamp::UNIX_EPOCH);
    judgement
        .findings
        .into_iter()
        .filter(|finding| finding.about.id == rule)
        .map(|finding| (finding.saw, finding.severity.as_str().to_owned()))
        .collect()
}

/// Whether a rule says of a subject that it looked.
pub(super) fn tests(settings: &str, evidence: &Evidence, rule: &str, subject: &str) -> bool {
    let probe = testing::probe::<RateLimit>(settings);
    let judgement =
        Kind::judge(&probe, &Seen { now: evidence, earlier: &[] }, Timestamp::UNIX_EPOCH);
    judgement.tested.iter().any(|(about, tested)| {
        about.id == rule
            && match tested {
                Tested::All => true,
                Tested::Only(subjects) => subjects.iter().any(|tested| tested == subject),
                Tested::No(_) => false,
            }
    })
}

/// Why a rule could not look.
pub(super) fn untested(settings: &str, evidence: &Evidence, rule: &str) -> Option<String> {
    let probe = testing::probe::<RateLimit>(settings);
    let judgement =
        Kind::judge(&probe, &Seen { now: evidence, earlier: &[] }, Timestamp::UNIX_EPOCH);
    let found = judgement.untested().find(|(about, _)| about.id == rule);
    found.map(|(_, why)| why.to_owned())
}
