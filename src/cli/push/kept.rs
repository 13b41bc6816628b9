//! A report that could not be sent is not lost: it is where the run put it, or in a file of its own.

use std::path::PathBuf;

use crate::cli::files::create_private;
use crate::model::Report;

/// Where the JSON report is already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nowhere.
    No,
    /// On stdout.
    Stdout,
    /// In this file.
    File(PathBuf),
}

/// Names that are tried before it is given up.
const MOST_NAMES: u32 = 20;

/// Where the report can be found, as a clause, and a file to send it from; writes one where there is none.
pub fn keep(report: &Report, json: &str, kept: Kept) -> (String, PathBuf) {
    match kept {
        Kept::File(path) => (format!("the report is in {}", path.display()), path),
        Kept::Stdout => ("the report was written to stdout".to_owned(), "FILE".into()),
        Kept::No => match save(&[PathBuf::new(), std::env::temp_dir()], &id(report), json) {
            Ok(path) => (format!("the report is saved in {}", path.display()), path),
            // The last place that somebody may read.
            Err(error) => {
                super::super::output::say(json);
                (format!("the report cannot be saved ({error}) and stands above, on stderr"), "FILE".into())
            }
        },
    }
}

/// The run's id, as a part of a file's name or a header: a saved report may have anything for it.
pub fn id(report: &Report) -> String {
    let fit = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    report.run.id.chars().filter(fit).take(64).collect()
}

/// A new file, which only its owner reads, in the first directory that takes one.
fn save(directories: &[PathBuf], id: &str, json: &str) -> Result<PathBuf, String> {
    let mut why = String::new();
    for directory in directories {
        for number in 1..=MOST_NAMES {
            let number = if number == 1 { String::new() } else { format!("-{number}") };
            let path = directory.join(format!("rtc-check-report-{id}{number}.json"));
            match create_private(&path, json.as_bytes()) {
                Ok(()) => return Ok(path),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => why = format!("{}: {e}", path.display()),
                Err(e) => {
                    why = format!("{}: {e}", path.display());
                    break;
                }
            }
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_saved_beside_what_is_there_and_elsewhere_where_nothing_can_be() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = save(&[first.path().into()], "x", "1").unwrap();
        let two = save(&[first.path().into()], "x", "2").unwrap();
        assert_eq!(two.file_name().unwrap(), "rtc-check-report-x-2.json");
        assert_eq!([one, two].map(|p| std::fs::read_to_string(p).unwrap()), ["1", "2"]);
        let missing = first.path().join("missing");
        let path = save(&[missing.clone(), second.path().into()], "y", "3").unwrap();
        assert!(path.starts_with(second.path()));
        assert!(save(&[missing], "y", "3").unwrap_err().contains("rtc-check-report-y.json"));
    }
}
