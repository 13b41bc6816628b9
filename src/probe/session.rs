//! Opens a test session on a responder, over TLS whose certificate is not verified: what a responder grants bounds what
//! it sends, and is no proof of who it is. Knows neither what the session is used for nor what a refusal is worth.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::model::schedule::PAGE_PATIENCE;
use crate::model::{Observation, Service, Transport};
use crate::net::classify::clean;
use crate::net::http::Unverified;
use crate::session::bearer_token;
use crate::wire::grant::{Ask, Grant, LONGEST, PATH, Refusal};

use super::Settings;
use super::measure::Way;

/// What came of asking.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    Granted {
        grant: Grant,
        /// STAMP's session identifier and the token as numbers, both proven to be there.
        ssid: u16,
        token: u64,
        /// Where it was granted.
        port: u16,
    },
    /// A responder says no.
    Refused {
        port: u16,
        status: u16,
        /// Its sentence.
        why: String,
    },
    /// Nobody who knows the page answered on any of the ports; what was seen, in words.
    NoPage(String),
}

/// TLS ports on which a responder may be asked for a session, each once: those whose own check came through a TCP handshake
/// or that were not tried, then `more`.
pub fn doors(ways: &[Way], more: &[u16]) -> Vec<u16> {
    let tls = [Service::Https, Service::Wss, Service::Rtmps, Service::Turns];
    let open = |w: &&Way| w.seen.as_ref().is_none_or(Observation::connected);
    let ways = ways.iter().filter(|w| w.transport == Transport::Tcp && tls.contains(&w.service)).filter(open);
    let mut ports: Vec<u16> = Vec::new();
    for port in ways.filter_map(|w| Some(w.ports?.first())).chain(more.iter().copied()) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// Where a responder may be asked.
#[derive(Clone, Copy, Debug)]
pub struct Door<'a> {
    pub host: &'a str,
    pub address: IpAddr,
    /// TLS ports, the likeliest first; asked one after the other, because each that answers grants a session.
    pub ports: &'a [u16],
}

/// What came of asking for anything that a responder grants.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked<T> {
    /// Granted, on this port.
    Granted(T, u16),
    /// As [`Opened::Refused`].
    Refused { port: u16, status: u16, why: String },
    /// As [`Opened::NoPage`].
    NoPage(String),
}

/// A page where something is granted, and what it is asked with.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    pub path: &'a str,
    pub json: &'a [u8],
}

/// Asks for a session, on one port after the other until a responder answers, for no longer than `patience` together.
pub async fn open(door: Door<'_>, ask: &Ask, settings: &Settings, patience: Duration) -> Opened {
    let json = serde_json::to_vec(ask).unwrap_or_default();
    let wish = Wish { path: PATH, json: &json };
    match self::ask(door, wish, settings, patience, read_grant).await {
        Asked::Granted((grant, token), port) => Opened::Granted { ssid: grant.ssid, token, grant, port },
        Asked::Refused { port, status, why } => Opened::Refused { port, status, why },
        Asked::NoPage(words) => Opened::NoPage(words),
    }
}

