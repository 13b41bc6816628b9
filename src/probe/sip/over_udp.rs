//! SIP over UDP: the request is repeated unchanged, as RFC 3261 section 17.1.2.2 has it, on the schedule of all probes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Request, aside, mapped, own_address, record, weigh};
use crate::model::schedule::{self, Schedule};
use crate::model::{Facts, Failure, Observation, ProbeKind, Step, metric};
use crate::net::clock;
use crate::net::udp::Stop;
use crate::probe::asked::{self, Asking};
use crate::probe::{Settings, Task};
use crate::session::ask::{Heard, Outcome};
use crate::wire::greeting;
use crate::wire::sip::{self, Carrier, Message, Origin, Start};

/// Asks twice: as it is, and with another address in the Via.
pub async fn probe(task: &Task, settings: &Settings, cancel: &CancellationToken) -> Observation {
    let mut observation = Observation::new(ProbeKind::Sip);
    let (end, own) = (clock::now() + task.deadline, own_address(task.address));
    let left = || end.saturating_duration_since(clock::now());
    let schedule = if settings.thorough { Schedule::THOROUGH } else { Schedule::QUICK };
    let (asked, port) = ask((task, settings), own, false, (schedule, left()), cancel).await;
    let (outcome, stop) = match asked {
        Ok(asked) => asked,
        Err(failure) => {
            observation.step_failed(failure, Duration::ZERO);
            return observation;
        }
    };
    let (rtt, took) = (outcome.rtt, outcome.took);
    match asked::answer(outcome, stop, Step::Options, task.address, &mut observation.facts) {
        Err(failure) => {
            // Broken SIP is no other service.
            if observation.facts.get::<String>(&metric::MET).as_deref() == Some("SIP") {
                observation.facts.remove(&metric::MET);
            }
            observation.step_failed(failure, took);
        }
        Ok(honest) => {
            record(&mut observation, &honest, rtt, took);
            let again = async {
                let (asked, _) = ask((task, settings), own, true, (schedule::SIP_ASIDE, left()), cancel).await;
                let (outcome, stop) = asked.ok()?;
                asked::answer(outcome, stop, Step::Options, task.address, &mut Facts::default()).ok()
            };
            let (strange, mapped) = aside(own, again, mapped::address(task, true, left(), cancel)).await;
            let own = SocketAddr::new(own, port);
            let documentation = origin(own, true, task).sent_by.ip();
            weigh(&mut observation, own, documentation, (&honest, strange.as_ref()), mapped);
        }
    }
    observation
}

fn origin(own: SocketAddr, strange: bool, task: &Task) -> Origin {
    let honest = Origin::honest(Carrier::Udp, own, task.socket().port());
    if strange { honest.elsewhere() } else { honest }
}

type Asked = Result<(Outcome<Message>, Stop), Failure>;

/// One request, and the port that it left from.
async fn ask(
    (task, settings): (&Task, &Settings),
    own: IpAddr,
    strange: bool,
    (schedule, deadline): (Schedule, Duration),
    cancel: &CancellationToken,
) -> (Asked, u16) {
    let (request, port) = (Request::to(task, settings), Arc::new(AtomicU16::new(0)));
    let (told, written, to) = (Arc::clone(&port), request.clone(), task.clone());
    let make = move |local: SocketAddr| {
        told.store(local.port(), Ordering::Relaxed);
        let bytes = written.encode(&origin(SocketAddr::new(own, local.port()), strange, &to));
        (bytes, move |bytes: &[u8]| heard(&request, bytes))
    };
    let asking = Asking { target: task.socket(), deadline, schedule, step: Step::Options };
    let asked = asking.ask(cancel, make).await;
    (asked, port.load(Ordering::Relaxed))
}

/// What a datagram is to `request`.
fn heard(request: &Request, bytes: &[u8]) -> Heard<Message> {
    match sip::decode(bytes) {
        Ok(message) if request.is_answered_by(&message) => Heard::Answer(message),
        Ok(message) => match message.start {
            Start::Request { .. } if message.header("call-id") == Some(request.options().call_id().as_str()) => {
                Heard::Foreign("the request itself, as an echo service does".to_owned())
            }
            Start::Response { .. } if message.answers(&request.options()) => {
                Heard::Other("carried a provisional answer and no final one")
            }
            _ => Heard::Other("carried SIP that does not answer this request"),
        },
        Err(why) => Heard::Foreign(match greeting::protocol(bytes) {
            Some(name) if name != "SIP" => format!("{name} and not SIP"),
            _ => format!("what is not SIP: {why}"),
        }),
    }
}
