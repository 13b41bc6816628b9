//! `rtc-check report` and `rtc-check schema`.

use crate::model::{Report, SCHEMA};

use super::args::{ReportArgs, SchemaDocument};
use super::output::{self, Outputs};
use super::{Unusable, exit, files};

/// The largest report that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Draws a saved report again; answers the exit code that its run had.
pub fn command(args: &ReportArgs) -> Result<u8, Unusable> {
    let text = files::read_text(&args.file, MAX_BYTES)?;
    let name = args.file.display();
    let report: Report =
        serde_json::from_str(&text).map_err(|e| Unusable(format!("{name}: is no report of schema 1: {e}")))?;
    if report.schema != SCHEMA {
        return Err(Unusable(format!("{name}: has the schema `{}`, this version reads `{SCHEMA}`", report.schema)));
    }
    Ok(Outputs::open_saved(&args.output)?.write(&report, args.output.strict))
}

/// Prints a schema.
pub fn schema(SchemaDocument::Report: SchemaDocument) -> Result<u8, Unusable> {
    let text = serde_json::to_string_pretty(&crate::report::schema()).map_err(|e| Unusable(e.to_string()))?;
    output::print(&(text + "\n"));
    Ok(exit::PASS)
}