/// The same for anything that is granted; `read` reads the grant, `None`: it is none.
pub async fn ask<T>(
    door: Door<'_>,
    wish: Wish<'_>,
    settings: &Settings,
    patience: Duration,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Asked<T> {
    let bearer = settings.responder_key.as_ref().map(|key| bearer_token(key.bytes()));
    let mut seen = Vec::new();
    let asking = async {
        for port in door.ports {
            match knock(door, *port, bearer.as_deref(), wish, &read).await {
                Ok(asked) => return Some(asked),
                Err(words) => seen.push(format!("TCP {port}: {words}")),
            }
        }
        None
    };
    let answer = tokio::time::timeout(patience, asking).await;
    match answer {
        Ok(Some(asked)) => asked,
        Ok(None) if seen.is_empty() => Asked::NoPage("no HTTPS or WSS port to ask".to_owned()),
        Ok(None) => Asked::NoPage(seen.join("; ")),
        Err(_) => Asked::NoPage(seen.into_iter().chain(["out of time".to_owned()]).collect::<Vec<_>>().join("; ")),
    }
}

/// One port: what a responder says, or in words what was there in its place.
async fn knock<T>(
    door: Door<'_>,
    port: u16,
    bearer: Option<&str>,
    wish: Wish<'_>,
    read: &impl Fn(&[u8]) -> Option<T>,
) -> Result<Asked<T>, String> {
    let page = Unverified {
        address: SocketAddr::new(door.address, port),
        host: door.host,
        path: wish.path,
        bearer,
        max_bytes: LONGEST,
        timeout: PAGE_PATIENCE,
    };
    let (status, body) = page.post(wish.json.to_vec()).await.map_err(|failure| failure.detail)?;
    let asked = match status {
        200 => read(&body).map(|granted| Asked::Granted(granted, port)),
        status => serde_json::from_slice(&body).ok().map(|refusal: Refusal| Asked::Refused {
            port,
            status,
            why: clean(&refusal.refused, 300),
        }),
    };
    asked.ok_or_else(|| format!("HTTP status {status}"))
}

/// A grant with its token; `None`: of somebody who does not know the page.
fn read_grant(body: &[u8]) -> Option<(Grant, u64)> {
    let grant: Grant = serde_json::from_slice(body).ok()?;
    let token = grant.token()?;
    (grant.ssid != 0).then_some((grant, token))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::net::loopback::{LONG, blurt, closed_port, read_head, self_signed, serve, serve_tls_on};
    use crate::net::{ResponderKey, tls::Trust};
    use crate::probe::layers::fixture;
    use crate::wire::grant::Kind;

    const ASK: Ask = Ask { kind: Kind::Train, up_kbps: 70, down_kbps: 70, packets_per_second: 50, seconds: 32 };
    pub const GRANT: &[u8] = br#"{"ssid":7,"token":"00000000000000ff","seconds":32,"bytes":1000}"#;

    fn settings(key: Option<&[u8]>) -> Settings {
        let responder_key = key.map(|k| Arc::new(ResponderKey::new(k.to_vec())));
        Settings { responder_key, ..fixture::settings(Trust::only([])) }
    }

    /// A page that answers whoever asks for a session with `status` and `body`, and everybody else with 404.
    pub async fn page(address: &str, status: u16, body: &'static [u8]) -> SocketAddr {
        let bind = SocketAddr::new(address.parse().unwrap(), 0).to_string();
        serve_tls_on(&bind, self_signed("other.example"), &[b"http/1.1"], move |mut s| async move {
            let head = read_head(&mut s).await;
            let length = |l: &str| l.to_ascii_lowercase().strip_prefix("content-length: ").and_then(|n| n.parse().ok());
            let mut json = vec![0; head.lines().find_map(length).unwrap_or(0)];
            let _ = s.read_exact(&mut json).await;
            let asked = head.starts_with(&format!("POST {PATH} ")) && serde_json::from_slice::<Ask>(&json).is_ok();
            let status = if asked { status } else { 404 };
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = s.write_all(head.as_bytes()).await;
            let _ = s.write_all(body).await;
            let _ = s.read(&mut [0u8; 1]).await;
        })
        .await
    }

    const HERE: &str = "127.0.0.1";

    async fn opened(ports: &[u16]) -> Opened {
        let door = Door { host: "localhost", address: [127, 0, 0, 1].into(), ports };
        open(door, &ASK, &settings(Some(b"key")), LONG).await
    }

    #[tokio::test]
    async fn a_granted_session_is_found_behind_ports_that_know_nothing_of_it() {
        let closed = closed_port().await.port();
        let plain = serve(blurt).await.port();
        let other =
            page(HERE, 200, b"{\"ssid\":0,\"token\":\"00000000000000ff\",\"seconds\":1,\"bytes\":1}").await.port();
        let good = page(HERE, 200, GRANT).await.port();
        let Opened::Granted { grant, ssid, token, port } = opened(&[closed, plain, other, good]).await else {
            panic!()
        };
        assert_eq!((grant.bytes, ssid, token, port), (1000, 7, 255, good));
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_its_own_words_fit_to_be_shown() {
        let port = page(HERE, 429, b"{\"refused\":\"too many sessions\\u0007 from 127.0.0.1\"}").await.port();
        let Opened::Refused { status, why, .. } = opened(&[port]).await else { panic!() };
        assert_eq!(status, 429);
        assert!(why.starts_with("too many sessions") && !why.contains('\u{7}'), "{why}");
    }

    #[tokio::test]
    async fn what_is_no_responder_is_no_page() {
        let not_found = page(HERE, 404, b"not here").await.port();
        let closed = closed_port().await.port();
        let Opened::NoPage(words) = opened(&[not_found, closed]).await else { panic!() };
        assert!(words.contains("HTTP status 404") && words.contains("refused"), "{words}");
        assert!(matches!(opened(&[]).await, Opened::NoPage(_)));
        for garbage in
            [&b""[..], b"[]", b"{\"ssid\":1}", b"\xff", b"{\"ssid\":1,\"token\":\"xyz\",\"seconds\":1,\"bytes\":1}"]
        {
            assert_eq!(read_grant(garbage), None);
        }
    }
}
