//! How a receiver is told: the one seam behind which every kind of receiver stands.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use musterd_probes::net::target::HeaderText;
use musterd_probes::secret::Vault;
use url::Url;

use super::courier::Undelivered;
use super::message::Message;
use super::trial::Labels;
use super::{alertmanager, template};
use crate::config::{self, Notifier};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A kind of receiver, with its settings. A new one is a variant and its arm in [`Self::letter`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Channel {
    /// Prometheus' Alertmanager.
    Alertmanager { endpoint: Url },
    /// Any receiver of a POST.
    Webhook { url: Url, headers: Vec<(HeaderName, HeaderText)>, body: Option<String> },
}

/// A post that is ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Why there is no letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// Another try may succeed: a secret is absent.
    ForNow(String),
    /// No try ever will.
    ForGood(String),
    /// The template of the body makes none of this message.
    Template(String),
}

impl From<Unwritten> for Undelivered {
    fn from(unwritten: Unwritten) -> Self {
        let (for_good, why) = match unwritten {
            Unwritten::ForNow(why) => (false, why),
            Unwritten::ForGood(why) => (true, why),
            Unwritten::Template(why) => (true, format!("the template `body`: {why}")),
        };
        Self { for_good, why, wait: None, perhaps: false, answered: false }
    }
}

impl Channel {
    /// How a notifier of the configuration is told.
    pub(crate) fn of(notifier: &Notifier) -> Self {
        match &notifier.channel {
            config::Channel::Alertmanager { url } => {
                Self::Alertmanager { endpoint: alertmanager::endpoint(url) }
            }
            config::Channel::Webhook { url, headers, body } => {
                Self::Webhook { url: url.clone(), headers: headers.clone(), body: body.clone() }
            }
        }
    }

    /// Where the receiver stands.
    pub(crate) const fn endpoint(&self) -> &Url {
        match self {
            Self::Alertmanager { endpoint } => endpoint,
            Self::Webhook { url, .. } => url,
        }
    }

    /// Whether the receiver forgets what is not said again.
    pub(crate) const fn forgets(&self) -> bool {
        match self {
            Self::Alertmanager { .. } => true,
            Self::Webhook { .. } => false,
        }
    }

    /// It with musterd's own JSON as its body.
    pub(crate) fn without_template(&self) -> Self {
        let mut channel = self.clone();
        if let Self::Webhook { headers, body, .. } = &mut channel {
            headers.retain(|(name, _)| name != CONTENT_TYPE);
            *body = None;
        }
        channel
    }

    /// Whether the template of its body, if it has one, can be used for every kind of message.
    pub(crate) fn check(&self, labels: &Labels) -> Result<(), String> {
        let Self::Webhook { headers, body: Some(template), .. } = self else { return Ok(()) };
        let content_type = headers.iter().find_map(|(name, text)| match text {
            HeaderText::Plain(value) if name == CONTENT_TYPE => Some(value),
            HeaderText::Plain(_) | HeaderText::Secret(_) => None,
        });
        let json = content_type.map_or_else(|| template::looks_like_json(template), is_json);
        template::check_template(template, json, labels)
    }

    /// A message as this receiver takes it; secrets are read now.
    pub(crate) async fn letter(
        &self,
        message: &Message,
        vault: &Vault,
    ) -> Result<Letter, Unwritten> {
        match self {
            Self::Alertmanager { endpoint } => alerts(endpoint, &alertmanager::alerts(message)),
            Self::Webhook { url, headers, body } => {
                let mut headers = read(url, headers, vault).await?;
                let (body, default) = match body {
                    None => {
                        let body = serde_json::to_string(message);
                        (body.map_err(|error| Unwritten::ForGood(error.to_string()))?, JSON)
                    }
                    Some(template) => {
                        let json = headers
                            .get(CONTENT_TYPE)
                            .map_or_else(|| template::looks_like_json(template), is_json);
                        let body = template::render(template, message, json)
                            .map_err(Unwritten::Template)?;
                        (body, if json { JSON } else { TEXT })
                    }
                };
                headers.entry(CONTENT_TYPE).or_insert(default);
                Ok(Letter { url: url.clone(), headers, body })
            }
        }
    }
}

/// A post of alerts.
pub(crate) fn alerts(endpoint: &Url, alerts: &[alertmanager::Alert]) -> Result<Letter, Unwritten> {
    let body =
        serde_json::to_string(alerts).map_err(|error| Unwritten::ForGood(error.to_string()))?;
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, JSON)]);
    Ok(Letter { url: endpoint.clone(), headers, body })
}

/// Whether a `Content-Type` is one of JSON.
fn is_json(content_type: &HeaderValue) -> bool {
    let value = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || essence == "application/x-ndjson" || essence.ends_with("+json")
}

async fn read(
    url: &Url,
    headers: &[(HeaderName, HeaderText)],
    vault: &Vault,
) -> Result<HeaderMap, Unwritten> {
    let mut read = HeaderMap::new();
    for (name, text) in headers {
        let value = match text {
            HeaderText::Plain(value) => value.clone(),
            HeaderText::Secret(_) if url.scheme() != "https" => {
                let why = format!("the secret in {name} is sent over verified TLS only");
                return Err(Unwritten::ForGood(why));
            }
            HeaderText::Secret(reference) => {
                let secret = vault.read(reference).await;
                let secret = secret.map_err(|blind| Unwritten::ForNow(blind.to_string()))?;
                let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| {
                    Unwritten::ForNow(format!("the secret in {reference} cannot stand in a header"))
                })?;
                value.set_sensitive(true);
                value
            }
        };
        read.append(name.clone(), value);
    }
    Ok(read)
}
