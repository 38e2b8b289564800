//! What was read to make a configuration, and whether the same would be read again.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::files::{MOST_FILES, included, listing};
use super::yaml::MAX_FILE_BYTES;
use crate::hash::stable_hash;

/// What was found in every place that a configuration is read from. Two are equal when the same
/// stood in the same places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Read {
    files: Vec<(PathBuf, Content)>,
    /// The directory that was read, and its files.
    directory: Option<(PathBuf, Vec<PathBuf>)>,
    /// The patterns by which files were included, whole, and what they matched.
    patterns: Vec<(String, Vec<PathBuf>)>,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A hash of its bytes.
    Bytes(u64),
    /// It cannot be read, or it is a pipe or such: looking at one uses it up, or hangs.
    Unknown,
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        Self::Bytes(stable_hash([&*String::from_utf8_lossy(bytes)]))
    }

    fn now(path: &Path) -> Self {
        let regular = fs::metadata(path).is_ok_and(|meta| meta.is_file());
        let bytes = if regular { bytes(path).ok() } else { None };
        bytes.map_or(Self::Unknown, |(bytes, _)| Self::of(&bytes))
    }
}

impl Read {
    /// The bytes of a file, of which is noted that they were read.
    pub(super) fn file(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = bytes(path);
        let content = match &bytes {
            Ok((bytes, true)) => Content::of(bytes),
            Ok((_, false)) | Err(_) => Content::Unknown,
        };
        self.files.push((path.to_owned(), content));
        bytes.map(|(bytes, _)| bytes)
    }

    /// The files of a directory, of which is noted that they were looked for.
    pub(super) fn directory(&mut self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let files = listing(path);
        let found = files.as_ref().map(Clone::clone).unwrap_or_default();
        self.directory = Some((path.to_owned(), found));
        files
    }

    /// Notes what a pattern matched.
    pub(super) fn matched(&mut self, pattern: String, files: Vec<PathBuf>) {
        self.patterns.push((pattern, files));
    }

    /// Whether one file more is too many.
    pub(super) fn is_full(&self) -> bool {
        self.files.len() >= MOST_FILES
    }

    /// What stands in the same places now.
    pub(crate) fn again(&self) -> Self {
        let file = |(path, _): &(PathBuf, Content)| (path.clone(), Content::now(path));
        let directory =
            |(path, _): &(PathBuf, Vec<PathBuf>)| (path.clone(), listing(path).unwrap_or_default());
        let pattern = |(pattern, _): &(String, Vec<PathBuf>)| {
            (pattern.clone(), included(pattern).unwrap_or_default())
        };
        Self {
            files: self.files.iter().map(file).collect(),
            directory: self.directory.as_ref().map(directory),
            patterns: self.patterns.iter().map(pattern).collect(),
        }
    }

    /// Every file, in the order in which they were read.
    #[cfg(test)]
    pub(super) fn files(&self) -> Vec<&Path> {
        self.files.iter().map(|(path, _)| path.as_path()).collect()
    }
}

/// A file's content, up to one byte more than may be in it, and whether the file is a regular one.
fn bytes(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let file = fs::File::open(path)?;
    let regular = file.metadata()?.is_file();
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok((bytes, regular))
}
