//! When to send what: schedules that tell limiters apart, as pure state machines over what has
//! been answered so far.

mod differential;
mod exhaust;

pub(super) use differential::{Differential, whole};
pub(super) use exhaust::{DOUBT, Exhaust, window_tolerance};

/// The next step of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// Send one request, not before this many seconds of the run have passed.
    Send { at: f64 },
    /// The limit was just reached: what is looked at behind it is looked at now.
    Exhausted,
    /// Nothing is left to send.
    Done,
}
