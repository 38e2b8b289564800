//! Bodies of answers: read with a cap on the wire and a cap after decompression.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A body as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Body {
    /// What was read, decompressed; in stored evidence perhaps only its beginning.
    pub bytes: Bytes,
    /// How many bytes were read, after decompression.
    pub length: usize,
    /// How many bytes came over the wire.
    pub wire: usize,
    /// Whether that was all.
    pub end: BodyEnd,
}

/// How a body ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyEnd {
    /// It was read whole.
    #[default]
    Complete,
    /// It is longer than the cap, where reading stopped.
    Cut,
    /// It broke off, or what came cannot be decompressed.
    Broken(String),
}

impl Body {
    /// As text, with replacement characters for what is no UTF-8.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes.0)
    }

    /// Forgets all but the first `most` bytes: evidence keeps what judging looks at.
    pub fn keep(&mut self, most: usize) {
        self.bytes.0.truncate(most);
        self.bytes.0.shrink_to_fit();
    }

    /// Whether all of it was read.
    pub fn is_complete(&self) -> bool {
        self.end == BodyEnd::Complete
    }
}

/// Bytes that are text in JSON where they are UTF-8, and base64 where they are not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written<'a> {
    Text(Cow<'a, str>),
    Base64(Cow<'a, str>),
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Written::Text(text.into()),
            Err(_) => Written::Base64(STANDARD.encode(&self.0).into()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Text(text) => text.into_owned().into_bytes(),
            Written::Base64(text) => {
                STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)?
            }
        }))
    }
}

/// Takes a body's pieces as they come and says when there is enough.
pub struct Reader {
    decoder: Decoder,
    cap: usize,
    wire: usize,
    end: Option<BodyEnd>,
}

