//! Series of each check: its status, what it took, and what it measured, out of what the probes recorded.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use super::page::{Family, Labels, Page, bytes_per_second, ratio, seconds};
use super::run::states;
use crate::model::metric::Metric;
use crate::model::{Certificate, Check, Facts, LimitResult, LimitSource, PortSet, Report, StepTiming, masked, metric};
use crate::report::evidence;
use crate::report::text::clean;

const STATUS: Family = Family { name: "rtc_check_check_status", help: "a check's status: 1 for the one that it has" };
const WAIVED: Family = Family {
    name: "rtc_check_check_waived",
    help: "1 for a check that the operator waived: its status stands and does not count",
};
const MOVED: Family = Family {
    name: "rtc_check_check_port_moved",
    help: "1 for a check of other ports than its document's, which `documented_port` has",
};
const DURATION: Family = Family { name: "rtc_check_check_duration_seconds", help: "how long a check took" };
const STEP: Family = Family { name: "rtc_check_step_duration_seconds", help: metric::STEPS.help };
const RTT: Family = Family { name: "rtc_check_rtt_seconds", help: metric::RTT_MS.help };
const JITTER: Family = Family { name: "rtc_check_jitter_seconds", help: metric::JITTER_MS.help };
const LOSS: Family = Family {
    name: "rtc_check_loss_ratio",
    help: "share of packets that were lost: towards the target, from it, and of the round trip",
};
const MOS: Family = Family { name: "rtc_check_mos", help: metric::MOS.help };
const PORTS: Family =
    Family { name: "rtc_check_ports", help: "ports of a range by what came of them, and how many it has" };
const CERTIFICATE: Family = Family {
    name: "rtc_check_certificate_not_after_timestamp_seconds",
    help: "when the server's certificate expires, in Unix time",
};
const LIMIT: Family =
    Family { name: "rtc_check_limit", help: "the bound on a measured quantity, in the base unit that `metric` names" };
const OBSERVED: Family = Family {
    name: "rtc_check_limit_observed",
    help: "what was measured for that bound, in the base unit that `metric` names",
};
const THROUGHPUT: Family = Family {
    name: "rtc_check_throughput_bytes_per_second",
    help: "what the line carried: media payload of a bandwidth check, bytes at the IP level of a capacity check",
};

/// How a value comes to its base unit.
type Base = fn(f64) -> f64;

/// Draws them.
pub(super) fn draw(page: &mut Page, report: &Report) {
    let run = page.run();
    let mut ids: HashSet<String> = HashSet::with_capacity(report.checks.len());
    for check in &report.checks {
        let labels = labels(&run, check, &id(&mut ids, check));
        page.states(&STATUS, &labels, &states(check.status));
        if check.waived.is_some() {
            page.push(&WAIVED, &labels, 1.0);
        }
        if let Some(ports) = evidence::documented(check) {
            page.push(&MOVED, &labels.with("documented_port", &ports.to_string()), 1.0);
        }
        page.push(&DURATION, &labels, seconds(check.duration_ms as f64));
        steps(page, &labels, &check.observed);
        figures(page, &labels, &check.observed);
        ports(page, &labels, &check.observed);
        certificate(page, &labels, &check.observed);
        throughput(page, &labels, &check.observed);
        check.limits.iter().for_each(|limit| self::limit(page, &labels, limit));
    }
}

/// The check's id, with a number behind it where another has the same.
fn id(ids: &mut HashSet<String>, check: &Check) -> String {
    let plain = clean(&check.id, true);
    let mut id = plain.clone();
    let mut number = 1;
    while !ids.insert(id.clone()) {
        number += 1;
        id = format!("{plain}#{number}");
    }
    id
}

fn labels(run: &Labels, check: &Check, id: &str) -> Labels {
    let mut labels = run.clone();
    labels.add_clean("check", id);
    labels.add("rule", check.rule.as_ref().map(|r| r.as_str()).unwrap_or_default());
    labels.add_clean("probe", check.probe.as_str());
    labels.add("role", check.role.as_str());
    labels.add("target", &check.target);
    labels.add_clean("address", &check.address.map(masked::shown).unwrap_or_default());
    labels.add_clean("transport", check.transport.map(|t| t.as_str()).unwrap_or_default());
    let port = check.port.map(|p| p.to_string()).or_else(|| check.ports.map(|p| p.to_string()));
    labels.add_clean("port", &port.unwrap_or_default());
    labels.add_clean("need", check.need.as_str());
    labels
}

