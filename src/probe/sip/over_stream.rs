//! SIP over TCP and TLS: one connection, one answer after the other by their Content-Length.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Request, aside, mapped, record, weigh};
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, schedule};
use crate::net::clock;
use crate::net::talk::{Awaited, NotSpoken, Reading, Talk};
use crate::net::tcp::Stream;
use crate::probe::layers::Climb;
use crate::probe::{Settings, Task};
use crate::wire::sip::{self, Carrier, Framed, Message, Origin};

/// Messages that are no answer of ours and are read over: provisional ones, requests of the server.
const OTHERS: usize = 16;
/// Line ends before a message and the message.
const LIMIT: usize = sip::LONGEST + 1024;

/// Connects and asks; over TCP once more with another address in the Via. What is encrypted nobody rewrites.
pub async fn probe(task: &Task, settings: &Settings, carrier: Carrier, cancel: &CancellationToken) -> Observation {
    let mut climb = Climb::new(ProbeKind::Sip, task);
    let secure = carrier == Carrier::Tls;
    let trust = secure.then_some((&*settings.tls, &[][..]));
    let Some((stream, own)) = climb.open_from(trust).await else { return climb.obs };
    let mut talk = Talk::new(stream, LIMIT);
    let (start, patience) = (clock::now(), schedule::SIP_PATIENCE.min(climb.remaining()));
    let honest = Origin::honest(carrier, own, task.socket().port());
    match ask(&mut talk, (task, settings), &honest, patience).await {
        Err(not) => climb.not_spoken(not, start),
        Ok((answer, rtt)) => {
            record(&mut climb.obs, &answer, Some(rtt), rtt);
            // A proxy's connection has another source, which is no router's doing.
            if !secure && task.proxy.is_none() {
                compare(&mut climb, (&mut talk, settings), (own, honest), &answer, cancel).await;
            }
            climb.obs
        }
    }
}

/// Asks with a strange Via, and STUN servers meanwhile.
async fn compare(
    climb: &mut Climb<'_>,
    (talk, settings): (&mut Talk<Stream>, &Settings),
    (own, honest): (SocketAddr, Origin),
    answer: &Message,
    cancel: &CancellationToken,
) {
    let patience = schedule::SIP_ASIDE.transaction().time.min(climb.remaining());
    let strange = honest.elsewhere();
    let task = climb.task;
    let again = async { ask(talk, (task, settings), &strange, patience).await.ok().map(|(message, _)| message) };
    let (other, mapped) = aside(own.ip(), again, mapped::address(task, false, patience, cancel)).await;
    weigh(&mut climb.obs, own, strange.sent_by.ip(), (answer, other.as_ref()), mapped);
}

/// One request and its final answer.
async fn ask(
    talk: &mut Talk<Stream>,
    (task, settings): (&Task, &Settings),
    origin: &Origin,
    timeout: Duration,
) -> Result<(Message, Duration), NotSpoken> {
    let (request, start) = (Request::to(task, settings), clock::now());
    let awaited = Awaited { step: Step::Options, protocol: "SIP", timeout };
    talk.send(&request.encode(origin), awaited).await?;
    for _ in 0..OTHERS {
        let left = timeout.saturating_sub(clock::now().saturating_duration_since(start));
        let message = talk.read(Awaited { timeout: left, ..awaited }, |bytes| reading(&request, bytes)).await?;
        if request.is_answered_by(&message) {
            return Ok((message, clock::now().saturating_duration_since(start)));
        }
    }
    let detail = format!("{OTHERS} SIP messages, and none of them answers OPTIONS");
    Err(Failure::new(Step::Options, FailureKind::Garbage, detail).into())
}

/// The next message; the request itself in place of an answer is none.
fn reading(request: &Request, bytes: &[u8]) -> Reading<Message> {
    match sip::framed(bytes) {
        Framed::More => Reading::More,
        Framed::Foreign => Reading::Foreign,
        Framed::Message(message, used) => {
            let back = matches!(message.start, sip::Start::Request { .. })
                && message.header("call-id") == Some(request.options().call_id().as_str());
            if back { Reading::Foreign } else { Reading::Done(message, used) }
        }
    }
}
