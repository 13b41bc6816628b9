//! The report as one JSON document: [`Report`]'s own shape, indented, keys always in the same order.

use serde::Serialize;

use super::text::escape_controls;
use crate::model::Report;

/// The report, indented by two, with a newline at its end.
pub(super) fn render(report: &Report) -> String {
    pretty(report)
}

/// `value` indented by two, with a newline at its end.
pub(super) fn pretty(value: &impl Serialize) -> String {
    finish(serde_json::to_string_pretty(value))
}

/// `value` on one line, with a newline at its end.
pub(super) fn one_line(value: &impl Serialize) -> String {
    finish(serde_json::to_string(value))
}

/// Reports and events have string keys and no failing serializer, so the error is unreachable; should a later type
/// break that, a reader gets a document that says so in place of a panic.
fn finish(text: serde_json::Result<String>) -> String {
    let mut text = match text {
        Ok(text) => escape_controls(text),
        Err(e) => serde_json::json!({ "error": format!("the report is no JSON: {e}") }).to_string(),
    };
    text.push('\n');
    text
}
