//! The responder's FTP: a greeting that proves that a server is there, and no file.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::counters::Cut;
use super::ear::until;

/// The longest command that is read, in bytes.
const LONGEST: usize = 512;

/// Commands that are taken before it ends.
const MOST: usize = 4;

/// Greets, takes NOOP, by which FTP is told from mail (RFC 959 section 4.1.3), and says goodbye to whatever else is asked.
pub(super) async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), version: &str) -> Result<(), Cut> {
    say(stream, &format!("220 rtc-check/{version} in place of an FTP server")).await?;
    for _ in 0..MOST {
        match until(stream, b"\n", LONGEST).await {
            Some(command) if command.trim_ascii().eq_ignore_ascii_case(b"NOOP") => say(stream, "200 Here").await?,
            Some(_) => break,
            None => return Ok(()),
        }
    }
    say(stream, "221 Goodbye").await
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), line: &str) -> Result<(), Cut> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.map_err(|_| Cut::Protocol)?;
    stream.flush().await.map_err(|_| Cut::Protocol)
}
