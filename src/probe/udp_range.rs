//! A media range over UDP: every port where the far end is a responder, a seeded sample elsewhere. Knows no limit and
//! judges nothing.

mod as_tcp;

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{PortsMode, Progress, Settings, Task, policed, stun};
use crate::model::schedule;
use crate::model::{Facts, Failure, FailureKind, Observation, PortRange, ProbeKind, Step, metric};
use crate::net::udp::{Drive, Stop};
use crate::net::{chance, clock, icmp};
use crate::session::sample::{Sample, SampleConfig};
use crate::session::sweep::{Sweep, SweepConfig};
use crate::session::{Ended, Meaning, RangeOutcome};

/// Source ports of a sweep: a few, so that one unlucky flow hash decides nothing.
const SOCKETS: usize = 4;

/// So much loss of a sweep's first round, of ports that answered in the end, may be a limit on the rate.
const STARVED: f64 = 0.1;

/// Asks the task's ports. `responder_hint`: the far end's well-known page says (`Some(true)`) or denies that a responder
/// serves this range to the key we hold; with it, or as soon as an answer bears a responder's mark, every port is asked.
pub async fn probe(
    task: &Task,
    settings: &Settings,
    responder_hint: Option<bool>,
    progress: Progress,
    cancel: &CancellationToken,
) -> Observation {
    let mut observation = Observation::new(ProbeKind::UdpRange);
    let begun = clock::now();
    let Some(range) = task.ports else {
        let failure = Failure::new(Step::Sweep, FailureKind::Internal, "a range without ports");
        observation.step_failed(failure, Duration::ZERO);
        return observation;
    };
    let asked = Asked { task, settings, range, progress, cancel };
    let seen = match (settings.ports, responder_hint) {
        (_, Some(true)) => asked.sweep(task.deadline).await,
        // Few enough to ask all of them within the target's budget of ICMP errors.
        (PortsMode::All, _) if range.count() <= schedule::sample::WHOLE => {
            asked.sample(u16::try_from(range.count()).unwrap_or(u16::MAX)).await
        }
        (PortsMode::All, _) => asked.sweep(task.deadline).await,
        (PortsMode::Sample(count), _) => asked.sample(count).await,
    };
    let took = clock::now().saturating_duration_since(begun);
    match seen {
        Ok(seen) => {
            seen.record(&mut observation, settings, responder_hint, took);
            asked.after(&seen, &mut observation.facts).await;
        }
        Err(failure) => observation.step_failed(failure, took),
    }
    observation
}

/// What is to be asked.
struct Asked<'a> {
    task: &'a Task,
    settings: &'a Settings,
    range: PortRange,
    progress: Progress,
    cancel: &'a CancellationToken,
}

impl Asked<'_> {
    fn drive(&self, sockets: usize, deadline: Duration) -> Drive {
        Drive { target: self.task.address, sockets, deadline, cancel: self.cancel.clone(), step: Step::Sweep }
    }

    /// What else is asked where the range did not answer as it should.
    async fn after(&self, seen: &Seen, facts: &mut Facts) {
        let outcome = &seen.outcome;
        if seen.stop != Stop::Finished || outcome.silent.is_empty() {
            return;
        }
        let reached = outcome.answered.count() + outcome.refused.count();
        if reached == 0 && outcome.prohibited.is_empty() {
            facts.set(&metric::AS_TCP, as_tcp::ask(self.task.address, self.range).await);
        }
        // Our responder limits no rate that is so low; of another server that is not known.
        let starved = outcome.responder.is_some() && outcome.loss.is_some_and(|loss| loss >= STARVED);
        let port = outcome.answered.ranges().first().map(|r| r.first());
        if let Some(port) = port.filter(|_| starved) {
            let target = SocketAddr::new(self.task.address, port);
            policed::test(target, self.settings, policed::LONGEST, self.cancel, facts).await;
        }
    }

    /// A sample, and a sweep behind it where a responder shows itself.
    async fn sample(&self, count: u16) -> Result<Seen, Failure> {
        let begun = clock::now();
        let config = SampleConfig {
            target: self.task.address,
            range: self.range,
            count,
            seed: self.settings.seed,
            secret: chance::bytes(),
            credential: stun::credential(self.settings),
        };
        let progress = self.progress.clone();
        let make = move |now| Sample::new(now, config);
        let (session, stop) =
            self.drive(1, self.task.deadline).run(make, move |done, total| progress(done, total)).await?;
        let outcome = session.outcome();
        if outcome.ended == Ended::ResponderFound {
            let left = self.task.deadline.saturating_sub(clock::now().saturating_duration_since(begun));
            return self.sweep(left).await;
        }
        Ok(Seen { outcome, stop, sampled: true, target: self.task.address })
    }

    /// Every port.
    async fn sweep(&self, deadline: Duration) -> Result<Seen, Failure> {
        let config = SweepConfig {
            target: self.task.address,
            range: self.range,
            pace: self.settings.pace,
            seed: self.settings.seed,
            secret: chance::bytes(),
            credential: stun::credential(self.settings),
            patient: self.settings.thorough,
        };
        let progress = self.progress.clone();
        let make = move |now| Sweep::new(now, config);
        let (session, stop) = self.drive(SOCKETS, deadline).run(make, move |done, total| progress(done, total)).await?;
        let outcome = session.outcome();
        (self.progress)(outcome.total, outcome.total);
        let sampled = outcome.ended == Ended::NothingAnswered && outcome.probed < outcome.total;
        Ok(Seen { outcome, stop, sampled, target: self.task.address })
    }
}

