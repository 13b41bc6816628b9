//! `rtc-check report` and `rtc-check schema`.

use std::path::Path;

use serde::Deserialize;

use crate::model::{Report, SCHEMA};
use crate::profile::built_in;

use super::args::{ReportArgs, SchemaDocument};
use super::output::{self, Outputs};
use super::{Unusable, files};

/// The largest report that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Draws a saved report again; answers the exit code that its run had.
pub fn command(args: &ReportArgs) -> Result<u8, Unusable> {
    let report = read(&args.file)?;
    let mut outputs = Outputs::open_saved(&args.output)?.by(&args.ca, None)?;
    if let Some(profile) = built_in(&report.run.profile) {
        outputs = outputs.about(&profile, []);
    }
    Ok(outputs.write(&report, args.output.strict))
}

/// Reads a saved report, `-` from stdin.
///
/// # Errors
/// A file that cannot be read, or that is no report of schema 1.
pub fn read(file: &Path) -> Result<Report, Unusable> {
    let text = files::read_text(file, MAX_BYTES)?;
    let name = file.display();
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| Unusable(format!("{name}: is not JSON: {e}")))?;
    match value.get("schema").and_then(|s| s.as_str()) {
        Some(SCHEMA) => {}
        Some(other) => {
            return Err(Unusable(format!("{name}: has the schema `{other}`, this version reads `{SCHEMA}`")));
        }
        None => {
            return Err(Unusable(format!("{name}: is no report: it names no schema, this version reads `{SCHEMA}`")));
        }
    }
    Report::deserialize(value).map_err(|e| Unusable(format!("{name}: is no report of schema 1: {e}")))
}

/// Prints a schema.
pub fn schema(document: SchemaDocument) -> Result<u8, Unusable> {
    let schema = match document {
        SchemaDocument::Report => crate::report::schema(),
        SchemaDocument::Comparison => crate::report::compare::schema(),
        SchemaDocument::Sizing => crate::report::sizing::schema(),
        SchemaDocument::Doctor => crate::report::doctor::schema(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|e| Unusable(e.to_string()))?;
    output::print(&(text + "\n"))
}
