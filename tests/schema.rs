//! The published JSON Schema: up to date, and an independent validator accepts every report and refuses what is none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod reports;

use proptest::prelude::*;
use rtc_check::report::{Format, Style, render, schema};
use serde_json::{Value, json};

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::options().build(&schema()).expect("the schema is a schema")
}

fn as_json(report: &rtc_check::model::Report) -> Value {
    serde_json::from_str(&render(report, Format::Json, &Style::default())).expect("a report is JSON")
}

#[test]
fn the_published_schemas_are_up_to_date() {
    for (name, schema) in [
        ("report-1", schema()),
        ("sizing-1", rtc_check::report::sizing::schema()),
        ("comparison-1", rtc_check::report::compare::schema()),
        ("doctor-1", rtc_check::report::doctor::schema()),
    ] {
        let now = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let published = format!("{}/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let fresh = format!("{}/{name}.schema.json", env!("CARGO_TARGET_TMPDIR"));
        if std::fs::read_to_string(&published).ok().as_deref() != Some(&now) {
            std::fs::write(&fresh, now).unwrap();
            panic!("the types and the published schema differ; if that is meant: cp {fresh} {published}");
        }
    }
}

#[test]
fn the_schema_of_sizes_says_what_it_is() {
    let schema = rtc_check::report::sizing::schema();
    assert_eq!(schema["$id"], "urn:rtc-check:sizing:1");
    assert_eq!(schema["properties"]["schema"]["const"], "rtc-check/sizing/1");
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
}

#[test]
fn the_schema_of_doctor_says_what_it_is() {
    let schema = rtc_check::report::doctor::schema();
    assert_eq!(schema["$id"], "urn:rtc-check:doctor:1");
    assert_eq!(schema["properties"]["schema"]["const"], "rtc-check/doctor/1");
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
}

#[test]
fn the_schema_says_what_it_is() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$id"], "urn:rtc-check:report:1");
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
    let metric = &schema["$defs"]["Facts"]["properties"]["coverage_pct"];
    assert_eq!(metric["description"], "share of the range that was asked");
}

#[test]
fn real_reports_are_valid() {
    let validator = validator();
    let ways = reports::fallback();
    for report in
        [reports::agent(), reports::healthy(), reports::unresolved(), reports::measured(), ways, reports::empty()]
    {
        let errors: Vec<String> =
            validator.iter_errors(&as_json(&report)).map(|e| format!("{}: {e}", e.instance_path)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn what_is_no_report_is_refused() {
    let validator = validator();
    let broken = |pointer: &str, value: Value| {
        let mut report = as_json(&reports::agent());
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        report.pointer_mut(parent).unwrap()[key] = value;
        !validator.is_valid(&report)
    };
    assert!(broken("/schema", json!("rtc-check/report/2")));
    assert!(broken("/verdict", json!("maybe")));
    assert!(broken("/checks/0/port", Value::Null), "left out, never null");
    assert!(broken("/checks/0/rule", Value::Null), "left out, never null");
    assert!(broken("/checks/0/ports", json!("1-2")), "one of port and ports");
    assert!(broken("/checks/0/status", json!("ok")));
    assert!(broken("/checks/0/probe", json!("telepathy")));
    assert!(broken("/checks/4/observed/silent", json!("19500")));
    assert!(broken("/checks/4/observed/silent", json!(["19500 to 19599"])));
    assert!(broken("/checks/4/observed/probed", json!("all")));
    assert!(!broken("/checks/0/observed/documented_ports", json!("443")));
    assert!(broken("/checks/0/observed/documented_ports", json!(443)));
    let mut without_address = as_json(&reports::agent());
    without_address["checks"][0].as_object_mut().unwrap().remove("address");
    assert!(!validator.is_valid(&without_address), "null where unresolved, never left out");
}

#[test]
fn a_later_report_with_more_in_it_stays_readable() {
    let mut report = as_json(&reports::agent());
    for object in ["", "/run", "/checks/0", "/checks/0/observed", "/findings/0"] {
        report.pointer_mut(object).unwrap()["later"] = json!({ "a": 1 });
    }
    assert!(validator().is_valid(&report));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_report_is_valid(report in reports::reports()) {
        let validator = validator();
        let json = as_json(&report);
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path)).collect();
        prop_assert!(errors.is_empty(), "{:#?}", errors);
    }
}
