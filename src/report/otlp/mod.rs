//! The report as OpenTelemetry has it: one trace, a span a check under a span of the run, and its figures as gauges; messages
//! of OTLP, ready for its HTTP form. Pure: ids come from the run's own, times from the report, so that a report that is sent
//! twice is the same trace. Knows no environment and no network.

mod answer;
mod metrics;
mod parent;
mod trace;

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use crate::model::Report;

pub use answer::{Rejected, rejected};
pub use metrics::metrics;
pub use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
pub use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
pub use parent::Parent;
pub use trace::traces;

/// The names of the semantic conventions that are used here.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.26.0";

/// Who sends, beside what the report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// Attributes of the resource; `service.name` among them replaces the program's own.
    pub attributes: Vec<(String, String)>,
    /// This machine's name; left out where the report is redacted.
    pub host: Option<String>,
    /// The span that the run is a part of.
    pub parent: Option<Parent>,
}

/// A message as it is sent.
pub fn encoded(message: &impl Message) -> Vec<u8> {
    message.encode_to_vec()
}

fn resource(report: &Report, sender: &Sender) -> Resource {
    let mut all = vec![
        ("service.name".to_owned(), report.tool.name.clone()),
        ("service.version".to_owned(), report.tool.version.clone()),
    ];
    let host = sender.host.iter().filter(|_| report.redacted.is_empty());
    all.extend(host.map(|host| ("host.name".to_owned(), host.clone())));
    for (name, value) in &sender.attributes {
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.clone_from(value),
            None => all.push((name.clone(), value.clone())),
        }
    }
    let attributes = all.iter().map(|(name, value)| text(name, value)).collect();
    Resource { attributes, ..Resource::default() }
}

fn scope(report: &Report) -> InstrumentationScope {
    InstrumentationScope {
        name: report.tool.name.clone(),
        version: report.tool.version.clone(),
        ..InstrumentationScope::default()
    }
}

/// When the run began and ended, in nanoseconds since 1970: as exact as the report has it.
fn times(report: &Report) -> (u64, u64) {
    let started = report.run.started.parse::<jiff::Timestamp>().ok();
    let start = started.and_then(|at| u64::try_from(at.as_nanosecond()).ok()).unwrap_or_default();
    (start, after(start, report.run.duration_ms))
}

fn after(start: u64, ms: u64) -> u64 {
    start.saturating_add(ms.saturating_mul(1_000_000))
}

fn attribute(name: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(name: &str, value: &str) -> KeyValue {
    attribute(name, any_value::Value::StringValue(super::clean(value, true)))
}

fn whole(name: &str, value: impl Into<i64>) -> KeyValue {
    attribute(name, any_value::Value::IntValue(value.into()))
}

#[cfg(test)]
mod tests;
