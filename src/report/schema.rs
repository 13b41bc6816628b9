//! The JSON Schema of the report, drawn from the types themselves and from the table of metrics.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::model::metric::{self, Metric};
use crate::model::{Estimates, Failure, PortRange, PortSet, Report, RttHistogram, SCHEMA, StepTiming, Timeline};

/// Facts whose value is a set of ports.
const PORT_SETS: [&Metric; 5] =
    [&metric::ANSWERED, &metric::REFUSED, &metric::SILENT, &metric::PROHIBITED, &metric::PORTS_HELD];
/// Facts whose value counts something.
const COUNTS: [&Metric; 7] = [
    &metric::PROBED,
    &metric::TOTAL,
    &metric::STUN_SENT,
    &metric::PACKETS_SENT,
    &metric::STRAY_ANSWERS,
    &metric::CORES,
    &metric::PORTS_FREE,
];
/// Facts that count something, and are null where it cannot be seen.
const COUNTS_OR_NULL: [&Metric; 8] = [
    &metric::SENT,
    &metric::RECEIVED,
    &metric::REORDERED,
    &metric::REORDERED_UP,
    &metric::REORDERED_DOWN,
    &metric::DUPLICATED,
    &metric::DUPLICATED_UP,
    &metric::DUPLICATED_DOWN,
];
/// Facts that are distributions: numbers in milliseconds by name.
const DISTRIBUTIONS: [(&Metric, &[&str]); 2] =
    [(&metric::RTT_MS, &["min", "mean", "p50", "p95", "p99", "max"]), (&metric::SEND_LATE_MS, &["p50", "p99", "max"])];

/// The schema of schema 1 (JSON Schema draft 2020-12). Objects are open, so a report of a later version, with more in
/// it, is still a report; the closed sets are those of this version.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let facts = facts(&mut generator);
    let mut schema = generator.into_root_schema_for::<Report>().to_value();
    place(&mut schema, "/$id", json!("urn:rtc-check:report:1"));
    place(&mut schema, "/title", json!("rtc-check report, schema 1"));
    place(&mut schema, "/properties/schema/const", json!(SCHEMA));
    place(&mut schema, "/$defs/Facts", facts);
    tie_rule_and_ports(&mut schema);
    schema
}

/// `observed`: open, with every fact of the table described and, where it is one for all probes, its type.
fn facts(generator: &mut SchemaGenerator) -> Value {
    let mut properties = Map::new();
    for metric in metric::TABLE {
        let mut of_type = value_type(metric, generator).to_value();
        place(&mut of_type, "/description", json!(metric.help));
        properties.insert(metric.name.to_owned(), of_type);
    }
    json!({
        "type": "object",
        "description": "The probe's own facts; later versions and probes add names.",
        "properties": properties,
        "additionalProperties": true,
    })
}

fn value_type(metric: &Metric, generator: &mut SchemaGenerator) -> Schema {
    let plain = |value: Value| Schema::try_from(value).unwrap_or_default();
    if *metric == metric::STEPS {
        generator.subschema_for::<Vec<StepTiming>>()
    } else if *metric == metric::FAILURE {
        generator.subschema_for::<Failure>()
    } else if *metric == metric::DOCUMENTED_PORTS {
        generator.subschema_for::<PortRange>()
    } else if PORT_SETS.contains(&metric) {
        generator.subschema_for::<PortSet>()
    } else if COUNTS.contains(&metric) {
        plain(json!({ "type": "integer", "minimum": 0 }))
    } else if *metric == metric::TIMELINE {
        generator.subschema_for::<Timeline>()
    } else if *metric == metric::RTT_HISTOGRAM {
        generator.subschema_for::<RttHistogram>()
    } else if *metric == metric::ESTIMATES {
        generator.subschema_for::<Estimates>()
    } else if COUNTS_OR_NULL.contains(&metric) {
        plain(json!({ "type": ["integer", "null"], "minimum": 0 }))
    } else if let Some((_, names)) = DISTRIBUTIONS.iter().find(|(m, _)| *m == metric) {
        let number = |name: &&str| ((*name).to_owned(), json!({ "type": ["number", "null"] }));
        let properties: Map<String, Value> = names.iter().map(number).collect();
        plain(json!({ "type": ["object", "null"], "properties": properties }))
    } else if *metric == metric::MOS || ["_ms", "_pct"].iter().any(|unit| metric.name.ends_with(unit)) {
        plain(json!({ "type": ["number", "null"] }))
    } else {
        Schema::default()
    }
}

/// What the types cannot say: a check has one of `port` and `ports`, only beside a `rule`, and none of the four is
/// ever null.
fn tie_rule_and_ports(schema: &mut Value) {
    let check = "/$defs/Check";
    for name in ["rule", "transport", "port", "ports", "source", "group", "waived"] {
        if let Some(property) = schema.pointer_mut(&format!("{check}/properties/{name}")) {
            never_null(property);
        }
    }
    place(schema, &format!("{check}/not"), json!({ "required": ["port", "ports"] }));
    let needs = json!({ "rule": ["transport"], "transport": ["rule"], "port": ["rule"], "ports": ["rule"] });
    place(schema, &format!("{check}/dependentRequired"), needs);
}

/// Takes null out of a property that is left out rather than null.
fn never_null(property: &mut Value) {
    if let Some(types) = property.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|t| t != "null");
    }
    if let Some(choices) = property.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|c| c.get("type") != Some(&json!("null")));
    }
}

/// Puts `value` at the JSON pointer; its parent must be an object.
pub(super) fn place(schema: &mut Value, pointer: &str, value: Value) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    if let Some(parent) = schema.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.insert(key.to_owned(), value);
    }
}
