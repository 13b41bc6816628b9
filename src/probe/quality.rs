//! How well a way carries media: what is used to find out, in which order, and the one observation that comes of it. Sees
//! no limit.

mod choose;
mod offer;
mod over_tcp;
mod relayed;
mod ride;
mod series;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::figures::{self, Tried};
use super::measure::{MeasureTask, Stands};
use super::{Progress, Settings, policed};
use crate::model::{Facts, Failure, FailureKind, Length, Load, Observation, ProbeKind, Standing, Step, Way, metric};
use crate::net::classify::clean;
use crate::net::{chance, clock};
use crate::session::train::{Ending, Outcome, Via};
use choose::Candidate;
use offer::{Offering, Reflector};
use ride::Ride;

/// Fewer round trips than this have no interval of their mean, nor of their variation with one lost.
const FEWEST_PINGS: Duration = Duration::from_secs(6);

/// Loss of a train that may be a limit on the rate, in percent.
const MUCH_PCT: f64 = 5.0;

/// One measurement under way.
pub struct Run<'a> {
    task: &'a MeasureTask,
    settings: &'a Settings,
    stands: Stands,
    cancel: &'a CancellationToken,
    progress: Progress,
    begun: Instant,
}

/// What one candidate came to, where it measured something or where nothing else may be tried.
struct Used {
    tried: Vec<Tried>,
    /// `session` and `responder` of `observed.via`.
    session: Option<&'static str>,
    responder: Option<String>,
    refused: Option<String>,
    /// Through a relay: whom it relayed to, `itself` or an address.
    peer: Option<String>,
    /// What was measured beyond the loads.
    more: Facts,
    failure: Option<Failure>,
}

impl Used {
    /// Figures of the probe's own packets.
    fn own(tried: Tried) -> Self {
        Self {
            tried: vec![tried],
            session: None,
            responder: None,
            refused: None,
            peer: None,
            more: Facts::new(),
            failure: None,
        }
    }
}

/// Why a candidate measured nothing: the next one is tried.
struct Miss(Failure);

impl<'a> Run<'a> {
    /// Begins now; the task's deadline runs.
    pub fn new(
        task: &'a MeasureTask,
        settings: &'a Settings,
        stands: Stands,
        cancel: &'a CancellationToken,
        progress: Progress,
    ) -> Self {
        Self { task, settings, stands, cancel, progress, begun: clock::now() }
    }

    /// What the deadline leaves.
    fn remaining(&self) -> Duration {
        self.task.deadline.saturating_sub(clock::now().saturating_duration_since(self.begun))
    }

    fn v6(&self) -> bool {
        self.task.address.is_ipv6()
    }

    fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.task.address, port)
    }

    /// Tries one candidate after the other until one measures.
    pub async fn measure(self) -> Observation {
        let mut missed: Vec<(String, Failure)> = Vec::new();
        for candidate in choose::candidates(self.task) {
            if self.cancel.is_cancelled() || self.remaining().is_zero() {
                missed.push((choose::words(&candidate, self.task.address), self.cut_short()));
                break;
            }
            match self.with(&candidate).await {
                Ok(mut used) => {
                    self.policed(&candidate, &mut used).await;
                    return self.observation(&candidate, used, &missed);
                }
                Err(Miss(failure)) => missed.push((choose::words(&candidate, self.task.address), failure)),
            }
        }
        Observation::failed(ProbeKind::Quality, nothing_answered(&missed))
    }

    /// Where a train to our responder lost much, the same datagrams slowly and fast.
    async fn policed(&self, candidate: &Candidate<'_>, used: &mut Used) {
        let lost = |tried: &Tried| {
            let of = |m| tried.facts.get::<f64>(m).is_some_and(|pct| pct >= MUCH_PCT);
            tried.train && (of(&metric::LOSS_UP_PCT) || of(&metric::LOSS_DOWN_PCT) || of(&metric::LOSS_PCT))
        };
        if let (Candidate::Responder { port, .. }, true) = (candidate, used.tried.iter().any(lost)) {
            policed::test(self.at(*port), self.settings, self.remaining(), self.cancel, &mut used.more).await;
        }
    }

    fn cut_short(&self) -> Failure {
        let how = if self.cancel.is_cancelled() { "interrupted" } else { "out of time" };
        Failure::new(Step::Train, FailureKind::OutOfTime, how)
    }

    async fn with(&self, candidate: &Candidate<'_>) -> Result<Used, Miss> {
        match candidate {
            Candidate::Responder { port, version } => {
                let reflector = Reflector { port: *port, version: version.clone(), ours: true };
                Offering::new(self, reflector).offer().await
            }
            Candidate::Reflector { port } => {
                let reflector = Reflector { port: *port, version: None, ours: false };
                Offering::new(self, reflector).offer().await
            }
            Candidate::Stun { port } => self.stun(*port).await,
            Candidate::Relay { server, port } => relayed::measure(self, server, *port).await,
            Candidate::Ws { port, spec } => {
                let series = series::pings(self.task, self.settings, (*port, spec), self.pings_for(), self.cancel);
                let series = series.await.map_err(Miss)?;
                let mut used = Used::own(figures::of_series(&series, |e| (self.stands)(&Load::NONE, e)));
                used.tried.extend(over_tcp::loads(self, (*port, spec)).await);
                Ok(used)
            }
            Candidate::Tcp { port } => {
                let series = series::connects(self.at(*port), self.remaining(), self.cancel).await.map_err(Miss)?;
                Ok(Used::own(figures::of_series(&series, |e| (self.stands)(&Load::NONE, e))))
            }
        }
    }

    fn pings_for(&self) -> Duration {
        let wanted = match self.task.length {
            Length::Exact(length) => length,
            Length::Decided { least, .. } => least.max(FEWEST_PINGS),
        };
        wanted.min(self.remaining())
    }

    /// A train of Binding requests; a server that does not know our key is asked again without it.
    async fn stun(&self, port: u16) -> Result<Used, Miss> {
        let credential = super::stun::credential(self.settings);
        let with_key = credential.is_some();
        let mut outcome = self.bindings(port, credential).await?;
        let refused = outcome.stun_errors.is_some_and(|(code, _)| matches!(code, 400 | 401 | 420));
        if with_key && (refused || outcome.record.replies.is_empty()) {
            outcome = self.bindings(port, None).await?;
        }
        if outcome.record.replies.is_empty() {
            return Err(Miss(silence(&outcome)));
        }
        let (tried, _) = figures::of_train(&outcome, None, self.v6(), |e| (self.stands)(&Load::NONE, e));
        Ok(Used::own(tried))
    }

    async fn bindings(&self, port: u16, credential: Option<crate::session::Credential>) -> Result<Outcome, Miss> {
        let via = Via::Stun { credential, secret: chance::bytes() };
        let length = self.fitting(self.task.length, self.remaining());
        let load = figures::AUDIO;
        let ride = Ride { target: self.at(port), via, load, judged: Load::NONE, length, more: false };
        ride::ride(self, ride).await.map_err(Miss)
    }

    /// The length, as far as `time` allows for it and for what comes after its last packet.
    fn fitting(&self, length: Length, time: Duration) -> Length {
        let time = time.saturating_sub(ride::SETTLING);
        match length {
            Length::Exact(length) => Length::Exact(length.min(time)),
            Length::Decided { least, most } => Length::Decided { least: least.min(time), most: most.min(time) },
        }
    }

    fn observation(&self, candidate: &Candidate<'_>, used: Used, missed: &[(String, Failure)]) -> Observation {
        let mut observation = Observation::new(ProbeKind::Quality);
        let facts = &mut observation.facts;
        if let Some(judged) = judged(&used.tried) {
            facts.extend(judged.facts.clone());
        }
        let offered = used.tried.iter().filter(|tried| tried.load.is_some());
        facts.set(&metric::LOADS, offered.map(Tried::entry).collect::<Vec<_>>());
        facts.set(&metric::VIA, self.via(candidate, &used, missed));
        facts.set(&metric::DSCP_SENT, self.task.dscp);
        if let Some(why) = &used.refused {
            facts.set(&metric::RESPONDER_REFUSED, why);
        }
        facts.extend(used.more);
        let took = clock::now().saturating_duration_since(self.begun);
        match used.failure {
            Some(failure) => observation.step_failed(failure, took),
            None if self.cancel.is_cancelled() => observation.step_failed(self.cut_short(), took),
            None => observation.step_ok(Step::Train, took),
        }
        observation
    }

    /// What the figures were measured with, and why with nothing better.
    fn via(&self, candidate: &Candidate<'_>, used: &Used, missed: &[(String, Failure)]) -> Value {
        let clauses: Vec<String> = missed.iter().map(|(what, why)| format!("{what}: {}", why.detail)).collect();
        let mut via = json!({
            "method": candidate.method(),
            "transport": candidate.transport(),
            "address": self.task.address,
            "port": candidate.port(),
            "responder": used.responder,
            "session": used.session,
            "why": (!clauses.is_empty()).then(|| clean(&clauses.join("; "), 600)),
        });
        if let (Candidate::Relay { server, .. }, Some(via)) = (candidate, via.as_object_mut()) {
            via.insert("way".to_owned(), json!(Way::from(server.transport)));
            via.insert("server".to_owned(), json!(server.address));
            via.insert("peer".to_owned(), json!(used.peer));
        }
        via
    }
}

