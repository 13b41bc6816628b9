//! The responder's RTSP: as many words as prove that a server is there, and no stream.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::counters::Cut;
use super::ear::until;
use crate::wire::rtsp;

/// The longest request that is read, in bytes.
const LONGEST: usize = 1024;
/// Most requests of one connection.
const MOST: usize = 4;

/// Answers OPTIONS, and ends at anything else.
pub(super) async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), version: &str) -> Result<(), Cut> {
    let server = format!("rtc-check/{version}");
    for _ in 0..MOST {
        let Some(head) = until(stream, b"\r\n\r\n", LONGEST).await else { break };
        let Some(answer) = rtsp::ok(&head, &server) else { break };
        stream.write_all(answer.as_bytes()).await.map_err(|_| Cut::Protocol)?;
        stream.flush().await.map_err(|_| Cut::Protocol)?;
    }
    Ok(())
}
