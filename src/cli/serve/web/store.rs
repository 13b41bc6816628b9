//! Results of browsers in a directory: one file a run, readable for their owner alone, so many of them at most.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Files that are kept, and their bytes together; the oldest goes first.
const MOST: usize = 500;
const MOST_BYTES: u64 = 256 << 20;

/// A directory of results.
pub struct Store {
    directory: PathBuf,
    /// One writes at a time.
    writing: Mutex<()>,
}

impl Store {
    /// The directory, which is made where it is missing.
    ///
    /// # Errors
    /// It cannot be made or written to.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let wrong = |e: std::io::Error| format!("--web-results {}: {e}", directory.display());
        fs::create_dir_all(directory).map_err(wrong)?;
        let trial = directory.join(format!(".rtc-check-{}", std::process::id()));
        write(&trial, "").and_then(|()| fs::remove_file(&trial)).map_err(wrong)?;
        Ok(Self { directory: directory.to_owned(), writing: Mutex::new(()) })
    }

    /// Keeps a report under the id of its run.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn keep(&self, id: &str, text: &str) -> Result<(), String> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.directory.join(format!("{id}.json"));
        let wrong = |e: std::io::Error| format!("{}: {e}", path.display());
        self.make_room(text.len() as u64).map_err(wrong)?;
        write(&path, text).map_err(wrong)
    }

    /// Removes the oldest of our own files until one of `bytes` has room.
    fn make_room(&self, bytes: u64) -> std::io::Result<()> {
        let mut kept: Vec<(PathBuf, u64)> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let own = entry.file_name().to_str().is_some_and(is_own);
            if own && entry.file_type()?.is_file() {
                kept.push((entry.path(), entry.metadata()?.len()));
            }
        }
        // Their names begin with the time.
        kept.sort();
        let mut total: u64 = kept.iter().map(|(_, len)| len).sum();
        let mut count = kept.len();
        for (path, len) in kept {
            if count < MOST && total.saturating_add(bytes) <= MOST_BYTES {
                break;
            }
            fs::remove_file(path)?;
            (count, total) = (count - 1, total.saturating_sub(len));
        }
        Ok(())
    }
}

/// `20261122T010203Z-89abcdef.json`.
fn is_own(name: &str) -> bool {
    let stem = name.strip_suffix(".json").and_then(|n| n.split_once('-'));
    stem.is_some_and(|(time, rest)| {
        time.len() >= 15
            && time.bytes().all(|b| b.is_ascii_digit() || b == b'T' || b == b'Z')
            && rest.len() == 8
            && rest.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_oldest_of_our_own_goes_when_there_are_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        fs::write(dir.path().join("notes.json"), "mine").unwrap();
        for n in 0..MOST + 3 {
            store.keep(&format!("20261122T01{:02}{:02}Z-{n:08x}", n / 60, n % 60), "{}").unwrap();
        }
        let names: Vec<String> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names.len(), MOST + 1);
        assert!(
            names.contains(&"notes.json".to_owned()) && !names.contains(&"20261122T010000Z-00000000.json".to_owned())
        );
        let mode = fs::metadata(dir.path().join("20261122T010003Z-00000003.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(store.keep("20261122T010822Z-000001f6", "{}").is_err(), "nothing is overwritten");
    }
}
