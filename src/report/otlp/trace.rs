//! One trace: the run, and a span for each check. Attributes are those of the semantic conventions where they have one
//! (`server.*`, `network.*`, `error.type`), else `rtc_check.*`.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status as SpanStatus};
use ring::digest::{SHA256, digest};

use super::{SCHEMA, Sender, after, attribute, resource, scope, text, times, whole};
use crate::model::{Check, Finding, Report, Status, StepTiming, masked, metric};
use crate::report::clean;

/// The flag of W3C's trace context for a trace that is recorded.
const SAMPLED: u32 = 1;
/// OTLP's own: whether the parent is remote is known, and it is.
const REMOTE: u32 = 0x300;

/// The run as a trace.
pub fn traces(report: &Report, sender: &Sender) -> ExportTraceServiceRequest {
    let ids = Ids::of(report, sender);
    let mut spans = vec![root(report, sender, &ids)];
    spans.extend(report.checks.iter().enumerate().map(|(at, check)| span(report, check, at, &ids)));
    let scoped = ScopeSpans { scope: Some(scope(report)), spans, schema_url: SCHEMA.to_owned() };
    let of = ResourceSpans {
        resource: Some(resource(report, sender)),
        scope_spans: vec![scoped],
        schema_url: SCHEMA.to_owned(),
    };
    ExportTraceServiceRequest { resource_spans: vec![of] }
}

/// The trace and its root.
struct Ids {
    trace: Vec<u8>,
    root: Vec<u8>,
    flags: u32,
}

impl Ids {
    fn of(report: &Report, sender: &Sender) -> Self {
        let trace = match &sender.parent {
            Some(parent) => parent.trace.to_vec(),
            None => hashed(report, "trace", 16),
        };
        let flags = sender.parent.as_ref().map_or(SAMPLED, |parent| u32::from(parent.flags) | SAMPLED);
        Self { trace, root: hashed(report, "root", 8), flags }
    }
}

/// Bytes that are the same for the same run and of no other. All zeros would be no id (W3C Trace Context section 3.2.2).
fn hashed(report: &Report, of: &str, bytes: usize) -> Vec<u8> {
    let run = &report.run;
    let words =
        [&run.id, &run.started, &run.profile, &run.from, &run.seed.to_string()].map(|word| word.replace('\0', ""));
    let hash = digest(&SHA256, format!("{}\0{of}", words.join("\0")).as_bytes());
    let mut id: Vec<u8> = hash.as_ref().iter().copied().take(bytes).collect();
    if let Some(last) = id.last_mut() {
        *last = (*last).max(1);
    }
    id
}

fn root(report: &Report, sender: &Sender, ids: &Ids) -> Span {
    let (start, end) = times(report);
    let run = &report.run;
    let mut attributes = vec![
        text("rtc_check.run.id", &run.id),
        text("rtc_check.profile", &run.profile),
        text("rtc_check.from", &run.from),
        text("rtc_check.verdict", report.verdict.as_str()),
        attribute("rtc_check.complete", any_value::Value::BoolValue(report.complete)),
        whole("rtc_check.seed", i64::try_from(run.seed).unwrap_or(i64::MAX)),
    ];
    attributes.extend(run.targets.iter().map(|(role, hosts)| list(&format!("rtc_check.target.{role}"), hosts)));
    let s = &report.summary;
    for (status, count) in
        [("pass", s.pass), ("warn", s.warn), ("fail", s.fail), ("unknown", s.unknown), ("skip", s.skip)]
    {
        attributes.push(whole(&format!("rtc_check.checks.{status}"), count));
    }
    let parent = sender.parent.as_ref();
    Span {
        trace_id: ids.trace.clone(),
        span_id: ids.root.clone(),
        parent_span_id: parent.map(|parent| parent.span.to_vec()).unwrap_or_default(),
        trace_state: parent.map(|parent| parent.state.clone()).unwrap_or_default(),
        flags: ids.flags | if parent.is_some() { REMOTE } else { 0 },
        name: clean(&format!("rtc-check {}", run.profile), true),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        events: report.findings.iter().map(|finding| found(finding, end)).collect(),
        status: Some(match report.verdict {
            Status::Fail => failed(&causes(report)),
            _ => SpanStatus::default(),
        }),
        ..Span::default()
    }
}

/// What is wrong, in a few words.
fn causes(report: &Report) -> String {
    let titles: Vec<&str> =
        report.findings.iter().filter(|f| f.status == Status::Fail).map(|f| f.title.as_str()).take(5).collect();
    match titles.is_empty() {
        true => format!("{} of the checks failed", report.summary.fail),
        false => titles.join("; "),
    }
}

fn failed(words: &str) -> SpanStatus {
    SpanStatus { message: clean(words, true), code: StatusCode::Error.into() }
}

