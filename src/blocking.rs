//! Calls that may block for ever, such as those to a file system over a network: made where nobody
//! else waits, awaited for so long, and never more than a few at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A few threads for calls that may hang.
#[derive(Debug, Clone)]
pub(crate) struct Blocking {
    /// A call that hangs keeps its permit: what comes after it must not fill the pool of threads.
    threads: Arc<Semaphore>,
    patience: Duration,
}

impl Blocking {
    /// At most so many calls at once, each awaited for so long.
    pub(crate) fn new(threads: usize, patience: Duration) -> Self {
        Self { threads: Arc::new(Semaphore::new(threads)), patience }
    }

    /// Makes a call. One that hangs goes on behind our back, but its outcome is lost.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let threads = Arc::clone(&self.threads);
        let calling = async {
            let permit = threads.acquire_owned().await.map_err(io::Error::other)?;
            let call = move || {
                let _until_it_ends = permit;
                call()
            };
            tokio::task::spawn_blocking(call).await.map_err(io::Error::other)
        };
        timeout(self.patience, calling).await.unwrap_or_else(|_| {
            let reason = format!("it did not end within {:?}", self.patience);
            Err(io::Error::new(io::ErrorKind::TimedOut, reason))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_call_that_hangs_is_not_awaited_for_ever_and_keeps_its_thread() {
        let blocking = Blocking::new(1, Duration::from_millis(20));
        let (release, hangs) = mpsc::channel::<()>();
        let hung = blocking.call(move || hangs.recv()).await.unwrap_err();
        assert_eq!(hung.kind(), io::ErrorKind::TimedOut);
        let behind = blocking.call(|| panic!("there is no thread for it")).await;
        assert_eq!(behind.map(|(): ()| ()).unwrap_err().kind(), io::ErrorKind::TimedOut);
        release.send(()).unwrap();
        let patient = Blocking { patience: Duration::from_secs(30), ..blocking };
        assert_eq!(patient.call(|| 7).await.unwrap(), 7);
    }
}