/// What was seen.
struct Seen {
    outcome: RangeOutcome,
    stop: Stop,
    sampled: bool,
    target: std::net::IpAddr,
}

impl Seen {
    fn record(&self, observation: &mut Observation, settings: &Settings, hint: Option<bool>, took: Duration) {
        self.facts(&mut observation.facts, settings, hint);
        match self.failure() {
            Some(failure) => observation.step_failed(failure, took),
            None => observation.step_ok(Step::Sweep, took),
        }
    }

    fn facts(&self, facts: &mut Facts, settings: &Settings, hint: Option<bool>) {
        let seen = &self.outcome;
        facts.set(&metric::ANSWERED, &seen.answered);
        facts.set(&metric::REFUSED, &seen.refused);
        facts.set(&metric::SILENT, &seen.silent);
        facts.set(&metric::PROHIBITED, &seen.prohibited);
        facts.set(&metric::PROBED, seen.probed);
        facts.set(&metric::TOTAL, seen.total);
        facts.set(&metric::COVERAGE_PCT, percent(f64::from(seen.probed) / f64::from(seen.total.max(1))));
        facts.set(&metric::SAMPLED, self.sampled);
        facts.set(&metric::PACKETS_SENT, seen.sent);
        facts.set(&metric::SEED, settings.seed);
        if let Some(loss) = seen.loss {
            facts.set(&metric::ROUND_TRIP_LOSS_PCT, percent(loss));
        }
        if let Some(ports) = seen.expected_missed.filter(|_| !seen.silent.is_empty()) {
            facts.set(&metric::EXPECTED_MISSED, (ports * 1e4).round() / 1e4);
        }
        if let Some(error) = &seen.icmp {
            icmp::record(error, facts);
        }
        if let Some(astray) = seen.astray {
            facts.set(&metric::STRAY_ANSWERS, astray.count);
            facts.set(&metric::STRAY_FROM, astray.from);
        }
        if let Some(version) = seen.responder {
            facts.set(&metric::RESPONDER, version.to_string());
        }
        if let Some(served) = hint {
            facts.set(&metric::RESPONDER_PAGE, served);
        }
    }

    fn failure(&self) -> Option<Failure> {
        let seen = &self.outcome;
        let reached = seen.answered.count() + seen.refused.count();
        if let (0, Some(error)) = (seen.sent, seen.send_error) {
            return Some(icmp::not_sent(Step::Sweep, error, self.target));
        }
        if seen.ended == Ended::Unfinished {
            let how = if self.stop == Stop::Cancelled { "interrupted" } else { "out of time" };
            let detail = format!("{how} with {} of {} ports asked and {reached} reached", seen.probed, seen.total);
            return Some(Failure::new(Step::Sweep, FailureKind::OutOfTime, detail));
        }
        let error = seen.icmp.as_ref().filter(|e| reached == 0 && e.meaning() == Meaning::Unreachable)?;
        let detail = format!("none of {} ports asked was reached: {error}", seen.probed);
        Some(Failure::new(Step::Sweep, FailureKind::Unreachable, detail))
    }
}

/// A share as percent with two decimals.
fn percent(share: f64) -> f64 {
    (share * 1e4).round() / 1e2
}

#[cfg(test)]
mod tests;
