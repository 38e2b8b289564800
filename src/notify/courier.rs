//! What carries letters: HTTP, or what a test puts in its place.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{Method, StatusCode};
use musterd_probes::blind::Blind;
use musterd_probes::net::trust::{Roots, Trust};

use super::channel::Letter;
use super::pace;
use crate::clock::Clock;

/// One delivery takes at most so long.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// So much of an answer is read, to say why a letter was refused.
const LONGEST_ANSWER: usize = 512;

/// Carries letters.
pub(crate) trait Courier: Send + Sync {
    /// Carries one; ends within a bounded time.
    fn carry(&self, letter: Letter) -> BoxFuture<'_, Result<(), Undelivered>>;
}

/// Why a letter did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undelivered {
    /// No other try will do.
    pub(crate) for_good: bool,
    pub(crate) why: String,
    /// How long the receiver asked us to wait.
    pub(crate) wait: Option<Duration>,
    /// It may have arrived all the same: there was no answer in time.
    pub(crate) perhaps: bool,
    /// The receiver answered, whatever it said.
    pub(crate) answered: bool,
}

/// Carries letters over HTTP, with connections that are kept.
pub(crate) struct Post {
    client: reqwest::Client,
    clock: Clock,
}

impl Post {
    /// A client that trusts these roots.
    pub(crate) async fn new(roots: &Roots, clock: Clock) -> Result<Self, String> {
        Self::patient(roots, TIMEOUT, clock).await
    }

    /// A client for somebody who may need so long for an answer.
    pub(super) async fn patient(
        roots: &Roots,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, String> {
        let trust =
            Trust::default().material(roots).await.map_err(|Blind { reason, .. }| reason)?;
        Self::with_tls((*trust.config).clone(), timeout, clock)
    }

    /// A client with TLS of its own: reqwest would take the platform's verifier and the
    /// process-wide provider, of which there is none.
    pub(crate) fn with_tls(
        mut tls: rustls::ClientConfig,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, String> {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .timeout(timeout)
            // A redirect would carry headers and findings to where nobody configured them to go.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .build()
            .map_err(|error| explain(&error))?;
        Ok(Self { client, clock })
    }

    /// Sends one by this method.
    pub(super) async fn send(&self, method: Method, letter: Letter) -> Result<(), Undelivered> {
        let Letter { url, headers, body } = letter;
        let agent = concat!("musterd/", env!("CARGO_PKG_VERSION"));
        let request = self.client.request(method, url).header(USER_AGENT, agent);
        let request = request.headers(headers).body(body);
        let mut response = request.send().await.map_err(|error| Undelivered {
            for_good: false,
            perhaps: error.is_timeout() && !error.is_connect(),
            why: explain(&error.without_url()),
            wait: None,
            answered: false,
        })?;
        let status = response.status();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = asked.and_then(|text| pace::retry_after(text, self.clock.now()));
        let mut answer = Vec::new();
        // Read also when all is well, so that the connection can be used again.
        while let Ok(Some(chunk)) = response.chunk().await {
            answer.extend_from_slice(&chunk);
            if answer.len() > LONGEST_ANSWER {
                break;
            }
        }
        judge(status, &answer, wait)
    }
}

/// Carries letters over HTTP to whoever the bundled roots vouch for, and the platform's where
/// `system_roots` says so.
pub(super) async fn post(system_roots: bool, clock: Clock) -> Result<Arc<dyn Courier>, String> {
    // The platform's are read from its disk.
    let roots = tokio::task::spawn_blocking(move || Roots::new(system_roots).0).await;
    let roots = roots.map_err(|error| error.to_string())?;
    Ok(Arc::new(Post::new(&roots, clock).await?))
}

impl Courier for Post {
    fn carry(&self, letter: Letter) -> BoxFuture<'_, Result<(), Undelivered>> {
        Box::pin(self.send(Method::POST, letter))
    }
}

/// What an answer says: 408, 429 and faults of the server pass, anything else does not.
fn judge(status: StatusCode, answer: &[u8], wait: Option<Duration>) -> Result<(), Undelivered> {
    if status.is_success() {
        return Ok(());
    }
    let passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
        || status.is_server_error();
    let answer = answer.get(..LONGEST_ANSWER).unwrap_or(answer);
    let answer = String::from_utf8_lossy(answer);
    let words: Vec<&str> = answer.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let mut why = format!("it answered {}", status.as_u16());
    if status.is_redirection() {
        why.push_str(", and redirects are not followed");
    }
    let said = words.join(" ");
    if !said.trim().is_empty() {
        // Writing to a string does not fail.
        let _written = write!(why, ": {}", said.trim());
    }
    let perhaps = status == StatusCode::GATEWAY_TIMEOUT;
    Err(Undelivered { for_good: !passing, why, wait, perhaps, answered: true })
}

/// An error with everything that led to it.
pub(crate) fn explain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _written = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
