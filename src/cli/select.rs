//! Which configuration, and which of its checks.

use std::path::PathBuf;
use std::sync::Arc;

use musterd_probes::registry::did_you_mean;

use crate::config::Config;
use crate::oneshot::Selected;

/// The configuration that is used when none is named: the first of these that exists.
pub(crate) fn default_config() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("MUSTERD_CONFIG") {
        return Ok(path.into());
    }
    let places = ["./musterd.yaml", "/etc/musterd/musterd.yaml"];
    places.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
        format!(
            "there is no configuration: name one with --config or MUSTERD_CONFIG, or write {}.\n\
             `musterd config example` prints one to start from, and `musterd check https://HOST` needs none",
            places[0]
        )
    })
}

/// Whether a selector is meant as a URL: no name of a service or check holds `://`.
pub(crate) fn is_url(selector: &str) -> bool {
    selector.contains("://")
}

/// The checks that selectors name, in the order of the configuration; all of them without any.
/// A selector that names nothing is an error.
pub(crate) fn checks(config: &Config, selectors: &[String]) -> Result<Vec<Selected>, String> {
    let patterns = selectors
        .iter()
        .map(|selector| {
            glob::Pattern::new(selector)
                .map(|pattern| (selector, pattern))
                .map_err(|error| format!("the selector `{selector}` is no glob: {error}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let all: Vec<Selected> =
        config.checks().map(|(service, check)| (Arc::clone(service), Arc::clone(check))).collect();
    if all.is_empty() {
        return Err(
            "the configuration has no check that is enabled: there is nothing to run".into()
        );
    }
    for (selector, pattern) in &patterns {
        if !all.iter().any(|selected| names(pattern, selected)) {
            return Err(unmatched(selector, &all));
        }
    }
    let wanted = |selected: &Selected| {
        patterns.is_empty() || patterns.iter().any(|(_, pattern)| names(pattern, selected))
    };
    Ok(all.into_iter().filter(wanted).collect())
}

fn names(pattern: &glob::Pattern, (service, check): &Selected) -> bool {
    pattern.matches(&service.name) || pattern.matches(&check.id)
}

fn unmatched(selector: &str, all: &[Selected]) -> String {
    let known = all
        .iter()
        .flat_map(|(service, check)| [service.name.as_str(), &check.id])
        .collect::<std::collections::BTreeSet<_>>();
    let hint = if let Some(word) = did_you_mean(selector, known.iter().copied()) {
        format!("; did you mean `{word}`?")
    } else {
        let some: Vec<&str> = known.into_iter().take(8).collect();
        format!("; there is {}", some.join(", "))
    };
    format!("the selector `{selector}` matches no service and no check{hint}")
}
