//! The settings, and what becomes of them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Webhook;
use super::scheme::{self, Bearer, Custom, Hmac, Name, Rfc9421, Scheme, Token};
use crate::contract::SettingsError;
use crate::secret::SecretRef;

/// Where deliveries arrive, and how they are signed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whose signatures: `stripe`, `github`, `svix` and so on; `hmac` for others, and `bearer` for
    /// endpoints that a scheduler calls.
    scheme: Name,
    /// Path and query of the endpoint. With a leading `/` it replaces the path of the service's
    /// URL, without one it is appended; by default the URL is used as it is.
    #[serde(default)]
    path: String,
    /// What genuine deliveries are signed with, as the sender's dashboard shows it. Without it only
    /// forgeries can be tried, and that genuine deliveries are accepted remains unproven.
    secret: Option<SecretRef>,
    /// The URL that the sender signs, where it is another than the one that is requested: for
    /// `twilio`, `square`, `hubspot_v2`, `hubspot_v3`, `rfc9421` and `hmac` behind a proxy.
    signed_url: Option<String>,
    /// The body of deliveries instead of the scheme's own, which means nothing to anybody: a text
    /// as it is sent, or JSON (for `twilio` the fields of the form). It is sent as a forgery too.
    payload: Option<Value>,
    /// `canary` (the default): at most 5 requests each time. `full`: once a day every forgery that
    /// the scheme knows, at most 40 requests.
    #[serde(default)]
    depth: Depth,
    /// The scheme `hmac`.
    hmac: Option<Hmac>,
    /// The method of `bearer`; by default `GET`.
    method: Option<String>,
    /// The header of `vapi`'s secret; by default `X-Vapi-Secret`.
    header: Option<String>,
    /// The name of the key of `rfc9421` (`keyid`); by default `musterd`.
    key_id: Option<String>,
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Depth {
    /// At most 5 requests.
    #[default]
    Canary,
    /// The whole matrix, once a day.
    Full,
}

/// A body of the configuration's own.
pub(super) enum Payload {
    Text(String),
    Json(String),
    Fields(IndexMap<String, String>),
}

/// A setting of one scheme given to another.
fn misplaced(key: &'static str, scheme: Name, whose: &str) -> SettingsError {
    SettingsError::at(key, format!("it belongs to {whose}, and the scheme is `{}`", word(scheme)))
}

/// A scheme as it is written.
fn word(name: Name) -> String {
    serde_json::to_value(name).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

impl TryFrom<Settings> for Webhook {
    type Error = SettingsError;

    fn try_from(settings: Settings) -> Result<Self, SettingsError> {
        let name = settings.scheme;
        for (key, given, scheme, whose) in [
            ("hmac", settings.hmac.is_some(), Name::Hmac, "`scheme: hmac`"),
            ("method", settings.method.is_some(), Name::Bearer, "`scheme: bearer`"),
            ("header", settings.header.is_some(), Name::Vapi, "`scheme: vapi`"),
            ("key_id", settings.key_id.is_some(), Name::Rfc9421, "`scheme: rfc9421`"),
        ] {
            if given && name != scheme {
                return Err(misplaced(key, name, whose));
            }
        }
        let scheme = made(&settings)?;
        let signed_url = settings.signed_url.map(public).transpose()?;
        if signed_url.is_some() && !scheme.nature().url {
            let message = format!("deliveries of `{}` are signed without their URL", word(name));
            return Err(SettingsError::at("signed_url", message));
        }
        let payload = settings.payload.map(|value| payload(value, name)).transpose()?;
        Ok(Self {
            path: settings.path,
            secret: settings.secret,
            signed_url,
            payload,
            depth: settings.depth,
            scheme,
        })
    }
}

fn made(settings: &Settings) -> Result<Box<dyn Scheme>, SettingsError> {
    Ok(match settings.scheme {
        Name::Hmac => {
            let hmac = settings.hmac.as_ref().ok_or_else(|| {
                let message = "the scheme `hmac` needs it: {header: X-Signature} at the least";
                SettingsError::at("hmac", message)
            })?;
            Box::new(Custom::new(hmac)?)
        }
        Name::Bearer => {
            let text = settings.method.as_deref().unwrap_or("GET");
            let method = text
                .to_ascii_uppercase()
                .parse()
                .map_err(|_| SettingsError::at("method", format!("`{text}` is no HTTP method")))?;
            Box::new(Bearer { method })
        }
        Name::Vapi => {
            let text = settings.header.as_deref().unwrap_or("x-vapi-secret");
            let header = text.parse().map_err(|_| {
                SettingsError::at("header", format!("`{text}` is no name of a header"))
            })?;
            Box::new(Token { header })
        }
        Name::Rfc9421 => {
            let key_id = settings.key_id.clone().unwrap_or_else(|| "musterd".to_owned());
            // RFC 8941 section 3.3.3: a string's characters.
            if !key_id.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\') {
                let message = "it holds visible ASCII characters without quotes and backslashes";
                return Err(SettingsError::at("key_id", message));
            }
            Box::new(Rfc9421 { key_id })
        }
        other => match scheme::plain(other) {
            Some(scheme) => scheme,
            None => return Err(SettingsError::at("scheme", "it is not known")),
        },
    })
}

/// A public URL as it was written: what is signed is its text, so it is not made anew.
fn public(text: String) -> Result<String, SettingsError> {
    let wrong = |why: &str| SettingsError::at("signed_url", why);
    let url = Url::parse(&text).map_err(|error| wrong(&format!("it is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("it starts with https:// or http:// and names a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a URL in a configuration holds no credentials"));
    }
    Ok(text)
}

fn payload(value: Value, name: Name) -> Result<Payload, SettingsError> {
    let wrong = |why: &str| SettingsError::at("payload", why);
    if name == Name::Bearer {
        return Err(wrong("`bearer` sends no body"));
    }
    // Its signature stands in the body.
    if name == Name::Mailgun && !is_object(&value) {
        return Err(wrong("`mailgun` signs within a JSON object: write a mapping"));
    }
    Ok(match value {
        Value::Array(_) if name == Name::Twilio => {
            return Err(wrong("`twilio` sends a form: write its fields as a mapping"));
        }
        Value::String(text) => Payload::Text(text),
        Value::Object(fields) if name == Name::Twilio => {
            let fields = fields.into_iter().map(|(key, value)| match value {
                Value::String(text) => Ok((key, text)),
                Value::Number(number) => Ok((key, number.to_string())),
                _ => Err(wrong("a form's fields are texts")),
            });
            Payload::Fields(fields.collect::<Result<_, _>>()?)
        }
        json @ (Value::Object(_) | Value::Array(_)) => Payload::Json(json.to_string()),
        _ => return Err(wrong("it is a text, a mapping or a list")),
    })
}

/// Whether a payload is a JSON object, also as a text.
fn is_object(payload: &Value) -> bool {
    match payload {
        Value::String(text) => serde_json::from_str(text).is_ok_and(|v: Value| v.is_object()),
        value => value.is_object(),
    }
}
