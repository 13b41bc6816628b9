//! For tests: a plan of a built-in profile and what was seen of it, by the names that a report has.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::tests::meta;
use super::{Report, judge};
use crate::model::metric::Metric;
use crate::model::{
    Check, Failure, FailureKind, Host, Observation, Planned, PortSet, ProbeKind, Seen, Status, Step, metric,
};
use crate::plan::{Plan, Request};

pub const RTC: &str = "203.0.113.10";
pub const ACD: &str = "203.0.113.20";
pub const ICE: &str = "203.0.113.30";

/// A run in the making.
pub struct Bench {
    pub plan: Plan,
    seen: Vec<Seen>,
}

impl Bench {
    /// A plan of `profile` with a host for each role, and these relays beside its rules.
    pub fn new(profile: &str, turn: &[&str]) -> Self {
        let profile = crate::profile::built_in(profile).unwrap();
        let all = [("rtc", RTC), ("acd", ACD), ("ice", ICE), ("dlegate", RTC)];
        let known = all.into_iter().filter(|(role, _)| profile.roles.contains_key(&(*role).into()));
        let targets: BTreeMap<_, Vec<Host>> =
            known.map(|(role, host)| (role.into(), vec![host.parse().unwrap()])).collect();
        let turn = turn.iter().map(|uri| uri.parse().unwrap()).collect();
        let request = Request { targets, turn, ..Request::default() };
        Self { plan: Plan::new(&profile, &request).unwrap(), seen: Vec::new() }
    }

    fn saw(mut self, of: Planned, address: &str, observation: Observation) -> Self {
        let address = Some(address.parse::<IpAddr>().unwrap());
        self.seen.push(Seen { of, address, observation, started_ms: 0, duration_ms: 0 });
        self
    }

    /// What was seen of a rule.
    pub fn rule(self, rule: &str, observation: Observation) -> Self {
        let index = self.plan.items.iter().position(|i| i.rule.id.as_str() == rule).unwrap();
        let address = self.plan.items[index].host.to_string();
        self.saw(Planned::Item(index), &address, observation)
    }

    /// What was seen of a trial, by its name in the table.
    pub fn trial(self, name: &str, observation: Observation) -> Self {
        let names: Vec<String> = self.plan.trials.iter().map(|t| t.name()).collect();
        let index = names.iter().position(|n| n == name).unwrap_or_else(|| panic!("{name}: {names:?}"));
        let address = self.plan.trials[index].host.to_string();
        self.saw(Planned::Trial(index), &address, observation)
    }

    /// What was measured on a role.
    pub fn measure(self, role: &str, observation: Observation) -> Self {
        let index = self.plan.measures.iter().position(|m| m.role.as_str() == role).unwrap();
        let address = self.plan.measures[index].host.to_string();
        self.saw(Planned::Measure(index), &address, observation)
    }

    pub fn report(&self) -> Report {
        judge(&self.plan, &self.seen, &meta(false))
    }

    /// The check whose id begins so.
    pub fn check(&self, id: &str) -> Check {
        let report = self.report();
        report.checks.iter().find(|c| c.id.starts_with(id)).cloned().unwrap_or_else(|| panic!("{id}"))
    }

    /// Status and reason of the check whose id begins so.
    pub fn told(&self, id: &str) -> (Status, String) {
        let check = self.check(id);
        (check.status, check.reason)
    }
}

/// An observation with these facts.
pub fn seen(probe: ProbeKind, facts: &[(&Metric, Value)]) -> Observation {
    let mut observation = Observation::new(probe);
    facts.iter().for_each(|(m, value)| observation.facts.set(m, value));
    observation
}

/// An observation that failed, with these facts.
pub fn failed(
    probe: ProbeKind,
    step: Step,
    kind: FailureKind,
    detail: &str,
    facts: &[(&Metric, Value)],
) -> Observation {
    let mut observation = seen(probe, facts);
    observation.step_failed(Failure::new(step, kind, detail), std::time::Duration::from_millis(5));
    observation
}

/// The figures of a train of which all came back.
pub fn figures(rtt: f64) -> Vec<(&'static Metric, Value)> {
    vec![
        (&metric::SENT, json!(50)),
        (&metric::RECEIVED, json!(50)),
        (&metric::LOSS_PCT, json!(0.0)),
        (&metric::RTT_MS, json!({ "min": rtt, "mean": rtt, "p50": rtt, "p95": rtt, "p99": rtt, "max": rtt })),
        (&metric::JITTER_MS, Value::Null),
        (&metric::RTT_VARIATION_MS, json!(0.42)),
        (&metric::MOS, json!(4.4)),
    ]
}

/// A relay that gave `relayed` and carried a train.
pub fn relayed(way: &str, ready_ms: f64) -> Observation {
    let mut facts = figures(40.1);
    facts.push((&metric::READY_MS, json!(ready_ms)));
    facts.push((&metric::RELAY, relay(way, "long-term")));
    seen(ProbeKind::Turn, &facts)
}

/// A relay's own facts.
pub fn relay(way: &str, login: &str) -> Value {
    json!({
        "way": way, "server": format!("{ICE}:443"), "relayed": "198.51.100.5:50123", "mapped": "192.0.2.7:41000",
        "realm": "example.org", "peer": "itself", "login": login, "proxy": false,
    })
}

/// Every sampled port refused by the target, all silent, or some of both.
pub fn range(refused: &[u16], silent: &[u16]) -> Observation {
    let ports = |list: &[u16]| serde_json::to_value(list.iter().copied().collect::<PortSet>()).unwrap();
    let probed = refused.len() + silent.len();
    let facts = [
        (&metric::REFUSED, ports(refused)),
        (&metric::SILENT, ports(silent)),
        (&metric::PROBED, json!(probed)),
        (&metric::TOTAL, json!(1001)),
        (&metric::COVERAGE_PCT, json!(probed as f64 / 10.01)),
        (&metric::SAMPLED, json!(true)),
    ];
    seen(ProbeKind::UdpRange, &facts)
}

/// Silence over UDP.
pub fn silence(probe: ProbeKind) -> Observation {
    failed(probe, Step::Allocate, FailureKind::TimedOut, "no answer to 4 requests in 5.5 s", &[])
}
