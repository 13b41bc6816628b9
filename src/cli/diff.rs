//! `rtc-check diff`, and what a comparison does to an exit code.

use crate::compare;
use crate::model::{Change, Comparison};
use crate::profile::built_in;
use crate::report::compare::{Format, render};

use super::args::{DiffArgs, DiffFormat, FailOn};
use super::files::Output;
use super::{Unusable, exit, output, report};

/// Compares two saved reports.
pub fn command(args: &DiffArgs) -> Result<u8, Unusable> {
    if args.before == args.after && args.before.as_os_str() == "-" {
        return Err(Unusable("stdin has one report: give the other as a file".to_owned()));
    }
    let (before, after) = (report::read(&args.before)?, report::read(&args.after)?);
    let name = |path: &std::path::Path| path.display().to_string();
    let compared = compare::compare((&name(&args.before), &before), (&name(&args.after), &after));
    let redactor = output::redactor(&args.redact);
    let mut redactor = output::locked(&redactor);
    for profile in [&before, &after].into_iter().filter_map(|r| built_in(&r.run.profile)) {
        redactor.keep(output::fixed_hosts(&profile));
    }
    let compared = redactor.comparison(&compared).map_err(Unusable)?;
    let format = match args.format {
        DiffFormat::Table => Format::Table,
        DiffFormat::Json => Format::Json,
        DiffFormat::Markdown => Format::Markdown,
    };
    match args.output.as_deref().filter(|p| p.as_os_str() != "-") {
        Some(path) => Output::open(path)?.replace(&render(&compared, format, &output::plain(args.width)))?,
        None => {
            output::print(&render(&compared, format, &output::terminal(args.width)))?;
        }
    }
    Ok(if fails(args.fail_on, &compared) { exit::FAIL } else { exit::PASS })
}

/// Whether `--fail-on` makes a failure of the comparison.
pub fn fails(on: Option<FailOn>, compared: &Comparison) -> bool {
    match on {
        Some(FailOn::Worse) => compared.result == Change::Worse,
        Some(FailOn::Any) => compared.result != Change::Same,
        Some(FailOn::Never) | None => false,
    }
}