fn found(finding: &Finding, at: u64) -> Event {
    let mut attributes = vec![
        text("rtc_check.finding.status", finding.status.as_str()),
        text("rtc_check.finding.title", &finding.title),
        text("rtc_check.finding.detail", &finding.detail),
        text("rtc_check.finding.remedy", &finding.remedy),
        text("rtc_check.finding.who", finding.who.map(|who| who.words()).unwrap_or_default()),
    ];
    attributes.extend(
        [("checks", &finding.checks), ("ask", &finding.ask), ("evidence", &finding.evidence)]
            .map(|(name, all)| list(&format!("rtc_check.finding.{name}"), all)),
    );
    Event {
        time_unix_nano: at,
        name: clean(&finding.id, true),
        attributes: seen(attributes),
        dropped_attributes_count: 0,
    }
}

fn span(report: &Report, check: &Check, at: usize, ids: &Ids) -> Span {
    let (run, _) = times(report);
    let start = after(run, check.started_ms);
    let end = after(start, check.duration_ms);
    Span {
        trace_id: ids.trace.clone(),
        // Two checks of a report that somebody else wrote may have one id.
        span_id: hashed(report, &format!("check {at} {}", check.id), 8),
        parent_span_id: ids.root.clone(),
        flags: ids.flags,
        name: clean(check.name(), true),
        kind: match check.probe {
            crate::model::ProbeKind::Host => SpanKind::Internal.into(),
            _ => SpanKind::Client.into(),
        },
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: seen(about(check)),
        events: steps(check, start, end),
        status: Some(match check.status {
            Status::Fail => failed(&check.reason),
            _ => SpanStatus::default(),
        }),
        ..Span::default()
    }
}

fn about(check: &Check) -> Vec<KeyValue> {
    let named = |name: &str, value: Option<&str>| text(name, value.unwrap_or_default());
    let address = check.address.map(masked::shown);
    let family = check.address.map(|address| if address.is_ipv4() { "ipv4" } else { "ipv6" });
    let documented: Option<String> = check.observed.get(&metric::DOCUMENTED_PORTS);
    let mut all = vec![
        text("rtc_check.check", &check.id),
        named("rtc_check.rule", check.rule.as_ref().map(|rule| rule.as_str())),
        text("rtc_check.probe", check.probe.as_str()),
        text("rtc_check.role", check.role.as_str()),
        text("rtc_check.need", check.need.as_str()),
        text("rtc_check.status", check.status.as_str()),
        text("rtc_check.reason", &check.reason),
        named("rtc_check.group", check.group.as_deref()),
        named("rtc_check.waived", check.waived.as_ref().map(|waived| waived.reason.as_str())),
        named("rtc_check.source.document", check.source.as_ref().map(|source| source.document.as_str())),
        named("rtc_check.source.row", check.source.as_ref().map(|source| source.row.as_str())),
        text("rtc_check.ports", &check.ports.map(|ports| ports.to_string()).unwrap_or_default()),
        text("rtc_check.documented_ports", &documented.unwrap_or_default()),
        text("server.address", &check.target),
        named("network.peer.address", address.as_deref()),
        named("network.type", family),
        named("network.transport", check.transport.map(|transport| transport.as_str())),
        named("error.type", error(check).as_deref()),
    ];
    if let Some(port) = check.port {
        all.extend([whole("server.port", port), whole("network.peer.port", port)]);
    }
    all
}

/// The failure's kind, where the probe recorded one; a check that fails by its figures has that of a limit.
fn error(check: &Check) -> Option<String> {
    let failure: Option<serde_json::Value> = check.observed.get(&metric::FAILURE);
    let kind = failure.as_ref().and_then(|f| f.get("kind")).and_then(|kind| kind.as_str()).map(str::to_owned);
    match check.status {
        Status::Fail => kind.or_else(|| Some("not-met".to_owned())),
        _ => None,
    }
}

/// Each layer that was climbed, at the time at which it was left.
fn steps(check: &Check, start: u64, end: u64) -> Vec<Event> {
    let all: Vec<StepTiming> = check.observed.get(&metric::STEPS).unwrap_or_default();
    let mut passed = 0.0;
    let event = |step: &StepTiming| {
        passed += step.ms.max(0.0);
        let at = start.saturating_add((passed * 1e6) as u64).min(end);
        let mut attributes = vec![text("rtc_check.step.result", &step.result)];
        attributes.push(attribute("rtc_check.step.duration_ms", any_value::Value::DoubleValue(step.ms)));
        Event { time_unix_nano: at, name: step.step.as_str().to_owned(), attributes, dropped_attributes_count: 0 }
    };
    all.iter().map(event).collect()
}

/// Those that have a value.
fn seen(attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    let is_empty = |value: &any_value::Value| match value {
        any_value::Value::StringValue(text) => text.is_empty(),
        any_value::Value::ArrayValue(array) => array.values.is_empty(),
        _ => false,
    };
    let value = |of: &KeyValue| of.value.as_ref().and_then(|value| value.value.clone());
    attributes.into_iter().filter(|a| value(a).is_some_and(|value| !is_empty(&value))).collect()
}

fn list(name: &str, all: &[String]) -> KeyValue {
    let one = |text: &String| AnyValue { value: Some(any_value::Value::StringValue(clean(text, true))) };
    attribute(name, any_value::Value::ArrayValue(ArrayValue { values: all.iter().map(one).collect() }))
}
