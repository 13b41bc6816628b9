//! A real call to a Janus Gateway: what it says of itself, then, where it can send media back, an EchoTest call with Opus-
//! and VP8-sized packets, measured like any train. Sees no limit.

mod dial;
mod marks;
mod media;
mod reach;
mod relay;
mod report;
mod talk;

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::trial::TrialTask;
use super::{Progress, Settings};
use crate::model::{CallMode, Failure, FailureKind, Observation, Outcome, ProbeKind, Step, metric};
use crate::net::{clock, engine};
use reach::Reached;

/// How long a server is given to say what it is.
const REACH: Duration = Duration::from_secs(8);
/// How long goodbyes may take, and where the run has ended.
const GOODBYE: Duration = Duration::from_secs(1);
const IN_HASTE: Duration = Duration::from_millis(50);

/// Asks what the target is, and calls it where that is wanted and possible.
pub async fn attempt(
    task: &TrialTask,
    settings: &Settings,
    cancel: &CancellationToken,
    progress: Progress,
) -> Observation {
    let end = clock::now() + task.deadline;
    if settings.call != CallMode::Always && is_responder(task) {
        let why = "an rtc-check responder stands in for the platform, so no call was made";
        return Observation::skipped(ProbeKind::JanusCall, why);
    }
    let mut obs = Observation::new(ProbeKind::JanusCall);
    let reaching = reach::reach(task, settings, end.min(clock::now() + REACH), &mut obs);
    let Some(reached) = cancel.run_until_cancelled(reaching).await else { return out_of_time(obs) };
    let always = settings.call == CallMode::Always;
    let mut reached = match reached {
        Ok(reached) => reached,
        Err((words, failure)) => {
            obs.outcome = if always {
                Outcome::Failed(Failure { detail: words, ..failure })
            } else {
                Outcome::Skipped(format!("{words}, so no call was made"))
            };
            return obs;
        }
    };
    reached.record(&mut obs);
    if let Some(why_not) = impossible(&reached, settings.call) {
        obs.outcome = match why_not.kind {
            FailureKind::NoPlugin if always => Outcome::Failed(why_not),
            _ => Outcome::Skipped(why_not.detail),
        };
        return obs;
    }
    if cancel
        .run_until_cancelled(call(task, settings, &mut reached, (end, cancel, &progress), &mut obs))
        .await
        .is_none()
    {
        obs = out_of_time(obs);
    }
    let goodbye = if cancel.is_cancelled() { IN_HASTE } else { GOODBYE };
    let _ = tokio::time::timeout(goodbye, reached.talk.leave()).await;
    obs
}

/// A check before said that this address is of our own kind.
fn is_responder(task: &TrialTask) -> bool {
    task.ways
        .iter()
        .filter_map(|way| way.seen.as_ref())
        .any(|seen| seen.facts.has(&metric::RESPONDER) || seen.facts.get::<bool>(&metric::RESPONDER_PAGE) == Some(true))
}

fn out_of_time(mut obs: Observation) -> Observation {
    let failure = Failure::new(Step::Media, FailureKind::OutOfTime, "the run ended before the call did");
    obs.outcome = Outcome::Failed(failure);
    obs
}

/// Why no call can follow.
fn impossible(reached: &Reached, mode: CallMode) -> Option<Failure> {
    let no = |kind, detail: String| Some(Failure::new(Step::Info, kind, detail));
    if mode == CallMode::Never {
        return no(FailureKind::Internal, "calls are switched off".to_owned());
    }
    if !reached.has_echo_test() {
        let plugins = match reached.info.plugins.as_slice() {
            [] => "no plugin at all".to_owned(),
            some => some.join(", "),
        };
        let detail = format!(
            "the Janus Gateway ({}) has no EchoTest plugin to send media back: it has {plugins}",
            reached.version()
        );
        return no(FailureKind::NoPlugin, detail);
    }
    if !engine::is_there() {
        let words = "this build of rtc-check has no media engine (feature \"media\"), so no call was made";
        return no(FailureKind::Internal, words.to_owned());
    }
    None
}

/// The call itself, from its first request to its last packet.
async fn call(
    task: &TrialTask,
    settings: &Settings,
    reached: &mut Reached,
    (end, cancel, progress): (Instant, &CancellationToken, &Progress),
    obs: &mut Observation,
) {
    let late = || {
        let detail = format!("the call did not end in the {:.0} s that it was given", task.deadline.as_secs_f64());
        Failure::new(Step::Media, FailureKind::OutOfTime, detail)
    };
    let relay = relay::open(task, settings, end).await;
    let dialling = dial::dial(&mut reached.talk, (task.address, relay.server()), obs);
    let dialled = match tokio::time::timeout_at(end.into(), dialling).await {
        Ok(dialled) => dialled,
        Err(_) => return obs.step_failed(late(), Duration::ZERO),
    };
    relay.record(obs);
    let Ok(mut connected) = dialled else { return };
    let start = clock::now();
    let playing = media::play(&mut reached.talk, &mut connected, task.length, cancel, progress);
    let played = tokio::time::timeout_at(end.into(), playing).await.unwrap_or_else(|_| Err(late()));
    let took = clock::now().duration_since(start);
    let figures = connected.engine.figures().await;
    report::call(obs, (&connected, &figures, relay.way()), played.as_ref().ok());
    match played {
        Ok(mut played) => {
            match played.cut.take() {
                Some(cut) => obs.step_failed(cut, took),
                None => obs.step_ok(Step::Media, took),
            }
            report::media(obs, &connected.accepted, played);
        }
        Err(failure) => obs.step_failed(failure, took),
    }
    connected.engine.close().await;
}

#[cfg(test)]
mod tests;
