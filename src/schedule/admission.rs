//! Who may run now: bounds for everything and for each queue, in turn. Pure.
//!
//! Runs of one host wait in one queue, and active runs of one origin in another, so that a host
//! that hangs fills its own queue and keeps nobody else's permits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// What waits, and what runs.
#[derive(Debug)]
pub(crate) struct Admission<T> {
    most: usize,
    most_a_host: usize,
    running: usize,
    queues: HashMap<Arc<str>, Queue<T>>,
    /// Queues that have something waiting and room to run it, in the order of their turns.
    turns: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Queue<T> {
    running: usize,
    waiting: VecDeque<T>,
    most: usize,
    has_turn: bool,
}

/// Where a run waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Line {
    /// With the other runs of its host.
    Host(Arc<str>),
    /// One at a time: active work on this origin.
    Alone(Arc<str>),
}

impl Line {
    fn key(&self) -> &Arc<str> {
        match self {
            Self::Host(key) | Self::Alone(key) => key,
        }
    }
}

impl<T> Admission<T> {
    /// At most `most` runs at once, and `most_a_host` of one host.
    pub(crate) fn new(most: usize, most_a_host: usize) -> Self {
        Self { most, most_a_host, running: 0, queues: HashMap::new(), turns: VecDeque::new() }
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &T> {
        self.queues.values().flat_map(|queue| &queue.waiting)
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Whether nothing waits and nothing runs.
    #[cfg(test)]
    fn is_idle(&self) -> bool {
        self.running == 0 && self.queues.is_empty()
    }

    /// Puts a run at the end of its line.
    pub(crate) fn wait(&mut self, line: &Line, run: T) {
        let most = match line {
            Line::Host(_) => self.most_a_host,
            Line::Alone(_) => 1,
        };
        let key = line.key();
        let queue = self.queues.entry(Arc::clone(key)).or_insert_with(|| Queue {
            running: 0,
            waiting: VecDeque::new(),
            most,
            has_turn: false,
        });
        queue.waiting.push_back(run);
        Self::give_turn(&mut self.turns, key, queue);
    }

    /// The next run that may start; the caller says with [`Admission::ended`] when it ended. Of those
    /// that run, `at_rest` wait for something far off and take no room.
    pub(crate) fn start(&mut self, at_rest: usize) -> Option<T> {
        if self.running.saturating_sub(at_rest) >= self.most {
            return None;
        }
        let key = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&key)?;
        queue.has_turn = false;
        let run = queue.waiting.pop_front()?;
        queue.running += 1;
        self.running += 1;
        Self::give_turn(&mut self.turns, &key, queue);
        Some(run)
    }

    /// A run of this line has ended, or was not started after all.
    pub(crate) fn ended(&mut self, line: &Line) {
        let key = line.key();
        let Some(queue) = self.queues.get_mut(key) else { return };
        queue.running -= 1;
        self.running -= 1;
        if queue.running == 0 && queue.waiting.is_empty() {
            self.queues.remove(key);
        } else {
            Self::give_turn(&mut self.turns, key, queue);
        }
    }

    fn give_turn(turns: &mut VecDeque<Arc<str>>, key: &Arc<str>, queue: &mut Queue<T>) {
        if !queue.has_turn && !queue.waiting.is_empty() && queue.running < queue.most {
            queue.has_turn = true;
            turns.push_back(Arc::clone(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(name: &str) -> Line {
        Line::Host(name.into())
    }

    #[test]
    fn a_host_that_hangs_keeps_nobody_elses_permits() {
        let mut admission = Admission::new(10, 2);
        for run in 0..50 {
            admission.wait(&host("hangs"), ("hangs", run));
        }
        admission.wait(&host("well"), ("well", 0));
        let started: Vec<_> = std::iter::from_fn(|| admission.start(0)).collect();
        assert_eq!(started, [("hangs", 0), ("well", 0), ("hangs", 1)]);
        admission.ended(&host("well"));
        admission.wait(&host("well"), ("well", 1));
        assert_eq!(admission.start(0), Some(("well", 1)));
    }

    #[test]
    fn runs_at_rest_keep_no_permits() {
        let mut admission = Admission::new(2, 8);
        for run in 0..6 {
            admission.wait(&host("a"), run);
        }
        assert_eq!(
            [admission.start(0), admission.start(0), admission.start(0)],
            [Some(0), Some(1), None]
        );
        assert_eq!([admission.start(1), admission.start(1)], [Some(2), None]);
        // They go on: nothing starts until there is room again.
        admission.ended(&host("a"));
        assert_eq!(admission.start(0), None);
        admission.ended(&host("a"));
        assert_eq!(admission.start(0), Some(3));
    }

    #[test]
    fn active_runs_of_an_origin_go_one_at_a_time_in_their_order() {
        let mut admission = Admission::new(10, 5);
        let line = Line::Alone("https://a".into());
        for run in 0..3 {
            admission.wait(&line, run);
        }
        for run in 0..3 {
            assert_eq!((admission.start(0), admission.start(0)), (Some(run), None));
            admission.ended(&line);
        }
        assert!(admission.is_idle());
    }

    proptest! {
        #[test]
        fn bounds_hold_and_everything_that_waits_runs_once(
            runs in prop::collection::vec(0_u8..5, 0..100),
            most in 1_usize..6,
            most_a_host in 1_usize..4,
        ) {
            let mut admission = Admission::new(most, most_a_host);
            for (id, run) in runs.iter().enumerate() {
                admission.wait(&host(&run.to_string()), (*run, id));
            }
            let mut running: Vec<(u8, usize)> = Vec::new();
            let mut done = Vec::new();
            loop {
                while let Some(run) = admission.start(0) {
                    running.push(run);
                }
                prop_assert!(running.len() <= most);
                for name in 0..5 {
                    let of_host = running.iter().filter(|(host, _)| *host == name).count();
                    prop_assert!(of_host <= most_a_host);
                }
                let Some(run) = running.pop() else { break };
                admission.ended(&host(&run.0.to_string()));
                done.push(run.1);
            }
            done.sort_unstable();
            prop_assert_eq!(done, (0..runs.len()).collect::<Vec<_>>());
            prop_assert!(admission.is_idle());
        }
    }
}
