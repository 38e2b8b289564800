//! How an answer shows that a cache gave it: by `Age` (RFC 9111 section 5.1), by `Cache-Status`
//! (RFC 9211), or by what the usual caches say in headers of their own.

/// Headers in which caches tell whether they answered: RFC 9211's, and those of Cloudflare,
/// `CloudFront` and Fastly, nginx, Vercel, Next.js, bunny.net and Azure.
pub const STATUSES: [&str; 8] = [
    "cache-status",
    "cf-cache-status",
    "x-cache",
    "x-cache-status",
    "x-proxy-cache",
    "x-vercel-cache",
    "x-nextjs-cache",
    "cdn-cache",
];

/// The first header, of those with names in lower case, that shows that a cache gave the answer.
pub fn hit<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<(&'a str, &'a str)> {
    headers.into_iter().find(|(name, value)| match *name {
        "age" => value.trim().parse::<u64>().is_ok_and(|age| age > 0),
        // Parameters of each cache come behind its name, which may be any word.
        "cache-status" => value.split(',').any(|cache| {
            let mut parameters = cache.split(';').skip(1).map(str::trim);
            parameters.any(|one| ["hit", "hit=?1"].iter().any(|hit| one.eq_ignore_ascii_case(hit)))
        }),
        name => STATUSES.contains(&name) && is_hit(value),
    })
}

/// `HIT`, `TCP_HIT`, `Hit from cloudfront`, `STALE`; but not `RefreshHit` and `TCP_REFRESH_HIT`,
/// for which the service was asked.
fn is_hit(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    !value.contains("refresh")
        && value
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| matches!(word, "hit" | "stale" | "updating" | "prerender"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_say_in_many_ways_that_an_answer_is_theirs() {
        for (name, value, gave_it) in [
            ("age", "12", true),
            ("age", "0", false),
            ("age", "young", false),
            ("x-cache", "HIT", true),
            ("x-cache", "Hit from cloudfront", true),
            ("x-cache", "MISS, HIT", true),
            ("x-cache", "TCP_MEM_HIT", true),
            ("x-cache", "Miss from cloudfront", false),
            ("x-cache", "RefreshHit from cloudfront", false),
            ("x-cache", "TCP_REFRESH_HIT", false),
            ("x-cache", "Exhibit", false),
            ("x-cache", "_hits", false),
            ("cf-cache-status", "STALE", true),
            ("cf-cache-status", "DYNAMIC", false),
            ("x-cache-status", "UPDATING", true),
            ("x-vercel-cache", "PRERENDER", true),
            ("cache-status", "edge; hit", true),
            ("cache-status", "origin; fwd=miss, edge; hit; ttl=30", true),
            ("cache-status", "edge; Hit", true),
            ("cache-status", "edge; fwd=miss", false),
            ("cache-status", "edge; fwd=stale; fwd-status=200; stored", false),
            ("cache-status", "hit; fwd=miss; stored", false),
            ("etag", "hit", false),
        ] {
            let found = hit([("vary", "origin"), (name, value)]);
            assert_eq!(found, gave_it.then_some((name, value)), "{name}: {value}");
        }
    }
}
