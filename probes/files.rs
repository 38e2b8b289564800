//! Files of this machine that every run reads anew. One on a disk that hangs, or a pipe that nobody
//! writes to, holds up whoever needs it and nobody else: it is read by one thread, however many
//! runs wait for it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use tokio::sync::{Semaphore, oneshot};
use zeroize::Zeroizing;

/// A disk that takes longer is as good as gone.
const SLOWEST: Duration = Duration::from_secs(5);

/// So many threads read at once, those that hang among them: the pool of threads is everybody's.
static THREADS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(64)));

/// What is being read now.
static UNDER_WAY: LazyLock<Mutex<HashMap<Wanted, Shared<oneshot::Receiver<Read>>>>> =
    LazyLock::new(Mutex::default);

/// What is wanted: files, and the most bytes that one may have.
type Wanted = (Vec<PathBuf>, u64);

/// The bytes of each file, or why it cannot be read.
pub(crate) type Read = Arc<Vec<Result<Zeroizing<Vec<u8>>, String>>>;

/// Reads files of at most so many bytes each. Whoever wants the same while they are read gets what
/// is found. The error says that they did not answer within five seconds.
pub(crate) async fn read<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    longest: u64,
) -> Result<Read, String> {
    let wanted = (files.into_iter().map(Path::to_owned).collect(), longest);
    match tokio::time::timeout(SLOWEST, join(wanted)).await {
        Ok(Ok(read)) => Ok(read),
        // Its runtime has ended.
        Ok(Err(_)) => Err("nobody reads it any more".to_owned()),
        Err(_) => Err(format!("it did not answer within {} s", SLOWEST.as_secs())),
    }
}

/// As [`read`], for one file.
pub(crate) async fn read_one(file: &Path, longest: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let read = read([file], longest).await?;
    let mut read = Arc::try_unwrap(read).unwrap_or_else(|shared| (*shared).clone());
    read.pop().unwrap_or_else(|| Err("it was not read".to_owned()))
}

/// Waits for what is under way, or starts to read.
fn join(wanted: Wanted) -> Shared<oneshot::Receiver<Read>> {
    let (found, reading) = oneshot::channel();
    let reading = reading.shared();
    {
        // Held no longer: a runtime that ends drops what it is given, which takes its entry out.
        let mut under_way = UNDER_WAY.lock().expect("no panic under this lock");
        if let Some(before) = under_way.get(&wanted) {
            return before.clone();
        }
        under_way.insert(wanted.clone(), reading.clone());
    }
    let entry = Entry(wanted);
    tokio::spawn(async move {
        // It is never closed.
        let Ok(thread) = Arc::clone(&THREADS).acquire_owned().await else { return };
        let looking = tokio::task::spawn_blocking(move || {
            let _until_it_ends = thread;
            let read = now(&entry.0);
            // Whoever comes from here on wants what is there then.
            drop(entry);
            // Those who wanted it may have given up.
            let _heard = found.send(read);
        });
        // A panic is in the log already.
        let _ended = looking.await;
    });
    reading
}

/// Stands among what is under way until this is dropped.
struct Entry(Wanted);

impl Drop for Entry {
    fn drop(&mut self) {
        UNDER_WAY.lock().expect("no panic under this lock").remove(&self.0);
    }
}

fn now((files, longest): &Wanted) -> Read {
    let bytes = |path: &PathBuf| bytes(path, *longest).map_err(|error| error.to_string());
    Arc::new(files.iter().map(bytes).collect())
}

fn bytes(path: &Path, longest: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    const MIB: u64 = 1024 * 1024;
    let mut bytes = Zeroizing::new(Vec::new());
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use futures_util::future::join_all;

    use super::*;

    /// A pipe that nobody writes to stands for a disk that hangs.
    fn pipe(folder: &Path) -> PathBuf {
        let path = folder.join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    fn is_under_way(path: &Path) -> bool {
        let under_way = UNDER_WAY.lock().unwrap();
        under_way.keys().any(|(files, _)| files.iter().any(|file| file == path))
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_hangs_takes_one_thread_and_holds_up_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let (dead, alive) = (pipe(folder.path()), folder.path().join("alive"));
        std::fs::write(&alive, "yes").unwrap();
        for _ in 0..3 {
            let files: Vec<PathBuf> = vec![dead.clone(); 200];
            let hanging =
                tokio::spawn(
                    async move { join_all(files.iter().map(|file| read_one(file, 10))).await },
                );
            assert_eq!(read_one(&alive, 10).await.unwrap().as_slice(), b"yes");
            tokio::time::advance(SLOWEST * 2).await;
            for hung in hanging.await.unwrap() {
                assert_eq!(hung.unwrap_err(), "it did not answer within 5 s");
            }
        }
        assert!(is_under_way(&dead));
        // Other tests read a few files meanwhile.
        assert!(THREADS.available_permits() > 32, "a few of 600 have a thread");

        std::fs::write(&dead, "back").unwrap();
        while is_under_way(&dead) {
            tokio::task::yield_now().await;
        }
        std::fs::remove_file(&dead).unwrap();
        std::fs::write(&dead, "again").unwrap();
        assert_eq!(read_one(&dead, 10).await.unwrap().as_slice(), b"again");
    }

    #[test]
    fn a_runtime_that_has_ended_reads_nothing_and_leaves_nothing_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "late").unwrap();
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build();
        let ended = runtime().unwrap();
        let handle = ended.handle().clone();
        drop(ended);
        let reading = {
            let _inside = handle.enter();
            join((vec![file.clone()], 10))
        };
        assert!(reading.now_or_never().unwrap().is_err());
        assert!(!is_under_way(&file));
        let found = runtime().unwrap().block_on(read_one(&file, 10));
        assert_eq!(found.unwrap().as_slice(), b"late");
    }

    #[tokio::test]
    async fn files_are_read_up_to_their_bound_and_each_as_it_is_then() {
        let folder = tempfile::tempdir().unwrap();
        let [file, absent] = ["file", "absent"].map(|name| folder.path().join(name));
        std::fs::write(&file, [b'x'; 1024]).unwrap();
        let found = read([&*file, &*absent], 1024).await.unwrap();
        assert_eq!(found[0].as_ref().unwrap().len(), 1024);
        assert!(found[1].as_ref().unwrap_err().contains("No such file"));
        std::fs::write(&file, [b'x'; 1025]).unwrap();
        let too_long = read_one(&file, 1024).await.unwrap_err();
        assert_eq!(too_long, "it is longer than 1 KiB");
        assert!(!is_under_way(&file));
    }
}
