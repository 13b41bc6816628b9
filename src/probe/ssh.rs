//! SSH: the identification line that a server sends by itself (RFC 4253 section 4.2), and its offer of algorithms
//! (section 7.1). Nobody logs in.

use std::time::Duration;

use tokio::net::TcpStream;

use super::Task;
use super::layers::Climb;
use crate::model::{Failure, FailureKind, Observation, ProbeKind, SshOffer, Step, metric};
use crate::net::classify::clean;
use crate::net::clock;
use crate::net::talk::{self, Awaited, NotSpoken, Talk};
use crate::wire::ssh::kexinit::{self, Packet};
use crate::wire::ssh::{self, MAX_BYTES, Reading};

/// What we call ourselves: not as our own server does, so that who sends this line repeats us.
const IDENTIFICATION: &str = concat!("SSH-2.0-rtc-check_", env!("CARGO_PKG_VERSION"), " client");
/// How long a server may speak first. Who hangs up with a word of why would cut that off by a reset, if words of ours lay
/// there unread.
const SPEAKS_FIRST: Duration = Duration::from_millis(500);
/// Packets that may come before the offer.
const MOST_PACKETS: usize = 8;

/// Connects, reads the identification, and then the offer where the version has one.
pub async fn probe(task: &Task) -> Observation {
    let mut climb = Climb::new(ProbeKind::Ssh, task);
    let Some(stream) = climb.connect().await else { return climb.obs };
    let mut talk = Talk::new(stream, kexinit::LONGEST + 4);
    let start = clock::now();
    let line = match identified(&mut talk, climb.remaining()).await {
        Ok(line) => line,
        Err(not) => return climb.not_spoken(not, start),
    };
    climb.obs.step_ok(Step::Banner, clock::now().duration_since(start));
    let offers = line.starts_with("SSH-2.0-") || line.starts_with("SSH-1.99-");
    climb.obs.facts.set(&metric::BANNER, line);
    if offers {
        key_exchange(&mut climb, &mut talk).await;
    }
    climb.obs
}

/// A server that has identified itself is there, so what becomes of the offer is noted and decides nothing here.
async fn key_exchange(climb: &mut Climb<'_>, talk: &mut Talk<TcpStream>) {
    let start = clock::now();
    let result = offer(talk, climb.remaining()).await;
    let took = clock::now().duration_since(start);
    match result {
        Ok(kexinit::Offer { kex, host_keys, ciphers, macs }) => {
            climb.obs.step_ok(Step::KeyExchange, took);
            climb.obs.facts.set(&metric::SSH_OFFER, SshOffer { kex, host_keys, ciphers, macs });
            let goodbye = kexinit::disconnect("rtc-check has seen what it wanted to see");
            let _ = talk.send(&goodbye, awaited(Step::KeyExchange, climb.remaining())).await;
        }
        Err(not) => climb.obs.step_noted(&not.failure, took),
    }
}

fn awaited(step: Step, timeout: Duration) -> Awaited {
    Awaited { step, protocol: "SSH", timeout }
}

/// Both sides identify themselves at once (RFC 4253 section 4.2), and a server that waits for words of another protocol
/// shows itself by what it answers to these.
async fn identified(talk: &mut Talk<TcpStream>, timeout: Duration) -> Result<String, NotSpoken> {
    let end = clock::now() + timeout;
    let first = identification(talk, SPEAKS_FIRST.min(timeout / 4)).await;
    // Another protocol, or one that has hung up and said why.
    if first.as_ref().is_err_and(|not| not.failure.kind != FailureKind::TimedOut) {
        return first;
    }
    let left = || end.saturating_duration_since(clock::now());
    let ours = format!("{IDENTIFICATION}\r\n");
    // Where it cannot be sent, reading tells why.
    let _ = talk.send(ours.as_bytes(), awaited(Step::Banner, left())).await;
    let line = match first {
        Ok(line) => line,
        Err(_) => identification(talk, left()).await?,
    };
    if line == IDENTIFICATION {
        let words = "what listens there sends back what it is sent, and does not speak SSH";
        return Err(Failure::new(Step::Banner, FailureKind::Garbage, words).into());
    }
    Ok(line)
}

async fn identification(talk: &mut Talk<TcpStream>, timeout: Duration) -> Result<String, NotSpoken> {
    let read = |bytes: &[u8]| match ssh::read_identification(bytes) {
        Reading::Identification(line) => talk::Reading::Done(Ok(line), ssh::identified(bytes)),
        Reading::Garbage(_) => talk::Reading::Foreign,
        Reading::TooLarge => talk::Reading::Done(Err(()), 0),
        Reading::More => talk::Reading::More,
    };
    let line = talk.read(awaited(Step::Banner, timeout), read).await?.map_err(|()| {
        let detail = format!("no SSH identification in the first lines or {MAX_BYTES} bytes");
        Failure::new(Step::Banner, FailureKind::TooLarge, detail)
    })?;
    Ok(clean(&line, 255))
}

/// Reads packets up to the server's offer.
async fn offer(talk: &mut Talk<TcpStream>, timeout: Duration) -> Result<kexinit::Offer, NotSpoken> {
    let end = clock::now() + timeout;
    for _ in 0..MOST_PACKETS {
        let left = end.saturating_duration_since(clock::now());
        let read = |bytes: &[u8]| match kexinit::read(bytes) {
            Ok(Some((packet, used))) => talk::Reading::Done(packet, used),
            Ok(None) => talk::Reading::More,
            Err(_) => talk::Reading::Foreign,
        };
        match talk.read(awaited(Step::KeyExchange, left), read).await? {
            Packet::Offer(offer) => return Ok(offer),
            Packet::Disconnect(words) => {
                let detail = format!("the server ended the connection: \"{}\"", clean(&words, 100));
                return Err(Failure::new(Step::KeyExchange, FailureKind::ServerError, detail).into());
            }
            Packet::Other(_) => {}
        }
    }
    let detail = format!("{MOST_PACKETS} packets, and none of them offers algorithms");
    Err(Failure::new(Step::KeyExchange, FailureKind::Garbage, detail).into())
}

#[cfg(test)]
mod tests;
