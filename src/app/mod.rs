//! The daemon: everything wired together, started, reloaded and stopped.

mod claim;
mod files;
mod listen;
mod reload;
mod settings;
mod signal;
mod state;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use musterd_probes::net::trust::Roots;
use musterd_probes::secret::Vault;
use prometheus::Registry;
use sd_notify::NotifyState;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::clock::Clock;
use crate::commands::{Commands, Reload};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::notify::{self, Notify};
use crate::oneshot;
use crate::schedule::{Bounds, Engine, Meters};
use crate::store::{Memory, Store, Watched};
use claim::Claim;
use reload::Reloader;
use settings::settings;
use signal::{Asked, Signals};

/// What a daemon is started with.
pub(crate) struct Start {
    /// Where the configuration stands, for reloading; `None` when it stands in no file.
    pub(crate) path: Option<PathBuf>,
    pub(crate) config: Config,
    /// Instead of the configuration's.
    pub(crate) listen: Option<SocketAddr>,
    /// Instead of the one that the configuration has a place for.
    pub(crate) ledger: Option<Ledger>,
    pub(crate) vault: Arc<Vault>,
    /// Hears under which URL the daemon is asked, once it listens.
    pub(crate) listening: Box<dyn FnOnce(&str) + Send>,
}

/// Runs the daemon until it is told to stop. An error is one of starting.
pub(crate) async fn run(start: Start) -> Result<(), String> {
    let Start { path, config, listen, ledger, vault, listening } = start;
    templates(&config)?;
    let claim = config.state.as_deref().map(Claim::take).transpose()?;
    let clock = Clock::system();
    let signals = Signals::listen().map_err(|error| format!("signals cannot be heard: {error}"))?;
    more_descriptors();
    let settings = settings(&config, &vault).await.map_err(|blind| blind.reason.into_owned())?;
    let (settings_sender, settings_receiver) = watch::channel(Arc::new(settings));
    let listener = listen::bind(listen.unwrap_or(config.listen), &config.server).await?;
    listening(&listener.url());

    let registry = Registry::new();
    let meters = Meters::register(&registry).map_err(|error| error.to_string())?;
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let (commands, asked) = Commands::new();
    let stop = CancellationToken::new();
    let (ready_sender, ready) = watch::channel(false);

    let watched: Vec<Watched> = config
        .checks()
        .map(|(service, check)| Watched { service: Arc::clone(service), check: Arc::clone(check) })
        .collect();
    store.adopt(&watched, clock.now());
    let keeper = claim.map(|claim| {
        let (store, settings) = (Arc::clone(&store), settings_receiver.clone());
        state::Keeper::restore(claim, store, settings, clock.clone()).metered(&registry)
    });
    let keeper = keeper.transpose().map_err(|error| error.to_string())?;
    let engine = {
        let vault = Arc::clone(&vault);
        let network = Box::new(move |config: &Config| oneshot::network(config, Arc::clone(&vault)));
        let ledger = ledger
            .or_else(|| config.state.as_deref().map(Ledger::durable))
            .unwrap_or_else(Ledger::passing);
        Engine::new(Arc::clone(&store), ledger, meters, clock.clone(), Bounds::default(), network)
    };
    let scheduler = tokio::spawn(engine.work(asked.scheduler, stop.clone()));
    let shared = Arc::new(api::Shared {
        store: Arc::clone(&store),
        commands: commands.clone(),
        vault: Arc::clone(&vault),
        clock: clock.clone(),
        registry: registry.clone(),
        settings: settings_receiver,
        ready,
        stop: stop.clone(),
        reports: api::Reports::default(),
    });
    let serving = tokio::spawn(listener.serve(api::router(shared), stop.clone()));

    let notify = Notify::new(&config, Arc::clone(&store), Arc::clone(&vault), clock)
        .trusting(Roots::new(config.system_roots).0)
        .remembering(config.state.as_deref())
        .metered(&registry)
        .map_err(|error| error.to_string())?;
    let notifiers = notify.notifiers();
    // Ends after the scheduler, whose last runs are news too.
    let told = CancellationToken::new();
    let notifying = tokio::spawn(notify.work(store.subscribe(), told.clone()));

    let reloader = Reloader::new(
        path,
        &config,
        &registry,
        vault,
        commands.clone(),
        settings_sender,
        notifiers,
    )
    .map_err(|error| error.to_string())?;
    if !commands.adopt(Arc::new(config)).await {
        return Err("the scheduler did not start".to_owned());
    }
    ready_sender.send_replace(true);
    systemd(&[NotifyState::Ready]);
    let (drained_sender, drained) = tokio::sync::oneshot::channel();
    let keeping = keeper.map(|keeper| {
        // Dropped or sent, both mean that nothing is in flight any more.
        let drained = async move {
            let _either = drained.await;
        };
        tokio::spawn(keeper.work(stop.clone(), drained))
    });

    until_stopped(signals, reloader, asked.daemon).await;

    systemd(&[NotifyState::Stopping]);
    tracing::info!("stopping");
    ready_sender.send_replace(false);
    stop.cancel();
    ended("scheduler", scheduler.await);
    told.cancel();
    let _nobody_keeps = drained_sender.send(());
    ended("notifications", notifying.await);
    ended("server", serving.await);
    if let Some(keeping) = keeping {
        ended("state", keeping.await);
    }
    Ok(())
}

/// Templates are known to work before anybody has to be told anything.
fn templates(config: &Config) -> Result<(), String> {
    let problems = notify::problems(config);
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn ended<T>(task: &'static str, outcome: Result<T, tokio::task::JoinError>) {
    if let Err(error) = outcome {
        tracing::error!(task, %error, "a task ended badly");
    }
}

/// Obeys signals and requests to reload, and looks whether the configuration's content changed.
async fn until_stopped(
    mut signals: Signals,
    mut reloader: Reloader,
    mut asked: mpsc::Receiver<Reload>,
) {
    let mut poll = tokio::time::interval(reload::POLL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Asked::Stop => return,
                Asked::Reload => {
                    systemd(&reloading());
                    // The outcome is in the log and in the metrics.
                    let _logged = reloader.reload().await;
                    systemd(&[NotifyState::Ready]);
                }
            },
            Some(Reload { reply }) = asked.recv() => {
                let _gone = reply.send(reloader.reload().await);
            }
            _ = poll.tick() => {
                systemd(&[NotifyState::Watchdog]);
                reloader.poll().await;
            }
        }
    }
}

/// Every run holds a socket: the soft limit of open files is raised as far as we may.
fn more_descriptors() {
    if let Err(error) = rlimit::increase_nofile_limit(65_536) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

/// What systemd wants to hear before a reload: also when it began (`sd_notify(3)`, for units of
/// `Type=notify-reload`).
fn reloading() -> Vec<NotifyState<'static>> {
    std::iter::once(NotifyState::Reloading).chain(NotifyState::monotonic_usec_now()).collect()
}

/// Tells systemd, where it started us.
fn systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
