//! Simulated limiters of every family and size, with jitter and lost requests: recovered, or
//! undetermined; never another family.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::limiter::Limiter;
use super::*;
use crate::rate_limit::plan::{Differential, Exhaust, Step};

/// A run against a simulated limiter over a simulated network.
struct World {
    limiter: Limiter,
    /// The simulated server's clock when the run begins; phases are relative to it.
    now: f64,
    random: fastrand::Rng,
    /// Seconds of each way, at most.
    latency: f64,
    /// Of a hundred requests, so many get no answer.
    lost: u8,
    shows_remaining: bool,
    seen: Vec<Observation>,
}

impl World {
    fn new(candidate: Candidate, seed: u64) -> Self {
        let limiter = Limiter::new(candidate);
        let random = fastrand::Rng::with_seed(seed);
        Self {
            limiter,
            now: 0.0,
            random,
            latency: 0.03,
            lost: 0,
            shows_remaining: true,
            seen: Vec::new(),
        }
    }

    fn send(&mut self, at: f64) {
        let sent = self.now.max(at) + self.random.f64() * 0.01;
        let arrived = sent + self.random.f64() * self.latency;
        let mut answered = arrived + self.random.f64() * self.latency;
        let reply = self.limiter.hit(arrived);
        let outcome = if self.random.u8(0..100) < self.lost {
            answered = sent + 0.5;
            Outcome::Lost
        } else if reply.accepted {
            Outcome::Accepted
        } else {
            Outcome::Refused
        };
        let remaining =
            (self.shows_remaining && outcome != Outcome::Lost).then_some(reply.remaining);
        self.seen.push(Observation { sent, answered, outcome, remaining });
        self.now = answered;
    }

    fn differential(&mut self, limit: f64, window: f64, knowledge: &Knowledge) {
        let half = crate::rate_limit::plan::whole(limit / 2.0);
        let mut plan = Differential::new(half, window, knowledge.clone());
        while let Step::Send { at } = plan.next(&self.seen, &knowledge.boundaries) {
            self.send(at);
        }
    }

    fn exhaust(&mut self, limit: f64, window: f64) {
        let limit = crate::rate_limit::plan::whole(limit);
        let mut plan =
            Exhaust::new(Some(limit), Some(window), Exhaust::needs(limit, window), window);
        loop {
            match plan.next(&self.seen, None) {
                Step::Send { at } => {
                    // At most ten a second.
                    let at = at.max(self.seen.last().map_or(0.0, |last| last.sent + 0.1));
                    self.send(at);
                }
                Step::Exhausted => {}
                Step::Done => return,
            }
        }
    }
}

fn knowledge(limit: f64, window: f64, told: bool) -> Knowledge {
    Knowledge {
        told,
        limits: vec![limit],
        windows: vec![window],
        steps: vec![window / limit],
        boundaries: Vec::new(),
        // The run begins at the second 1000 of the server's clock, known to half a second.
        server_clock: (999.75, 1000.25),
    }
}

fn epoch_phase(window: f64) -> f64 {
    -(1000_f64.rem_euclid(window))
}

fn shapes(window: f64) -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::FixedFromFirstHit),
        Just(Shape::FixedAt { phase: epoch_phase(window) }),
        (0.0..1.0_f64).prop_map(move |part| Shape::FixedAt { phase: part * window }),
        Just(Shape::SlidingLog { counts_refused: false }),
        Just(Shape::SlidingLog { counts_refused: true }),
        any::<bool>()
            .prop_map(move |locks| Shape::SlidingCounter { phase: epoch_phase(window), locks }),
        Just(Shape::Bucket),
        Just(Shape::SteppedBucket { tokens: 1.0, forgets: false }),
        Just(Shape::Penalty),
        Just(Shape::Unlimited),
    ]
}

/// Size first, because phases depend on it.
fn candidates(limits: std::ops::Range<u32>) -> impl Strategy<Value = Candidate> {
    (limits, 3.0..120.0_f64).prop_flat_map(|(limit, window)| {
        shapes(window).prop_map(move |shape| Candidate { shape, limit: f64::from(limit), window })
    })
}

/// What may be said of a limiter that was not taken to its limit: nobody sees a lock-out there.
fn visible(family: Family) -> Family {
    if family == Family::Penalty { Family::SlidingLog } else { family }
}

/// What may be said after this run, which may have met no refusal although it wanted to.
fn shown_by(world: &World, family: Family) -> Family {
    let refused = world.seen.iter().any(|o| o.outcome == Outcome::Refused);
    if refused { family } else { visible(family) }
}

