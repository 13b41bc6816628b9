//! The JSON Schema of a comparison, drawn from its types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::model::{COMPARISON_SCHEMA, Comparison};
use crate::report::schema::place;

/// The schema of `rtc-check/comparison/1` (JSON Schema draft 2020-12). Objects are open.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Comparison>().to_value();
    place(&mut schema, "/$id", json!("urn:rtc-check:comparison:1"));
    place(&mut schema, "/title", json!("rtc-check comparison of two reports, schema 1"));
    place(&mut schema, "/properties/schema/const", json!(COMPARISON_SCHEMA));
    schema
}
