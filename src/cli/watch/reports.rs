//! The last run's report in further formats: each file is replaced as a whole, so that who reads it meanwhile (a collector
//! of text files, a web server) never sees half of one.

use std::path::PathBuf;

use crate::cli::args::{OutputArgs, pair};
use crate::cli::exit::End;
use crate::cli::files::{Output, replace_whole};
use crate::cli::{Unusable, output};
use crate::model::Report;
use crate::report::Format;

pub struct Reports {
    files: Vec<(Format, PathBuf)>,
    width: Option<u16>,
}

impl Reports {
    /// What `--report` names; each file can be written, or it is said now.
    ///
    /// # Errors
    /// An unknown format, or a file that cannot be written.
    pub fn open(args: &OutputArgs) -> Result<Self, Unusable> {
        let mut files = Vec::new();
        for text in &args.reports {
            let (name, path) = pair("--report", "FORMAT=FILE", text)?;
            let format = name.parse::<Format>().map_err(Unusable)?;
            Output::open(path.as_ref())?;
            files.push((format, PathBuf::from(path)));
        }
        Ok(Self { files, width: args.width })
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Replaces them all with those of a run that came to `end`.
    ///
    /// # Errors
    /// The first that could not be; the others are written all the same.
    pub fn write(&self, report: &Report, end: End) -> Result<(), String> {
        let mut failed = Ok(());
        for (format, path) in &self.files {
            let text = output::drawn(report, *format, &output::plain(self.width), end);
            failed = failed.and(replace_whole(path, &text));
        }
        failed
    }
}
