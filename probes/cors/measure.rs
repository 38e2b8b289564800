//! Numbers of a run.

use super::evidence::{Evidence, Reached};
use super::fetch::Power;
use crate::measurement::{Family, Measurement};

pub(super) const FAMILIES: &[Family] = &[REQUESTS, TRIED, GRANTED, LEFT];

const REQUESTS: Family = Family {
    name: "musterd_cors_requests",
    help: "Requests that the run sent, preflights among them.",
    labels: &[],
};
const TRIED: Family = Family {
    name: "musterd_cors_foreign_origins_tried",
    help: "Foreign origins whose requests were answered.",
    labels: &[],
};
const GRANTED: Family = Family {
    name: "musterd_cors_foreign_origins_allowed",
    help: "Foreign origins whose pages can read answers, by what they can read.",
    labels: &["access"],
};
const LEFT: Family = Family {
    name: "musterd_cors_matrix_left",
    help: "Origins of full depth that wait for the next run of such depth.",
    labels: &[],
};

pub(super) fn measure(seen: &Evidence) -> Vec<Measurement> {
    let tried: Vec<Power> = seen
        .shots
        .iter()
        .filter(|shot| shot.is_foreign() && !shot.is_preflight() && shot.answer.is_some())
        .map(super::evidence::Shot::power)
        .collect();
    let granted = |wanted: Power| count(tried.iter().filter(|power| **power == wanted).count());
    let access =
        |name: &str, power| Measurement::labelled(&GRANTED, vec![name.to_owned()], granted(power));
    let mut found = vec![
        Measurement::new(&REQUESTS, count(seen.shots.len())),
        Measurement::new(&TRIED, count(tried.len())),
    ];
    if !tried.is_empty() {
        found.push(access("anonymous", Power::Anonymous));
        found.push(access("credentialed", Power::Credentialed));
    }
    if let Reached::Full { left } = seen.reach {
        found.push(Measurement::new(&LEFT, count(left)));
    }
    found
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
