//! The responder's SSH: an identification and an offer of algorithms, as a server begins; no key is ever exchanged.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::counters::Cut;
use crate::net::chance;
use crate::wire::ssh::kexinit::Offer;

/// What a client may say where nothing is asked of it (RFC 4253 section 4.2: an identification has at most 255 bytes).
const LONGEST_LINE: usize = 255;

/// Identifies itself as `version`, takes one line of the client, and makes an offer where that was an
/// identification.
pub(super) async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), version: &str) -> Result<(), Cut> {
    let line = format!("SSH-2.0-rtc-check_{version}\r\n");
    stream.write_all(line.as_bytes()).await.map_err(|_| Cut::Protocol)?;
    stream.flush().await.map_err(|_| Cut::Protocol)?;
    let mut said = [0; LONGEST_LINE];
    let mut length = 0;
    while let Some(room) = said.get_mut(length..).filter(|room| !room.is_empty()) {
        match stream.read(room).await {
            Ok(0) | Err(_) => break,
            Ok(n) => length += n,
        }
        if said.get(..length).is_some_and(|s| s.contains(&b'\n')) {
            break;
        }
    }
    if said.starts_with(b"SSH-2.0-") {
        stream.write_all(&offer().encode(chance::bytes())).await.map_err(|_| Cut::Protocol)?;
    }
    Ok(())
}

/// What a current server offers (RFC 9142).
fn offer() -> Offer {
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Offer {
        kex: names(&["curve25519-sha256", "ecdh-sha2-nistp256"]),
        host_keys: names(&["ssh-ed25519", "rsa-sha2-512"]),
        ciphers: names(&["aes256-gcm@openssh.com", "aes256-ctr"]),
        macs: names(&["hmac-sha2-256"]),
    }
}
