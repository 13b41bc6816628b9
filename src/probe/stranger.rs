//! Who listens on a port where a probe's own words met a hang-up: asked again on new connections, in other words. Trusts
//! no certificate and needs none, because nothing is told there but who we are.

use std::time::Duration;

use tokio::net::TcpStream;

use super::{Task, rtmp};
use crate::model::{Failure, Step};
use crate::net::clock;
use crate::net::http::Authority;
use crate::net::talk::{Awaited, NotSpoken, Reading, Talk, shown};
use crate::net::tcp::{self, Stream};
use crate::net::tls::{self, Trust};
use crate::wire::greeting;
use crate::wire::rtmp::chunk;

/// How long each of the other questions may take: two fit into the half of a deadline.
const ANSWER_WITHIN: Duration = Duration::from_millis(1200);

/// Another service than the one that was meant.
#[derive(Debug, PartialEq, Eq)]
pub struct Stranger {
    /// Its protocol, as `wire::greeting` names it.
    pub name: &'static str,
    /// How that shows, as a clause: `to an HTTP request it answered "HTTP/1.1 404 Not Found"`.
    pub said: String,
}

impl Stranger {
    /// What is known of it, once, where `failure` is what the words that were meant came to: `lacks` is what it does
    /// not speak (`and not RTMP`, `without TLS`).
    pub fn words(&self, lacks: &str, failure: &Failure) -> String {
        let Stranger { name, said } = self;
        // It gave its name already when it was spoken to first.
        match failure.detail.contains(&format!("speaks {name} ")) {
            true => failure.detail.clone(),
            false => format!("what listens there speaks {name} {lacks}: {}, and {said}", failure.detail),
        }
    }
}

/// What `main` comes to; where it has not after half of `left`, `asked` is asked beside it, so that silence can be named
/// and nothing that is only slow is cut short.
pub async fn meanwhile<T, U>(
    main: impl Future<Output = T>,
    left: Duration,
    asked: impl Future<Output = Option<U>>,
) -> (T, Option<U>) {
    let late = async {
        tokio::time::sleep(left / 2).await;
        at_once(left / 2, asked).await
    };
    tokio::pin!(main, late);
    tokio::select! {
        biased;
        result = &mut main => (result, None),
        found = &mut late => (main.await, found),
    }
}

/// What `asked` finds while something is `left` of the time.
pub async fn at_once<U>(left: Duration, asked: impl Future<Output = Option<U>>) -> Option<U> {
    tokio::time::timeout(left, asked).await.ok().flatten()
}

/// Asks in HTTP, and in TLS where that was not spoken already.
pub async fn in_other_words(task: &Task, tls: bool) -> Option<Stranger> {
    match at_once(ANSWER_WITHIN, in_http(task, tls)).await {
        None if !tls => at_once(ANSWER_WITHIN, in_tls(task)).await,
        found => found,
    }
}

/// Asks in plain RTMP, and then in plain HTTP.
pub async fn in_plain(task: &Task) -> Option<Stranger> {
    match at_once(ANSWER_WITHIN, in_rtmp(task, false)).await {
        None => at_once(ANSWER_WITHIN, in_http(task, false)).await,
        found => found,
    }
}

/// A new connection, the way that the task goes.
async fn connect(task: &Task) -> Option<TcpStream> {
    match &task.proxy {
        Some(proxy) => proxy.connect(task.far(), clock::now() + ANSWER_WITHIN).await.ok(),
        None => tcp::connect(task.socket(), ANSWER_WITHIN).await.ok(),
    }
}

async fn open(task: &Task, tls: bool) -> Option<Stream> {
    let stream = connect(task).await?;
    if !tls {
        return Some(Box::new(stream));
    }
    let nobody = Trust::only([]);
    let shaken = tls::handshake(stream, &task.host, task.address, &nobody, &[], ANSWER_WITHIN).await;
    Some(Box::new(shaken.stream?))
}

/// Servers of RTSP and SIP understand such a request as far as to refuse it in their own words.
async fn in_http(task: &Task, tls: bool) -> Option<Stranger> {
    let host = Authority { host: &task.host, port: task.socket().port(), tls }.header();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rtc-check\r\nConnection: close\r\n\r\n");
    let awaited = Awaited { step: Step::Request, protocol: "HTTP", timeout: ANSWER_WITHIN };
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
        Err(not) => met(not, "an HTTP request"),
    }
}

async fn in_tls(task: &Task) -> Option<Stranger> {
    let stream = connect(task).await?;
    let shaken = tls::handshake(stream, &task.host, task.address, &Trust::only([]), &[], ANSWER_WITHIN).await;
    shaken.stream.map(|_| Stranger { name: "TLS", said: "to a TLS handshake it answered".to_owned() })
}

/// Asks in RTMP.
pub async fn in_rtmp(task: &Task, tls: bool) -> Option<Stranger> {
    let mut talk = Talk::new(open(task, tls).await?, chunk::MOST_BYTES);
    match rtmp::shake_hands(&mut talk, ANSWER_WITHIN).await {
        Ok(_) => Some(Stranger { name: "RTMP", said: "it answered RTMP's handshake".to_owned() }),
        Err(unshaken) => met(unshaken.not, "RTMP's handshake"),
    }
}

/// One that gave its name when it was asked; whether that was its answer or a greeting to anybody is not known.
fn met(not: NotSpoken, asked: &str) -> Option<Stranger> {
    let sent = not.failure.detail.split_once(": it sent ").map(|(_, sent)| format!("it sent {sent}"));
    let said = |name| sent.unwrap_or_else(|| format!("asked with {asked}, it sent {name}"));
    not.met.map(|name| Stranger { name, said: said(name) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FailureKind;

    #[test]
    fn what_is_known_is_said_once() {
        let failure = |detail: &str| Failure::new(Step::Tls, FailureKind::NotTls, detail);
        let greeted = failure("what listens there speaks SMTP and not TLS: it sent \"220 mail ESMTP\"");
        let heard = failure("what listens there speaks SMTP and not RTMP: it sent \"220 mail ESMTP\"");
        let smtp = met(NotSpoken { failure: heard, met: Some("SMTP") }, "RTMP's handshake").unwrap();
        assert_eq!(smtp.words("without TLS", &greeted), greeted.detail);
        assert_eq!(
            smtp.words("without TLS", &failure("no TLS answer")),
            "what listens there speaks SMTP without TLS: no TLS answer, and it sent \"220 mail ESMTP\""
        );
        let late = NotSpoken { failure: failure("the answer did not become complete"), met: Some("SSH") };
        assert_eq!(met(late, "RTMP's handshake").unwrap().said, "asked with RTMP's handshake, it sent SSH");
    }
}
