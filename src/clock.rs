//! The wall clock: read here, and handed on as an argument.

use std::sync::Arc;

use jiff::Timestamp;

/// The wall clock.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's.
    pub(crate) fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// One that tests make up.
    #[cfg(test)]
    pub(crate) fn made_up(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time of now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// The time of now to the millisecond, as the identity of a run holds it.
    pub(crate) fn millisecond(&self) -> Timestamp {
        let now = self.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}
