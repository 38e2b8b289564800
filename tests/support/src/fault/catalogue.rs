//! The names and stages of the faults, and one specimen of each.

use std::time::Duration;

use super::{Fault, Stage};

pub(super) fn all() -> Vec<Fault> {
    let every = Duration::from_millis(100);
    vec![
        Fault::SilentAfterAccept,
        Fault::ResetAfterAccept,
        Fault::CloseAfterAccept,
        Fault::SilentInHandshake,
        Fault::ResetInHandshake,
        Fault::CloseInHandshake,
        Fault::AlertInHandshake(40),
        Fault::PlainHttpInHandshake,
        Fault::GarbageInHandshake,
        Fault::SilentAfterRequest,
        Fault::ResetAfterRequest,
        Fault::CloseAfterRequest,
        Fault::GarbageAnswer,
        Fault::DripHead { every },
        Fault::DripBody { every, length: 1000 },
        Fault::SilentAfterHead,
        Fault::BodyCutShort { promised: 1000, sent: 10 },
        Fault::ChunkedCutShort,
        Fault::ResetInBody,
        Fault::EndlessHeaders,
        Fault::LongHeader { bytes: 1024 * 1024 },
        Fault::ManyHeaders { count: 10_000 },
        Fault::EndlessBody,
        Fault::EndlessChunks,
        Fault::GzipBomb { inflated: 1024 * 1024 * 1024 },
        Fault::InvalidGzip,
        Fault::TruncatedGzip,
        Fault::EndlessEarlyHints,
        Fault::EndlessContinue,
        Fault::RedirectLoop,
    ]
}

pub(super) fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::SilentAfterAccept => "silent-after-accept",
        Fault::ResetAfterAccept => "reset-after-accept",
        Fault::CloseAfterAccept => "close-after-accept",
        Fault::SilentInHandshake => "silent-in-handshake",
        Fault::ResetInHandshake => "reset-in-handshake",
        Fault::CloseInHandshake => "close-in-handshake",
        Fault::AlertInHandshake(_) => "alert-in-handshake",
        Fault::PlainHttpInHandshake => "plain-http-in-handshake",
        Fault::GarbageInHandshake => "garbage-in-handshake",
        Fault::SilentAfterRequest => "silent-after-request",
        Fault::ResetAfterRequest => "reset-after-request",
        Fault::CloseAfterRequest => "close-after-request",
        Fault::GarbageAnswer => "garbage-answer",
        Fault::DripHead { .. } => "drip-head",
        Fault::DripBody { .. } => "drip-body",
        Fault::SilentAfterHead => "silent-after-head",
        Fault::BodyCutShort { .. } => "body-cut-short",
        Fault::ChunkedCutShort => "chunked-cut-short",
        Fault::ResetInBody => "reset-in-body",
        Fault::EndlessHeaders => "endless-headers",
        Fault::LongHeader { .. } => "long-header",
        Fault::ManyHeaders { .. } => "many-headers",
        Fault::EndlessBody => "endless-body",
        Fault::EndlessChunks => "endless-chunks",
        Fault::GzipBomb { .. } => "gzip-bomb",
        Fault::InvalidGzip => "invalid-gzip",
        Fault::TruncatedGzip => "truncated-gzip",
        Fault::Gzip(_) => "gzip",
        Fault::DeflateZlib(_) => "deflate-zlib",
        Fault::DeflateRaw(_) => "deflate-raw",
        Fault::EndlessEarlyHints => "endless-early-hints",
        Fault::EndlessContinue => "endless-continue",
        Fault::RedirectLoop => "redirect-loop",
        Fault::Respond(_) => "respond",
    }
}

pub(super) fn stage(fault: &Fault) -> Stage {
    match fault {
        Fault::SilentAfterAccept | Fault::ResetAfterAccept | Fault::CloseAfterAccept => {
            Stage::Accept
        }
        Fault::SilentInHandshake
        | Fault::ResetInHandshake
        | Fault::CloseInHandshake
        | Fault::AlertInHandshake(_)
        | Fault::PlainHttpInHandshake
        | Fault::GarbageInHandshake => Stage::Handshake,
        _ => Stage::Answer,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Fault, Stage, stage};

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = Fault::all().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), Fault::all().len());
    }

    #[test]
    fn the_stage_stands_in_the_name() {
        for (name, fault) in Fault::all() {
            let expected = match stage(&fault) {
                Stage::Accept => name.ends_with("-accept"),
                Stage::Handshake => name.ends_with("-handshake"),
                Stage::Answer => !name.ends_with("-accept") && !name.ends_with("-handshake"),
            };
            assert!(expected, "{name}");
        }
    }
}
