//! What NATs and firewalls between here and STUN servers do: asks the servers of one family side by side, tests with one that
//! can show everything, or compares what several see. A type that is not proven is `unknown`, with the reason. Knows no
//! limit and judges nothing.

mod record;
mod signs;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::stun::credential;
use super::trial::TrialTask;
use super::{Progress, Settings};
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step};
use crate::net::hops::{Hop, hops};
use crate::net::interfaces::{Route, route};
use crate::net::several::{Several, any};
use crate::net::udp::Stop;
use crate::net::{chance, clock};
use crate::session::Credential;
use crate::session::nat::behaviour::{self, Behaviour, Outcome, Plan};
use crate::session::nat::lifetime::{self, Lifetime};
use crate::session::nat::scout::{self, Answer, Ending, Found, Scout};
use crate::wire::stun;

/// Servers that are asked, of those that there are.
const MOST_SERVERS: usize = 8;

/// So many that could show everything are tried, where the first one cannot after all.
const MOST_TESTED: usize = 2;

/// Servers besides the first whose views are compared.
const MOST_COMPARED: usize = 3;

/// Routers that are looked at.
const FARTHEST: u8 = 3;

/// All that was found.
struct Seen {
    /// The server that was tested with.
    server: SocketAddr,
    answer: Answer,
    outcome: Outcome,
    /// It named another address that could be believed.
    rfc5780: bool,
    /// Why none, or another one, could show more.
    short: Option<String>,
}

/// Tests with `servers`, all of one family.
pub async fn probe(
    task: &TrialTask,
    servers: &[(String, SocketAddr)],
    settings: &Settings,
    cancel: &CancellationToken,
    progress: Progress,
) -> Observation {
    let mut observation = Observation::new(ProbeKind::Nat);
    let run = Run { settings, cancel, ends: clock::now() + task.deadline };
    let addresses: Vec<SocketAddr> = servers.iter().map(|(_, at)| *at).take(MOST_SERVERS).collect();
    let Some(first) = addresses.first() else {
        return Observation::skipped(ProbeKind::Nat, "there is no STUN server to ask");
    };
    let begun = clock::now();
    let (found, stop) = match run.scout(first.ip(), &addresses).await {
        Ok(found) => found,
        Err(failure) => return Observation::failed(ProbeKind::Nat, failure),
    };
    let answered = answers(&found);
    if answered.is_empty() && stop != Stop::Finished {
        let how = if stop == Stop::Cancelled { "interrupted" } else { "out of time" };
        let failure =
            Failure::new(Step::Mapping, FailureKind::OutOfTime, format!("{how} before a STUN server answered"));
        return Observation::failed(ProbeKind::Nat, failure);
    }
    if answered.is_empty() {
        record::silence(&mut observation, servers, &found, clock::now().saturating_duration_since(begun));
        record::signs(&mut observation, first.ip(), run.route(first.ip()).as_ref(), None, &[]);
        return observation;
    }
    let target = nearest(&answered);
    let (tested, hops) = tokio::join!(run.test(&answered), run.hops(target));
    let seen = match tested {
        Ok(seen) => seen,
        Err(failure) => return Observation::failed(ProbeKind::Nat, failure),
    };
    record::behaviour(&mut observation, &seen);
    let mapped = seen.outcome.mapped.or(seen.answer.mapped).map(|m| m.ip());
    record::signs(&mut observation, target.ip(), run.route(target.ip()).as_ref(), mapped, &hops);
    if let Some(longest) = settings.nat_lifetime {
        run.lifetime(&mut observation, &seen, longest, progress).await;
    }
    observation
}

/// Those that answered, the ones that can show more first, each kind in the order given.
fn answers(found: &[Found]) -> Vec<(SocketAddr, Answer)> {
    let answer = |f: &Found| match &f.ending {
        Ending::Answered(answer) => Some((f.server, answer.clone())),
        _ => None,
    };
    let mut all: Vec<_> = found.iter().filter_map(answer).collect();
    all.sort_by_key(|(_, answer)| answer.other.is_err());
    all
}

/// A server outside of private networks, if there is one: routers on the way there say the most.
fn nearest(answered: &[(SocketAddr, Answer)]) -> SocketAddr {
    let outside = answered.iter().find(|(at, _)| !matches!(at.ip(), IpAddr::V4(a) if a.is_private()));
    let any = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 9);
    outside.or(answered.first()).map_or(any, |(at, _)| *at)
}

/// What every part of the probe needs.
struct Run<'a> {
    settings: &'a Settings,
    cancel: &'a CancellationToken,
    ends: Instant,
}

