//! Logs: to stderr, as text or JSON, never with a secret in them.

use std::io::{self, Write};
use std::sync::Arc;

use musterd_probes::secret::Vault;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Starts logging. `RUST_LOG` says what is logged, and `default` where it is not set; a second
/// start in one process changes nothing.
pub(crate) fn start(format: LogFormat, default: &str, vault: Arc<Vault>) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(RedactedStderr(vault));
    let _already_started = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Makes writers to stderr that take secrets out.
struct RedactedStderr(Arc<Vault>);

/// Collects one event and writes it without secrets when it is done.
struct Line {
    vault: Arc<Vault>,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for RedactedStderr {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { vault: Arc::clone(&self.0), bytes: Vec::new() }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // A log that cannot be written has nowhere to be reported.
        let _nowhere = io::stderr().lock().write_all(&self.vault.redact_bytes(&self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use musterd_probes::secret::SecretRef;

    use super::*;

    #[tokio::test]
    async fn a_line_is_redacted_as_a_whole_even_when_it_is_written_in_pieces() {
        let vault = Arc::new(Vault::new(|_| Some("hunter2hunter2".to_owned())));
        vault.read(&SecretRef::Env("ANY".into())).await.unwrap();
        let mut line = RedactedStderr(Arc::clone(&vault)).make_writer();
        line.write_all(b"token=hunter2").unwrap();
        line.write_all(b"hunter2 sent").unwrap();
        assert_eq!(&*vault.redact_bytes(&line.bytes), b"token=*** sent");
        line.bytes.clear();
    }
}
