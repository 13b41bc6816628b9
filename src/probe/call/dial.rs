//! A call's way from its first request to media: session, offer and answer, ICE, DTLS. Every wait is bounded.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::talk::Talk;
use crate::model::{Failure, FailureKind, Observation, Step};
use crate::net::classify::seconds;
use crate::net::engine::{self, Accepted, Arrival, Event, MediaEngine, Opened, Relay, Setup};
use crate::net::{classify, clock};
use crate::session::janus::Happening;
use crate::wire::janus::Candidate;

/// From the first request to the answer; each request has its own bound too.
const SIGNALLING: Duration = Duration::from_secs(12);
/// From the answer to a pair of candidates that works.
pub const ICE: Duration = Duration::from_secs(8);
/// From there to the end of the DTLS handshake.
pub const DTLS: Duration = Duration::from_secs(5);

/// A call whose media may flow.
pub struct Connected {
    pub engine: std::sync::Arc<dyn MediaEngine>,
    pub events: mpsc::Receiver<Event>,
    pub arrivals: mpsc::Receiver<Arrival>,
    pub accepted: Accepted,
    pub times: Times,
}

/// When what was there.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub start: Instant,
    pub answered: Instant,
    pub ice: Instant,
    pub connected: Instant,
}

/// Makes the call and records its steps.
///
/// # Errors
/// The observation has failed; the session may still be open.
pub async fn dial(
    talk: &mut Talk,
    (target, relay): (IpAddr, Option<Relay>),
    obs: &mut Observation,
) -> Result<Connected, ()> {
    let start = clock::now();
    let mut call = Call { talk, start, answered: None, ice: None, remote: 0, local: 0 };
    match call.connect(Setup { target, relay }).await {
        Ok(connected) => {
            let times = connected.times;
            obs.step_ok(Step::Offer, times.answered.saturating_duration_since(start));
            obs.step_ok(Step::Checks, times.ice.saturating_duration_since(times.answered));
            obs.step_ok(Step::Dtls, times.connected.saturating_duration_since(times.ice));
            Ok(connected)
        }
        Err(failure) => {
            let now = clock::now();
            let mut since = start;
            for (step, at) in [(Step::Offer, call.answered), (Step::Checks, call.ice)] {
                if let Some(at) = at {
                    obs.step_ok(step, at.saturating_duration_since(since));
                    since = at;
                }
            }
            obs.step_failed(failure, now.saturating_duration_since(since));
            Err(())
        }
    }
}

struct Call<'a> {
    talk: &'a mut Talk,
    start: Instant,
    answered: Option<Instant>,
    ice: Option<Instant>,
    /// Candidates of either side.
    remote: u32,
    local: u32,
}

