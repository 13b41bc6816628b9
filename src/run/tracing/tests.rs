//! Which flows are traced where a proxy leads to the host, and beside which control.

use std::time::Duration;

use super::*;
use crate::model::ProbeKind;
use crate::plan::Request;

const RTC: &str = "203.0.113.10";

fn plan() -> Plan {
    let profile = crate::profile::built_in("user").unwrap();
    let targets = [("rtc".into(), vec![RTC.parse().unwrap()])].into();
    Plan::new(&profile, &Request { targets, ..Request::default() }).unwrap()
}

fn worked() -> Observation {
    let mut seen = Observation::new(ProbeKind::Ws);
    seen.step_ok(Step::Connect, Duration::from_millis(3));
    seen
}

fn failed(step: Step, kind: FailureKind) -> Observation {
    let mut seen = Observation::new(ProbeKind::Ws);
    let before = if step == Step::Tls { Some(Step::Proxy) } else { None };
    before.into_iter().for_each(|step| seen.step_ok(step, Duration::from_millis(3)));
    seen.step_failed(Failure::new(step, kind, "x"), Duration::from_millis(3));
    seen
}

/// What was seen of a rule through a proxy, and directly.
fn seen(plan: &Plan, rule: &str, proxied: Observation, direct: &Observation) -> Seen {
    let index = plan.items.iter().position(|i| i.rule.id.as_str() == rule).unwrap();
    let mut observation = proxied;
    observation.facts.set(&metric::DIRECT, WayTaken::of(direct, None));
    let address = Some(RTC.parse().unwrap());
    Seen { of: Planned::Item(index), address, observation, started_ms: 0, duration_ms: 0 }
}

fn traced(proxied: Observation, direct: &Observation) -> Option<(Carrier, u16)> {
    let plan = plan();
    flow_of(&plan, &seen(&plan, "rtc.gateway", proxied, direct)).map(|flow| (flow.carrier, flow.port))
}

use FailureKind::{ProxyRefused, Refused, Reset, TimedOut};

#[test]
fn the_direct_way_is_traced_and_never_a_tunnel() {
    let cut = || failed(Step::Tls, Reset);
    assert_eq!(traced(cut(), &worked()), None, "only the tunnel fails");
    assert_eq!(traced(cut(), &failed(Step::Connect, Refused)), Some((Carrier::Tcp, 8989)));
    let refused = || failed(Step::Proxy, ProxyRefused);
    assert_eq!(traced(refused(), &failed(Step::Connect, TimedOut)), Some((Carrier::Tcp, 8989)));
    assert_eq!(traced(refused(), &worked()), None);
    assert_eq!(traced(worked(), &failed(Step::Connect, TimedOut)), None, "nothing failed that anybody needs");
}

#[test]
fn a_control_is_a_port_that_is_open_directly() {
    let plan = plan();
    let closed = || failed(Step::Connect, Refused);
    let of = |all: &[Seen]| {
        let flow = control(&plan, all, RTC.parse().unwrap());
        (flow.carrier, flow.port)
    };
    let tunnelled = seen(&plan, "rtc.gateway", worked(), &closed());
    let cut = seen(&plan, "rtc.api", failed(Step::Tls, Reset), &closed());
    let nobody = (Carrier::Udp, schedule::trace::NOBODYS_PORT);
    assert_eq!(of(&[tunnelled.clone(), cut.clone()]), nobody);
    let open = seen(&plan, "rtc.api", failed(Step::Proxy, ProxyRefused), &worked());
    assert_eq!(of(&[tunnelled, open]), (Carrier::Tcp, 8089));
}

#[test]
fn an_error_about_the_proxy_is_not_told_of_the_direct_way() {
    let plan = plan();
    let mut lost = failed(Step::Proxy, TimedOut);
    lost.facts.set(&metric::ICMP_FROM, "192.0.2.1");
    lost.facts.set(&metric::ICMP, "ICMP host prohibited (type 3 code 10)");
    lost.facts.set(&metric::ICMP_MEANING, "prohibited");
    let told = lost.facts.clone();
    let flow = serde_json::json!({ "carrier": "tcp", "port": 8989 });
    let trace = serde_json::json!({ "flow": flow, "control": flow, "hops": [], "end": "silent", "rounds": 3 });
    let trace: Trace = serde_json::from_value(trace).unwrap();
    let of = |proxied: Observation, direct: &Observation| {
        told_before(&trace, &seen(&plan, "rtc.gateway", proxied, direct).observation).end
    };
    let silence = failed(Step::Connect, TimedOut);
    assert_eq!(of(lost, &silence), TraceEnd::Silent);
    let prohibited = Observation { facts: told, ..silence.clone() };
    assert_eq!(of(failed(Step::Proxy, TimedOut), &prohibited), TraceEnd::Rejected);
}