/// Each layer's time; where one was climbed more than once, all of them together.
fn steps(page: &mut Page, labels: &Labels, facts: &Facts) {
    let mut all: Vec<(&'static str, f64)> = Vec::new();
    for step in facts.get::<Vec<StepTiming>>(&metric::STEPS).unwrap_or_default() {
        match all.iter_mut().find(|(name, _)| *name == step.step.as_str()) {
            Some((_, ms)) => *ms += step.ms,
            None => all.push((step.step.as_str(), step.ms)),
        }
    }
    for (step, ms) in all {
        page.push(&STEP, &labels.with("step", step), seconds(ms));
    }
}

fn figures(page: &mut Page, labels: &Labels, facts: &Facts) {
    let rtt: Value = facts.get(&metric::RTT_MS).unwrap_or_default();
    for stat in ["min", "mean", "p50", "p95", "p99", "max"] {
        if let Some(ms) = number(&rtt, stat) {
            page.push(&RTT, &labels.with("stat", stat), seconds(ms));
        }
    }
    let jitter: Value = facts.get(&metric::JITTER_DETAIL).unwrap_or_default();
    let way = |way: &str| jitter.get(way).and_then(|of| number(of, "mean"));
    let all = [("both", facts.get(&metric::JITTER_MS)), ("up", way("up")), ("down", way("down"))];
    by_direction(page, &JITTER, labels, all, seconds);
    let loss = |m: &Metric| facts.get::<f64>(m);
    let all =
        [("both", loss(&metric::LOSS_PCT)), ("up", loss(&metric::LOSS_UP_PCT)), ("down", loss(&metric::LOSS_DOWN_PCT))];
    by_direction(page, &LOSS, labels, all, ratio);
    if let Some(mos) = facts.get(&metric::MOS) {
        page.push(&MOS, labels, mos);
    }
}

/// What is known of each direction, in its base unit.
fn by_direction<const N: usize>(
    page: &mut Page,
    family: &'static Family,
    labels: &Labels,
    all: [(&str, Option<f64>); N],
    base: Base,
) {
    for (direction, value) in all {
        if let Some(value) = value {
            page.push(family, &labels.with("direction", direction), base(value));
        }
    }
}

fn ports(page: &mut Page, labels: &Labels, facts: &Facts) {
    let mut push = |state, value: Option<u32>| {
        if let Some(value) = value {
            page.push(&PORTS, &labels.with("state", state), f64::from(value));
        }
    };
    for m in [&metric::ANSWERED, &metric::REFUSED, &metric::SILENT, &metric::PROHIBITED] {
        push(m.name, facts.get::<PortSet>(m).map(|set| set.count()));
    }
    for m in [&metric::PROBED, &metric::TOTAL] {
        push(m.name, facts.get(m));
    }
}

fn certificate(page: &mut Page, labels: &Labels, facts: &Facts) {
    let chain: Vec<Certificate> = facts.get(&metric::CERT_CHAIN).unwrap_or_default();
    let ends = chain.first().and_then(|leaf| leaf.not_after.parse::<Timestamp>().ok());
    if let Some(ends) = ends {
        page.push(&CERTIFICATE, labels, ends.as_second() as f64);
    }
}

/// Of a search for capacity what it found; of a bandwidth check what arrived.
fn throughput(page: &mut Page, labels: &Labels, facts: &Facts) {
    let (carried, capacity): (Value, Value) =
        (facts.get(&metric::CARRIED).unwrap_or_default(), facts.get(&metric::CAPACITY).unwrap_or_default());
    let found = |way: &str| capacity.get(way).and_then(|of| number(of, "ip_kbps"));
    let all = [
        ("up", number(&carried, "up_kbps").or_else(|| found("up"))),
        ("down", number(&carried, "down_kbps").or_else(|| found("down"))),
    ];
    by_direction(page, &THROUGHPUT, labels, all, bytes_per_second);
}

fn limit(page: &mut Page, labels: &Labels, limit: &LimitResult) {
    let (name, base) = in_base_unit(&limit.metric);
    let mut labels = labels.clone();
    labels.add("metric", &name);
    labels.add("op", &limit.op);
    let by = if matches!(limit.source, LimitSource::Document(_)) { "document" } else { "default" };
    labels.add_clean("source", by);
    page.push_once(&LIMIT, &labels, base(limit.limit));
    if let Some(observed) = limit.observed {
        page.push_once(&OBSERVED, &labels, base(observed));
    }
}

/// The metric's name with its base unit, and how a value comes to it: `rtt_ms` is `rtt_seconds`.
fn in_base_unit(metric: &str) -> (String, Base) {
    let renamed = |unit: &str, base: &str| Some(format!("{}{base}", metric.strip_suffix(unit)?));
    let name = renamed("_ms", "_seconds").map(|name| (name, seconds as Base));
    let name = name.or_else(|| Some((renamed("_pct", "_ratio")?, ratio as Base)));
    let name = name.or_else(|| Some((renamed("_kbps", "_bytes_per_second")?, bytes_per_second as Base)));
    name.unwrap_or_else(|| (metric.to_owned(), |value| value))
}

fn number(value: &Value, key: &str) -> Option<f64> {
    value.get(key).and_then(Value::as_f64)
}