/// The same cases each time: some limiters differ by less than a network's jitter, so that one run
/// in a hundred thousand fools any judge. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` look further.
fn cases() -> ProptestConfig {
    let given = |name: &str| std::env::var_os(name).is_some();
    let mut config = ProptestConfig::default();
    if !given("PROPTEST_CASES") {
        config.cases = 96;
    }
    if !given("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(0x6d75_7374);
    }
    config
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn headers_alone_never_give_a_wrong_family(
        candidate in candidates(6..300),
        seed in any::<u64>(),
        told in any::<bool>(),
        lost in prop_oneof![4 => Just(0_u8), 1 => Just(15_u8)],
    ) {
        let mut world = World::new(candidate, seed);
        world.lost = lost;
        let knowledge = knowledge(candidate.limit, candidate.window, told);
        world.differential(candidate.limit, candidate.window, &knowledge);
        prop_assert!(world.seen.len() <= 13);
        let inference = infer(&world.seen, &knowledge);
        if let Some(family) = inference.family {
            prop_assert_eq!(family, visible(candidate.shape.family()), "{:?}\n{:#?}", inference.fits, world.seen);
        }
    }

    #[test]
    fn exhausting_never_gives_a_wrong_family_with_headers_or_without(
        candidate in candidates(3..60),
        seed in any::<u64>(),
        shows_remaining in any::<bool>(),
        lost in prop_oneof![4 => Just(0_u8), 1 => Just(5_u8)],
    ) {
        let mut world = World::new(candidate, seed);
        world.lost = lost;
        world.shows_remaining = shows_remaining;
        world.exhaust(candidate.limit, candidate.window);
        let told = shows_remaining;
        let inference = infer(&world.seen, &knowledge(candidate.limit, candidate.window, told));
        if let Some(family) = inference.family {
            prop_assert_eq!(family, shown_by(&world, candidate.shape.family()), "{:?}\n{:#?}", inference.fits, world.seen);
        }
        if let (Some(limit), true) = (inference.limit, candidate.shape != Shape::Unlimited) {
            prop_assert!((limit - candidate.limit).abs() <= (0.02 * candidate.limit).max(1.0), "{inference:?}");
        }
    }

    #[test]
    fn a_window_that_is_not_the_configured_one_gives_no_wrong_family(
        candidate in candidates(4..40),
        seed in any::<u64>(),
        factor in prop_oneof![Just(0.5), Just(0.75), Just(1.5), Just(2.0)],
    ) {
        let mut world = World::new(candidate, seed);
        let configured = candidate.window * factor;
        world.exhaust(candidate.limit, configured);
        let inference = infer(&world.seen, &knowledge(candidate.limit, configured, false));
        if let Some(family) = inference.family {
            prop_assert_eq!(family, shown_by(&world, candidate.shape.family()), "{:?}\n{:#?}", inference.fits, world.seen);
        }
    }
}

/// What one run of a limiter says of its family, where it was wrong once.
fn named(candidate: Candidate, seed: u64, run: impl Fn(&mut World) -> Knowledge) -> Option<Family> {
    let mut world = World::new(candidate, seed);
    let knowledge = run(&mut world);
    infer(&world.seen, &knowledge).family
}

#[test]
fn what_was_mistaken_once_is_no_longer() {
    // A count that stands still was taken for a bucket that fills as fast as we ask.
    let unlimited = Candidate { shape: Shape::Unlimited, limit: 127.0, window: 9.84 };
    // Boundaries in the only part of the window that no burst covers were not thought of.
    let fixed = Shape::FixedAt { phase: 20.8 };
    let fixed = Candidate { shape: fixed, limit: 6.0, window: 46.873 };
    for (candidate, seed) in [(unlimited, 6_136_035_186_615_707_655), (fixed, 16_004)] {
        let family = named(candidate, seed, |world| {
            let knowledge = knowledge(candidate.limit, candidate.window, true);
            world.differential(candidate.limit, candidate.window, &knowledge);
            knowledge
        });
        assert!(family.is_none_or(|family| family == candidate.shape.family()), "{family:?}");
    }
    // Two counters between the points of the grid, where the window is not the configured one.
    for (limit, window, seed, factor) in [
        (15.0, 52.677_583_121_093_34, 1_061_077_055_334_335_542, 0.75),
        (34.0, 66.870_008_022_612_27, 16_763_305_518_680_252_195, 2.0),
        (12.0, 45.576_770_963_305_4, 14_825_847_253_932_386_742, 0.75),
    ] {
        let shape = Shape::SlidingCounter { phase: epoch_phase(window), locks: false };
        let family = named(Candidate { shape, limit, window }, seed, |world| {
            world.exhaust(limit, window * factor);
            knowledge(limit, window * factor, false)
        });
        assert!(family.is_none_or(|family| family == Family::SlidingCounter), "{family:?}");
    }
    // A log that is asked as fast as it gives back says that nothing is left, and refuses nothing.
    let shape = Shape::SlidingLog { counts_refused: false };
    let candidate = Candidate { shape, limit: 36.0, window: 3.644_999_738_712_928 };
    let family = named(candidate, 4_996_236_175_321_710_397, |world| {
        world.exhaust(36.0, candidate.window / 2.0);
        knowledge(36.0, candidate.window / 2.0, false)
    });
    assert!(family.is_none_or(|family| family == Family::SlidingLog), "{family:?}");
}

