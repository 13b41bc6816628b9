//! SIP over TCP and TLS: OPTIONS is answered, one after the other, and nothing else is. Knows no TLS.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::counters::Cut;
use crate::net::chance;
use crate::wire::sip::{self, Framed, LONGEST, Message};

/// Requests that one connection may make.
const REQUESTS: usize = 8;

/// Answers until the client ends it, says what is no OPTIONS, or has asked often enough: everyone, as all
/// that TCP carries, because nobody forges where it comes from.
pub(super) async fn serve(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    from: SocketAddr,
    version: &str,
) -> Result<(), Cut> {
    let (mut bytes, server) = (Vec::new(), format!("rtc-check/{version}"));
    for _ in 0..REQUESTS {
        let Some(request) = next(stream, &mut bytes).await? else { return Ok(()) };
        let tag = format!("{:016x}", u64::from_ne_bytes(chance::bytes()));
        let answer = sip::reply(&request, from, &tag, Some(&server));
        let Some(answer) = answer else { return Ok(()) };
        stream.write_all(answer.as_bytes()).await.map_err(|_| Cut::Protocol)?;
        stream.flush().await.map_err(|_| Cut::Protocol)?;
    }
    Ok(())
}

/// The next message; `None` at the end, and for what is no SIP or too long.
async fn next(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Result<Option<Message>, Cut> {
    let mut chunk = [0; 2048];
    loop {
        match sip::framed(bytes) {
            Framed::Message(message, used) => {
                bytes.drain(..used.min(bytes.len()));
                return Ok(Some(message));
            }
            Framed::More if bytes.len() <= LONGEST => {}
            Framed::More | Framed::Foreign => return Ok(None),
        }
        match stream.read(&mut chunk).await.map_err(|_| Cut::Protocol)? {
            0 => return Ok(None),
            len => bytes.extend_from_slice(chunk.get(..len).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sip::{Carrier, Options, Origin, decode};

    const OPTIONS: Options<'_> = Options { host: "sip.example", random: "k3b9", agent: "test" };

    async fn said(request: &str) -> String {
        let (mut client, mut server) = tokio::io::duplex(8192);
        client.write_all(request.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        serve(&mut server, "192.0.2.7:40000".parse().unwrap(), "0").await.unwrap();
        drop(server);
        let mut all = String::new();
        client.read_to_string(&mut all).await.unwrap();
        all
    }

    #[tokio::test]
    async fn options_are_answered_in_turn_and_nothing_else_is() {
        let origin = Origin::honest(Carrier::Tcp, "10.0.0.5:40000".parse().unwrap(), 5060);
        let request = OPTIONS.encode_from(&origin, None);
        let answers = said(&format!("{request}\r\n\r\n{request}")).await;
        assert_eq!(answers.matches("SIP/2.0 200 OK").count(), 2);
        let read = decode(answers.as_bytes()).unwrap();
        assert!(read.answers(&OPTIONS));
        assert_eq!(read.via().unwrap().received, "192.0.2.7".parse().ok());
        for other in
            [&answers, "GET / HTTP/1.1\r\n\r\n", &request.replace("OPTIONS", "INVITE"), &"\r\n".repeat(20_000)[..8000]]
        {
            assert_eq!(said(other).await, "", "{other}");
        }
    }
}
