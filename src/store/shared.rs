//! Values of which many are alike, each held once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

/// Before there are so many, none is looked for that nobody uses any more.
const FEW: usize = 64;

/// Values that are held once, however many use them.
#[derive(Debug)]
pub(super) struct Shared<T>(Mutex<Held<T>>);

#[derive(Debug)]
struct Held<T> {
    values: HashSet<Arc<T>>,
    /// So many are held before those are let go that nobody uses.
    most: usize,
}

impl<T: Eq + Hash> Shared<T> {
    /// This value, the same for everybody.
    pub(super) fn of(&self, value: T) -> Arc<T> {
        let mut held = self.0.lock().expect("no panic under this lock");
        if let Some(known) = held.values.get(&value) {
            return Arc::clone(known);
        }
        if held.values.len() >= held.most {
            held.values.retain(|value| Arc::strong_count(value) > 1);
            // What is swept is paid for by what was added since.
            held.most = FEW.max(2 * held.values.len());
        }
        let value = Arc::new(value);
        held.values.insert(Arc::clone(&value));
        value
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::new(Held { values: HashSet::new(), most: FEW }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_those_that_nobody_uses_are_let_go() {
        let shared = Shared::<String>::default();
        let kept = shared.of("kept".to_owned());
        for other in 0..10 * FEW {
            shared.of(other.to_string());
        }
        assert!(Arc::ptr_eq(&kept, &shared.of("kept".to_owned())));
        assert!(shared.0.lock().unwrap().values.len() <= FEW);
    }
}