/// How many of twenty runs are determined.
fn recovered(shape: impl Fn(f64) -> Shape, exhaust: bool, shows_remaining: bool) -> u32 {
    let mut found = 0;
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let limit = f64::from(random.u32(10..60));
        let window = 5.0 + random.f64() * 60.0;
        let mut world = World::new(Candidate { shape: shape(window), limit, window }, seed);
        world.shows_remaining = shows_remaining;
        let knowledge = knowledge(limit, window, shows_remaining);
        if exhaust {
            world.exhaust(limit, window);
        } else {
            world.differential(limit, window, &knowledge);
        }
        found += u32::from(infer(&world.seen, &knowledge).family.is_some());
    }
    found
}

#[test]
fn families_are_recovered_and_not_merely_left_undetermined() {
    let first_hit = |_| Shape::FixedFromFirstHit;
    let epoch = |window| Shape::FixedAt { phase: epoch_phase(window) };
    let log = |_| Shape::SlidingLog { counts_refused: false };
    let counter = |window| Shape::SlidingCounter { phase: epoch_phase(window), locks: false };
    let bucket = |_| Shape::Bucket;
    let penalty = |_| Shape::Penalty;
    let unlimited = |_| Shape::Unlimited;
    for (name, headers, exhausted, blind) in [
        (
            "first hit",
            recovered(first_hit, false, true),
            recovered(first_hit, true, true),
            recovered(first_hit, true, false),
        ),
        (
            "epoch",
            recovered(epoch, false, true),
            recovered(epoch, true, true),
            recovered(epoch, true, false),
        ),
        (
            "log",
            recovered(log, false, true),
            recovered(log, true, true),
            recovered(log, true, false),
        ),
        (
            "counter",
            recovered(counter, false, true),
            recovered(counter, true, true),
            recovered(counter, true, false),
        ),
        (
            "bucket",
            recovered(bucket, false, true),
            recovered(bucket, true, true),
            recovered(bucket, true, false),
        ),
        ("penalty", 20, recovered(penalty, true, true), recovered(penalty, true, false)),
        ("unlimited", 20, recovered(unlimited, true, true), recovered(unlimited, true, false)),
    ] {
        println!("{name}: headers {headers}, exhausted {exhausted}, without headers {blind}");
        assert!(headers >= 15 && exhausted >= 15, "{name}: {headers} {exhausted} {blind}");
    }
}

#[test]
fn a_limiter_that_forgot_its_counts_is_not_taken_for_one_of_an_odd_size() {
    let candidate = Candidate { shape: Shape::Bucket, limit: 8.0, window: 20.0 };
    let knowledge = Knowledge { told: false, ..knowledge(8.0, 20.0, false) };
    let seen = |restart: Option<usize>| {
        let mut world = World::new(candidate, 7);
        world.latency = 0.0;
        world.shows_remaining = false;
        let mut plan = Exhaust::new(Some(8), Some(20.0), 60, 30.0);
        loop {
            if restart == Some(world.seen.len()) {
                world.limiter = Limiter::new(candidate);
            }
            match plan.next(&world.seen, None) {
                Step::Send { at } => world.send(at.max(world.now + 0.1)),
                Step::Exhausted => {}
                Step::Done => return world.seen,
            }
        }
    };
    assert!(!infer(&seen(None), &knowledge).forgot);
    let forgot = infer(&seen(Some(9)), &knowledge);
    assert!(forgot.forgot);
    assert_eq!((forgot.family, forgot.limit, forgot.window), (None, None, None));
}

#[test]
fn what_lets_everything_through_and_counts_nothing_has_no_size() {
    let mut world = World::new(Candidate { shape: Shape::Unlimited, limit: 12.0, window: 4.0 }, 3);
    world.shows_remaining = false;
    for index in 0..45 {
        world.send(f64::from(index) / 10.0);
    }
    let inference = infer(&world.seen, &knowledge(12.0, 4.0, false));
    assert_eq!((inference.family, inference.limit, inference.window), (None, None, None));
}

/// Three tokens a second and ten requests: again and again a moment decides who gets one.
#[test]
fn a_bucket_whose_tokens_come_back_in_step_with_the_requests_is_none_of_another_size() {
    let candidate = Candidate { shape: Shape::Bucket, limit: 12.0, window: 4.0 };
    for seed in 0..40 {
        let mut world = World::new(candidate, seed);
        (world.latency, world.shows_remaining) = (0.06, false);
        world.exhaust(12.0, 4.0);
        let inference = infer(&world.seen, &knowledge(12.0, 4.0, false));
        let named = inference.family;
        assert!(named.is_none_or(|family| family == Family::TokenBucket), "{seed}: {named:?}");
        assert!(inference.limit.is_none_or(|limit| (limit - 12.0).abs() <= 1.0), "{seed}");
    }
}
