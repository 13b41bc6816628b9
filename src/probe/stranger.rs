//! Who listens on a port where a probe's own words met a hang-up: asked again on new connections, in other words. Trusts
//! no certificate and needs none, because nothing is told there but who we are.

use std::time::Duration;

use super::{Task, rtmp};
use crate::model::Step;
use crate::net::http::Authority;
use crate::net::talk::{Awaited, NotSpoken, Reading, Talk, shown};
use crate::net::tcp::{self, Stream};
use crate::net::tls::{self, Trust};
use crate::wire::greeting;
use crate::wire::rtmp::chunk;

/// How long each of the other questions may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Another service than the one that was meant.
#[derive(Debug, PartialEq, Eq)]
pub struct Stranger {
    /// Its protocol, as `wire::greeting` names it.
    pub name: &'static str,
    /// How that shows, as a clause: `to an HTTP request it answered "HTTP/1.1 404 Not Found"`.
    pub said: String,
}

/// Asks in HTTP, and in TLS where that was not spoken already.
pub async fn in_other_words(task: &Task, tls: bool, left: Duration) -> Option<Stranger> {
    let share = if tls { left } else { left / 2 }.min(ANSWER_WITHIN);
    match within(share, in_http(task, tls, share)).await {
        None if !tls => within(share, in_tls(task, share)).await,
        found => found,
    }
}

/// Asks in plain RTMP, and then in plain HTTP.
pub async fn in_plain(task: &Task, left: Duration) -> Option<Stranger> {
    let share = (left / 2).min(ANSWER_WITHIN);
    match within(share, in_rtmp(task, false)).await {
        None => within(share, in_http(task, false, share)).await,
        found => found,
    }
}

/// Asks in RTMP.
pub async fn speaks_rtmp(task: &Task, tls: bool, left: Duration) -> Option<Stranger> {
    within(left.min(ANSWER_WITHIN), in_rtmp(task, tls)).await
}

async fn within(time: Duration, asked: impl Future<Output = Option<Stranger>>) -> Option<Stranger> {
    tokio::time::timeout(time, asked).await.ok().flatten()
}

async fn open(task: &Task, tls: bool) -> Option<Stream> {
    let stream = tcp::connect(task.socket(), ANSWER_WITHIN).await.ok()?;
    if !tls {
        return Some(Box::new(stream));
    }
    let nobody = Trust::only([]);
    let shaken = tls::handshake(stream, &task.host, task.address, &nobody, &[], ANSWER_WITHIN).await;
    Some(Box::new(shaken.stream?))
}

/// Servers of RTSP and SIP understand such a request as far as to refuse it in their own words.
async fn in_http(task: &Task, tls: bool, timeout: Duration) -> Option<Stranger> {
    let host = Authority { host: &task.host, port: task.socket().port(), tls }.header();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rtc-check\r\nConnection: close\r\n\r\n");
    let awaited = Awaited { step: Step::Request, protocol: "HTTP", timeout };
    let mut talk = Talk::new(open(task, tls).await?, greeting::LOOKED_AT);
    talk.send(request.as_bytes(), awaited).await.ok()?;
    let read = |bytes: &[u8]| match greeting::protocol(bytes) {
        Some(name) if bytes.contains(&b'\n') || bytes.len() >= greeting::LOOKED_AT => {
            Reading::Done((name, shown(bytes)), bytes.len())
        }
        _ => Reading::More,
    };
    match talk.read(awaited, read).await {
        Ok((name, said)) => Some(Stranger { name, said: format!("to an HTTP request it answered {said}") }),
        Err(not) => met(not, "to an HTTP request it answered in another protocol"),
    }
}

async fn in_tls(task: &Task, timeout: Duration) -> Option<Stranger> {
    let stream = tcp::connect(task.socket(), timeout).await.ok()?;
    let shaken = tls::handshake(stream, &task.host, task.address, &Trust::only([]), &[], timeout).await;
    shaken.stream.map(|_| Stranger { name: "TLS", said: "to a TLS handshake it answered".to_owned() })
}

async fn in_rtmp(task: &Task, tls: bool) -> Option<Stranger> {
    let mut talk = Talk::new(open(task, tls).await?, chunk::MOST_BYTES);
    match rtmp::shake_hands(&mut talk, ANSWER_WITHIN).await {
        Ok(_) => Some(Stranger { name: "RTMP", said: "it answered RTMP's handshake".to_owned() }),
        Err(unshaken) => met(unshaken.not, "it answered RTMP's handshake in that protocol"),
    }
}

fn met(not: NotSpoken, said: &str) -> Option<Stranger> {
    not.met.map(|name| Stranger { name, said: said.to_owned() })
}
