//! The log of reports, a line each: appended, moved aside when it is full, and read back when watching begins again.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cli::Unusable;
use crate::model::{Report, Status};
use crate::watch::{Limits, tail};

/// How much of a log's end is read, in all.
const READ: u64 = 8 << 20;

/// How each line begins, so that no other file is taken for a log.
const MARK: &[u8] = b"{\"schema\":\"rtc-check/report/1\"";

/// A log that is opened for each line, so that others may move it.
pub struct Log {
    path: PathBuf,
    limits: Limits,
}

impl Log {
    /// Sees that the file can be written and is a log, and takes away a line that was never finished.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Unusable> {
        let log = Self { path: path.to_path_buf(), limits };
        log.mend().map_err(|e| Unusable(format!("--log {}: {e}", path.display())))?;
        Ok(log)
    }

    fn file(&self) -> std::io::Result<File> {
        // Whole reports, which tell of a network and its users: for the owner, unless the file was there.
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)
    }

    /// Cuts the log behind its last whole line; answers its length.
    fn mend(&self) -> Result<u64, String> {
        let words = |e: std::io::Error| e.to_string();
        let mut file = self.file().map_err(words)?;
        let meta = file.metadata().map_err(words)?;
        if !meta.is_file() {
            return Err("is no regular file: lines can go to stdout by --format ndjson".to_owned());
        }
        let (bytes, whole) = end_of(&mut file, READ).map_err(words)?;
        let found = tail(&bytes, whole);
        let ours = match found.lines.last() {
            Some(last) => last.starts_with(MARK),
            None => whole && (bytes.starts_with(MARK) || MARK.starts_with(&bytes)),
        };
        if !ours {
            return Err(
                "is no log of `rtc-check watch`, which has a JSON report in each line; it is left alone".to_owned()
            );
        }
        let length = meta.len() - found.unfinished as u64;
        if found.unfinished > 0 {
            file.set_len(length).map_err(words)?;
        }
        Ok(length)
    }

    /// The length of a log whose last line is whole.
    fn ends_well(&self) -> Option<u64> {
        let mut file = self.file().ok()?;
        let (last, _) = end_of(&mut file, 1).ok()?;
        let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        (last.is_empty() || last == b"\n").then_some(meta.len())
    }

    /// Appends a line, which has its newline, and has it on the disk; a log that is full is moved aside before.
    ///
    /// # Errors
    /// A sentence that names the file: the line is lost, and nothing else is.
    pub fn append(&self, line: &str) -> Result<(), String> {
        let named = |e: String| format!("{}: {e}", self.path.display());
        let words = |e: std::io::Error| named(e.to_string());
        let mut length = match self.ends_well() {
            Some(length) => length,
            None => self.mend().map_err(named)?,
        };
        if self.limits.is_full(length, line.len() as u64) {
            for step in self.limits.moves(|n| self.numbered(n).exists()) {
                fs::rename(self.numbered(step.from), self.numbered(step.to)).map_err(words)?;
            }
            length = 0;
        }
        let mut file = self.file().map_err(words)?;
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line on a full disk; what cannot be taken away now is before the next line.
            let _ = file.set_len(length);
        }
        written.map_err(words)
    }

    fn numbered(&self, number: u32) -> PathBuf {
        match number {
            0 => self.path.clone(),
            n => {
                let mut name = self.path.clone().into_os_string();
                name.push(format!(".{n}"));
                name.into()
            }
        }
    }

    /// The last reports that `fits` takes, oldest first; those of the log that was moved aside last too.
    pub fn recent(&self, most: usize, fits: impl Fn(&Report) -> bool) -> Vec<Report> {
        let (mut found, mut room) = (Vec::new(), READ);
        for number in 0..=1 {
            let Ok(mut file) = File::open(self.numbered(number)) else { break };
            let Ok((bytes, whole)) = end_of(&mut file, room) else { break };
            room = room.saturating_sub(bytes.len() as u64);
            let lines = tail(&bytes, whole).lines;
            let reports = lines.iter().rev().filter_map(|line| serde_json::from_slice::<Report>(line).ok());
            found.extend(reports.filter(|r| fits(r)).take(most - found.len()));
            if found.len() >= most || !whole {
                break;
            }
        }
        found.reverse();
        found
    }
}

/// At most the last `most` bytes, and whether they are all there are.
fn end_of(file: &mut File, most: u64) -> std::io::Result<(Vec<u8>, bool)> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok((bytes, from == 0))
}

/// Whether a report of a log is of what is watched now.
pub fn is_alike(logged: &Report, profile: &str, from: &str, redacted: &[crate::model::Redacted]) -> bool {
    let same = logged.run.profile == profile && logged.run.from == from && logged.redacted == redacted;
    same && logged.verdict != Status::Skip
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize) -> String {
        format!("{{\"schema\":\"rtc-check/report/1\",\"n\":{n}}}\n")
    }

    fn opened(dir: &tempfile::TempDir, size: u64, files: u32) -> Log {
        Log::open(&dir.path().join("log.ndjson"), Limits { size, files }).unwrap()
    }

    fn text(log: &Log, number: u32) -> String {
        fs::read_to_string(log.numbered(number)).unwrap_or_default()
    }

    #[test]
    fn full_logs_are_moved_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let log = opened(&dir, 2 * line(0).len() as u64, 2);
        (0..7).for_each(|n| log.append(&line(n)).unwrap());
        assert_eq!(text(&log, 0), line(6));
        assert_eq!(text(&log, 1), line(4) + &line(5));
        assert_eq!(text(&log, 2), line(2) + &line(3));
        assert!(!log.numbered(3).exists());
    }

    #[test]
    fn a_log_is_made_for_its_owner_and_one_that_is_there_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mode = |log: &Log| fs::metadata(&log.path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&opened(&dir, 1 << 20, 1)), 0o600);
        fs::set_permissions(dir.path().join("log.ndjson"), fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(mode(&opened(&dir, 1 << 20, 1)), 0o640);
    }

    #[test]
    fn half_a_line_is_taken_away_at_the_start_and_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let log = opened(&dir, 1 << 20, 2);
        log.append(&line(0)).unwrap();
        let half = |text: &str| log.file().unwrap().write_all(text.as_bytes()).unwrap();
        half("{\"schema\":\"rtc-check/rep");
        opened(&dir, 1 << 20, 2);
        assert_eq!(text(&log, 0), line(0));
        half("{\"sch");
        log.append(&line(1)).unwrap();
        assert_eq!(text(&log, 0), line(0) + &line(1));
    }

    #[test]
    fn another_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.ndjson");
        for other in ["secret", "a\nb\n", "{\n  \"schema\": \"rtc-check/report/1\"\n}\n"] {
            fs::write(&path, other).unwrap();
            let Err(Unusable(words)) = Log::open(&path, Limits { size: 100, files: 1 }) else { panic!("{other}") };
            assert!(words.contains("is no log"), "{words}");
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        assert!(Log::open(dir.path(), Limits { size: 100, files: 1 }).is_err());
    }
}
