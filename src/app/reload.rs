//! Reloading: the whole new configuration, or the old one and an account of what is wrong.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::secret::Vault;
use prometheus::{Gauge, Registry};
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::files::Files;
use super::settings::{rotated, settings, tell_unused};
use super::systemd;
use crate::api::Settings;
use crate::commands::{Commands, Reload};
use crate::config::{Config, Loaded, ServerTls};
use crate::notify::Notifiers;

/// How often the content of the configuration is looked at. Watching files misses the swap of a
/// link by which Kubernetes updates them, and network drives.
pub(super) const POLL: Duration = Duration::from_secs(5);

/// A configuration that is right in itself is tried again after this time: a secret that it names
/// may be there later than it.
const AGAIN: Duration = Duration::from_mins(1);

/// What of a configuration takes effect with a restart alone.
#[derive(Debug, PartialEq, Eq)]
struct Fixed {
    listen: SocketAddr,
    tls: Option<ServerTls>,
    state: Option<PathBuf>,
}

impl Fixed {
    fn of(config: &Config) -> Self {
        let (listen, tls) = (config.listen, config.server.tls.clone());
        Self { listen, tls, state: config.state.clone() }
    }
}

/// Reloads the configuration.
pub(super) struct Reloader {
    /// `None`: there is no file to read again.
    files: Option<Files>,
    vault: Arc<Vault>,
    commands: Commands,
    settings: watch::Sender<Arc<Settings>>,
    notifiers: Notifiers,
    /// What was adopted last.
    config: Arc<Config>,
    fixed: Fixed,
    /// Whether a secret of the API could not be read when it was looked at last.
    unread: bool,
    /// When a configuration that could not be taken over is tried again.
    again: Option<Instant>,
    successful: Gauge,
    succeeded_at: Gauge,
}

impl Reloader {
    pub(super) fn new(
        path: Option<PathBuf>,
        config: Arc<Config>,
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
        Ok(Self {
            files: path.map(|path| Files::new(path, config.read.clone())),
            vault,
            commands,
            settings,
            notifiers,
            fixed: Fixed::of(&config),
            config,
            unread: false,
            again: None,
            successful,
            succeeded_at,
        })
    }

