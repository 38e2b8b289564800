//! `musterd check --push URL`: hands the metrics of a run to a Pushgateway.

use std::io;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use musterd_probes::net::trust::Roots;
use musterd_probes::secret::{SecretRef, Vault};
use url::Url;

use super::adhoc::header;
use super::output::{self, Format, Report, Style};
use super::remote::{self, Secret};
use crate::notify;

/// What metrics are grouped by when the URL does not say.
const JOB: &str = "musterd";

/// Where metrics go.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Pushing to a Pushgateway")]
pub(crate) struct Options {
    /// Push the metrics to the Pushgateway at this URL, in place of those of the run before; with
    /// /metrics/job/NAME/LABEL/VALUE behind it, under this grouping key, by default under the job
    /// musterd and the location
    #[arg(long, value_name = "URL")]
    push: Option<Url>,

    /// Send a header along whose value stands in an environment variable
    #[arg(long, value_name = "NAME=env:VAR", value_parser = header, requires = "push")]
    push_header: Vec<(HeaderName, SecretRef)>,

    /// Send such headers over plain HTTP too, also to another machine
    #[arg(long, requires = "push")]
    push_insecure: bool,
}

impl Options {
    /// Whether metrics can be pushed, where that was asked for.
    pub(crate) fn checked(&self) -> Result<(), String> {
        let Some(url) = &self.push else { return Ok(()) };
        let insecure = self.push_insecure;
        let secret = (!self.push_header.is_empty())
            .then_some(Secret { what: "the value of a header", insecure });
        remote::sound(url, "--push", "--push-header", secret)?;
        grouped(url, "").map(drop)
    }

    /// Pushes the metrics, where that was asked for.
    pub(crate) async fn put(
        &self,
        body: io::Result<String>,
        location: &str,
        vault: &Vault,
    ) -> Result<(), String> {
        let Some(url) = &self.push else { return Ok(()) };
        let url = grouped(url, location)?;
        let text = HeaderValue::from_static("text/plain; version=0.0.4");
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, text)]);
        for (name, reference) in &self.push_header {
            let value = vault.read(reference).await.map_err(|blind| blind.reason.into_owned())?;
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|_| format!("--push-header: the value of {name} is none of a header"))?;
            value.set_sensitive(true);
            headers.append(name.clone(), value);
        }
        let body = body.map_err(|error| error.to_string())?;
        // PUT replaces the whole group: what is no longer checked is gone from it.
        notify::send(Method::PUT, url, headers, body, &Roots::new(true).0, notify::TIMEOUT)
            .await
            .map_err(|why| format!("the metrics were not taken: {}", vault.redact(&why)))
    }
}

/// The metrics as they are pushed.
pub(crate) fn body(report: &Report<'_>) -> io::Result<String> {
    let mut body = Vec::new();
    output::write(Format::Prometheus, report, Style { colour: false, width: 100 }, &mut body)?;
    String::from_utf8(body).map_err(io::Error::other)
}

/// The URL with a grouping key. It never holds an `instance`: a series a pod would be left behind
/// by each run.
fn grouped(url: &Url, location: &str) -> Result<Url, String> {
    let mut url = url.clone();
    if url.query().is_some() || url.fragment().is_some() {
        return Err("--push: a Pushgateway's URL has neither a query nor a fragment".to_owned());
    }
    let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    let named = segments.iter().position(|segment| *segment == "metrics").map(|at| &segments[at..]);
    match named {
        Some(["metrics", "job" | "job@base64", job, labels @ ..]) if !job.is_empty() => {
            let labels = labels.strip_suffix(&[""]).unwrap_or(labels);
            if !labels.len().is_multiple_of(2) {
                return Err(
                    "--push: behind the job stand pairs of a label and its value".to_owned()
                );
            }
            if labels.iter().step_by(2).any(|label| *label == "instance") {
                return Err("--push: a label `instance` would leave series behind with every \
                            machine that a run comes from; choose another"
                    .to_owned());
            }
        }
        Some(_) => {
            return Err("--push: write /metrics/job/NAME/LABEL/VALUE, or nothing of it".to_owned());
        }
        None => {
            let mut path = url
                .path_segments_mut()
                .map_err(|()| "--push: nothing can stand behind this URL".to_owned())?;
            path.pop_if_empty().extend(["metrics", "job", JOB]);
            if !location.is_empty() {
                path.extend(["location", location]);
            }
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_a_group_of_its_own() {
        let group = |url: &str| grouped(&url.parse().unwrap(), "west").map(String::from);
        for (given, pushed_to) in [
            ("http://gate:9091", "http://gate:9091/metrics/job/musterd/location/west"),
            ("http://gate:9091/", "http://gate:9091/metrics/job/musterd/location/west"),
            ("https://gate/push/", "https://gate/push/metrics/job/musterd/location/west"),
            ("http://gate/metrics/job/nightly", "http://gate/metrics/job/nightly"),
            ("http://gate/metrics/job/a/env/prod/", "http://gate/metrics/job/a/env/prod/"),
        ] {
            assert_eq!(group(given).as_deref(), Ok(pushed_to));
        }
        for refused in [
            "http://gate/metrics",
            "http://gate/metrics/job",
            "http://gate/metrics/job/",
            "http://gate/metrics/job/a/env",
            "http://gate/metrics/job/a/instance/b",
            "http://gate/?job=a",
        ] {
            assert!(group(refused).is_err(), "{refused}");
        }
        let nowhere = grouped(&"http://gate".parse().unwrap(), "").unwrap();
        assert_eq!(nowhere.path(), "/metrics/job/musterd");
    }

    #[test]
    fn secrets_go_over_tls() {
        let options = |url: &str, header: bool, push_insecure| Options {
            push: Some(url.parse().unwrap()),
            push_header: if header {
                vec![(http::header::AUTHORIZATION, SecretRef::Env("X".to_owned()))]
            } else {
                Vec::new()
            },
            push_insecure,
        };
        assert!(options("http://gate:9091", false, false).checked().is_ok());
        assert!(options("http://127.0.0.1:9091", true, false).checked().is_ok());
        assert!(options("https://gate", true, false).checked().is_ok());
        assert!(options("http://gate", true, true).checked().is_ok());
        assert!(options("http://gate", true, false).checked().is_err());
        assert!(options("http://me:secret@gate", false, false).checked().is_err());
        assert!(options("ftp://gate", false, false).checked().is_err());
    }
}
