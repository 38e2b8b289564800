//! Numbers that a run measured: what becomes a metric.

/// A family of measurements: one metric name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The metric's name, with its unit.
    pub name: &'static str,
    /// One sentence for `# HELP`.
    pub help: &'static str,
    /// The labels beside `service`, `check` and `probe`.
    pub labels: &'static [&'static str],
}

/// One value of a family. Every measurement is a gauge.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// What was measured.
    pub family: &'static Family,
    /// Values of the family's labels, in its order. Bounded: never a URL or an error text.
    pub labels: Vec<String>,
    /// The value in the unit of the family's name.
    pub value: f64,
}

impl Measurement {
    /// A value without labels of its own.
    pub fn new(family: &'static Family, value: f64) -> Self {
        Self::labelled(family, Vec::new(), value)
    }

    /// A value with labels.
    pub fn labelled(family: &'static Family, labels: Vec<String>, value: f64) -> Self {
        debug_assert_eq!(family.labels.len(), labels.len(), "{}: labels differ", family.name);
        Self { family, labels, value }
    }
}
