//! What a run measured, as it is kept: which series there are is shared, and the values are not.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use musterd_probes::measurement::{Family, Measurement};

use super::shared::Shared;

/// A series: a family and the values of its labels.
#[derive(Debug)]
pub(super) struct Series {
    family: &'static Family,
    labels: Box<[String]>,
}

/// The series that runs of the same kind have in common.
pub(super) type Shape = Box<[Series]>;

/// What a run measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    shape: Arc<Shape>,
    values: Box<[f64]>,
}

impl Series {
    fn is_of(&self, measurement: &Measurement) -> bool {
        self.family.name == measurement.family.name && *self.labels == *measurement.labels
    }
}

// A family is what its name is.
impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.family.name == other.family.name && self.labels == other.labels
    }
}

impl Eq for Series {}

impl Hash for Series {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.family.name.hash(hasher);
        self.labels.hash(hasher);
    }
}

impl Measured {
    /// What a run measured. Most measure the series of the run `before`, whose shape is then taken
    /// over without a look at all the others.
    pub(super) fn of(
        measurements: &[Measurement],
        before: Option<&Self>,
        shapes: &Shared<Shape>,
    ) -> Self {
        let same = |before: &&Self| {
            before.shape.len() == measurements.len()
                && before.shape.iter().zip(measurements).all(|(series, one)| series.is_of(one))
        };
        let shape = match before.filter(same) {
            Some(before) => Arc::clone(&before.shape),
            None => shapes.of(measurements.iter().map(series).collect()),
        };
        Self { shape, values: measurements.iter().map(|one| one.value).collect() }
    }

    /// Families, the values of their labels, and the values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static Family, &[String], f64)> + Clone {
        let series = self.shape.iter().zip(&self.values);
        series.map(|(Series { family, labels }, value)| (*family, &**labels, *value))
    }
}

fn series(measurement: &Measurement) -> Series {
    Series { family: measurement.family, labels: measurement.labels.as_slice().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASE: Family = Family { name: "phase", help: "", labels: &["phase"] };
    const STATUS: Family = Family { name: "status", help: "", labels: &[] };

    fn run(phase: &str, value: f64) -> Vec<Measurement> {
        let labelled = Measurement::labelled(&PHASE, vec![phase.to_owned()], value);
        vec![labelled, Measurement::new(&STATUS, value + 1.0)]
    }

    #[test]
    fn runs_share_their_series_and_keep_their_values() {
        let shapes = Shared::default();
        let first = Measured::of(&run("connect", 1.0), None, &shapes);
        let again = Measured::of(&run("connect", 5.0), Some(&first), &shapes);
        let elsewhere = Measured::of(&run("connect", 7.0), None, &shapes);
        assert!(Arc::ptr_eq(&first.shape, &again.shape));
        assert!(Arc::ptr_eq(&first.shape, &elsewhere.shape));
        let other = Measured::of(&run("tls", 9.0), Some(&first), &shapes);
        for (measured, phase, value) in [(&again, "connect", 5.0), (&other, "tls", 9.0)] {
            let all: Vec<_> = measured.iter().collect();
            assert_eq!(all[0], (&PHASE, &[phase.to_owned()][..], value));
            assert_eq!(all[1], (&STATUS, &[][..], value + 1.0));
        }
        let fewer = Measured::of(&run("tls", 9.0)[..1], Some(&other), &shapes);
        assert_eq!(fewer.iter().count(), 1);
    }
}
