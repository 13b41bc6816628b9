//! The last phase of all: where what failed or stayed silent is stopped. Only says what was seen: what that means is the
//! judge's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::model::trace::{Carrier, Flow, OtherPort, Trace, TraceEnd};
use crate::model::{
    Event, Failure, FailureKind, Host, Observation, Outcome, Phase, Planned, PortRange, PortSet, RelayTransport, Seen,
    Service, Step, Transport, WayStatus, WayTaken, metric, schedule,
};
use crate::net;
use crate::net::trace::{Aim, Wanted};
use crate::plan::{Plan, TrialKind};

use super::Context;

/// Traces what failed among `seen`, and puts what was seen into its facts.
pub async fn trace_all(plan: &Plan, context: &Arc<Context>, seen: &mut [Seen]) {
    if !context.tuning.trace || context.cancel.is_cancelled() {
        return;
    }
    let wanted = wanted_of_all(plan, seen);
    if wanted.is_empty() {
        return;
    }
    let (phase, checks) = (Phase::Tracing, wanted.iter().map(|(.., of)| of.len()).sum());
    context.sink.event(&Event::PhaseStarted { phase, checks, at_ms: context.since_start() });
    let aims = aims(plan, seen, &wanted);
    let traced = net::trace::trace(aims.clone(), schedule::trace::LONGEST, &context.cancel).await.unwrap_or_default();
    for (aim, mut traces) in aims.iter().zip(traced) {
        note_other_port(&mut traces);
        for trace in traces {
            let found = wanted.iter().find(|(address, flow, _)| (*address, flow) == (aim.address, &trace.flow));
            found.into_iter().flat_map(|(.., of)| of).for_each(|index| put(plan, context, seen, *index, &trace));
        }
    }
    context.sink.event(&Event::PhaseDone { phase, at_ms: context.since_start() });
}

/// What came of the datagrams to nobody's port is told with the UDP flows beside it.
fn note_other_port(traces: &mut [Trace]) {
    let is_udp = |t: &Trace| t.flow.carrier == Carrier::Udp;
    let other = traces.iter().find(|t| is_udp(t) && t.flow.port == schedule::trace::NOBODYS_PORT).map(|t| OtherPort {
        port: t.flow.port,
        end: t.end,
        before: t.before,
    });
    traces.iter_mut().filter(|t| is_udp(t)).for_each(|t| t.other_port.clone_from(&other));
}

fn put(plan: &Plan, context: &Context, seen: &mut [Seen], index: usize, trace: &Trace) {
    let Some(one) = seen.get_mut(index) else { return };
    let trace = &told_before(trace, &one.observation);
    one.observation.facts.set(&metric::TRACE, trace);
    if let Some(check) = check_id(plan, one) {
        let (trace, at_ms) = (Box::new(trace.clone()), context.since_start());
        context.sink.event(&Event::Traced { check, trace, at_ms });
    }
}

/// What was seen of the way that is traced: where a proxy leads to the host, of the direct one beside it.
fn directly(seen: &Observation) -> Cow<'_, Observation> {
    let Some(way) = seen.facts.get::<WayTaken>(&metric::DIRECT) else { return Cow::Borrowed(seen) };
    let outcome = match (way.status, way.failure) {
        (WayStatus::Ok, _) => Outcome::Measured,
        (_, Some(failure)) => Outcome::Failed(failure),
        (_, None) => Outcome::Skipped("the direct way was not tried".to_owned()),
    };
    Cow::Owned(Observation { probe: seen.probe, outcome, steps: way.steps, facts: way.facts })
}