impl Run<'_> {
    fn left(&self) -> Duration {
        self.ends.saturating_duration_since(clock::now())
    }

    fn route(&self, to: IpAddr) -> Option<Route> {
        route(to)
    }

    /// The socket of a driver that sends from where the system would send to `to`.
    fn several(&self, to: IpAddr, longest: Duration, step: Step) -> Several {
        let source = self.route(to).map_or(any(to), |r| r.source);
        Several { source, deadline: longest.min(self.left()), cancel: self.cancel.clone(), step }
    }

    async fn scout(&self, first: IpAddr, servers: &[SocketAddr]) -> Result<(Vec<Found>, Stop), Failure> {
        let (servers, secret, credential) = (servers.to_vec(), chance::bytes(), credential(self.settings));
        // Servers may be on different ways out, so the system chooses.
        let several = Several { source: any(first), ..self.several(first, scout::LONGEST * 2, Step::Mapping) };
        let (session, stop) = several.run(move |now| Scout::new(now, &servers, &secret, credential)).await?;
        Ok((session.found(), stop))
    }

    fn key(&self, answer: &Answer) -> Option<Credential> {
        credential(self.settings).filter(|_| answer.signed)
    }

    /// With a server that can show everything, the next if that fails; where the mapping stays unknown, or there is none,
    /// by what several servers see.
    async fn test(&self, answered: &[(SocketAddr, Answer)]) -> Result<Seen, Failure> {
        let mut best: Option<Seen> = None;
        for (server, answer) in answered.iter().filter(|(_, a)| a.other.is_ok()).take(MOST_TESTED) {
            let seen = self.behaviour(*server, answer, answer.other.ok(), Vec::new()).await?;
            let complete = seen.outcome.mapping.is_ok() && seen.outcome.filtering.is_ok();
            if best.as_ref().is_none_or(|b| known(&seen) > known(b)) {
                best = Some(seen);
            }
            if complete {
                break;
            }
        }
        match best {
            Some(best) if best.outcome.mapping.is_ok() || answered.len() < 2 => Ok(best),
            best => {
                let compared = self.compare(answered).await?;
                Ok(best.map_or_else(|| compared_only(&compared, answered), |best| with_mapping_of(best, &compared)))
            }
        }
    }

    async fn compare(&self, answered: &[(SocketAddr, Answer)]) -> Result<Seen, Failure> {
        let Some(((server, answer), rest)) = answered.split_first() else {
            return Err(Failure::new(Step::Mapping, FailureKind::Internal, "no server to compare"));
        };
        // Another way out may have another NAT.
        let source = |at: &SocketAddr| self.route(at.ip()).map(|r| r.source);
        let same_way = rest.iter().map(|(at, _)| *at).filter(|at| source(at) == source(server));
        let more = same_way.take(MOST_COMPARED).collect();
        self.behaviour(*server, answer, None, more).await
    }

    async fn behaviour(
        &self,
        server: SocketAddr,
        answer: &Answer,
        other: Option<SocketAddr>,
        more: Vec<SocketAddr>,
    ) -> Result<Seen, Failure> {
        let plan = Plan { server, other, more, rtt: answer.rtt };
        let (secret, credential) = (chance::bytes(), self.key(answer));
        let several = self.several(server.ip(), behaviour::LONGEST, Step::Mapping);
        let (session, _) = several.run(move |now| Behaviour::new(now, plan, &secret, credential)).await?;
        let rfc5780 = other.is_some();
        Ok(Seen { server, answer: answer.clone(), outcome: session.outcome(), rfc5780, short: None })
    }

    /// Routers on the way to `to`; none where they cannot be looked for.
    async fn hops(&self, to: SocketAddr) -> Vec<Hop> {
        let mut buf = [0; stun::MAX_WRITTEN];
        let len = stun::write_binding_request(&mut buf, chance::bytes(), None, stun::request_len(false));
        let bytes = buf.get(..len.unwrap_or(0)).unwrap_or_default().to_vec();
        hops(to, FARTHEST, bytes, self.cancel).await.unwrap_or_default()
    }

    /// Silences up to `longest`, as far as the deadline lets it.
    async fn lifetime(&self, observation: &mut Observation, seen: &Seen, longest: Duration, progress: Progress) {
        let longest = longest.min(self.left().saturating_sub(lifetime::WIND_UP));
        if longest.is_zero() {
            return;
        }
        let plan = lifetime::Plan { server: seen.server, rtt: seen.answer.rtt, longest };
        let (secret, credential) = (chance::bytes(), self.key(&seen.answer));
        let several = self.several(seen.server.ip(), longest + lifetime::WIND_UP, Step::Lifetime);
        let (begun, total) = (clock::now(), (longest + lifetime::WIND_UP).as_secs());
        let driven = several.run(move |now| Lifetime::new(now, plan, &secret, credential));
        let tell = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let done = clock::now().saturating_duration_since(begun).as_secs().min(total);
                progress(u32::try_from(done).unwrap_or(u32::MAX), u32::try_from(total).unwrap_or(u32::MAX));
            }
        };
        let driven = tokio::select! {
            driven = driven => driven,
            () = tell => return,
        };
        let took = clock::now().saturating_duration_since(begun);
        match driven {
            Ok((session, _)) => record::lifetime(observation, &session.outcome(), took),
            Err(failure) => observation.step_noted(&failure, took),
        }
    }
}

/// How much of it is known.
fn known(seen: &Seen) -> u8 {
    u8::from(seen.outcome.mapping.is_ok()) + u8::from(seen.outcome.filtering.is_ok())
}

/// What was found with a server that could not show the mapping, and what others say of that.
fn with_mapping_of(best: Seen, compared: &Seen) -> Seen {
    if compared.outcome.mapping.is_err() && compared.outcome.varies.is_none() {
        return best;
    }
    let Outcome { mapping, varies, servers, local, mapped, hairpin, .. } = compared.outcome.clone();
    let outcome = Outcome { mapping, varies, servers, local, mapped, hairpin, ..best.outcome };
    Seen { outcome, rfc5780: false, ..best }
}

/// What several servers say, and why none of them could show more.
fn compared_only(compared: &Seen, answered: &[(SocketAddr, Answer)]) -> Seen {
    let why = |(server, answer): &(SocketAddr, Answer)| Some(format!("{server} {}", answer.other.err()?));
    let all: Vec<String> = answered.iter().filter_map(why).collect();
    Seen {
        server: compared.server,
        answer: compared.answer.clone(),
        outcome: compared.outcome.clone(),
        rfc5780: false,
        short: Some(all.join(", ")).filter(|all| !all.is_empty()),
    }
}

#[cfg(test)]
mod tests;
