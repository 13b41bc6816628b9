//! Messages as the generated types read them; an independent decoder reads them in `tests/push.rs`.

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;

use super::*;
use crate::model::{RunInfo, SCHEMA, Status, Summary, ToolInfo};

fn report() -> Report {
    Report {
        schema: SCHEMA.to_owned(),
        complete: true,
        tool: ToolInfo { name: "rtc-check".to_owned(), version: "0.1.0".to_owned() },
        run: RunInfo {
            id: "20261121T031207-0000abcd".to_owned(),
            started: "2026-11-21T03:12:07Z".to_owned(),
            finished: "2026-11-21T03:12:13Z".to_owned(),
            duration_ms: 6213,
            profile: "agent".to_owned(),
            from: "client".to_owned(),
            options: Default::default(),
            targets: Default::default(),
            seed: 7,
            ended: None,
        },
        verdict: Status::Pass,
        summary: Summary::default(),
        findings: Vec::new(),
        checks: Vec::new(),
        ways: Vec::new(),
        comparison: None,
        redacted: Vec::new(),
    }
}

fn root(report: &Report, sender: &Sender) -> Span {
    traces(report, sender).resource_spans[0].scope_spans[0].spans[0].clone()
}

fn named(report: &Report, sender: &Sender) -> Vec<String> {
    let value = |a: &KeyValue| format!("{}={:?}", a.key, a.value.as_ref().and_then(|v| v.value.clone()).unwrap());
    resource(report, sender).attributes.iter().map(value).collect()
}

#[test]
fn a_run_is_the_same_trace_whenever_it_is_sent_and_another_run_another() {
    let (one, other) = (report(), Report { run: RunInfo { seed: 8, ..report().run }, ..report() });
    let sender = Sender::default();
    assert_eq!(traces(&one, &sender), traces(&one, &sender));
    assert_ne!(root(&one, &sender).trace_id, root(&other, &sender).trace_id);
    let span = root(&one, &sender);
    assert_eq!((span.trace_id.len(), span.span_id.len(), span.parent_span_id.len()), (16, 8, 0));
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 6_213_000_000);
    assert_eq!(span.start_time_unix_nano, 1_795_230_727_000_000_000);
}

#[test]
fn a_run_under_a_callers_span_is_a_part_of_its_trace() {
    let parent = Parent::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=b");
    let span = root(&report(), &Sender { parent: parent.clone(), ..Sender::default() });
    let parent = parent.unwrap();
    assert_eq!((span.trace_id, span.parent_span_id), (parent.trace.to_vec(), parent.span.to_vec()));
    assert_eq!((span.trace_state.as_str(), span.flags), ("a=b", 0x301));
}

#[test]
fn the_resource_is_named_by_whoever_runs_it_and_hides_the_machine_when_asked() {
    let sender = Sender {
        attributes: vec![("service.name".to_owned(), "branch".to_owned()), ("site".to_owned(), "bcn".to_owned())],
        host: Some("desk-7".to_owned()),
        parent: None,
    };
    let all = named(&report(), &sender).join(" ");
    assert!(
        all.contains("service.name=StringValue(\"branch\")") && all.contains("desk-7") && all.contains("bcn"),
        "{all}"
    );
    let redacted = Report { redacted: vec![crate::model::Redacted::Names], ..report() };
    assert!(!named(&redacted, &sender).join(" ").contains("desk-7"));
}

#[test]
fn what_a_receiver_left_out_is_read_and_nonsense_is_nothing() {
    let partial = |rejected_spans, message: &str| {
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: message.to_owned() };
        encoded(&ExportTraceServiceResponse { partial_success: Some(partial) })
    };
    let want = |count, message: &str| Some(Rejected { count, message: message.to_owned() });
    assert_eq!(rejected(&partial(3, "too\nold")), want(3, "too old"));
    assert_eq!(rejected(&partial(0, "slow down")), want(0, "slow down"));
    assert_eq!((rejected(&partial(0, "")), rejected(b""), rejected(b"{}")), (None, None, None));
}

proptest! {
    #[test]
    fn any_answer_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = rejected(&bytes);
    }
}
