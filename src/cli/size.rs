//! `rtc-check size`: reads a profile, has its tables reckoned with, and prints the answer. Knows no figure.

use crate::model::sizing::Asked;
use crate::report::sizing::{self, Format};
use crate::size;

use super::args::{SizeArgs, SizeFormat};
use super::files::Output;
use super::{Unusable, exit, output, request};

/// Answers the exit code.
pub fn command(args: SizeArgs) -> Result<u8, Unusable> {
    let profile = request::load_profile(&args.profile)?;
    let asked = Asked { channels: args.channels, mode: args.mode, hours_per_day: args.hours, days: args.days };
    let sizes = size::size(&profile, asked, env!("CARGO_PKG_VERSION")).map_err(|e| Unusable(e.to_string()))?;
    let format = match args.format {
        SizeFormat::Table => Format::Table,
        SizeFormat::Json => Format::Json,
        SizeFormat::Markdown => Format::Markdown,
    };
    match args.output.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            let text = sizing::render(&sizes, format, &output::plain(args.width));
            Output::open(&path)?.replace(&text)?;
            Ok(exit::PASS)
        }
        None => output::print(&sizing::render(&sizes, format, &output::terminal(args.width))),
    }
}