/// A router that has used up what errors it may send stays silent now; what it sent while the check was made stands.
fn told_before(trace: &Trace, observation: &Observation) -> Trace {
    let facts = &directly(observation).facts;
    let stops = facts.get::<String>(&metric::ICMP_MEANING).is_some_and(|m| m == "prohibited" || m == "unreachable");
    let from: Option<IpAddr> = facts.get(&metric::ICMP_FROM).filter(|_| stops);
    let icmp: Option<String> = facts.get(&metric::ICMP);
    match (from, icmp, trace.end) {
        (Some(from), Some(icmp), TraceEnd::Silent | TraceEnd::Unknown) if Some(from) != trace.source => {
            let words = icmp.split(" (type").next().unwrap_or_default();
            let name = words.trim_start_matches("ICMPv6 ").trim_start_matches("ICMP ").to_owned();
            let (after, before) = (trace.after, trace.before);
            let (icmp, why_unknown) = (Some(name), None);
            let rounds = if trace.rounds == 0 { 1 } else { trace.rounds };
            Trace {
                end: TraceEnd::Rejected,
                from: Some(from),
                icmp,
                why_unknown,
                after,
                before,
                rounds,
                ..trace.clone()
            }
        }
        _ => trace.clone(),
    }
}

fn check_id(plan: &Plan, seen: &Seen) -> Option<String> {
    match seen.of {
        Planned::Item(index) => Some(plan.items.get(index)?.check_id(seen.address)),
        Planned::Trial(index) => Some(plan.trials.get(index)?.check_id(seen.address)),
        Planned::Measure(_) | Planned::Machine(_) => None,
    }
}

/// A flow to trace, and the indexes of what failed by it.
type Failed = (IpAddr, Flow, Vec<usize>);

/// Each flow once, in the order of the plan; of each family the first addresses, and not more flows than are allowed.
fn wanted_of_all(plan: &Plan, seen: &[Seen]) -> Vec<Failed> {
    let mut all: Vec<Failed> = Vec::new();
    for (index, one) in seen.iter().enumerate() {
        let Some((address, flow)) = one.address.zip(flow_of(plan, one)) else { continue };
        match all.iter_mut().find(|(a, f, _)| *a == address && *f == flow) {
            Some((.., of)) => of.push(index),
            None => all.push((address, flow, vec![index])),
        }
    }
    let mut addresses: Vec<IpAddr> = Vec::new();
    all.retain(|(address, ..)| {
        let known = addresses.contains(address);
        let room = addresses.iter().filter(|a| a.is_ipv6() == address.is_ipv6()).count() < schedule::trace::ADDRESSES;
        if !known && room {
            addresses.push(*address);
        }
        known || room
    });
    all.truncate(schedule::trace::FLOWS);
    all
}

/// What carries a planned thing, its ports, and the name of its host.
fn endpoint(plan: &Plan, of: Planned) -> Option<(Transport, PortRange, String, Option<Service>)> {
    match of {
        Planned::Item(index) => {
            let item = plan.items.get(index)?;
            Some((item.rule.transport, item.rule.ports?, name(&item.host), Some(item.rule.service)))
        }
        Planned::Trial(index) => {
            let trial = plan.trials.get(index)?;
            let TrialKind::Turn(uri) = &trial.kind else { return None };
            let transport = match uri.transport {
                RelayTransport::Udp | RelayTransport::Dtls => Transport::Udp,
                RelayTransport::Tcp | RelayTransport::Tls => Transport::Tcp,
            };
            Some((transport, PortRange::single(uri.port)?, name(&trial.host), None))
        }
        Planned::Measure(_) | Planned::Machine(_) => None,
    }
}

/// Empty for an address.
fn name(host: &Host) -> String {
    if matches!(host, Host::Name(_)) { host.bare() } else { String::new() }
}

/// The flow by which something failed or stayed silent; `None` where nothing on the way can have stopped it.
fn flow_of(plan: &Plan, seen: &Seen) -> Option<Flow> {
    let (transport, ports, name, service) = endpoint(plan, seen.of)?;
    let name = Some(name).filter(|n| !n.is_empty());
    let port = ports.first();
    // Nothing is asked of a direct way that nobody needs.
    if transport == Transport::Tcp && seen.observation.outcome == Outcome::Measured {
        return None;
    }
    match (&directly(&seen.observation).outcome, transport) {
        (Outcome::Measured, Transport::Udp) if service == Some(Service::Rtp) => {
            let first = |m| seen.observation.facts.get::<PortSet>(m)?.ranges().first().map(|r| r.first());
            let port = first(&metric::PROHIBITED).or_else(|| first(&metric::SILENT))?;
            Some(Flow { carrier: Carrier::Udp, port, name: None })
        }
        (Outcome::Failed(failure), Transport::Udp) if is_stopped(failure) && failure.step != Step::Name => {
            Some(Flow { carrier: Carrier::Udp, port, name: None })
        }
        (Outcome::Failed(failure), Transport::Tcp) => match failure.step {
            Step::Connect if is_stopped(failure) => Some(Flow { carrier: Carrier::Tcp, port, name: None }),
            Step::Tls if is_cut(failure) => Some(Flow { carrier: Carrier::Tls, port, name }),
            _ => None,
        },
        _ => None,
    }
}

