//! Small files that survive a crash: written whole or not at all.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

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

/// Moves a damaged file out of the way, and says where it stands now.
pub(crate) fn set_aside(path: &Path, at: Timestamp) -> io::Result<PathBuf> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".damaged-{}", at.as_second()));
    std::fs::rename(path, &aside)?;
    Ok(aside.into())
}
