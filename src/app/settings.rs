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

/// Reads the secrets again that the API goes by. Each that cannot be read stays as it was; the error
/// is that of one of them.
pub(super) async fn rotated(
    settings: &Settings,
    config: &Config,
    vault: &Vault,
) -> (Settings, Result<(), Blind>) {
    let (mut rotated, mut outcome) = (settings.clone(), Ok(()));
    for (reference, secret) in [
        (&config.server.token, &mut rotated.token),
        (&config.server.report_token, &mut rotated.report_token),
    ] {
        match read(reference.as_ref(), vault).await {
            Ok(found) => *secret = found,
            Err(blind) => outcome = Err(blind),
        }
    }
    (rotated, outcome)
}

/// Says which settings of a configuration have no effect yet.
pub(super) fn tell_unused(config: &Config) {
    let unused = [("history", config.history.is_some()), ("server.public", config.server.public)];
    for (setting, _) in unused.into_iter().filter(|(_, is_set)| *is_set) {
        tracing::warn!("`{setting}` has no effect in this version");
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::load_text;

    #[tokio::test]
    async fn a_secret_that_was_rotated_is_taken_over_and_one_that_is_gone_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [token, report] = ["token", "report"].map(|name| folder.path().join(name));
        std::fs::write(&token, "the first one").unwrap();
        std::fs::write(&report, "for reports").unwrap();
        let text = format!(
            "server: {{token: {{file: '{}'}}, report_token: {{file: '{}'}}}}\n\
             services: [{{name: a, url: 'http://a.test', checks: [http: ]}}]\n",
            token.display(),
            report.display(),
        );
        let config = load_text("a.yaml", &text).unwrap().config;
        let vault = Arc::new(Vault::default());
        let before = settings(&config, &vault).await.unwrap();
        let (same, outcome) = rotated(&before, &config, &vault).await;
        assert!(outcome.is_ok() && same.has_secrets_of(&before));

        std::fs::write(&token, "the second one").unwrap();
        std::fs::remove_file(&report).unwrap();
        let (after, outcome) = rotated(&before, &config, &vault).await;
        assert!(outcome.unwrap_err().reason.contains("report"));
        assert!(!after.has_secrets_of(&before));
        assert_eq!(after.token.unwrap().expose(), "the second one");
        assert_eq!(after.report_token.unwrap().expose(), "for reports");
    }
}
