//! Which stack answered, as far as its headers and cookies give it away.

use super::evidence::{Answer, Evidence};
use crate::stack::Stack;

/// What headers say.
const HEADERS: [(&str, &str, &[Stack]); 7] = [
    ("server", "nginx", &[Stack::Nginx]),
    ("server", "openresty", &[Stack::Nginx]),
    ("server", "caddy", &[Stack::Caddy]),
    ("server", "uvicorn", &[Stack::FastApi]),
    ("server", "wsgiserver", &[Stack::Django]),
    // NestJS runs on Express, and says so.
    ("x-powered-by", "express", &[Stack::Express, Stack::NestJs]),
    ("x-powered-by", "next.js", &[Stack::NextJs]),
];

/// What names of cookies say.
const COOKIES: [(&str, &[Stack]); 2] =
    [("connect.sid", &[Stack::Express, Stack::NestJs]), ("csrftoken", &[Stack::Django])];

/// The stacks that show themselves in stored evidence of `headers`, in the order of [`Stack::ALL`].
pub fn stacks(evidence: &serde_json::Value) -> Vec<Stack> {
    let Ok(evidence) = serde::Deserialize::deserialize(evidence) else { return Vec::new() };
    let seen = seen(&evidence);
    Stack::ALL.into_iter().filter(|stack| seen.contains(stack)).collect()
}

fn seen(evidence: &Evidence) -> Vec<Stack> {
    let chains = [Some(&evidence.document), evidence.twin.as_ref()];
    let hops = chains.into_iter().flatten().flat_map(|chain| &chain.hops);
    let answers = hops.chain(&evidence.absent).filter_map(|hop| hop.answer.as_ref());
    answers.flat_map(given_away).collect()
}

fn given_away(answer: &Answer) -> Vec<Stack> {
    let headers = HEADERS.iter().filter(|(name, start, _)| {
        let values = answer.all(name).map(str::to_ascii_lowercase);
        values.into_iter().any(|value| value.starts_with(start))
    });
    let cookies =
        COOKIES.iter().filter(|(name, _)| answer.cookies.iter().any(|one| one.name == *name));
    headers
        .map(|(_, _, stacks)| *stacks)
        .chain(cookies.map(|(_, s)| *s))
        .flatten()
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::scene::page;

    #[test]
    fn stacks_show_themselves_or_do_not() {
        for (lines, wanted) in [
            (&["server: nginx/1.22.1", "x-powered-by: Express"][..], "express nestjs nginx"),
            (&["x-powered-by: Next.js"], "nextjs"),
            (&["server: Caddy"], "caddy"),
            (&["server: uvicorn"], "fastapi"),
            (&["server: WSGIServer/0.2 CPython/3.11.2"], "django"),
            (&["set-cookie: connect.sid=s%3Aabc; Path=/"], "express nestjs"),
            (&["set-cookie: csrftoken=abc"], "django"),
            (&["server: gunicorn", "set-cookie: sid=1"], ""),
            (&[], ""),
        ] {
            let stored = serde_json::to_value(&page(lines).evidence).unwrap();
            let words: Vec<&str> = stacks(&stored).into_iter().map(Stack::word).collect();
            assert_eq!(words.join(" "), wanted, "{lines:?}");
        }
        assert!(stacks(&serde_json::json!({"no": "evidence of headers"})).is_empty());
    }
}
