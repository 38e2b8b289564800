//! `musterd check --report URL`: posts the report to a daemon.

use std::io;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use musterd_probes::net::trust::Roots;
use musterd_probes::secret::{SecretRef, Vault};
use url::Url;

use super::output::{self, Report};
use super::remote::{self, Secret};
use crate::api::REPORT_ANSWERED_WITHIN;
use crate::notify;

/// A daemon that is busy says so, and when to come again: whoever leaves before never hears it.
const TIMEOUT: Duration = REPORT_ANSWERED_WITHIN.saturating_add(Duration::from_secs(10));

/// Where the token stands unless another variable is named.
const VARIABLE: &str = "MUSTERD_REPORT_TOKEN";

/// Where a report goes, and by which token.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Reporting to a daemon")]
pub(crate) struct Options {
    /// Post the report to the daemon at this URL, where its checks stand beside the scheduled ones
    #[arg(long, value_name = "URL")]
    report: Option<Url>,

    /// The environment variable with the daemon's `server.report_token` [default:
    /// `MUSTERD_REPORT_TOKEN`, where that is set]
    #[arg(long, value_name = "VAR", requires = "report")]
    report_token_env: Option<String>,

    /// Send the token over plain HTTP too, also to another machine
    #[arg(long, requires = "report")]
    report_insecure: bool,
}

impl Options {
    /// Whether the report is to be posted; an error when it cannot be.
    pub(crate) fn checked(&self) -> Result<(), String> {
        let Some(url) = &self.report else { return Ok(()) };
        let secret = Secret { what: "the token", insecure: self.report_insecure };
        remote::sound(url, "--report", "--report-token-env", Some(secret))
    }

    /// Posts the report, where that was asked for.
    pub(crate) async fn post(&self, body: io::Result<String>, vault: &Vault) -> Result<(), String> {
        let Some(base) = &self.report else { return Ok(()) };
        let mut url = base.clone();
        url.set_path(&format!("{}/api/v1/reports", base.path().trim_end_matches('/')));
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        let variable = self.variable();
        if let Some(name) = variable {
            let reference = SecretRef::Env(name.to_owned());
            let token = vault.read(&reference).await.map_err(|blind| blind.reason.into_owned())?;
            let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| "the report token holds characters that no header may".to_owned())?;
            headers.insert(AUTHORIZATION, bearer);
        }
        let body = body.map_err(|error| error.to_string())?;
        let roots = Roots::new(true).0;
        let sent = notify::send(Method::POST, url, headers, body, &roots, TIMEOUT).await;
        sent.map_err(|why| {
            let tokenless = if variable.is_none() {
                format!("; it was sent without a token, since {VARIABLE} is not set")
            } else {
                String::new()
            };
            format!("the report was not taken: {}{tokenless}", vault.redact(&why))
        })
    }

    /// The variable that the token stands in. A daemon on this machine may need none.
    fn variable(&self) -> Option<&str> {
        let named = self.report_token_env.as_deref();
        named.or_else(|| std::env::var_os(VARIABLE).map(|_| VARIABLE))
    }
}

/// The report as it is posted: without what the daemon does not read, for its length is bounded.
pub(crate) fn body(report: &Report<'_>) -> io::Result<String> {
    let mut document = report.document.clone();
    for check in document.services.iter_mut().flat_map(|service| &mut service.checks) {
        check.evidence = None;
    }
    let mut body = Vec::new();
    output::write_compact(&Report { document: &document, ..*report }, &mut body)?;
    String::from_utf8(body).map_err(io::Error::other)
}
