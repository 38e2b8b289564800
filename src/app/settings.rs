//! What the API follows of a configuration: its secrets are read when it is adopted.

use musterd_probes::blind::Blind;
use musterd_probes::secret::{Secret, SecretRef, Vault};

use crate::api::Settings;
use crate::config::Config;

/// The settings of the API. A secret that is absent is an error: without it the daemon would
/// stand open.
pub(super) async fn settings(config: &Config, vault: &Vault) -> Result<Settings, Blind> {
    Ok(Settings {
        location: config.location.clone(),
        token: read(config.server.token.as_ref(), vault).await?,
        report_token: read(config.server.report_token.as_ref(), vault).await?,
        base_path: config.server.base_path.clone(),
        name: config.server.external_url.as_deref().and_then(host),
        public: config.server.public,
    })
}

fn host(url: &str) -> Option<String> {
    Some(url::Url::parse(url).ok()?.host_str()?.to_owned())
}

async fn read(reference: Option<&SecretRef>, vault: &Vault) -> Result<Option<Secret>, Blind> {
    match reference {
        Some(reference) => vault.read(reference).await.map(Some),
        None => Ok(None),
    }
}