    /// Reloads when somebody asks, and when a file changed. Nobody waits for this but whoever asks:
    /// a file system that hangs stops nothing else.
    pub(super) async fn work(
        mut self,
        mut hangups: Signal,
        mut asked: mpsc::Receiver<Reload>,
    ) -> Infallible {
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                Some(()) = hangups.recv() => {
                    systemd::reloading();
                    // The outcome is in the log and in the metrics.
                    let _logged = self.reload().await;
                    systemd::ready();
                }
                Some(Reload { reply }) = asked.recv() => {
                    let _gone = reply.send(self.reload().await);
                }
                _ = poll.tick() => self.poll().await,
            }
        }
    }

    /// Reloads when the content of a file changed, and does not change any more.
    async fn poll(&mut self) {
        self.rotate().await;
        let Some(files) = &mut self.files else { return };
        // The outcome is in the log and in the metrics.
        if let Some(loaded) = files.look().await {
            let _logged = self.take(loaded).await;
        } else if self.again.is_some_and(|again| again <= Instant::now()) {
            let _logged = self.reload().await;
        }
    }

    /// Takes over secrets of the API that were rotated in their files. What is wrong is said once.
    async fn rotate(&mut self) {
        let server = &self.config.server;
        if [&server.token, &server.report_token].iter().all(|secret| secret.is_none()) {
            return;
        }
        let now = Arc::clone(&self.settings.borrow());
        let (found, outcome) = rotated(&now, &self.config, &self.vault).await;
        let said = std::mem::replace(&mut self.unread, outcome.is_err());
        if let Err(blind) = outcome
            && !said
        {
            tracing::error!(error = %blind, "a secret of the server stays as it was");
        }
        let rotated = !found.has_secrets_of(&now);
        if rotated {
            self.settings.send_replace(Arc::new(found));
            tracing::info!("a secret of the server was rotated");
        }
    }

    /// Takes over the whole new configuration, or keeps the old one and says what is wrong.
    async fn reload(&mut self) -> Result<(), String> {
        let loaded = match &mut self.files {
            Some(files) => files.load().await,
            None => Err("the configuration stands in no file".to_owned()),
        };
        self.take(loaded).await
    }

    async fn take(&mut self, loaded: Result<Loaded, String>) -> Result<(), String> {
        self.again = None;
        let outcome = match loaded {
            Ok(loaded) => {
                let adopted = self.adopt(loaded).await;
                self.again = adopted.is_err().then(|| Instant::now() + AGAIN);
                adopted
            }
            Err(problems) => Err(problems),
        };
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

    async fn adopt(&mut self, loaded: Loaded) -> Result<(), String> {
        if !loaded.warnings.is_empty() {
            tracing::warn!("the configuration has warnings\n{}", loaded.warnings);
        }
        let config = Arc::new(loaded.config);
        super::templates(&config)?;
        tell_unused(&config);
        let settings =
            settings(&config, &self.vault).await.map_err(|blind| blind.reason.into_owned())?;
        if Fixed::of(&config) != self.fixed {
            tracing::warn!("`listen`, `server.tls` and `state` take effect with a restart");
        }
        if !self.commands.adopt(Arc::clone(&config)).await {
            return Err("the daemon is stopping".to_owned());
        }
        // Whoever hears of it reads everything again, or writes it down: it has to be there.
        self.settings.send_replace(Arc::new(settings));
        self.notifiers.replace(&config);
        self.config = config;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Command;
    use crate::config::load_text;

    fn fixed(text: &str) -> Fixed {
        let service = "services: [{name: a, url: 'http://a.test', checks: [http: ]}]";
        Fixed::of(&load_text("a.yaml", &format!("{text}\n{service}\n")).unwrap().config)
    }

    #[test]
    fn what_takes_effect_with_a_restart_alone_is_known() {
        let started = fixed("server: {base_path: /a}");
        assert_eq!(fixed("server: {base_path: /b}"), started);
        for changed in [
            "listen: 127.0.0.1:1",
            "state: {path: state}",
            "server: {tls: {cert: cert.pem, key: key.pem}}",
        ] {
            assert_ne!(fixed(changed), started, "{changed}");
        }
    }

    #[tokio::test]
    async fn a_reload_is_told_when_the_scheduler_has_taken_it_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("musterd.yaml");
        let service = "services: [{name: a, url: 'http://a.test', checks: [http: ]}]";
        let write = |location: &str| {
            std::fs::write(&path, format!("location: {location}\n{service}\n")).unwrap();
        };
        write("before");
        let config = Arc::new(crate::config::load(&path).unwrap().config);
        let vault = Arc::new(Vault::new(|_| None));
        let (commands, mut asked) = Commands::new();
        let (sender, told) = watch::channel(Arc::new(settings(&config, &vault).await.unwrap()));
        let store = Arc::new(crate::store::Memory::new());
        let clock = crate::clock::Clock::system();
        let notify = crate::notify::Notify::new(&config, store, Arc::clone(&vault), clock);
        let mut reloader = Reloader::new(
            Some(path.clone()),
            Arc::clone(&config),
            &Registry::new(),
            vault,
            commands,
            sender,
            notify.notifiers(),
        )
        .unwrap();
        write("after");
        let reloading = tokio::spawn(async move { reloader.reload().await });
        let Some(Command::Adopt { config, reply }) = asked.scheduler.recv().await else {
            panic!("nothing is taken over");
        };
        assert_eq!((&*config.location, &*told.borrow().location), ("after", "before"));
        reply.send(()).unwrap();
        reloading.await.unwrap().unwrap();
        assert_eq!(told.borrow().location, "after");
    }
}