enum Decoder {
    Identity(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
    Zlib(Box<ZlibDecoder<Sink>>),
    Raw(Box<DeflateDecoder<Sink>>),
    /// `deflate` means zlib's format, but some servers send raw DEFLATE: the first bytes tell.
    Deflate(Vec<u8>, usize),
    /// The encoding is none that was asked for.
    Foreign(String, Sink),
}

/// Collects at most `cap` bytes.
struct Sink {
    bytes: Vec<u8>,
    cap: usize,
}

const FULL: &str = "over the cap";

impl Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let room = self.cap - self.bytes.len();
        self.bytes.extend_from_slice(piece.get(..room).unwrap_or(piece));
        if piece.len() > room { Err(io::Error::other(FULL)) } else { Ok(piece.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Reader {
    /// A reader for a body under this `Content-Encoding`.
    pub fn new(encoding: Option<&str>, cap: usize) -> Self {
        let sink = Sink { bytes: Vec::new(), cap };
        let encoding = encoding.map(|text| text.trim().to_ascii_lowercase());
        let decoder = match encoding.as_deref() {
            None | Some("" | "identity") => Decoder::Identity(sink),
            Some("gzip" | "x-gzip") => Decoder::Gzip(Box::new(MultiGzDecoder::new(sink))),
            Some("deflate") => Decoder::Deflate(Vec::new(), cap),
            Some(other) => Decoder::Foreign(other.chars().take(40).collect(), sink),
        };
        Self { decoder, cap, wire: 0, end: None }
    }

    /// Takes a piece; `false` when no more is wanted.
    pub fn take(&mut self, piece: &[u8]) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.wire += piece.len();
        let wrote = match &mut self.decoder {
            Decoder::Identity(sink) | Decoder::Foreign(_, sink) => sink.write_all(piece),
            Decoder::Gzip(decoder) => decoder.write_all(piece),
            Decoder::Zlib(decoder) => decoder.write_all(piece),
            Decoder::Raw(decoder) => decoder.write_all(piece),
            Decoder::Deflate(head, cap) => {
                head.extend_from_slice(piece);
                if head.len() < 2 {
                    return true;
                }
                let (head, cap) = (std::mem::take(head), *cap);
                self.decoder = deflate(&head, cap);
                match &mut self.decoder {
                    Decoder::Zlib(decoder) => decoder.write_all(&head),
                    Decoder::Raw(decoder) => decoder.write_all(&head),
                    _ => Ok(()),
                }
            }
        };
        match wrote {
            // Compressed bytes have a cap too: headers alone can go on for ever.
            Ok(()) if self.wire > packed(self.cap) => self.end = Some(BodyEnd::Cut),
            Ok(()) => {}
            Err(error) if error.to_string() == FULL => self.end = Some(BodyEnd::Cut),
            Err(error) => self.end = Some(undecodable(&error)),
        }
        self.end.is_none()
    }

    /// The body, once its last piece came (`broke` is `None`) or something broke it off.
    pub fn finish(mut self, broke: Option<String>) -> Body {
        let mut end = self.end.take();
        if end.is_none() && broke.is_none() {
            let finished = match &mut self.decoder {
                Decoder::Gzip(decoder) if self.wire > 0 => decoder.try_finish(),
                Decoder::Zlib(decoder) => decoder.try_finish(),
                Decoder::Raw(decoder) => decoder.try_finish(),
                _ => Ok(()),
            };
            end = match finished {
                Ok(()) => None,
                Err(error) if error.to_string() == FULL => Some(BodyEnd::Cut),
                Err(error) => Some(undecodable(&error)),
            };
        }
        let end = end.or(broke.map(BodyEnd::Broken)).unwrap_or_default();
        let (bytes, end) = match self.decoder {
            Decoder::Identity(sink) => (sink.bytes, end),
            // The answer to a HEAD names an encoding, and has nothing in it.
            Decoder::Foreign(_, sink) if self.wire == 0 => (sink.bytes, end),
            Decoder::Foreign(name, sink) => {
                let why = format!("its content-encoding `{name}` was not asked for");
                (sink.bytes, BodyEnd::Broken(why))
            }
            Decoder::Gzip(mut decoder) => (std::mem::take(&mut decoder.get_mut().bytes), end),
            Decoder::Zlib(mut decoder) => (std::mem::take(&mut decoder.get_mut().bytes), end),
            Decoder::Raw(mut decoder) => (std::mem::take(&mut decoder.get_mut().bytes), end),
            Decoder::Deflate(head, _) => (head, end),
        };
        Body { length: bytes.len(), bytes: Bytes(bytes), wire: self.wire, end }
    }
}

/// How many bytes a body of so many may be under compression: what cannot be compressed grows by a
/// few bytes a block, and by a head (RFC 1951 section 3.2.4, RFC 1952 section 2.3).
const fn packed(length: usize) -> usize {
    length.saturating_add(length / 1024).saturating_add(1024)
}

fn undecodable(error: &io::Error) -> BodyEnd {
    BodyEnd::Broken(format!("it cannot be decompressed: {error}"))
}

/// RFC 1950 section 2.2: method 8, and a check that makes the first two bytes a multiple of 31.
fn deflate(head: &[u8], cap: usize) -> Decoder {
    let sink = Sink { bytes: Vec::new(), cap };
    let zlib = matches!(head, [cmf, flg, ..]
        if cmf & 0x0f == 8 && u16::from_be_bytes([*cmf, *flg]).is_multiple_of(31));
    if zlib {
        Decoder::Zlib(Box::new(ZlibDecoder::new(sink)))
    } else {
        Decoder::Raw(Box::new(DeflateDecoder::new(sink)))
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn read(encoding: Option<&str>, cap: usize, bytes: &[u8], piece: usize) -> Body {
        let mut reader = Reader::new(encoding, cap);
        for piece in bytes.chunks(piece) {
            if !reader.take(piece) {
                break;
            }
        }
        reader.finish(None)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_encoding_that_is_asked_for_is_read_in_pieces_of_any_size() {
        let text = b"hello hello hello".repeat(20);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(&text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::best());
        raw.write_all(&text).unwrap();
        for (encoding, wire) in [
            (None, text.clone()),
            (Some("gzip"), gzip(&text)),
            (Some("X-Gzip"), gzip(&text)),
            (Some("deflate"), zlib.finish().unwrap()),
            (Some("deflate"), raw.finish().unwrap()),
        ] {
            for piece in [1, 7, 10_000] {
                let body = read(encoding, 10_000, &wire, piece);
                assert_eq!(body.bytes.0, text, "{encoding:?} by {piece}");
                assert!(body.is_complete(), "{:?}", body.end);
                assert_eq!(body.wire, wire.len());
            }
        }
    }

    #[test]
    fn a_bomb_is_cut_at_the_cap_after_decompression() {
        let body = read(Some("gzip"), 1000, &gzip(&vec![0; 10_000_000]), 4096);
        assert_eq!((body.bytes.0.len(), body.end), (1000, BodyEnd::Cut));
    }

    #[test]
    fn a_body_of_exactly_the_cap_is_whole_and_one_more_byte_cuts_it() {
        assert!(read(None, 10, &[b'x'; 10], 3).is_complete());
        let body = read(None, 10, &[b'x'; 11], 3);
        assert_eq!((body.bytes.0.len(), body.end), (10, BodyEnd::Cut));
    }

    #[test]
    fn the_cap_counts_what_a_body_is_and_not_how_it_is_packed() {
        let packed = gzip(b"0123456789");
        assert!(packed.len() > 10);
        assert!(read(Some("gzip"), 10, &packed, 7).is_complete());
        let headers_alone: Vec<u8> = gzip(b"").repeat(1000);
        assert_eq!(read(Some("gzip"), 10, &headers_alone, 100).end, BodyEnd::Cut);
    }

    #[test]
    fn what_cannot_be_decompressed_is_said_and_never_taken_for_whole() {
        let short = gzip(b"hello")[..10].to_vec();
        for (encoding, wire) in [("gzip", b"no gzip at all".to_vec()), ("gzip", short)] {
            let body = read(Some(encoding), 1000, &wire, 100);
            assert!(matches!(body.end, BodyEnd::Broken(_)), "{:?}", body.end);
        }
        let body = read(Some("br"), 1000, b"whatever", 100);
        assert!(matches!(body.end, BodyEnd::Broken(why) if why.contains("`br`")));
    }

    #[test]
    fn an_empty_body_is_whole_under_any_encoding() {
        for encoding in [None, Some("gzip"), Some("deflate")] {
            let body = read(encoding, 10, &[], 1);
            assert!(body.is_complete(), "{encoding:?}: {:?}", body.end);
        }
    }

    #[test]
    fn bytes_survive_json_whether_they_are_text_or_not() {
        for bytes in [b"text".to_vec(), vec![0xff, 0xfe, 0]] {
            let json = serde_json::to_value(Bytes(bytes.clone())).unwrap();
            assert_eq!(serde_json::from_value::<Bytes>(json).unwrap().0, bytes);
        }
    }
}
