//! One daemon keeps its state in a directory, not two.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// A directory of state that no other daemon uses as long as this lives.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) directory: PathBuf,
    /// Absent where the file system has no locks.
    _lock: Option<File>,
}

impl Claim {
    /// Takes a directory, which is made where it is missing. Another daemon in it is an error: the
    /// one that stops last would replace what the other one knew.
    pub(super) fn take(directory: &Path) -> Result<Self, String> {
        let path = directory.join("state.lock");
        let opened = std::fs::create_dir_all(directory).and_then(|()| File::create(&path));
        let locked = opened.map_err(TryLockError::Error).and_then(|file| {
            file.try_lock()?;
            Ok(file)
        });
        let lock = match locked {
            Ok(lock) => Some(lock),
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "another daemon keeps its state in {} and holds {}: stop it, or give this one \
                     another `state.path`",
                    directory.display(),
                    path.display()
                ));
            }
            Err(TryLockError::Error(error)) => {
                tracing::warn!(
                    path = %path.display(), %error,
                    "whether another daemon keeps its state here cannot be told"
                );
                None
            }
        };
        Ok(Self { directory: directory.to_owned(), _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_belongs_to_one_daemon_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("new/state");
        let first = Claim::take(&state).unwrap();
        let refused = Claim::take(&state).unwrap_err();
        assert!(refused.contains("state.lock") && refused.contains("state.path"), "{refused}");
        Claim::take(&folder.path().join("another")).unwrap();
        drop(first);
        Claim::take(&state).unwrap();
    }

    #[test]
    fn where_nothing_can_be_locked_the_daemon_starts_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let occupied = folder.path().join("file");
        std::fs::write(&occupied, "").unwrap();
        Claim::take(&occupied).unwrap();
    }
}