/// The load whose figures stand for the measurement: the highest that holds, else the lowest that was tried.
fn judged(tried: &[Tried]) -> Option<&Tried> {
    let trains = || tried.iter().filter(|tried| tried.train);
    trains().find(|tried| tried.standing == Some(Standing::Holds)).or_else(|| trains().next_back())
}

/// Why a train that nobody answered was not: of what came back in place of replies.
fn silence(outcome: &Outcome) -> Failure {
    let sent = outcome.record.sent.len();
    let fail = |kind, words: String| Failure::new(Step::Train, kind, words);
    if let (0, Some((error, count))) = (sent, outcome.not_sent) {
        return fail(FailureKind::Prohibited, format!("this machine would not send {count} packets: {error:?}"));
    }
    let (kind, icmp) = match &outcome.icmp {
        Some((error, _)) => (error.meaning().failure_kind().unwrap_or(FailureKind::TimedOut), format!(", and {error}")),
        None => (FailureKind::TimedOut, String::new()),
    };
    let odd = match outcome.misbehaviour.total() {
        0 => String::new(),
        total => format!(" ({total} datagrams came that are no replies)"),
    };
    let early = if outcome.ending == Ending::Stopped { ", cut short" } else { "" };
    fail(kind, format!("no reply to {sent} packets{icmp}{odd}{early}"))
}

/// What was tried and seen, where nothing measured. Silence is no evidence: the kind is that of a time-out unless this
/// machine itself, or somebody's refusal of everything, says more.
fn nothing_answered(missed: &[(String, Failure)]) -> Failure {
    let Some((_, last)) = missed.last() else {
        return Failure::new(Step::Train, FailureKind::Internal, "nothing to measure with");
    };
    let clauses: Vec<String> = missed.iter().map(|(what, why)| format!("{what}: {}", why.detail)).collect();
    let same = missed.iter().all(|(_, why)| why.kind == last.kind);
    let out_of_time = missed.iter().any(|(_, why)| why.kind == FailureKind::OutOfTime);
    let kind = match (same, out_of_time) {
        (true, _) => last.kind,
        (false, true) => FailureKind::OutOfTime,
        (false, false) => FailureKind::TimedOut,
    };
    Failure::new(Step::Train, kind, format!("nothing could be measured: {}", clean(&clauses.join("; "), 900)))
}
