//! `musterd notify test`: whether messages reach those who are told of changes.

use std::io::{self, Write};
use std::sync::Arc;

use musterd_probes::net::trust::Roots;
use musterd_probes::registry::did_you_mean;
use musterd_probes::secret::Vault;

use super::terminal::complain;
use super::{FAILED, OK, USAGE};
use crate::clock::Clock;
use crate::config::{Config, Notifier};
use crate::notify;

/// Sends a test message, and that it is over, to every receiver or to the one of this name.
pub(crate) async fn test(
    config: &Config,
    name: Option<&str>,
    vault: Arc<Vault>,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let notifiers = match chosen(config, name) {
        Ok(notifiers) => notifiers,
        Err(message) => {
            complain(&message);
            return Ok(USAGE);
        }
    };
    let (roots, errors) = Roots::new(config.system_roots);
    for error in errors {
        tracing::warn!(error, "a root of the platform cannot be used");
    }
    let clock = Clock::system();
    let mut code = OK;
    for notifier in notifiers {
        let both = notify::try_out(notifier, config, &roots, &vault, &clock).await;
        for (what, outcome) in ["firing", "resolved"].into_iter().zip(both) {
            let name = &notifier.name;
            match outcome {
                Ok(()) => writeln!(out, "{name}: the test message ({what}) was delivered")?,
                Err(why) => {
                    code = FAILED;
                    writeln!(out, "{name}: the test message ({what}) was not delivered: {why}")?;
                }
            }
        }
    }
    Ok(code)
}

fn chosen<'c>(config: &'c Config, name: Option<&str>) -> Result<Vec<&'c Notifier>, String> {
    if config.notify.is_empty() {
        return Err("the configuration has no `notify`: there is nobody to tell".to_owned());
    }
    let Some(name) = name else { return Ok(config.notify.iter().collect()) };
    let found: Vec<&Notifier> =
        config.notify.iter().filter(|notifier| notifier.name == name).collect();
    if found.is_empty() {
        let known: Vec<&str> =
            config.notify.iter().map(|notifier| notifier.name.as_str()).collect();
        let hint = match did_you_mean(name, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("there is {}", known.join(", ")),
        };
        return Err(format!("no receiver of `notify` is called `{name}`; {hint}"));
    }
    Ok(found)
}
