//! The responder's RTMP: a handshake, and yes to one `connect`, whatever the application. No stream is ever taken.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::counters::Cut;
use crate::net::chance;
use crate::wire::rtmp::chunk::{MOST_BYTES, Reader};
use crate::wire::rtmp::handshake::{PACKET, RANDOM, VERSION};
use crate::wire::rtmp::{accept, asks_to_connect};

/// Shakes hands and accepts a `connect`.
pub(super) async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), version: &str) -> Result<(), Cut> {
    if stream.read_u8().await.map_err(|_| Cut::Protocol)? != VERSION {
        return Ok(());
    }
    let mut c1 = [0; PACKET];
    stream.read_exact(&mut c1).await.map_err(|_| Cut::Protocol)?;
    let s0s1s2 = [&[VERSION], &[0; 8][..], &chance::bytes::<RANDOM>(), &c1].concat();
    stream.write_all(&s0s1s2).await.map_err(|_| Cut::Protocol)?;
    stream.flush().await.map_err(|_| Cut::Protocol)?;
    stream.read_exact(&mut [0; PACKET]).await.map_err(|_| Cut::Protocol)?;
    if asked(stream).await? {
        let server = format!("rtc-check/{version}");
        stream.write_all(&accept(&server)).await.map_err(|_| Cut::Protocol)?;
    }
    Ok(())
}

/// Whether a `connect` comes, among whatever else.
async fn asked(stream: &mut (impl AsyncRead + Unpin)) -> Result<bool, Cut> {
    let (mut unread, mut chunks) = (Vec::new(), Reader::default());
    loop {
        match chunks.next(&unread).map_err(|_| Cut::Protocol)? {
            Some((Some(message), _)) if asks_to_connect(&message) => return Ok(true),
            Some((_, used)) => {
                unread.drain(..used.min(unread.len()));
                continue;
            }
            None if unread.len() >= MOST_BYTES => return Err(Cut::Protocol),
            None => {}
        }
        let mut some = [0; 1024];
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => return Ok(false),
            Ok(count) => unread.extend_from_slice(some.get(..count).unwrap_or_default()),
        }
    }
}
