//! Small files that survive a crash: written whole or not at all.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes a value as JSON, whole or not at all. The folder is made where it is missing.
pub(crate) fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    {
        let mut out = io::BufWriter::new(temporary.as_file_mut());
        serde_json::to_writer(&mut out, value)?;
        out.flush()?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    // The name is durable only when its folder is.
    File::open(folder)?.sync_all()
}

/// What a file has to be.
pub(crate) trait Kept: DeserializeOwned {
    /// The only schema that is read.
    const SCHEMA: &'static str;
    /// The longest file that is read, in bytes.
    const LONGEST: u64;

    /// The schema that stands in it.
    fn schema(&self) -> &str;
}

/// Reads a file. One that is no JSON, or of another schema, is an error of the kind `InvalidData`.
pub(crate) fn read<T: Kept>(path: &Path) -> io::Result<T> {
    let mut bytes = Vec::new();
    File::open(path)?.take(T::LONGEST).read_to_end(&mut bytes)?;
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let kept: T = serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
    if kept.schema() == T::SCHEMA {
        return Ok(kept);
    }
    let schema = musterd_probes::text::excerpt(kept.schema(), 40);
    Err(invalid(format!("its schema is {schema:?}")))
}

/// Moves a damaged file out of the way, and says where it stands now.
pub(crate) fn set_aside(path: &Path, at: Timestamp) -> io::Result<PathBuf> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".damaged-{}", at.as_second()));
    std::fs::rename(path, &aside)?;
    Ok(aside.into())
}
