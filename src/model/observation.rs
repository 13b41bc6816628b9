//! What a probe saw, with no judgement.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::failure::{Failure, Step};
use super::metric::Metric;
use super::rule::ProbeKind;

/// One layer of a probe and how long it took: an element of `observed.steps`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepTiming {
    /// Which layer.
    pub step: Step,
    /// Time spent in it, in milliseconds.
    pub ms: f64,
    /// `ok`, or the failure's kind and words.
    pub result: String,
}

/// Named facts and metrics of one probe; the names are those of [`metric::TABLE`](super::metric::TABLE).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Facts(Map<String, Value>);

impl Facts {
    /// No fact yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records `value` under the metric's name; a value that is no JSON (a NaN) is recorded as null.
    pub fn set(&mut self, metric: &Metric, value: impl Serialize) {
        self.0.insert(metric.name.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
    }

    /// The value recorded under the metric's name, if it is there and of that type.
    pub fn get<T: DeserializeOwned>(&self, metric: &Metric) -> Option<T> {
        self.0.get(metric.name).and_then(|v| T::deserialize(v).ok())
    }

    /// Forgets what was recorded under the metric's name.
    pub fn remove(&mut self, metric: &Metric) {
        self.0.remove(metric.name);
    }

    /// Whether anything was recorded under the metric's name.
    pub fn has(&self, metric: &Metric) -> bool {
        self.0.contains_key(metric.name)
    }

    /// Takes over every fact of `other`.
    pub fn extend(&mut self, other: Facts) {
        self.0.extend(other.0);
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v))
    }
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It went through; the facts say what was seen.
    Measured,
    /// The network failed, which is a result.
    Failed(Failure),
    /// It was not tried, because …
    Skipped(String),
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The probe that really ran (`tcp` where a later probe falls back to it).
    pub probe: ProbeKind,
    /// How it ended.
    pub outcome: Outcome,
    /// The layers it climbed, in order.
    pub steps: Vec<StepTiming>,
    /// What it saw on the way, also when it failed.
    pub facts: Facts,
}

impl Observation {
    /// An observation of `probe` that went through, with nothing in it yet.
    pub fn new(probe: ProbeKind) -> Self {
        Self { probe, outcome: Outcome::Measured, steps: Vec::new(), facts: Facts::new() }
    }

    /// Not tried.
    pub fn skipped(probe: ProbeKind, because: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped(because.into()), ..Self::new(probe) }
    }

    /// Failed before any step was measured.
    pub fn failed(probe: ProbeKind, failure: Failure) -> Self {
        Self { outcome: Outcome::Failed(failure), ..Self::new(probe) }
    }

    /// Records a step that went well.
    pub fn step_ok(&mut self, step: Step, took: std::time::Duration) {
        self.steps.push(StepTiming { step, ms: millis(took), result: "ok".to_owned() });
    }

    /// Records a step that failed, and the failure as the outcome.
    pub fn step_failed(&mut self, failure: Failure, took: std::time::Duration) {
        self.step_noted(&failure, took);
        self.outcome = Outcome::Failed(failure);
    }

    /// Records a step that failed without deciding the outcome.
    pub fn step_noted(&mut self, failure: &Failure, took: std::time::Duration) {
        let result = format!("{}: {}", failure.kind.as_str(), failure.detail);
        self.steps.push(StepTiming { step: failure.step, ms: millis(took), result });
    }

    /// What came of a step that did not go well, where that decided nothing: its kind and words.
    pub fn trouble_at(&self, step: Step) -> Option<&str> {
        self.steps.iter().find(|s| s.step == step && s.result != "ok").map(|s| s.result.as_str())
    }

    /// It went through, or its TCP handshake did, or a proxy connected it, whatever came after.
    pub fn connected(&self) -> bool {
        let is_open = |s: &StepTiming| matches!(s.step, Step::Connect | Step::Proxy) && s.result == "ok";
        self.outcome == Outcome::Measured || self.steps.iter().any(is_open)
    }

    /// The failure, if that is how it ended.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failed(f) => Some(f),
            _ => None,
        }
    }
}

/// A planned thing, as an index into the plan's list of its kind. Rules come before what is measured beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planned {
    /// A rule on a host.
    Item(usize),
    /// A relay, NAT, ICE or a call, tried beside the rules.
    Trial(usize),
    /// What is measured on a host of a role.
    Measure(usize),
    /// A subject of this machine itself.
    Machine(usize),
}

/// An observation and where it belongs in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What it is of.
    pub of: Planned,
    /// `None` when the name did not resolve.
    pub address: Option<IpAddr>,
    /// What was seen.
    pub observation: Observation,
    /// Milliseconds since the run's start.
    pub started_ms: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Milliseconds with microsecond resolution.
pub fn millis(d: std::time::Duration) -> f64 {
    (d.as_secs_f64() * 1e6).round() / 1e3
}
