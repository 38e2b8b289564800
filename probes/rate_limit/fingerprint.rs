//! Which library limits here, by the shape of what it writes: so that a finding says where to look.

use super::evidence::Evidence;

/// The library or proxy, where its answers show it.
pub(super) fn library(seen: &Evidence) -> Option<&'static str> {
    let refused = || seen.samples.iter().filter(|s| matches!(s.status, Some(403 | 429 | 503)));
    let all = || seen.samples.iter().flat_map(|sample| &sample.headers);
    let has = |name: &str| all().any(|(n, _)| n == name);
    let says = |words: &str| refused().any(|sample| sample.excerpt.contains(words));
    let server = |name: &str| all().any(|(n, v)| n == "server" && v.starts_with(name));
    let table: [(bool, &'static str); 16] = [
        (has("x-envoy-ratelimited") || says("local_rate_limited"), "Envoy"),
        (says("ThrottlerException"), "@nestjs/throttler"),
        (all().any(|(name, _)| name.starts_with("retry-after-")), "@nestjs/throttler"),
        (says("Rate limit exceeded, retry in"), "@fastify/rate-limit"),
        (has("x-ratelimit-after") || says("Too Many Requests! Wait for"), "tower_governor"),
        (says("Request was throttled."), "Django REST framework"),
        (says("\"error\":\"Rate limit exceeded: "), "slowapi"),
        (is_flask(seen), "Flask-Limiter"),
        (says("API rate limit exceeded"), "Kong"),
        (says("Retry later"), "Rack::Attack"),
        (says("error code: 1015") || server("cloudflare"), "Cloudflare"),
        (says("{\"message\":\"Limit Exceeded\"}"), "Amazon API Gateway"),
        (
            all().any(|(name, value)| name == "ratelimit-policy" && value.contains("-in-")),
            "express-rate-limit",
        ),
        (says("Too many requests, please try again later."), "express-rate-limit"),
        (
            server("nginx")
                && refused().any(|s| s.status == Some(503) || is_page_of_nginx(&s.excerpt)),
            "nginx limit_req",
        ),
        (
            refused().any(|sample| sample.status == Some(403))
                && says("<h1>403 Forbidden</h1>")
                && !server("nginx"),
            "django-ratelimit",
        ),
    ];
    table.iter().find(|(is, _)| *is).map(|(_, name)| *name)
}

/// Its refusals are a page of Werkzeug's whose text is the limit.
fn is_flask(seen: &Evidence) -> bool {
    seen.samples.iter().any(|sample| {
        sample.status == Some(429)
            && sample.excerpt.contains("<title>429 Too Many Requests</title>")
            && sample.excerpt.contains(" per ")
    })
}

fn is_page_of_nginx(excerpt: &str) -> bool {
    excerpt.contains("<center>nginx") || excerpt.contains("<hr><center>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::evidence::Sample;

    #[test]
    fn libraries_are_known_by_what_they_write() {
        for (status, headers, excerpt, name) in [
            (
                429,
                vec![("retry-after", "10")],
                "Too many requests, please try again later.",
                Some("express-rate-limit"),
            ),
            (
                200,
                vec![("ratelimit-policy", "\"3-in-10sec\"; q=3; w=10")],
                "",
                Some("express-rate-limit"),
            ),
            (
                429,
                vec![("retry-after", "10")],
                r#"{"statusCode":429,"message":"ThrottlerException: Too Many Requests"}"#,
                Some("@nestjs/throttler"),
            ),
            (429, vec![("retry-after-short", "1")], "", Some("@nestjs/throttler")),
            (
                429,
                vec![],
                r#"{"statusCode":429,"error":"Too Many Requests","message":"Rate limit exceeded, retry in 10 seconds"}"#,
                Some("@fastify/rate-limit"),
            ),
            (
                429,
                vec![("x-ratelimit-after", "0")],
                "Too Many Requests! Wait for 0s",
                Some("tower_governor"),
            ),
            (429, vec![], r#"{"error":"Rate limit exceeded: 3 per 10 second"}"#, Some("slowapi")),
            (
                429,
                vec![],
                "<title>429 Too Many Requests</title> <p>3 per 10 second</p>",
                Some("Flask-Limiter"),
            ),
            (
                429,
                vec![],
                r#"{"detail":"Request was throttled. Expected available in 60 seconds."}"#,
                Some("Django REST framework"),
            ),
            (503, vec![("server", "nginx")], "<center>nginx</center>", Some("nginx limit_req")),
            (429, vec![("x-envoy-ratelimited", "true")], "local_rate_limited", Some("Envoy")),
            (429, vec![], "slow down", None),
        ] {
            let headers = headers.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            let sample = Sample {
                status: Some(status),
                headers,
                excerpt: excerpt.to_owned(),
                ..Sample::default()
            };
            let seen = Evidence { samples: vec![sample], ..Evidence::default() };
            assert_eq!(library(&seen), name, "{excerpt}");
        }
    }
}
