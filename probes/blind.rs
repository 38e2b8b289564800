//! Our own inability to look: the only error that observing knows.

use std::borrow::Cow;

/// musterd could not look. What the target did wrong is evidence and never ends up here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Blind {
    /// Which of our means failed, for counting and for tests.
    pub cause: Cause,
    /// What happened, in one sentence without a period.
    pub reason: Cow<'static, str>,
}

/// Which of our own means failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The resolver did not answer, or answered that it cannot.
    Resolver,
    /// No route to any network, or the machine's own firewall.
    Network,
    /// Ports, descriptors or memory of this machine are used up.
    Exhausted,
    /// A secret, a certificate or a key that is configured cannot be read.
    Secret,
    /// The egress guard refused the address.
    Egress,
    /// A limit on what one run may send.
    Limit,
    /// Consent for the impact that was needed is not given.
    Consent,
    /// The proxy did not let us through.
    Proxy,
    /// A fault of musterd itself.
    Internal,
}

impl Blind {
    /// A cause and its sentence.
    pub fn new(cause: Cause, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { cause, reason: reason.into() }
    }
}
