//! IKE_SA_INIT over UDP 500, and over 4500 behind the non-ESP marker (RFC 7296, RFC 3948): what answers, and what its NAT
//! detection tells. The exchange is never gone on with, and nothing is judged.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use super::asked::{self, Asking};
use super::{Settings, Task};
use crate::model::{
    Facts, Failure, FailureKind, IkeAnswer, IkeKind, IkeNat, Observation, ProbeKind, Step, metric, millis,
};
use crate::net::classify::clean;
use crate::net::{chance, clock};
use crate::profile::IkeSpec;
use crate::session::ask::Heard;
use crate::wire::greeting;
use crate::wire::ike::{self, Answer, Kind, MARKER, Nat, Reading, Request, notify_name, vendor_name};

/// More names than this say nothing more.
const NAMES: usize = 16;

/// Asks the task's first port to begin an IKE_SA.
pub async fn probe(task: &Task, spec: IkeSpec, settings: &Settings, cancel: &CancellationToken) -> Observation {
    let mut observation = Observation::new(ProbeKind::Ike);
    let begun = clock::now();
    let result = ask(task, spec, settings, cancel, &mut observation.facts).await;
    let took = clock::now().duration_since(begun);
    match result {
        Ok(Told { answer, nat }) => {
            record(&answer, nat, &mut observation.facts);
            observation.step_ok(Step::IkeInit, took);
        }
        Err(failure) => observation.step_failed(failure, took),
    }
    observation
}

/// An answer, with what it tells of those between.
struct Told {
    answer: Answer,
    nat: Nat,
}

/// Asks with the first group, and with the one that the gateway wants where it says so: only a proposal that it takes comes
/// with NAT detection.
async fn ask(
    task: &Task,
    spec: IkeSpec,
    settings: &Settings,
    cancel: &CancellationToken,
    facts: &mut Facts,
) -> Result<Told, Failure> {
    let begun = clock::now();
    let first = ask_with(ike::FIRST_GROUP, task, spec, settings, cancel, facts).await?;
    let Kind::InvalidKe(Some(wanted)) = first.answer.kind else { return Ok(first) };
    let left = task.deadline.saturating_sub(clock::now().duration_since(begun));
    let task = Task { deadline: left, ..task.clone() };
    // The first answer stands whatever becomes of the second, and so does what was seen with it.
    let mut seen = Facts::new();
    let again = ask_with(wanted, &task, spec, settings, cancel, &mut seen).await;
    Ok(again.unwrap_or(first))
}

async fn ask_with(
    group: u16,
    task: &Task,
    spec: IkeSpec,
    settings: &Settings,
    cancel: &CancellationToken,
    facts: &mut Facts,
) -> Result<Told, Failure> {
    let Some(public) = chance::public_value(group) else {
        return Err(Failure::new(Step::IkeInit, FailureKind::Internal, format!("no public value of group {group}")));
    };
    let (remote, key) = (task.socket(), settings.responder_key.clone());
    let marker: &'static [u8] = if spec.marker { &MARKER } else { &[] };
    let make = move |local: SocketAddr| {
        // No byte is zero, as all of the marker are.
        let spi = chance::bytes::<8>().map(|b| b | 1);
        let key = key.as_ref().map(|k| k.bytes());
        let request = Request { spi, nonce: chance::bytes(), group, public, local, remote, key };
        let request = [marker, &request.write()].concat();
        let read = move |bytes: &[u8]| match hear(spi, marker, bytes) {
            Heard::Answer(answer) => {
                let nat = answer.nat(spi, local, remote);
                Heard::Answer(Told { answer, nat })
            }
            Heard::Other(words) => Heard::Other(words),
            Heard::Foreign(words) => Heard::Foreign(words),
        };
        (request, read)
    };
    let (outcome, stop) = Asking::of(task, settings, Step::IkeInit).ask(cancel, make).await?;
    if let Some(rtt) = outcome.rtt {
        facts.set(&metric::IKE_RTT_MS, millis(rtt));
    }
    asked::answer(outcome, stop, Step::IkeInit, task.address, facts)
}

/// What a datagram is; behind the marker where one belongs to it.
fn hear(spi: ike::Spi, marker: &[u8], bytes: &[u8]) -> Heard<Answer> {
    let reading = match bytes.strip_prefix(marker) {
        Some(message) => ike::read(spi, message),
        None if ike::is_ike(bytes) => {
            Reading::Foreign("IKE without the non-ESP marker that UDP 4500 asks for".to_owned())
        }
        None => ike::read(spi, bytes),
    };
    match reading {
        Reading::Answer(answer) => Heard::Answer(answer),
        Reading::Other => Heard::Other("carried IKE that does not answer this request"),
        Reading::Foreign(words) => Heard::Foreign(match greeting::protocol(bytes) {
            Some(other) if other != "IKE" => format!("{other} in place of IKE"),
            _ => words,
        }),
    }
}

/// What the answer says, each name cleaned and few enough.
fn record(answer: &Answer, nat: Nat, facts: &mut Facts) {
    let notify: Vec<String> = answer.notifications.iter().take(NAMES).map(|kind| notify_name(*kind)).collect();
    let vendors: Vec<String> = answer.vendor_ids.iter().take(NAMES).map(|id| clean(&vendor_name(id), 40)).collect();
    let (kind, wants_group) = kind(answer.kind);
    facts.set(&metric::IKE, IkeAnswer { kind, notify, vendor_ids: vendors, wants_group });
    facts.set(&metric::IKE_NAT, IkeNat { here: nat.here, there: nat.there });
}

/// Its kind as it is recorded, and the group that it asks for.
fn kind(kind: Kind) -> (IkeKind, Option<u16>) {
    match kind {
        Kind::Sa => (IkeKind::Sa, None),
        Kind::Cookie => (IkeKind::Cookie, None),
        Kind::InvalidKe(group) => (IkeKind::InvalidKe, group),
        Kind::Notify => (IkeKind::Notify, None),
        Kind::Version1 => (IkeKind::Version1, None),
        Kind::Empty => (IkeKind::Empty, None),
    }
}

#[cfg(test)]
mod tests;