impl Call<'_> {
    async fn connect(&mut self, setup: Setup) -> Result<Connected, Failure> {
        let Opened { engine, mut events, arrivals } = self.attach(&setup).await?;
        let broken = || Failure::new(Step::Offer, FailureKind::Internal, "the media engine made no offer");
        let offer = engine.offer().await.ok_or_else(broken)?;
        self.talk.offer(&offer);
        let (accepted, connected) = self.negotiate(&*engine, &mut events).await?;
        let times = Times {
            start: self.start,
            answered: self.answered.unwrap_or(connected),
            ice: self.ice.unwrap_or(connected),
            connected,
        };
        Ok(Connected { engine, events, arrivals, accepted, times })
    }

    /// Session and plugin, while the engine makes its offer.
    async fn attach(&mut self, setup: &Setup) -> Result<Opened, Failure> {
        let missing = || Failure::new(Step::Offer, FailureKind::Internal, "this build has no media engine");
        let prepare = async {
            let opened = engine::open(setup).await.ok_or_else(missing)??;
            opened.engine.prepare().await.map(|()| opened)
        };
        self.talk.call();
        let talk = &mut *self.talk;
        let attach = async {
            loop {
                match talk.next().await {
                    Happening::Attached => return Ok(()),
                    Happening::Failed(failure) => return Err(failure),
                    _ => {}
                }
            }
        };
        let late = |_| Err(classify::timed_out(Step::Offer, "the call did not begin", SIGNALLING));
        let both = async { tokio::try_join!(attach, prepare).map(|((), opened)| opened) };
        tokio::time::timeout(SIGNALLING, both).await.unwrap_or_else(late)
    }

    /// From the offer to the end of the DTLS handshake, and when that was.
    async fn negotiate(
        &mut self,
        engine: &dyn MediaEngine,
        events: &mut mpsc::Receiver<Event>,
    ) -> Result<(Accepted, Instant), Failure> {
        let mut accepted = Accepted::default();
        let mut limit = self.start + SIGNALLING;
        loop {
            tokio::select! {
                happening = self.talk.next() => match happening {
                    Happening::Answer(sdp) => {
                        // ICE may be through before the answer is wholly taken.
                        let now = clock::now();
                        accepted = engine.answer(&sdp).await?;
                        self.answered = Some(now);
                        self.remote += candidates(&sdp);
                        limit = now + ICE;
                    }
                    Happening::Candidate(candidate) => self.remote += u32::from(remote(engine, &candidate).await),
                    Happening::HungUp(reason) => return Err(self.hung_up(&reason)),
                    Happening::Failed(failure) => return Err(failure),
                    _ => {}
                },
                event = events.recv() => match event {
                    Some(Event::Candidate(candidate)) => {
                        self.local += 1;
                        self.talk.candidate(Some(&candidate));
                    }
                    Some(Event::Gathered) => self.talk.candidate(None),
                    Some(Event::Ice(at)) => {
                        self.ice.get_or_insert(at);
                        limit = at + DTLS;
                    }
                    Some(Event::Connected(at)) => return Ok((accepted, at)),
                    Some(Event::IceFailed) => return Err(self.no_pair(None)),
                    Some(Event::DtlsFailed) if self.ice.is_some() => return Err(dtls_broke("this side")),
                    Some(Event::DtlsFailed) => return Err(self.no_pair(None)),
                    None => return Err(Failure::new(Step::Checks, FailureKind::Internal, "the media engine ended")),
                },
                () = tokio::time::sleep_until(limit.into()) => return Err(self.late()),
            }
        }
    }

    fn late(&self) -> Failure {
        match (self.answered, self.ice) {
            (None, _) => classify::timed_out(Step::Offer, "Janus took the offer and sent no answer", SIGNALLING),
            (_, None) => self.no_pair(Some(ICE)),
            (_, Some(_)) => {
                let what = "ICE works, and the DTLS handshake with Janus did not end";
                classify::timed_out(Step::Dtls, what, DTLS)
            }
        }
    }

    fn no_pair(&self, after: Option<Duration>) -> Failure {
        let after = after.map(|after| format!(" in {}", seconds(after))).unwrap_or_default();
        let detail =
            format!("no pair of candidates carried data{after}: {} of this side, {} of Janus", self.local, self.remote);
        Failure::new(Step::Checks, FailureKind::IceFailed, detail)
    }

    fn hung_up(&self, reason: &str) -> Failure {
        let words = format!("Janus hung up before media could flow: {reason}");
        match (self.answered, self.ice) {
            (None, _) => Failure::new(Step::Offer, FailureKind::ServerError, words),
            (_, None) => Failure::new(Step::Checks, FailureKind::IceFailed, words),
            (_, Some(_)) => Failure::new(Step::Dtls, FailureKind::TlsRefused, words),
        }
    }
}

/// How many candidates stand in an SDP, each once.
fn candidates(sdp: &str) -> u32 {
    let lines: std::collections::BTreeSet<&str> = sdp.lines().filter(|l| l.starts_with("a=candidate:")).collect();
    u32::try_from(lines.len()).unwrap_or(u32::MAX)
}

fn dtls_broke(who: &str) -> Failure {
    let detail = format!("ICE works, and {who} broke the DTLS handshake off");
    Failure::new(Step::Dtls, FailureKind::TlsRefused, detail)
}

/// Takes a candidate; one over TCP or with a name in place of an address is none for this engine.
async fn remote(engine: &dyn MediaEngine, candidate: &Candidate) -> bool {
    let words: Vec<&str> = candidate.candidate.split_ascii_whitespace().take(6).collect();
    let udp = words.get(2).is_some_and(|protocol| protocol.eq_ignore_ascii_case("udp"));
    let address = words.get(4).is_some_and(|address| address.parse::<IpAddr>().is_ok());
    udp && address && engine.remote_candidate(candidate).await
}
