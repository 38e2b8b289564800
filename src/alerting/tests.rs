//! Windows, factors and thresholds, by hand and from tables.

use std::time::Duration;

use super::burn::{Cadence, Measured, Urgency, budget, failures, measure, span};

const DAY: Duration = Duration::from_hours(24);

fn every(seconds: u64) -> Cadence {
    Cadence::of(&[Duration::from_secs(seconds)]).unwrap()
}

#[test]
fn it_is_known_how_many_failures_page() {
    // Within an hour, at 14.4 times the budget.
    for (interval, of_targets) in
        [(10, [52, 26, 6, 3]), (30, [18, 9, 2, 1]), (60, [9, 5, 1, 1]), (300, [2, 1, 1, 1])]
    {
        for (target, expected) in [99.0, 99.5, 99.9, 99.95].into_iter().zip(of_targets) {
            let enough = failures(14.4, budget(target), Duration::from_hours(1), every(interval));
            assert_eq!(enough, expected, "{target} % every {interval}s");
        }
    }
    assert_eq!(budget(99.9).to_string(), "0.001");
    assert_eq!(budget(99.995).to_string(), "0.00005");
}

#[test]
fn thirty_days_have_the_windows_of_the_workbook() {
    let Measured { rows, warnings } = measure(99.9, 30 * DAY, every(10));
    let rows: Vec<_> =
        rows.iter().map(|row| (row.urgency, span(row.long), span(row.short), row.factor)).collect();
    let row = |urgency, long: &str, short: &str, factor| {
        (urgency, long.to_owned(), short.to_owned(), factor)
    };
    assert_eq!(
        rows,
        [
            row(Urgency::Page, "1h", "5m", 14.4),
            row(Urgency::Page, "6h", "30m", 6.0),
            row(Urgency::Ticket, "1d", "2h", 3.0),
            row(Urgency::Ticket, "3d", "6h", 1.0),
        ]
    );
    assert_eq!(warnings, <[String; 0]>::default());
}

#[test]
fn one_lost_packet_pages_nobody() {
    let Measured { rows, warnings } = measure(99.9, 30 * DAY, every(60));
    assert_eq!(rows.len(), 4);
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.starts_with("1 bad run in 1h would be enough, at a run every 1m"), "{warning}");
    assert!(warning.contains("a run every 25s or less"), "{warning}");
    // At that interval nothing has to be said.
    assert_eq!(measure(99.9, 30 * DAY, every(25)).warnings, <[String; 0]>::default());
    assert_ne!(measure(99.9, 30 * DAY, every(26)).warnings, <[String; 0]>::default());
    // Two checks count twice as fast.
    let both = Cadence::of(&[Duration::from_secs(50); 2]).unwrap();
    assert_eq!(measure(99.9, 30 * DAY, both).warnings, <[String; 0]>::default());
}

#[test]
fn what_cannot_be_measured_is_left_out_and_said() {
    let Measured { rows, warnings } = measure(99.0, 7 * DAY, every(3600));
    let long: Vec<String> = rows.iter().map(|row| span(row.long)).collect();
    assert_eq!(long, ["336m", "1008m"], "14 and 84 minutes hold no three runs");
    assert!(rows.iter().all(|row| row.urgency == Urgency::Ticket && row.short * 2 <= row.long));
    assert!(warnings.iter().any(|warning| warning.contains("holds too few")), "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains("pages anybody")), "{warnings:?}");

    let Measured { rows, warnings } = measure(90.0, 30 * DAY, every(10));
    assert!(rows.iter().all(|row| row.factor < 10.0), "a total outage is ten times the budget");
    assert!(warnings[0].contains("not even a total outage"), "{warnings:?}");
}

#[test]
fn a_short_window_holds_several_runs() {
    for interval in [1, 10, 30, 60, 300, 900] {
        for days in [1, 7, 28, 30, 90] {
            for row in measure(99.5, days * DAY, every(interval)).rows {
                assert!(row.short >= Duration::from_secs(2 * interval + 60), "{row:?}");
                assert!(row.short * 2 <= row.long, "{row:?}");
            }
        }
    }
    assert!(Cadence::of(&[]).is_none());
}
