//! `rtc-check profiles`: list, show, validate.

use std::path::Path;

use serde::Serialize;

use crate::profile::{self, Profile};

use super::args::{ListFormat, ProfilesArgs, ProfilesCommand};
use super::{Unusable, exit, files, output, profile_tables as tables, request};

/// Answers the exit code.
pub fn command(args: ProfilesArgs) -> Result<u8, Unusable> {
    match args.command {
        ProfilesCommand::List { format } => {
            let all: Vec<Profile> = profile::BUILT_IN.iter().filter_map(|(name, _)| profile::built_in(name)).collect();
            print(format, || tables::list_table(&all), || tables::list_json(&all))
        }
        ProfilesCommand::Show { name, format } => {
            let profile = request::load_profile(&name)?;
            let width = output::terminal(None).width;
            print(format, || tables::show_table(&profile, width), || tables::show_json(&profile))
        }
        ProfilesCommand::Validate { files, format } => {
            let results: Vec<Validation> = files.iter().map(|f| validate(f)).collect();
            let ok = results.iter().all(|r| r.valid);
            print(
                format,
                || results.iter().map(Validation::text).collect(),
                || serde_json::to_string_pretty(&results),
            )?;
            Ok(if ok { exit::PASS } else { exit::USAGE })
        }
    }
}

fn print(
    format: ListFormat,
    table: impl FnOnce() -> String,
    json: impl FnOnce() -> serde_json::Result<String>,
) -> Result<u8, Unusable> {
    let text = match format {
        ListFormat::Table => table(),
        ListFormat::Json => json().map_err(|e| Unusable(e.to_string()))?,
    };
    output::print(&format!("{}\n", text.trim_end()))
}

/// What is to be said of one file.
#[derive(Serialize)]
struct Validation {
    file: String,
    valid: bool,
    errors: Vec<Error>,
    #[serde(skip)]
    words: String,
}

/// One error at its place; line and column are 0 where the file could not be read.
#[derive(Serialize)]
struct Error {
    line: usize,
    column: usize,
    message: String,
    expected: Option<String>,
}

impl Validation {
    fn text(&self) -> String {
        format!("{}\n", self.words.trim_end())
    }
}

fn validate(path: &Path) -> Validation {
    let file = path.display().to_string();
    let wrong = |errors, words| Validation { file: file.clone(), valid: false, errors, words };
    let text = match files::read_text(path, request::MAX_PROFILE) {
        Ok(text) => text,
        Err(message) => {
            let words = format!("error: {message}");
            return wrong(vec![Error { line: 0, column: 0, message, expected: None }], words);
        }
    };
    match profile::load(&file, &text) {
        Ok(profile) => {
            let words = format!("{file}: profile `{}` is well: {} rules", profile.name, profile.rules.len());
            Validation { valid: true, errors: Vec::new(), words, file }
        }
        Err(errors) => {
            let error = |d: &profile::Diagnostic| Error {
                line: d.line,
                column: d.column,
                message: d.message.clone(),
                expected: d.expected.clone(),
            };
            wrong(errors.list().iter().map(error).collect(), errors.to_string())
        }
    }
}
