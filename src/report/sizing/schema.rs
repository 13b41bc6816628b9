//! The JSON Schema of an answer on sizes, drawn from its types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::model::sizing::{SIZING_SCHEMA, Sizes};
use crate::report::schema::place;

/// The schema of schema 1 (JSON Schema draft 2020-12); its objects are open for what later versions add.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Sizes>().to_value();
    place(&mut schema, "/$id", json!("urn:rtc-check:sizing:1"));
    place(&mut schema, "/title", json!("rtc-check sizes, schema 1"));
    place(&mut schema, "/properties/schema/const", json!(SIZING_SCHEMA));
    schema
}
