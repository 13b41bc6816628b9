//! OTLP, as a receiver that was not written here reads it.

use serde_json::Value;

use super::receiver::{Answer, Receiver, Request, status};
use super::{Saved, reports};
use crate::harness::{readers, run};

/// What OpenTelemetry's own definitions make of a body; `None` where Python is not set up.
fn decoded(kind: &str, request: &Request) -> Option<Value> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("body");
    std::fs::write(&file, &request.body).unwrap();
    let mut python = readers::python("python")?;
    let script = readers::root().join("tests/readers/otlp_decode.py");
    let output = python.arg(script).arg(kind).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The requests of a run by their path.
#[track_caller]
fn sent(receiver: &Receiver) -> (Request, Request) {
    let mut all = receiver.all();
    assert_eq!(all.len(), 2, "{all:?}");
    all.sort_by_key(|request| request.line().to_owned());
    let [metrics, traces] = all.try_into().unwrap();
    (traces, metrics)
}

fn ok() -> Answer {
    status(200)
}

/// `a.b=c` of each attribute.
fn attributes(of: &Value) -> Vec<String> {
    let value = |v: &Value| match v.as_object().and_then(|o| o.iter().next()) {
        Some((kind, list)) if kind == "arrayValue" => {
            let each = list["values"].as_array().into_iter().flatten();
            format!("[{}]", each.map(|v| v["stringValue"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" | "))
        }
        Some((_, Value::String(text))) => text.clone(),
        Some((_, other)) => other.to_string(),
        None => String::new(),
    };
    let all = of["attributes"].as_array().into_iter().flatten();
    all.map(|a| format!("{}={}", a["key"].as_str().unwrap(), value(&a["value"]))).collect()
}

/// Milliseconds since the run began.
fn at(time: &Value, start: u64) -> f64 {
    let nanos: u64 = time.as_str().unwrap().parse().unwrap();
    (nanos - start) as f64 / 1e6
}

fn start_of(spans: &[Value]) -> u64 {
    spans[0]["startTimeUnixNano"].as_str().unwrap().parse().unwrap()
}

/// A trace as lines: a span, what is said of it, and its events.
fn drawn(trace: &Value) -> String {
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let start = start_of(spans);
    let mut out = format!("resource {}\n", attributes(&trace["resourceSpans"][0]["resource"]).join(" "));
    for span in spans {
        let (from, to) = (at(&span["startTimeUnixNano"], start), at(&span["endTimeUnixNano"], start));
        let status = span["status"]["code"]
            .as_str()
            .map(|code| format!(" {code}: {}", span["status"]["message"]))
            .unwrap_or_default();
        let kind = span["kind"].as_str().unwrap().trim_start_matches("SPAN_KIND_");
        out += &format!("\n{} {kind} {from}..{to} ms{status}\n", span["name"].as_str().unwrap());
        attributes(span).iter().for_each(|line| out += &format!("    {line}\n"));
        for event in span["events"].as_array().into_iter().flatten() {
            out += &format!("  @ {} ms {}\n", at(&event["timeUnixNano"], start), event["name"].as_str().unwrap());
            attributes(event).iter().for_each(|line| out += &format!("    {line}\n"));
        }
    }
    out
}

/// Metrics as lines.
fn counted(metrics: &Value) -> String {
    let mut out = String::new();
    for metric in metrics["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap() {
        let unit = metric["unit"].as_str().unwrap_or_default();
        out += &format!("{} [{unit}]: {}\n", metric["name"].as_str().unwrap(), metric["description"].as_str().unwrap());
        let points = metric["gauge"]["dataPoints"].as_array().unwrap();
        for point in points.iter().take(4) {
            let value = point.get("asDouble").map_or_else(|| "0".to_owned(), Value::to_string);
            out += &format!("    {value} {}\n", attributes(point).join(" "));
        }
        if points.len() > 4 {
            out += &format!("    and {} more\n", points.len() - 4);
        }
    }
    out
}

#[test]
fn a_run_is_a_trace_with_a_span_a_check_and_its_figures_are_gauges() {
    for (name, report) in [("agent", reports::agent()), ("measured", reports::measured())] {
        let (receiver, saved) = (Receiver::plain([ok()]), Saved::new(&report));
        let to = format!("http://127.0.0.1:{}/", receiver.port);
        run(saved.command(&["--otlp", &to, "--redact", "names"])).says(&["sent the trace to", "sent the metrics to"]);
        let (traces, metrics) = sent(&receiver);
        assert_eq!((traces.line(), metrics.line()), ("POST /v1/traces", "POST /v1/metrics"));
        assert_eq!(traces.header("content-type"), Some("application/x-protobuf"));
        let (Some(traces), Some(metrics)) = (decoded("traces", &traces), decoded("metrics", &metrics)) else { return };
        insta::assert_snapshot!(format!("otlp_trace_{name}"), drawn(&traces));
        insta::assert_snapshot!(format!("otlp_metrics_{name}"), counted(&metrics));
        tree(&traces, report.checks.len());
    }
}

/// Every span is of one trace, under the root, within its time, and has an id of its own.
#[track_caller]
fn tree(trace: &Value, checks: usize) {
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len(), checks + 1);
    let ids: std::collections::BTreeSet<&str> = spans.iter().map(|s| s["spanId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), spans.len());
    for span in &spans[1..] {
        assert_eq!((&span["traceId"], &span["parentSpanId"]), (&spans[0]["traceId"], &spans[0]["spanId"]));
    }
}

#[test]
fn the_environment_says_where_to_who_sends_and_under_which_span() {
    let (receiver, saved) = (Receiver::plain([ok()]), Saved::new(&reports::healthy()));
    let mut command = saved.command(&["--otlp"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}/otlp", receiver.port));
    command.env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip").env("OTEL_SERVICE_NAME", "branch-7");
    command.env("OTEL_RESOURCE_ATTRIBUTES", "service.name=low,site=Sant%20Cugat");
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=tenant%201");
    command.env("TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    run(command).exits(0);
    let (traces, metrics) = sent(&receiver);
    assert_eq!((traces.line(), metrics.header("content-encoding")), ("POST /otlp/v1/traces", Some("gzip")));
    assert_eq!(traces.header("x-scope"), Some("tenant 1"));
    let Some(trace) = decoded("traces", &traces) else { return };
    let resource = attributes(&trace["resourceSpans"][0]["resource"]).join(" ");
    assert!(resource.contains("service.name=branch-7") && resource.contains("site=Sant Cugat"), "{resource}");
    assert!(resource.contains("host.name="), "{resource}");
    let root = &trace["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(
        (root["traceId"].as_str(), root["parentSpanId"].as_str()),
        (Some("S/kvNXezTaajzpKdDg5HNg=="), Some("APBnqgupArc="))
    );
}

#[test]
fn nothing_is_sent_because_of_the_environment_alone_or_where_it_is_switched_off() {
    let (receiver, saved) = (Receiver::plain([ok()]), Saved::new(&reports::healthy()));
    let with = |args: &[&str], more: (&str, &str)| {
        let mut command = saved.command(args);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", receiver.port)).env(more.0, more.1);
        run(command)
    };
    with(&[], ("OTEL_TRACES_EXPORTER", "otlp")).exits(0);
    with(&["--otlp"], ("OTEL_SDK_DISABLED", "true")).exits(0).says(&["OTEL_SDK_DISABLED"]);
    with(&["--otlp"], ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")).exits(2).says(&["http/protobuf", "4318"]);
    assert_eq!(receiver.all().len(), 0);
}

#[test]
fn what_a_receiver_leaves_out_is_told_and_what_it_refuses_is_kept() {
    // ExportTracePartialSuccess: rejected_spans 3, error_message "too old".
    let partial = b"\x0a\x0b\x08\x03\x12\x07too old".to_vec();
    let (receiver, saved) = (Receiver::plain([Answer::Status(200, "", partial)]), Saved::new(&reports::healthy()));
    let to = format!("http://127.0.0.1:{}", receiver.port);
    let told = run(saved.command(&["--otlp", &to]));
    told.exits(2).says(&["left out 3 parts of the trace: \"too old\"", "rtc-check report rtc-check-report-"]);
    // A timeout of the upload alone (408) is none that OTLP repeats.
    for code in [400, 408] {
        let receiver = Receiver::plain([status(code)]);
        let to = format!("http://127.0.0.1:{}", receiver.port);
        let lost = run(saved.command(&["--otlp", &to]));
        lost.exits(2).says(&["could not send the trace", "could not send the metrics", "--otlp URL"]);
        assert_eq!(receiver.all().len(), 2);
    }
}
