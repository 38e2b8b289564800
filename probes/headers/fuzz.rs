//! What fuzzing gives to the parsers of headers and pages.

use std::sync::OnceLock;

use jiff::Timestamp;

use super::Headers;
use super::evidence::{Answer, Chain, Evidence, Hop};
use super::field::cookie::Cookie;
use super::page::Page;
use super::preload::Preloaded;
use super::settings::Settings;
use crate::contract::{Kind as _, Seen};

const URL: &str = "https://shop.example.com/";

/// Header lines, judged and scored as those of a page.
pub(crate) fn lines(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut answer = Answer { status: 200, ..Answer::default() };
    answer.headers.push(("content-type".to_owned(), "text/html".to_owned()));
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')).take(64) {
        match name.trim().to_ascii_lowercase().as_str() {
            "set-cookie" => answer.cookies.push(Cookie::parse(value.trim())),
            name => answer.headers.push((name.to_owned(), value.trim().to_owned())),
        }
    }
    judge(answer);
}

/// A page's markup, and what its meta elements say.
pub(crate) fn markup(bytes: &[u8]) {
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    let page = Some(Page::read(bytes));
    judge(Answer { status: 200, headers, page, ..Answer::default() });
}

fn judge(answer: Answer) {
    let hop =
        |answer| Hop { url: URL.to_owned(), answer: Some(answer), failure: None, distrust: None };
    let evidence = Evidence {
        host: "shop.example.com".to_owned(),
        credentialed: true,
        authorized: false,
        document: Chain { hops: vec![hop(answer.clone())], stopped: None },
        again: Some(hop(answer.clone())),
        twin: None,
        absent: Some(hop(answer)),
        preload: Preloaded::NotAsked,
        policies: OnceLock::new(),
    };
    let Ok(headers) = Headers::new(Settings::default()) else { return };
    let _measured = headers.measure(&evidence);
    let _judged = headers.judge(&Seen { now: &evidence, earlier: &[] }, Timestamp::UNIX_EPOCH);
}
