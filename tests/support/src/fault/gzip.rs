//! Compressed bodies: sound ones, broken ones, and one that inflates beyond measure.

use std::io::{self, Write};

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compress, Compression, Crc, FlushCompress};

use super::wire::Wire;

/// Bytes inflated from one repeated piece of the bomb.
const BLOCK: usize = 1024 * 1024;

pub(super) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory succeeds")
}

pub(super) fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory succeeds")
}

pub(super) fn raw_deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory succeeds")
}

/// Sends one gzip member of `inflated` zero bytes.
///
/// After a synchronising flush the compressor stands on a byte boundary and, among nothing but
/// zeros, always in the same state: from the second block on every block has the same bytes. So
/// two blocks are compressed, and the second is sent as often as needed.
pub(super) async fn send_bomb(wire: &mut Wire, inflated: u64) -> io::Result<()> {
    let zeros = vec![0; BLOCK];
    let block = u64::try_from(BLOCK).expect("a block is small");
    let (blocks, rest) = (inflated / block, inflated % block);
    let rest = usize::try_from(rest).expect("less than a block");
    let mut deflate = Compress::new(Compression::best(), false);
    // Magic number, deflate, no flags, no time, best compression, unknown system.
    wire.send(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]).await?;

    if blocks > 0 {
        let first = squeeze(&mut deflate, &zeros, FlushCompress::Sync);
        wire.send(&first).await?;
    }
    if blocks > 1 {
        let again = squeeze(&mut deflate, &zeros, FlushCompress::Sync);
        for _ in 1..blocks {
            wire.send(&again).await?;
            tokio::task::yield_now().await;
        }
    }
    let (rest, _) = zeros.split_at(rest);
    wire.send(&squeeze(&mut deflate, rest, FlushCompress::Finish)).await?;
    wire.send(&trailer(blocks, &zeros, rest)).await
}

/// Compresses all of `input` as one step of a longer stream.
fn squeeze(deflate: &mut Compress, input: &[u8], flush: FlushCompress) -> Vec<u8> {
    // Zeros shrink by a factor of about a thousand, so this leaves ample room for one call.
    let mut output = Vec::with_capacity(input.len() / 64 + 1024);
    deflate.compress_vec(input, &mut output, flush).expect("the stream is in order");
    output
}

/// The checksum and the length (modulo 2³²) of everything inflated.
fn trailer(blocks: u64, zeros: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut block = Crc::new();
    block.update(zeros);
    let mut total = Crc::new();
    for _ in 0..blocks {
        total.combine(&block);
    }
    total.update(rest);
    [total.sum().to_le_bytes(), total.amount().to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::{BLOCK, Wire, gzip, raw_deflate, send_bomb, zlib};

    fn inflate(mut decoder: impl Read) -> Vec<u8> {
        let mut body = Vec::new();
        decoder.read_to_end(&mut body).unwrap();
        body
    }

    #[test]
    fn every_format_inflates_to_the_body() {
        let body = b"all is well all is well";
        assert_eq!(inflate(GzDecoder::new(&gzip(body)[..])), body);
        assert_eq!(inflate(ZlibDecoder::new(&zlib(body)[..])), body);
        assert_eq!(inflate(DeflateDecoder::new(&raw_deflate(body)[..])), body);
    }

    #[tokio::test]
    async fn a_bomb_is_one_sound_member_and_small_on_the_wire() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for inflated in [0, 5, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let mut wire = Wire::plain(listener.accept().await.unwrap().0);
            let mut sent = Vec::new();
            let (read, ()) = tokio::join!(client.read_to_end(&mut sent), async move {
                send_bomb(&mut wire, inflated as u64).await.unwrap();
            });
            read.unwrap();
            assert!(sent.len() < inflated / 500 + 100, "{} for {inflated}", sent.len());
            let mut decoder = GzDecoder::new(&sent[..]);
            let inflation = std::io::copy(&mut decoder, &mut std::io::sink()).unwrap();
            assert_eq!(inflation, inflated as u64);
        }
    }
}
