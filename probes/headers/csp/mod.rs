//! Content Security Policy as browsers read it (CSP Level 3).

mod effective;
mod parse;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use effective::{Open, Policies, Sources};
pub(crate) use parse::{Directive, Policy, Via};
pub(crate) use source::Source;

/// The directives that browsers know or knew; without those of their own dialects.
pub(crate) const KNOWN: [&str; 36] = [
    "base-uri",
    "block-all-mixed-content",
    "child-src",
    "connect-src",
    "default-src",
    "disown-opener",
    "fenced-frame-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "navigate-to",
    "object-src",
    "plugin-types",
    "prefetch-src",
    "referrer",
    "reflected-xss",
    "report-to",
    "report-uri",
    "require-sri-for",
    "require-trusted-types-for",
    "sandbox",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "trusted-types",
    "upgrade-insecure-requests",
    "webrtc",
    "worker-src",
    "xhr-src",
];
