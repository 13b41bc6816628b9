//! The JSON Schema of what `rtc-check doctor` found, drawn from its types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::model::doctor::{DOCTOR_SCHEMA, Doctor};
use crate::report::schema::place;

/// The schema of `rtc-check/doctor/1` (JSON Schema draft 2020-12). Objects are open.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Doctor>().to_value();
    place(&mut schema, "/$id", json!("urn:rtc-check:doctor:1"));
    place(&mut schema, "/title", json!("rtc-check doctor, schema 1"));
    place(&mut schema, "/properties/schema/const", json!(DOCTOR_SCHEMA));
    schema
}
