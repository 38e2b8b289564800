//! A bounded record of what a fake has seen, which a test can wait on instead of sleeping.

use tokio::sync::watch;

/// Entries kept; later ones are dropped so that an endless client cannot fill the memory.
const LIMIT: usize = 10_000;

/// An append-only list shared between a fake's tasks and the test that reads it.
#[derive(Debug, Clone)]
pub(crate) struct Log<T>(watch::Sender<Vec<T>>);

impl<T: Clone> Log<T> {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    pub(crate) fn push(&self, entry: T) {
        self.0.send_if_modified(|entries| {
            let room = entries.len() < LIMIT;
            if room {
                entries.push(entry);
            }
            room
        });
    }

    pub(crate) fn entries(&self) -> Vec<T> {
        self.0.borrow().clone()
    }

    /// Returns once at least `count` entries stand in the log.
    pub(crate) async fn wait_for(&self, count: usize) {
        self.0
            .subscribe()
            .wait_for(|entries| entries.len() >= count)
            .await
            .map(drop)
            .expect("the sender lives in self");
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Log};

    #[tokio::test]
    async fn waiting_ends_with_the_awaited_entry() {
        let log = Log::new();
        let writer = log.clone();
        let ((), ()) = tokio::join!(log.wait_for(2), async move {
            writer.push('a');
            writer.push('b');
        });
        assert_eq!(log.entries(), ['a', 'b']);
    }

    #[test]
    fn it_never_grows_beyond_its_limit() {
        let log = Log::new();
        for entry in 0..=LIMIT {
            log.push(entry);
        }
        assert_eq!(log.entries().len(), LIMIT);
    }
}
