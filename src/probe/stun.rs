//! STUN over UDP: one Binding, its mapped address and round trip. Knows no limit and judges nothing.

use std::net::IpAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Settings, Task, asked};
use crate::model::schedule::Schedule;
use crate::model::{Facts, Failure, FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::chance;
use crate::net::udp::{Drive, Stop};
use crate::session::Credential;
use crate::session::ask::{self as asking, Outcome};
use crate::session::binding::{Answer, Binding, BindingOutcome, Ending};

/// Asks the task's first port for a Binding.
pub async fn probe(task: &Task, settings: &Settings, cancel: &CancellationToken) -> Observation {
    let mut observation = Observation::new(ProbeKind::Stun);
    match ask(task, settings, cancel).await {
        Ok((outcome, stop)) => record(&mut observation, outcome, stop, task.address),
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
fn record(observation: &mut Observation, seen: BindingOutcome, stop: Stop, target: IpAddr) {
    let facts = &mut observation.facts;
    facts.set(&metric::STUN_SENT, seen.sent);
    if let Some(rtt) = median(&seen.rtts) {
        facts.set(&metric::STUN_RTT_MS, rtt);
    }
    let took = seen.took;
    let answer = asked::answer(as_asked(seen), stop, Step::Stun, target, facts);
    match answer.and_then(|answer| told(answer, facts)) {
        Ok(()) => observation.step_ok(Step::Stun, took),
        Err(failure) => observation.step_failed(failure, took),
    }
}

/// What the server said: its answer, or an error's number and reason.
type Said = Result<Answer, (u16, String)>;

/// The Binding as any other request.
fn as_asked(seen: BindingOutcome) -> Outcome<Said> {
    let strange = seen.strays.wrong_id;
    Outcome {
        ending: seen.ending.map(|ending| match ending {
            Ending::Answered(answer) => asking::Ending::Answered(Ok(answer)),
            Ending::Error(code, reason) => asking::Ending::Answered(Err((code, reason))),
            Ending::Icmp(error) => asking::Ending::Icmp(error),
            Ending::NotSent(error) => asking::Ending::NotSent(error),
            Ending::Silence => asking::Ending::Silence,
        }),
        sent: seen.sent,
        rtt: None,
        took: seen.took,
        icmp: seen.icmp,
        garbage: seen.garbage.map(|words| (words, None)),
        other: (strange > 0).then_some(("carried a transaction that was not asked for", strange)),
        wrong_source: seen.strays.wrong_source,
    }
}

/// Facts of what the server said.
fn told(said: Said, facts: &mut Facts) -> Result<(), Failure> {
    let answer = said.map_err(|(code, reason)| {
        let detail = format!("answered with STUN error {code} {reason}");
        Failure::new(Step::Stun, FailureKind::StunError, detail.trim_end())
    })?;
    if let Some(software) = &answer.software {
        facts.set(&metric::STUN_SOFTWARE, software);
    }
    if let Some(version) = answer.responder {
        facts.set(&metric::RESPONDER, version.to_string());
    }
    let Some(mapped) = answer.mapped else {
        let detail = "the Binding was answered without a mapped address";
        return Err(Failure::new(Step::Stun, FailureKind::Garbage, detail));
    };
    facts.set(&metric::MAPPED, mapped.to_string());
    Ok(())
}

/// The middle one of ascending durations, the lower of two, in milliseconds with microsecond resolution.
fn median(ascending: &[Duration]) -> Option<f64> {
    let middle = ascending.get(ascending.len().checked_sub(1)? / 2)?;
    Some((middle.as_secs_f64() * 1e6).round() / 1e3)
}

#[cfg(test)]
mod tests;
