//! SIP OPTIONS over a WebSocket that is open (RFC 7118): who answers, and how fast. Any SIP answer is a sign of life; that
//! there is none is noted, and what it is worth is not decided here.

use std::time::Duration;

use crate::model::{Failure, FailureKind, Observation, Step, metric, millis};
use crate::net::classify::{self, clean, seconds};
use crate::net::ws::{End, NoPong, WebSocket};
use crate::net::{chance, clock};
use crate::probe::layers::Climb;
use crate::wire::sip::{self, Message, Options, Start};

/// The subprotocol of SIP.
pub const SUBPROTOCOL: &str = "sip";
/// How long the answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
const AGENT: &str = concat!("rtc-check/", env!("CARGO_PKG_VERSION"));

/// Asks, and records what came; how the connection ended, if it did.
pub async fn ask(climb: &mut Climb<'_>, socket: &mut WebSocket, secure: bool) -> Option<End> {
    let random = format!("{:016x}", u64::from_ne_bytes(chance::bytes()));
    let host = climb.task.host.clone();
    let request = Options { host: &host, random: &random, agent: AGENT };
    let limit = PATIENCE.min(climb.remaining());
    let start = clock::now();
    let result = socket.ask(request.encode(secure), limit, |bytes| decides(&request, bytes)).await;
    let took = clock::now().duration_since(start);
    let failed = |kind, detail: String| Failure::new(Step::Options, kind, detail);
    match result {
        Ok((bytes, rtt)) => match sip::decode(&bytes) {
            Ok(message) => record(&mut climb.obs, &message, rtt),
            Err(why) => {
                let detail = format!("the server answered SIP OPTIONS with what is not SIP: {why}");
                climb.obs.step_noted(&failed(FailureKind::Garbage, detail), took);
            }
        },
        Err(NoPong::Silent) => {
            let silence = classify::timed_out(Step::Options, "no answer to SIP OPTIONS", limit);
            climb.obs.step_noted(&silence, took);
        }
        Err(NoPong::Ended(end)) => {
            let detail = format!("the WebSocket {} when SIP OPTIONS came", end.words());
            climb.obs.step_noted(&failed(end.kind(), detail), took);
            return Some(end);
        }
    }
    None
}

/// What is no SIP at all decides as an answer does; requests of the server, answers to others and provisional ones do not.
fn decides(request: &Options<'_>, bytes: &[u8]) -> bool {
    match sip::decode(bytes) {
        Err(_) => true,
        Ok(message) => {
            let last = matches!(message.start, Start::Response { status, .. } if status >= 200);
            last && message.answers(request)
        }
    }
}

fn record(obs: &mut Observation, answer: &Message, rtt: Duration) {
    let Start::Response { status, .. } = &answer.start else { return };
    obs.step_ok(Step::Options, rtt);
    obs.facts.set(&metric::SIP_STATUS, status);
    obs.facts.set(&metric::SIP_RTT_MS, millis(rtt));
    if let Some(server) = answer.header("server").or_else(|| answer.header("user-agent")) {
        obs.facts.set(&metric::SIP_SERVER, clean(server, 100));
    }
}

/// What stands for a connection that ended there: the upgrade was seen, and is what counts unless it was to be held.
pub fn closed(climb: Climb<'_>, end: &End, hold: Option<Duration>) -> Observation {
    let mut obs = climb.obs;
    if let Some(hold) = hold {
        let detail = format!("the WebSocket {}, which was to be held open for {}", end.words(), seconds(hold));
        obs.step_failed(Failure::new(Step::Hold, FailureKind::HoldCut, detail), Duration::ZERO);
    }
    obs
}
