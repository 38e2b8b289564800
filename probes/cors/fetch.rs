//! The browser's decision: the CORS check and the preflight check of the Fetch standard.

use serde::{Deserialize, Serialize};

/// What a preflight asks for on behalf of the request that would follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The request's method.
    pub(super) method: String,
    /// The names of its headers that are not safelisted, in lower case and sorted.
    pub(super) headers: Vec<String>,
}

/// Why a browser keeps an answer from a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no `Access-Control-Allow-Origin`, or it is empty.
    NoOrigin,
    /// It names something else than the page's origin.
    OtherOrigin(String),
    /// `*` never works for requests with credentials.
    WildcardWithCredentials,
    /// `Access-Control-Allow-Credentials` is absent, or something else than `true`.
    NoCredentials(Option<String>),
    /// A preflight was answered with a status that is not 200 to 299.
    Status(u16),
    /// A list of a preflight's answer holds something that is no token.
    Unreadable(&'static str),
    /// The method is not among those allowed.
    Method(String),
    /// A header is not among those allowed.
    Header(String),
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";
const ALLOW_METHODS: &str = "access-control-allow-methods";
const ALLOW_HEADERS: &str = "access-control-allow-headers";

/// Methods that need no permission (Fetch, CORS-safelisted method).
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// Names that need no permission for the values that matter here (Fetch, CORS-safelisted
/// request-header). `content-type` is not one of them: pages declare it for JSON.
const SAFE_HEADERS: [&str; 3] = ["accept", "accept-language", "content-language"];

/// All values of a header as one (Fetch, "get").
pub(super) fn get(headers: &[(String, String)], name: &str) -> Option<String> {
    let values: Vec<&str> = headers
        .iter()
        .filter(|(n, _)| n == name)
        .map(|(_, value)| value.trim_matches([' ', '\t', '\r', '\n']))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// `Access-Control-Allow-Origin` as browsers read it; an empty one is none.
pub(super) fn allow_origin(headers: &[(String, String)]) -> Option<String> {
    get(headers, ALLOW_ORIGIN).filter(|value| !value.is_empty())
}

/// `Access-Control-Allow-Credentials` as browsers read it.
pub(super) fn allow_credentials(headers: &[(String, String)]) -> Option<String> {
    get(headers, ALLOW_CREDENTIALS)
}

/// Whether a page at `origin` gets to see an answer (Fetch, "CORS check").
pub(super) fn cors_check(
    origin: &str,
    credentials: bool,
    headers: &[(String, String)],
) -> Result<(), Refusal> {
    let allowed = allow_origin(headers).ok_or(Refusal::NoOrigin)?;
    match (allowed == "*", credentials) {
        (true, true) => return Err(Refusal::WildcardWithCredentials),
        (false, _) if allowed != origin => return Err(Refusal::OtherOrigin(allowed)),
        (_, false) => return Ok(()),
        (false, true) => {}
    }
    match allow_credentials(headers) {
        Some(value) if value == "true" => Ok(()),
        other => Err(Refusal::NoCredentials(other)),
    }
}

/// Whether the request that a preflight asked for may be sent (Fetch, "CORS-preflight fetch").
pub(super) fn preflight_check(
    origin: &str,
    credentials: bool,
    asked: &Asked,
    status: u16,
    headers: &[(String, String)],
) -> Result<(), Refusal> {
    if !(200..300).contains(&status) {
        return Err(Refusal::Status(status));
    }
    cors_check(origin, credentials, headers)?;
    let methods = tokens(headers, ALLOW_METHODS)?;
    let names = tokens(headers, ALLOW_HEADERS)?;
    let any = |list: &[String]| !credentials && list.iter().any(|item| item == "*");
    let method = asked.method.as_str();
    if !methods.iter().any(|allowed| allowed == method)
        && !SAFE_METHODS.contains(&method)
        && !any(&methods)
    {
        return Err(Refusal::Method(asked.method.clone()));
    }
    for name in asked.headers.iter().filter(|name| needs_permission(name)) {
        let listed = names.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
        // Authorization must be named: no wildcard covers it.
        if !listed && (name == "authorization" || !any(&names)) {
            return Err(Refusal::Header(name.clone()));
        }
    }
    Ok(())
}

/// Whether a header, whose name is given in lower case, makes browsers ask first.
pub(super) fn needs_permission(name: &str) -> bool {
    !SAFE_HEADERS.contains(&name)
}

/// Whether browsers ask first before they send such a request.
pub(super) fn needs_preflight(method: &str, headers: &[String]) -> bool {
    !SAFE_METHODS.contains(&method) || headers.iter().any(|name| needs_permission(name))
}

/// The members of a list of tokens (Fetch, "extracting header list values").
fn tokens(headers: &[(String, String)], name: &'static str) -> Result<Vec<String>, Refusal> {
    let value = get(headers, name).unwrap_or_default();
    let items = value.split(',').map(|item| item.trim_matches([' ', '\t']));
    items
        .filter(|item| !item.is_empty())
        .map(|item| {
            let fits = item.bytes().all(is_token);
            fits.then(|| item.to_owned()).ok_or(Refusal::Unreadable(name))
        })
        .collect()
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What a page at an origin can do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Power {
    /// Nothing.
    None,
    /// Read what anybody gets to see.
    Anonymous,
    /// Read what the user gets to see, with the user's cookies.
    Credentialed,
}

/// What a page at `origin` can do with an answer that names this origin itself. A `*` gives it
/// nothing that everybody does not have, and has rules of its own.
pub(super) fn granted(origin: &str, headers: &[(String, String)]) -> Power {
    if allow_origin(headers).as_deref() != Some(origin) {
        Power::None
    } else if cors_check(origin, true, headers).is_ok() {
        Power::Credentialed
    } else {
        Power::Anonymous
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::text::excerpt;
        match self {
            Self::NoOrigin => f.write_str("there is no Access-Control-Allow-Origin"),
            Self::OtherOrigin(other) => {
                write!(f, "Access-Control-Allow-Origin is `{}`", excerpt(other, 160))
            }
            Self::WildcardWithCredentials => f.write_str(
                "Access-Control-Allow-Origin is `*`, which browsers refuse for requests with credentials",
            ),
            Self::NoCredentials(None) => {
                f.write_str("there is no Access-Control-Allow-Credentials")
            }
            Self::NoCredentials(Some(other)) => write!(
                f,
                "Access-Control-Allow-Credentials is `{}`, and only `true` counts",
                excerpt(other, 60)
            ),
            Self::Status(status) => {
                write!(f, "it was answered {status}, and browsers want 200 to 299")
            }
            Self::Unreadable(name) => write!(f, "{name} is no list of names"),
            Self::Method(method) => {
                write!(f, "Access-Control-Allow-Methods does not allow {}", excerpt(method, 40))
            }
            Self::Header(name) => {
                write!(f, "Access-Control-Allow-Headers does not allow {}", excerpt(name, 80))
            }
        }
    }
}
