//! Reloading: the whole new configuration, or the old one and an account of what is wrong.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::secret::Vault;
use prometheus::{Gauge, Registry};
use tokio::sync::watch;

use super::settings::settings;
use crate::api::Settings;
use crate::commands::Commands;
use crate::config::{self, Config, Read};
use crate::hash::stable_hash;
use crate::notify::Notifiers;

/// How often the content of the configuration is looked at. Watching files misses the swap of a
/// link by which Kubernetes updates them, and network drives.
pub(super) const POLL: Duration = Duration::from_secs(5);

/// No file of a configuration is longer, so no more is read to see whether it changed.
const LONGEST: u64 = 64 * 1024 * 1024 + 1;

/// Reloads the configuration.
pub(super) struct Reloader {
    /// `None`: there is no file to read again.
    path: Option<PathBuf>,
    from: Read,
    content: u64,
    vault: Arc<Vault>,
    commands: Commands,
    settings: watch::Sender<Arc<Settings>>,
    notifiers: Notifiers,
    listen: std::net::SocketAddr,
    state: Option<PathBuf>,
    successful: Gauge,
    succeeded_at: Gauge,
}

impl Reloader {
    pub(super) fn new(
        path: Option<PathBuf>,
        config: &Config,
        registry: &Registry,
        vault: Arc<Vault>,
        commands: Commands,
        settings: watch::Sender<Arc<Settings>>,
        notifiers: Notifiers,
    ) -> prometheus::Result<Self> {
        let successful = Gauge::new(
            "musterd_config_last_reload_successful",
            "1 when the last attempt to load the configuration succeeded",
        )?;
        let succeeded_at = Gauge::new(
            "musterd_config_last_reload_success_timestamp_seconds",
            "Unix time of the last configuration that was loaded",
        )?;
        registry.register(Box::new(successful.clone()))?;
        registry.register(Box::new(succeeded_at.clone()))?;
        successful.set(1.0);
        succeeded_at.set(Timestamp::now().as_duration().as_secs_f64());
        let mut reloader = Self {
            path,
            from: config.read.clone(),
            content: 0,
            vault,
            commands,
            settings,
            notifiers,
            listen: config.listen,
            state: config.state.clone(),
            successful,
            succeeded_at,
        };
        reloader.content = content(&reloader.from, reloader.path.as_deref());
        Ok(reloader)
    }

    /// Reloads when the content of a file changed.
    pub(super) async fn poll(&mut self) {
        if self.path.is_none() {
            return;
        }
        let content = self.read().await;
        if content != self.content {
            tracing::info!("the configuration's content changed");
            // The outcome is in the log and in the metrics.
            let _logged = self.reload().await;
        }
    }

    /// Takes over the whole new configuration, or keeps the old one and says what is wrong.
    pub(super) async fn reload(&mut self) -> Result<(), String> {
        // Also a configuration that is wrong is not read again until it changes.
        self.content = self.read().await;
        let outcome = self.try_reload().await;
        match &outcome {
            Ok(()) => {
                self.successful.set(1.0);
                self.succeeded_at.set(Timestamp::now().as_duration().as_secs_f64());
                tracing::info!("the configuration was reloaded");
            }
            Err(problems) => {
                self.successful.set(0.0);
                tracing::error!(
                    "the configuration was not reloaded, the old one stays\n{problems}"
                );
            }
        }
        outcome
    }

    async fn try_reload(&mut self) -> Result<(), String> {
        let Some(path) = self.path.clone() else {
            return Err("the configuration stands in no file".to_owned());
        };
        let loaded = tokio::task::spawn_blocking(move || config::load(&path))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|problems| problems.to_string())?;
        if !loaded.warnings.is_empty() {
            tracing::warn!("the configuration has warnings\n{}", loaded.warnings);
        }
        let config = Arc::new(loaded.config);
        super::templates(&config)?;
        let settings =
            settings(&config, &self.vault).await.map_err(|blind| blind.reason.into_owned())?;
        if config.listen != self.listen || config.state != self.state {
            tracing::warn!("`listen`, `server.tls` and `state` take effect with a restart");
        }
        self.from.clone_from(&config.read);
        self.content = self.read().await;
        self.settings.send_replace(Arc::new(settings));
        if !self.commands.adopt(Arc::clone(&config)).await {
            return Err("the daemon is stopping".to_owned());
        }
        self.notifiers.replace(&config);
        Ok(())
    }

    /// What the files hold now, as a hash. They are read where nobody else waits for it.
    async fn read(&self) -> u64 {
        let (from, path) = (self.from.clone(), self.path.clone());
        let reading = tokio::task::spawn_blocking(move || content(&from, path.as_deref()));
        reading.await.unwrap_or(self.content)
    }
}

/// A hash of the content of every file, and of the names of all that would be read now: those in a
/// directory, and those that patterns match.
fn content(from: &Read, path: Option<&Path>) -> u64 {
    let mut parts: Vec<String> = from
        .files
        .iter()
        .map(|file| {
            let mut content = Vec::new();
            // A file that cannot be read, or grew beyond what is loaded, has changed as well.
            let _unreadable = std::fs::File::open(file)
                .and_then(|file| file.take(LONGEST).read_to_end(&mut content));
            let hash = stable_hash([&*String::from_utf8_lossy(&content)]);
            format!("{} {hash:x}", file.display())
        })
        .collect();
    if let Some(directory) = path.filter(|path| path.is_dir())
        && let Ok(entries) = std::fs::read_dir(directory)
    {
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        parts.extend(names);
    }
    // They were read by these patterns before.
    let matched = from.patterns.iter().filter_map(|pattern| config::included(pattern).ok());
    parts.extend(matched.flatten().map(|file| file.display().to_string()));
    stable_hash(parts.iter().map(String::as_str))
}
