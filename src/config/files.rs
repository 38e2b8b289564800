//! Finds and reads the files of a configuration.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::raw;
use super::read::Read;
use super::yaml::{Document, Located, Problem, Problems, collect};

/// So many files at most.
pub(super) const MOST_FILES: usize = 10_000;

/// So many bytes in all files together at most.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// A file that was read.
pub(super) struct Source {
    pub(super) document: Document,
    pub(super) file: raw::File,
}

/// Every file of a configuration.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) list: Vec<Source>,
    pub(super) read: Read,
    /// Some file could not be read as a whole, so that what seems to be missing may stand there.
    pub(super) gaps: bool,
    known: HashSet<PathBuf>,
    bytes: usize,
}

impl Sources {
    /// A file, or the files of a directory, with what they include.
    pub(super) fn read(path: &Path, problems: &mut Problems) -> Self {
        let mut sources = Self::default();
        let name = path.display().to_string();
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => match sources.read.directory(path) {
                Err(error) => problems.push(unreadable(&name, &error)),
                Ok(files) if files.is_empty() => {
                    let message = "the directory holds no configuration";
                    let hint = "its files are called *.yaml or *.yml".to_owned();
                    problems.push(Problem::error(name, message).with_hint(hint));
                }
                Ok(files) => {
                    let first = sources.list.len();
                    for file in files {
                        sources.add(&file, problems);
                    }
                    sources.include(first, problems);
                }
            },
            // Also one that is missing is looked for again.
            Ok(_) | Err(_) => {
                sources.add(path, problems);
                sources.include(0, problems);
            }
        }
        sources.gaps |= sources.list.is_empty();
        sources
    }

    /// A configuration that stands in no file.
    pub(super) fn of_text(name: &str, text: &str, problems: &mut Problems) -> Self {
        let mut sources = Self::default();
        sources.parse(name, text.as_bytes(), None, problems);
        for Source { document, file } in &sources.list {
            for pattern in &file.include {
                problems.push(document.error(pattern.at, "there is no file to include from here"));
            }
        }
        sources
    }

    /// Reads a file that is not known yet; false when there are too many.
    fn add(&mut self, path: &Path, problems: &mut Problems) -> bool {
        let name = path.display().to_string();
        let identity = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !self.known.insert(identity) {
            return true;
        }
        if self.read.is_full() {
            let message = format!("more than {MOST_FILES} files");
            problems.push(Problem::error(name, message));
            self.gaps = true;
            return false;
        }
        match self.read.file(path) {
            Err(error) => {
                problems.push(unreadable(&name, &error));
                self.gaps = true;
            }
            Ok(content) => {
                self.bytes += content.len();
                if self.bytes > MOST_BYTES {
                    problems.push(Problem::error(name, "all files together exceed 256 MiB"));
                    self.gaps = true;
                    return false;
                }
                self.parse(&name, &content, path.parent().map(Path::to_owned), problems);
            }
        }
        true
    }

    fn parse(&mut self, name: &str, text: &[u8], base: Option<PathBuf>, problems: &mut Problems) {
        let read = Document::parse(name, text, problems).and_then(|document| {
            let document = document.based(base);
            let file = collect(&document, Document::ROOT, problems)?;
            Some(Source { document, file })
        });
        match read {
            Some(source) => self.list.push(source),
            None => self.gaps = true,
        }
    }

    /// Reads what the files from `first` on include.
    fn include(&mut self, first: usize, problems: &mut Problems) {
        let patterns: Vec<(usize, Located<String>)> = self
            .list
            .iter()
            .enumerate()
            .skip(first)
            .flat_map(|(index, source)| {
                source.file.include.iter().map(move |pattern| (index, pattern.clone()))
            })
            .collect();
        let included = self.list.len();
        for (index, pattern) in patterns {
            let document = &self.list[index].document;
            match matching(document, &pattern.value) {
                Err(problem) => {
                    let (message, hint) = *problem;
                    problems.push(document.error(pattern.at, message).with_hint(hint));
                    self.gaps = true;
                }
                Ok((whole, files)) if files.is_empty() => {
                    let shown = super::yaml::shorten(&pattern.value);
                    let message = format!("`{shown}` matches no file");
                    let hint = "patterns start from the directory of the file that they stand in";
                    problems
                        .push(document.error(pattern.at, message).with_hint(Some(hint.to_owned())));
                    self.gaps = true;
                    self.read.matched(whole, files);
                }
                Ok((whole, files)) => {
                    self.read.matched(whole, files.clone());
                    if !files.iter().all(|file| self.add(file, problems)) {
                        break;
                    }
                }
            }
        }
        for Source { document, file } in self.list.iter().skip(included) {
            if let Some(pattern) = file.include.first() {
                let message = "an included file includes no others";
                let hint = "include them from the first file".to_owned();
                let at = document.get(Document::ROOT, "include").unwrap_or(pattern.at);
                let at = document.key_of(at).unwrap_or(at);
                problems.push(document.error(at, message).with_hint(hint));
            }
        }
    }
}

/// The configuration files of a directory in the order of their names, without hidden ones: those
/// are what editors and Kubernetes leave behind.
pub(super) fn listing(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if is_yaml && !is_hidden && path.is_file() {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            break;
        }
    }
    files.sort();
    Ok(files)
}

/// What is wrong with a pattern, and advice.
type Wrong = Box<(String, Option<String>)>;

/// A pattern of a document made whole, and the files that it matches in the order of their names.
fn matching(document: &Document, pattern: &str) -> Result<(String, Vec<PathBuf>), Wrong> {
    let wrong = |message: String, hint: Option<&str>| Box::new((message, hint.map(str::to_owned)));
    let base = match document.base().map(Path::to_str) {
        None => "",
        Some(Some(base)) => base,
        Some(None) => return Err(wrong("the file's directory is not UTF-8".to_owned(), None)),
    };
    let whole = if base.is_empty() || Path::new(pattern).is_absolute() {
        pattern.to_owned()
    } else {
        format!("{}/{pattern}", glob::Pattern::escape(base))
    };
    let files = included(&whole).map_err(|error| {
        let hint = "write `[*]`, `[?]` and `[[]` for the characters themselves";
        let shown = super::yaml::shorten(pattern);
        wrong(format!("`{shown}` is no pattern: {}", error.msg), Some(hint))
    })?;
    Ok((whole, files))
}

/// The files that a whole pattern matches now, in the order of their names.
pub(super) fn included(pattern: &str) -> Result<Vec<PathBuf>, glob::PatternError> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
    let paths = glob::glob_with(pattern, options)?;
    Ok(paths.filter_map(Result::ok).filter(|path| path.is_file()).take(MOST_FILES + 1).collect())
}

fn unreadable(name: &str, error: &io::Error) -> Problem {
    let (why, hint) = match error.kind() {
        io::ErrorKind::NotFound => ("there is no such file or directory", None),
        io::ErrorKind::PermissionDenied => {
            ("permission denied", Some("musterd needs to be allowed to read it"))
        }
        _ => return Problem::error(name, format!("it cannot be read: {error}")),
    };
    let problem = Problem::error(name, format!("it cannot be read: {why}"));
    problem.with_hint(hint.map(str::to_owned))
}