fn is_stopped(failure: &Failure) -> bool {
    use FailureKind::{Prohibited, Refused, TimedOut, Unreachable};
    matches!(failure.kind, TimedOut | Refused | Unreachable | Prohibited)
}

fn is_cut(failure: &Failure) -> bool {
    use FailureKind::{Closed, Reset, TimedOut, TlsCutOff};
    matches!(failure.kind, TlsCutOff | Reset | Closed | TimedOut)
}

fn aims(plan: &Plan, seen: &[Seen], wanted: &[Failed]) -> Vec<Aim> {
    let mut aims: BTreeMap<IpAddr, Aim> = BTreeMap::new();
    for (address, flow, _) in wanted {
        let aim = aims.entry(*address).or_insert_with(|| Aim {
            address: *address,
            source: net::trace::own_address(SocketAddr::new(*address, schedule::trace::NOBODYS_PORT)),
            control: control(plan, seen, *address),
            flows: Vec::new(),
        });
        let other_name = flow.name.as_ref().map(|_| schedule::trace::OTHER_NAME.to_owned());
        aim.flows.push(Wanted { flow: flow.clone(), other_name });
    }
    // Is it the port that is stopped, or all UDP? Where that flow is the control already, it has shown it.
    for aim in aims.values_mut().filter(|a| a.control.carrier == Carrier::Tcp) {
        if aim.flows.iter().any(|w| w.flow.carrier == Carrier::Udp) {
            let flow = Flow { carrier: Carrier::Udp, port: schedule::trace::NOBODYS_PORT, name: None };
            aim.flows.push(Wanted { flow, other_name: None });
        }
    }
    aims.into_values().collect()
}

/// A flow to the address that works: an open TCP port of which nothing failed, UDP that was answered, or else a datagram to a
/// port that nobody serves. A port that was refused is none: somebody on the way may refuse in the host's name.
fn control(plan: &Plan, seen: &[Seen], address: IpAddr) -> Flow {
    let of_address = || seen.iter().filter(|s| s.address == Some(address));
    let tcp = |works: fn(&Observation) -> bool| {
        let mut open = of_address().filter(|s| works(&directly(&s.observation))).filter_map(|s| endpoint(plan, s.of));
        let port = open.find(|(transport, ..)| *transport == Transport::Tcp)?.1.first();
        Some(Flow { carrier: Carrier::Tcp, port, name: None })
    };
    let udp = || {
        let answered = |s: &&Seen| s.observation.outcome == Outcome::Measured;
        of_address().filter(answered).find_map(|s| {
            let (transport, ports, _, service) = endpoint(plan, s.of)?;
            let reached = |m| s.observation.facts.get::<PortSet>(m)?.ranges().first().map(|r| r.first());
            let port = match service {
                Some(Service::Rtp) => reached(&metric::ANSWERED).or_else(|| reached(&metric::REFUSED))?,
                _ => ports.first(),
            };
            (transport == Transport::Udp).then_some(Flow { carrier: Carrier::Udp, port, name: None })
        })
    };
    let plain = Flow { carrier: Carrier::Udp, port: schedule::trace::NOBODYS_PORT, name: None };
    tcp(|o| o.outcome == Outcome::Measured).or_else(|| tcp(Observation::connected)).or_else(udp).unwrap_or(plain)
}

#[cfg(test)]
mod tests;
