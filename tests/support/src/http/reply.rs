//! What a scripted server answers.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full, combinators::BoxBody};

/// An answer under construction.
#[derive(Debug, Clone)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
    delay: Duration,
}

impl Reply {
    /// An empty answer with this status, 100 to 999.
    ///
    /// # Panics
    /// If the status is out of bounds.
    pub fn new(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("a status lies between 100 and 999"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            trailers: HeaderMap::new(),
            delay: Duration::ZERO,
        }
    }

    /// A JSON text with its content type.
    pub fn json(status: u16, text: impl Into<Bytes>) -> Self {
        Self::new(status).header("content-type", "application/json").body(text)
    }

    /// A plain text with its content type.
    pub fn text(status: u16, text: impl Into<Bytes>) -> Self {
        Self::new(status).header("content-type", "text/plain; charset=utf-8").body(text)
    }

    /// A redirect with this status to this location.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status).header("location", location)
    }

    /// Adds a header, next to others of the same name.
    ///
    /// # Panics
    /// If name or value cannot stand in a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = field(name, value);
        self.headers.append(name, value);
        self
    }

    /// Sets the body; its `Content-Length` is sent by itself.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds a trailer, such as `grpc-status`; over HTTP/1.1 trailers are sent only to clients
    /// that ask for them (`TE: trailers`) and if the reply announces them (`Trailer`).
    ///
    /// # Panics
    /// If name or value cannot stand in a trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        let (name, value) = field(name, value);
        self.trailers.append(name, value);
        self
    }

    /// Holds the whole answer back for this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    pub(super) fn into_response(self) -> hyper::Response<BoxBody<Bytes, std::convert::Infallible>> {
        let body = Full::new(self.body);
        let body = if self.trailers.is_empty() {
            body.boxed()
        } else {
            body.with_trailers(std::future::ready(Some(Ok(self.trailers)))).boxed()
        };
        let mut response = hyper::Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

fn field(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    let name = name.parse().unwrap_or_else(|_| panic!("{name:?} is no header name"));
    let value = value.parse().unwrap_or_else(|_| panic!("{value:?} is no header value"));
    (name, value)
}

#[cfg(test)]
mod tests {
    use super::Reply;

    #[test]
    fn headers_of_one_name_stand_next_to_each_other() {
        let reply = Reply::json(503, "{}").header("via", "a").header("via", "b");
        let response = reply.into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers().get_all("via").iter().count(), 2);
    }
}
