//! The responder's RTSP and FTP: as many words as prove that the way to the port is open, and no stream and no file.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::counters::Cut;
use super::tcp::farewell;
use crate::wire::rtsp;

/// The longest request that is read, in bytes.
const LONGEST: usize = 1024;
/// Most requests of one connection.
const MOST: usize = 4;

/// Answers OPTIONS, and ends at anything else.
pub(super) async fn rtsp(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), version: &str) -> Result<(), Cut> {
    let server = format!("rtc-check/{version}");
    for _ in 0..MOST {
        let Some(head) = until(stream, b"\r\n\r\n").await else { break };
        let Some(answer) = rtsp::ok(&head, &server) else { break };
        stream.write_all(answer.as_bytes()).await.map_err(|_| Cut::Protocol)?;
    }
    farewell(stream).await
}

/// Greets, and says goodbye to whatever is asked.
pub(super) async fn ftp(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), version: &str) -> Result<(), Cut> {
    let greeting = format!("220 rtc-check/{version} in place of an FTP server\r\n");
    stream.write_all(greeting.as_bytes()).await.map_err(|_| Cut::Protocol)?;
    if until(stream, b"\n").await.is_some() {
        stream.write_all(b"221 Goodbye\r\n").await.map_err(|_| Cut::Protocol)?;
    }
    farewell(stream).await
}

/// What comes up to `end`; `None` where it does not.
async fn until(stream: &mut (impl AsyncRead + Unpin), end: &[u8]) -> Option<Vec<u8>> {
    let mut said = Vec::new();
    let mut byte = [0];
    while said.len() < LONGEST && !said.ends_with(end) {
        stream.read_exact(&mut byte).await.ok()?;
        said.extend_from_slice(&byte);
    }
    said.ends_with(end).then_some(said)
}
