//! STUN over UDP: one Binding, its mapped address and round trip. Knows no limit and judges nothing.

use std::net::IpAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Settings, Task};
use crate::model::schedule::Schedule;
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::udp::{Drive, Stop};
use crate::net::{chance, icmp};
use crate::session::binding::{Answer, Binding, BindingOutcome, Ending};
use crate::session::{Credential, Meaning};

/// Asks the task's first port for a Binding.
pub async fn probe(task: &Task, settings: &Settings, cancel: &CancellationToken) -> Observation {
    let mut observation = Observation::new(ProbeKind::Stun);
    match ask(task, settings, cancel).await {
        Ok((outcome, stop)) => record(&mut observation, &outcome, stop, task.address),
        Err(failure) => observation.step_failed(failure, Duration::ZERO),
    }
    observation
}

/// The key of a restricted responder, if there is one.
pub(super) fn credential(settings: &Settings) -> Option<Credential> {
    settings.responder_key.as_ref().map(|key| Credential::new(key.bytes()))
}

/// One Binding. A server that does not understand our credential is asked again without it: only a responder knows it.
async fn ask(task: &Task, settings: &Settings, cancel: &CancellationToken) -> Result<(BindingOutcome, Stop), Failure> {
    let credential = credential(settings);
    let with_key = credential.is_some();
    let first = transact(task, settings, cancel, credential).await?;
    let misunderstood = matches!(first.0.ending, Some(Ending::Error(400 | 401 | 420, _)));
    if with_key && misunderstood { transact(task, settings, cancel, None).await } else { Ok(first) }
}

async fn transact(
    task: &Task,
    settings: &Settings,
    cancel: &CancellationToken,
    credential: Option<Credential>,
) -> Result<(BindingOutcome, Stop), Failure> {
    let (target, secret) = (task.socket(), chance::bytes());
    let schedule = if settings.thorough { Schedule::THOROUGH } else { Schedule::QUICK };
    let drive =
        Drive { target: task.address, sockets: 1, deadline: task.deadline, cancel: cancel.clone(), step: Step::Stun };
    let make = move |now| Binding::new(now, target, schedule, &secret, credential);
    let (session, stop) = drive.run(make, |_, _| {}).await?;
    Ok((session.outcome(), stop))
}

/// Facts and failure of one Binding.
fn record(observation: &mut Observation, seen: &BindingOutcome, stop: Stop, target: IpAddr) {
    let facts = &mut observation.facts;
    facts.set(&metric::STUN_SENT, seen.sent);
    if let Some(error) = &seen.icmp {
        icmp::record(error, facts);
    }
    if let Some(rtt) = median(&seen.rtts) {
        facts.set(&metric::STUN_RTT_MS, rtt);
    }
    match &seen.ending {
        Some(Ending::Answered(answer)) => answered(observation, seen, answer),
        ending => observation.step_failed(failure(seen, ending.as_ref(), stop, target), seen.took),
    }
}

fn answered(observation: &mut Observation, seen: &BindingOutcome, answer: &Answer) {
    let facts = &mut observation.facts;
    if let Some(software) = &answer.software {
        facts.set(&metric::STUN_SOFTWARE, software);
    }
    if let Some(version) = answer.responder {
        facts.set(&metric::RESPONDER, version.to_string());
    }
    if let Some(mapped) = answer.mapped {
        facts.set(&metric::MAPPED, mapped.to_string());
        observation.step_ok(Step::Stun, seen.took);
    } else {
        let detail = "the Binding was answered without a mapped address";
        observation.step_failed(Failure::new(Step::Stun, FailureKind::Garbage, detail), seen.took);
    }
}

fn failure(seen: &BindingOutcome, ending: Option<&Ending>, stop: Stop, target: IpAddr) -> Failure {
    let fail = |kind, detail| Failure::new(Step::Stun, kind, detail);
    match ending {
        Some(Ending::Error(code, reason)) => {
            fail(FailureKind::StunError, format!("answered with STUN error {code} {reason}").trim_end().to_owned())
        }
        Some(Ending::Icmp(error)) => {
            let kind = error.meaning().failure_kind().unwrap_or(FailureKind::TimedOut);
            fail(kind, error.to_string())
        }
        Some(Ending::NotSent(error)) => icmp::not_sent(Step::Stun, *error, target),
        Some(Ending::Silence | Ending::Answered(_)) => silence(seen),
        None => {
            let how = if stop == Stop::Cancelled { "interrupted" } else { "out of time" };
            fail(FailureKind::OutOfTime, format!("{how} with {} unanswered", requests(seen.sent)))
        }
    }
}

/// No answer: and what came in its place.
fn silence(seen: &BindingOutcome) -> Failure {
    let unanswered = format!("no answer to {} in {:.1} s", requests(seen.sent), seen.took.as_secs_f64());
    let (kind, detail) = match (&seen.garbage, &seen.icmp) {
        (Some(garbage), _) => (FailureKind::Garbage, format!("answered with {garbage}")),
        (None, Some(error)) => {
            // A loop that one datagram met may be gone for the next: it is told and does not decide.
            let decides = Some(error.meaning()).filter(|m| *m != Meaning::TimeExceeded);
            let kind = decides.and_then(Meaning::failure_kind).unwrap_or(FailureKind::TimedOut);
            (kind, format!("{unanswered}, and {error}"))
        }
        (None, None) => (FailureKind::TimedOut, unanswered),
    };
    let strangers = seen.strays.wrong_source;
    let mut note =
        if strangers > 0 { format!(" ({strangers} came from another address or port)") } else { String::new() };
    // Anybody can forge these, so they are told and decide nothing.
    if seen.strays.wrong_id > 0 {
        note.push_str(&format!(" ({} carried a transaction that was not asked for)", seen.strays.wrong_id));
    }
    Failure::new(Step::Stun, kind, detail + &note)
}

fn requests(count: u8) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}

/// The middle one of ascending durations, the lower of two, in milliseconds with microsecond resolution.
fn median(ascending: &[Duration]) -> Option<f64> {
    let middle = ascending.get(ascending.len().checked_sub(1)? / 2)?;
    Some((middle.as_secs_f64() * 1e6).round() / 1e3)
}

#[cfg(test)]
mod tests;
