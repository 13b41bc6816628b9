//! The responder's FTP: a greeting that proves that a server is there, and no file.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::counters::Cut;
use super::ear::until;

/// The longest command that is read, in bytes.
const LONGEST: usize = 512;

/// Greets, and says goodbye to whatever is asked.
pub(super) async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), version: &str) -> Result<(), Cut> {
    let greeting = format!("220 rtc-check/{version} in place of an FTP server\r\n");
    stream.write_all(greeting.as_bytes()).await.map_err(|_| Cut::Protocol)?;
    stream.flush().await.map_err(|_| Cut::Protocol)?;
    if until(stream, b"\n", LONGEST).await.is_some() {
        stream.write_all(b"221 Goodbye\r\n").await.map_err(|_| Cut::Protocol)?;
    }
    Ok(())
}
