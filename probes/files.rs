//! Files of this machine that every run reads anew. One on a disk that hangs, or a pipe that nobody
//! writes to, holds up whoever needs it and nobody else.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::blocking::Blocking;

/// A disk that takes longer is as good as gone.
const SLOWEST: Duration = Duration::from_secs(5);

/// So many visits go on at once, those that hang among them: the pool of threads is everybody's.
static VISITS: LazyLock<Blocking> = LazyLock::new(|| Blocking::new(64, SLOWEST));

/// Whose turn it is at the same files: where they hang, one thread hangs there, however many runs
/// need them.
static TURNS: LazyLock<Mutex<HashMap<Vec<PathBuf>, Weak<Semaphore>>>> =
    LazyLock::new(Mutex::default);

/// Visits files where nobody else waits for their disk, one visit at a time to the same ones. The
/// error says that they did not answer within five seconds.
pub(crate) async fn visit<T: Send + 'static>(
    files: impl IntoIterator<Item = &Path>,
    visit: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let turn = turn(files.into_iter().map(Path::to_owned).collect());
    let visiting = async {
        let turn = turn.acquire_owned().await.map_err(io::Error::other)?;
        let visit = move || {
            let _until_it_ends = turn;
            visit()
        };
        VISITS.call(visit).await
    };
    match tokio::time::timeout(SLOWEST, visiting).await {
        Ok(Err(error)) if error.kind() != io::ErrorKind::TimedOut => Err(error),
        Ok(Ok(visited)) => Ok(visited),
        Ok(Err(_)) | Err(_) => {
            let reason = format!("it did not answer within {} s", SLOWEST.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, reason))
        }
    }
}

fn turn(files: Vec<PathBuf>) -> Arc<Semaphore> {
    let mut turns = TURNS.lock().expect("no panic under this lock");
    turns.retain(|_, turn| turn.strong_count() > 0);
    if let Some(turn) = turns.get(&files).and_then(Weak::upgrade) {
        return turn;
    }
    let turn = Arc::new(Semaphore::new(1));
    turns.insert(files, Arc::downgrade(&turn));
    turn
}

/// The bytes of a file. More than `longest` are an error.
pub(crate) fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    const MIB: u64 = 1024 * 1024;
    let mut bytes = Vec::new();
    File::open(path)?.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) <= longest {
        return Ok(bytes);
    }
    let longest = if longest.is_multiple_of(MIB) {
        format!("{} MiB", longest / MIB)
    } else {
        format!("{} KiB", longest / 1024)
    };
    Err(io::Error::other(format!("it is longer than {longest}")))
}

/// The bytes of a file that a run needs. More than `longest` are an error, and so is a disk that
/// does not answer within five seconds.
pub async fn fetch(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let file = path.to_owned();
    visit([path], move || read(&file, longest)).await.flatten()
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn files_that_hang_take_one_thread_and_hold_up_no_others() {
        let [dead, alive] = ["/dead/ca.pem", "/alive/ca.pem"].map(Path::new);
        let (entered, mut visits) = tokio::sync::mpsc::unbounded_channel();
        let (release, hangs) = std::sync::mpsc::channel::<()>();
        let hangs = Arc::new(Mutex::new(hangs));
        let hang = || {
            let (entered, hangs) = (entered.clone(), Arc::clone(&hangs));
            let visit = visit([dead], move || {
                let _heard = entered.send(());
                let _released = hangs.lock().unwrap().recv();
            });
            async { visit.await.map_err(|error| error.to_string()) }
        };
        for round in 0..3 {
            let hanging: Vec<_> = (0..200).map(|_| hang()).collect();
            let hanging = tokio::spawn(join_all(hanging));
            if round == 0 {
                visits.recv().await.unwrap();
            }
            assert_eq!(visit([alive], || 7).await.unwrap(), 7);
            tokio::time::advance(SLOWEST * 2).await;
            for hung in hanging.await.unwrap() {
                assert_eq!(hung.unwrap_err(), "it did not answer within 5 s");
            }
        }
        assert!(visits.try_recv().is_err(), "one of 600 was let in");
        drop(release);
        assert_eq!(visit([dead], || 7).await.unwrap(), 7, "it is back");
    }

    #[tokio::test]
    async fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [b'x'; 1024]).unwrap();
        assert_eq!(fetch(&path, 1024).await.unwrap().len(), 1024);
        std::fs::write(&path, [b'x'; 1025]).unwrap();
        let error = fetch(&path, 1024).await.unwrap_err();
        assert_eq!(error.to_string(), "it is longer than 1 KiB");
    }
}
