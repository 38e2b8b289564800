//! The daemon: everything wired together, started, reloaded and stopped.

mod certificate;
mod claim;
mod connection;
mod door;
mod ending;
mod files;
mod listen;
mod reload;
mod settings;
mod signal;
mod state;
mod systemd;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use musterd_probes::secret::Vault;
use prometheus::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::config::Config;
use crate::heartbeat::Heartbeat;
use crate::ledger::Ledger;
use crate::notify::{self, Notify};
use crate::oneshot;
use crate::schedule::{Bounds, Engine, Meters};
use crate::store::{Memory, Store, Watched};
use claim::Claim;
pub(crate) use ending::Ended;
use ending::Tasks;
use listen::Listener;
use reload::Reloader;
use settings::{settings, tell_unused};
use signal::Stops;
use state::Keeper;

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
pub(crate) async fn run(start: Start) -> Result<Ended, String> {
    let Start { path, config, listen, ledger, vault, listening } = start;
    let claim = config.state.as_deref().map(Claim::take).transpose()?;
    let clock = Clock::system();
    let deaf = |error| format!("signals cannot be heard: {error}");
    let mut stops = Stops::listen().map_err(deaf)?;
    let hangups = signal::hangups().map_err(deaf)?;
    more_descriptors();
    let address = listen.unwrap_or(config.listen);
    let (settings, listener) = tokio::select! {
        biased;
        _ = stops.next() => return Ok(Ended::Asked),
        prepared = prepare(&config, &vault, address) => prepared?,
    };
    let (settings_sender, settings_receiver) = watch::channel(Arc::new(settings));
    listening(&listener.url());

    let registry = Registry::new();
    let meters = Meters::register(&registry).map_err(|error| error.to_string())?;
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let (commands, asked) = Commands::new();
    let stop = CancellationToken::new();
    let (ready_sender, ready) = watch::channel(false);
    let heart = Heartbeat::new();

    store.adopt(&watched(&config), clock.now());
    let keeper = match claim {
        Some(claim) => {
            let (store, settings) = (Arc::clone(&store), settings_receiver.clone());
            tokio::select! {
                biased;
                _ = stops.next() => return Ok(Ended::Asked),
                keeper = Keeper::restore(claim, store, settings, clock.clone()) => {
                    Some(keeper.metered(&registry).map_err(|error| error.to_string())?)
                }
            }
        }
        None => None,
    };
    let engine = {
        let vault = Arc::clone(&vault);
        let network = Box::new(move |config: &Config| oneshot::network(config, Arc::clone(&vault)));
        let ledger = ledger.unwrap_or_else(|| own_ledger(&config));
        Engine::new(Arc::clone(&store), ledger, meters, clock.clone(), Bounds::default(), network)
            .beating(heart.clone())
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
        heart: heart.clone(),
        loopback: listener.is_loopback(),
        reports: api::Reports::default(),
    });
    let serving = tokio::spawn(serve(listener, shared, stop.clone()));

    let notify = Notify::new(&config, Arc::clone(&store), Arc::clone(&vault), clock)
        .remembering(config.state.as_deref())
        .metered(&registry)
        .map_err(|error| error.to_string())?;
    let notifiers = notify.notifiers();
    let told = CancellationToken::new();
    let notifying = tokio::spawn(notify.work(store.subscribe(), told.clone()));

    let config = Arc::new(config);
    let reloader = Reloader::new(
        path,
        Arc::clone(&config),
        &registry,
        vault,
        commands.clone(),
        settings_sender,
        notifiers,
    )
    .map_err(|error| error.to_string())?;
    if !commands.adopt(config).await {
        return Err("the scheduler did not start".to_owned());
    }
    ready_sender.send_replace(true);
    systemd::ready();
    let (drained_sender, drained) = tokio::sync::oneshot::channel();
    let keeping = keeper.map(|keeper| tokio::spawn(keeper.work(stop.clone(), drained)));

    let mut tasks = Tasks {
        scheduler: Some(scheduler),
        notifications: Some(notifying),
        server: Some(serving),
        state: keeping,
        stop,
        told,
        drained: Some(drained_sender),
    };
    let beside = Box::pin(beside(reloader.work(hangups, asked.daemon), &heart));
    let why = tasks.go_on(&mut stops, beside).await;

    systemd::stopping();
    tracing::info!("stopping");
    ready_sender.send_replace(false);
    Ok(tasks.end(&mut stops, why).await)
}

/// The ledger that the configuration has a place for.
fn own_ledger(config: &Config) -> Ledger {
    config.state.as_deref().map_or_else(Ledger::passing, Ledger::durable)
}

async fn serve(listener: Listener, shared: Arc<api::Shared>, stop: CancellationToken) {
    if let Err(error) = listener.serve(api::router(shared), stop).await {
        tracing::error!(%error, "the server ended");
    }
}

/// What goes on beside the scheduler.
async fn beside(reloading: impl Future<Output = Infallible>, heart: &Heartbeat) -> Infallible {
    tokio::select! {
        never = reloading => never,
        never = systemd::watch(heart) => never,
    }
}

fn watched(config: &Config) -> Vec<Watched> {
    let checks = config.checks();
    checks
        .map(|(service, check)| Watched { service: Arc::clone(service), check: Arc::clone(check) })
        .collect()
}

/// What has to be right before anything begins, and may take its time.
async fn prepare(
    config: &Config,
    vault: &Vault,
    address: SocketAddr,
) -> Result<(api::Settings, Listener), String> {
    templates(config)?;
    tell_unused(config);
    let settings = settings(config, vault).await.map_err(|blind| blind.reason.into_owned())?;
    Ok((settings, listen::bind(address, &config.server).await?))
}

/// Templates are known to work before anybody has to be told anything.
fn templates(config: &Config) -> Result<(), String> {
    let problems = notify::problems(config);
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Every run holds a socket: the soft limit of open files is raised as far as we may.
fn more_descriptors() {
    if let Err(error) = rlimit::increase_nofile_limit(65_536) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}
