//! The page of very many checks, written while it is read, so that it never stands in memory.

use std::convert::Infallible;
use std::io::Write as _;

use axum::body::{Body, Bytes};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, stream as streams};
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};

use super::{Column, MEDIA_TYPE, columns, head, own_families, scope, shells};
use crate::api::everything::Everything;
use crate::metrics::exposition::Exposition;
use crate::report::ServiceStatus;

/// So many checks are written at a time.
const PART: usize = 2_000;

/// A page on its way out.
struct Page {
    now: Everything,
    shells: Vec<ServiceStatus>,
    columns: Vec<Column>,
    registry: prometheus::Registry,
    exposition: Exposition,
    gzip: Option<GzEncoder<Vec<u8>>>,
    next: Next,
}

/// What is written next.
enum Next {
    Head,
    Part { column: usize, check: usize },
    End,
    Nothing,
}

/// The page of this moment as an answer.
pub(in crate::api) fn stream(
    now: Everything,
    registry: prometheus::Registry,
    gzip: bool,
) -> Response {
    let page = Page {
        shells: Vec::new(),
        columns: columns(&now.states),
        now,
        registry,
        exposition: Exposition::default(),
        gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        next: Next::Head,
    };
    let mut answer = Response::new(Body::from_stream(page.parts()));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

impl Page {
    fn parts(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        streams::unfold(Some(self), |page| async {
            let mut page = page?;
            let written = tokio::task::spawn_blocking(move || {
                let part = page.part();
                (part, page)
            });
            // After a panic, which is in the log, the page ends in the middle and is refused.
            let (part, page) = written.await.ok()?;
            let next = if matches!(page.next, Next::Nothing) { None } else { Some(page) };
            Some((Ok(part), next))
        })
    }

    /// The next part, which is never empty but at the end.
    fn part(&mut self) -> Bytes {
        loop {
            let part = self.compressed();
            if !part.is_empty() || matches!(self.next, Next::Nothing) {
                return part;
            }
        }
    }

    fn compressed(&mut self) -> Bytes {
        let plain = self.plain();
        let Some(gzip) = &mut self.gzip else { return plain.into() };
        // Writing into memory does not fail.
        let mut fine = gzip.write_all(plain.as_bytes()).is_ok();
        if matches!(self.next, Next::Nothing) {
            fine &= gzip.try_finish().is_ok();
        }
        debug_assert!(fine, "memory takes everything");
        std::mem::take(gzip.get_mut()).into()
    }

    fn plain(&mut self) -> String {
        let Self { now, shells: services, columns, registry, exposition: page, .. } = self;
        match self.next {
            Next::Head => {
                *services = shells(now);
                head(page, services);
                self.next = Next::Part { column: 0, check: 0 };
            }
            Next::Part { column, check } => {
                let Some(family) = columns.get(column) else {
                    self.next = Next::End;
                    return String::new();
                };
                let end = (check + PART).min(now.states.len());
                let mut samples = page.continued(family.family);
                if check == 0 {
                    family.begin(&mut samples, services);
                }
                for state in &now.states[check..end] {
                    family.write(&mut samples, &scope(state), state);
                }
                self.next = if end == now.states.len() {
                    Next::Part { column: column + 1, check: 0 }
                } else {
                    Next::Part { column, check: end }
                };
            }
            Next::End => {
                own_families(page, registry);
                self.next = Next::Nothing;
            }
            Next::Nothing => {}
        }
        page.take()
    }
}
